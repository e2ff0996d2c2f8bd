import { MESSAGE_INTERVAL_MS } from '../../src/slack/pace.js';
import { seeded } from '../chaos/scenario.js';
import { setClock } from './clock-change.js';
import { createClockWatch } from './clock-watch.js';
import { createDatabaseModel, type DatabaseOptions, FAIR_DATABASE } from './database-model.js';
import { createFleet } from './fleet.js';
import { createForms } from './forms.js';
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
import { createResolutionsModel } from './resolutions-model.js';
import { createSetBackModel } from './set-back-model.js';
import { createSlotsModel } from './slots-model.js';
import { laterTroubles, LEAST_WITHIN_MS, pagerWeather, worldAtRandom } from './swarm.js';
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

/** A world larger than seeds make. */
export interface Size {
  readonly promotions: number;
  readonly replicas: number;
}

/** How long things go wrong, and how long everything due may take after that: milliseconds. */
const TROUBLE_MS = 4 * 60_000;
const PEACE_MS = 60 * 60_000;
/** How often a large world is searched for what is still owed. */
const LOOKS_EVERY_MS = 1_000;
/** Its progress, its alert and a reply, each posted again once. */
const MESSAGES_OF_PROMOTION = 6;

/** Runs everything that a seed decides, until nothing is due or something is wrong. */
export async function run(
  seed: number,
  { wantsTrace = false, sabotage, size }: RunOptions<Sabotage> & { readonly size?: Size } = {},
): Promise<Run> {
  const random = seeded(seed);
  const world = worldAtRandom(random);
  const { replicas } = size ?? world;
  const apps = size === undefined ? APPS : Array.from({ length: size.promotions }, (_, nth) => `app-${nth}`);
  const scheduler = createScheduler();
  const { lines, note: trace } = createTrace(scheduler, wantsTrace);
  const happened: Record<string, number> = {};
  let inTrouble = true;
  let looksAgainMs = 0;

  const count = (what: string): void => {
    happened[what] = (happened[what] ?? 0) + 1;
  };

  const databaseOptions: DatabaseOptions = { scheduler, random, weather: world.database, aheadMs: 0 };
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
  const slots = createSlotsModel(db);
  const clock = createClockWatch(scheduler, db, count);
  const setBack = createSetBackModel(db, [promotions, messages, slots], clock);
  const invariants = createInvariants({
    scheduler,
    db,
    clock,
    count,
    promotion: (id) => promotions.rows.get(id) ?? null,
    messages,
    slack: () => slack,
    pager: () => pager,
    heroku: () => heroku,
  });
  const outside = { scheduler, random, observer: invariants, trace, count, sabotage };
  const herokuOptions: HerokuOptions = { ...world, ...outside, weather: world.heroku };
  const slackOptions: SlackOptions = { ...outside, weather: world.slack, slots };
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
    setBack,
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
  const later = laterTroubles(seed, random);
  const people = createPeople(surroundings, scheduler, count, apps);
  const resolutions = createResolutionsModel(db, promotions, invariants.authorisation.onAuthorised, sabotage);
  const forms = createForms({
    ...outside,
    heroku,
    resolutions,
    underWay: () => [...promotions.rows.values()].filter(({ promotion }) => promotion.state === 'deploying'),
    running: () => [...fleet.running],
    authorisation: invariants.authorisation,
  });
  const startApp: Parameters<typeof createFleet>[0]['startApp'] = (process) => startReplica(process, surroundings);
  const fleet = createFleet({ scheduler, random, world, startApp, trace, count });

  function nowAndThen(withinMs: number, act: () => void): void {
    if (withinMs === 0) return;
    scheduler.after(random() * Math.max(withinMs, LEAST_WITHIN_MS), () => {
      if (!inTrouble) return;
      act();
      nowAndThen(withinMs, act);
    });
  }

  // A channel takes a message a second.
  const peaceMs = PEACE_MS + (size?.promotions ?? 0) * MESSAGES_OF_PROMOTION * MESSAGE_INTERVAL_MS;

  function makePeace(): void {
    inTrouble = false;
    trace('no more trouble');
    fleet.makePeace();
    herokuOptions.weather = FAIR;
    slackOptions.weather = FAIR;
    pagerOptions.weather = FAIR;
    databaseOptions.weather = FAIR_DATABASE;
    slack.closed.clear();
    people.restoreRows();
  }

  /** Nothing is left to do, or it has taken too long. */
  function isOver(): boolean {
    if (inTrouble || scheduler.nowMs < looksAgainMs) return false;
    looksAgainMs = scheduler.nowMs + (size === undefined ? 0 : LOOKS_EVERY_MS);
    const owed = invariants.owed();
    const isTooLate = scheduler.nowMs > TROUBLE_MS + peaceMs + clock.lateByMs;
    if (isTooLate) for (const what of owed) invariants.violate(4, what);
    return owed.length === 0 || isTooLate;
  }

  for (const app of apps) heroku.addApp(app);
  for (let more = replicas; more > 0; more -= 1) fleet.start();
  people.promote();
  for (let more = size?.promotions ?? 0; more > 1; more -= 1) {
    scheduler.after(random() * TROUBLE_MS, () => {
      while (!people.promote());
    });
  }
  nowAndThen(world.promoteWithinMs, people.promote);
  nowAndThen(world.meddleWithinMs, people.meddle);
  nowAndThen(world.resolveWithinMs, people.resolve);
  nowAndThen(world.deleteWithinMs, people.deleteMessage);
  nowAndThen(world.closeChannelWithinMs, people.closeChannel);
  nowAndThen(later.setClockWithinMs, () => clock.onClock(setClock(databaseOptions, outside)));
  nowAndThen(later.formWithinMs, forms.open);
  nowAndThen(later.rewriteWithinMs, people.rewrite);
  scheduler.after(TROUBLE_MS, makePeace);
  while (invariants.violations.length === 0 && !isOver()) await scheduler.step();
  fleet.end();
  return { seed, steps: scheduler.steps, violations: invariants.violations, trace: lines, happened };
}
