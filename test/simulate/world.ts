import { seeded } from '../chaos/scenario.js';
import { createDatabaseModel, type DatabaseOptions, FAIR_DATABASE } from './database-model.js';
import { createFleet } from './fleet.js';
import { createHerokuModel, type HerokuOptions } from './heroku-model.js';
import { createInvariants, type Violation } from './invariants.js';
import { requestShowing } from './kinds.js';
import { createMessagesModel } from './messages-model.js';
import { FAIR } from './network.js';
import { createPagerModel, type PagerOptions } from './pager-model.js';
import { APPS, createPeople } from './people.js';
import { createPromotionsModel, rowInWords } from './promotions-model.js';
import { startReplica, type Surroundings } from './replica.js';
import type { Sabotage } from './sabotage.js';
import { createScheduler } from './scheduler.js';
import { createSlackModel, type SlackOptions } from './slack-model.js';
import { pagerWeather, worldAtRandom } from './swarm.js';
import { createTrace } from './trace.js';

export interface Run {
  readonly seed: number;
  readonly steps: number;
  readonly violations: readonly Violation[];
  /** What happened, a line each; empty unless asked for. */
  readonly trace: readonly string[];
  /** How often each thing happened in the run. */
  readonly happened: Readonly<Record<string, number>>;
}

export interface RunOptions<Fault> {
  readonly wantsTrace?: boolean;
  readonly sabotage?: Fault;
}

/** How long things go wrong, and how long everything due may take after that: milliseconds. */
const TROUBLE_MS = 4 * 60_000;
const PEACE_MS = 60 * 60_000;

/** Runs everything that a seed decides, until nothing is due or something is wrong. */
export async function run(seed: number, { wantsTrace = false, sabotage }: RunOptions<Sabotage> = {}): Promise<Run> {
  const random = seeded(seed);
  const world = worldAtRandom(random);
  const scheduler = createScheduler();
  const { lines, note: trace } = createTrace(scheduler, wantsTrace);
  const happened: Record<string, number> = {};
  let inTrouble = true;

  const count = (what: string): void => {
    happened[what] = (happened[what] ?? 0) + 1;
  };

  const databaseOptions: DatabaseOptions = { scheduler, random, weather: world.database };
  const db = createDatabaseModel(databaseOptions);
  const messages = createMessagesModel(db, sabotage, (before, after) => invariants.onMessage(before, after));
  const promotions = createPromotionsModel(
    db,
    (before, after, actions) => {
      const line = rowInWords(before, after);
      if (line !== null) trace(line);
      requestShowing(messages, before, after);
      invariants.onRow(before, after, actions);
    },
    sabotage,
  );
  const invariants = createInvariants({
    scheduler,
    promotion: (id) => promotions.rows.get(id) ?? null,
    events: () => promotions.events,
    messages,
    slack: () => slack,
    pager: () => pager,
    heroku: () => heroku,
  });
  const outside = { scheduler, random, observer: invariants, trace, count, sabotage };
  const herokuOptions: HerokuOptions = { ...world, ...outside, weather: world.heroku };
  const slackOptions: SlackOptions = { ...outside, weather: world.slack, db };
  const heroku = createHerokuModel(herokuOptions);
  const slack = createSlackModel(slackOptions);
  // In few worlds, so that the others stay what they were.
  const pages = seed % 8 === 2;
  const pagerOptions: PagerOptions = {
    ...outside,
    weather: pages ? pagerWeather(random) : FAIR,
    onSent: invariants.onPage,
    onReopened: invariants.onReopened,
  };
  const pager = createPagerModel(pagerOptions);
  // In every other world, so that the others stay what they were.
  const givesNotice = seed % 2 === 1;
  const surroundings: Surroundings = {
    db,
    promotions,
    messages,
    heroku,
    slack,
    pager,
    random,
    givesNotice,
    pages,
    count,
    onHeartbeat: invariants.onHeartbeat,
    sabotage,
  };
  const people = createPeople(surroundings, scheduler, count);
  const startApp: Parameters<typeof createFleet>[0]['startApp'] = (process) => startReplica(process, surroundings);
  const fleet = createFleet({ scheduler, random, world, startApp, trace, count });

  function nowAndThen(withinMs: number, act: () => void): void {
    if (withinMs === 0) return;
    scheduler.after(random() * withinMs, () => {
      if (!inTrouble) return;
      act();
      nowAndThen(withinMs, act);
    });
  }

  function makePeace(): void {
    inTrouble = false;
    trace('no more trouble');
    fleet.makePeace();
    herokuOptions.weather = FAIR;
    slackOptions.weather = FAIR;
    pagerOptions.weather = FAIR;
    databaseOptions.weather = FAIR_DATABASE;
    slack.closed.clear();
  }

  /** Nothing is left to do, or it has taken too long. */
  function isOver(): boolean {
    if (inTrouble) return false;
    const owed = invariants.owed();
    const isTooLate = scheduler.nowMs > TROUBLE_MS + PEACE_MS;
    if (isTooLate) for (const what of owed) invariants.violate(4, what);
    return owed.length === 0 || isTooLate;
  }

  for (const app of APPS) heroku.addApp(app);
  for (let more = world.replicas; more > 0; more -= 1) fleet.start();
  people.promote();
  nowAndThen(world.promoteWithinMs, people.promote);
  nowAndThen(world.meddleWithinMs, people.meddle);
  nowAndThen(world.resolveWithinMs, people.resolve);
  nowAndThen(world.deleteWithinMs, people.deleteMessage);
  nowAndThen(world.closeChannelWithinMs, people.closeChannel);
  scheduler.after(TROUBLE_MS, makePeace);
  while (invariants.violations.length === 0 && !isOver()) await scheduler.step();
  fleet.end();
  return { seed, steps: scheduler.steps, violations: invariants.violations, trace: lines, happened };
}
