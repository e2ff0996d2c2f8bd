import pino from 'pino';
import { createHerokuOver } from '../../src/heroku/heroku.js';
import { findAppsStep, lookForDriftStep, tellDriftStep } from '../../src/jobs/steps/drift.js';
import type { Step } from '../../src/jobs/steps/step.js';
import { verifyStep } from '../../src/jobs/steps/verify.js';
import type { BoundKind } from '../../src/outbox/kind.js';
import { createOutbox, LEASE_MS as MESSAGE_LEASE_MS } from '../../src/outbox/outbox.js';
import type { OutsideTransport } from '../../src/outbox/outside.js';
import { messageKey, type OutboxMessage } from '../../src/promotions/messages.js';
import { pick, seeded } from '../chaos/scenario.js';
import { setClock } from './clock-change.js';
import { createDatabaseModel, type DatabaseOptions, FAIR_DATABASE } from './database-model.js';
import { createFleet } from './fleet.js';
import { createHerokuModel, type HerokuOptions } from './heroku-model.js';
import type { Invariant, Violation } from './invariants.js';
import { ALERT_CHANNEL, ROUTED_CHANNEL } from './kinds.js';
import { createMessagesModel } from './messages-model.js';
import { FAIR } from './network.js';
import { APPS, promoted, targetOf } from './people.js';
import type { Process } from './process.js';
import { createScheduler } from './scheduler.js';
import { createSetBackModel } from './set-back-model.js';
import { createSlotsModel } from './slots-model.js';
import { createSlackModel, type SlackOptions } from './slack-model.js';
import { laterTroubles, LEAST_WITHIN_MS, worldAtRandom } from './swarm.js';
import { createTrace } from './trace.js';
import { createWatchModel, type WatchSabotage } from './watch-model.js';
import type { Run, RunOptions } from './world.js';

const VARS = ['FLAG_A', 'FLAG_B'];
/** Nobody is paged about deployed promotions. */
const NO_PAGER: OutsideTransport = {
  post: () => Promise.reject(new Error('Nobody is paged here.')),
  update: () => Promise.reject(new Error('Nobody is paged here.')),
};
const SILENT = pino({ level: 'silent' });
const TICK_MS = 60_000;
const VERIFY_WITHIN_MS = 60_000;
const DRIFT_EVERY_MS = 90_000;
const MOST_PER_TICK = 200;
const TROUBLE_MS = 12 * 60_000;
const PEACE_MS = 60 * 60_000;
/** What was read before a person acted may still be on its way: a lease, and a late request. */
const ON_ITS_WAY_MS = 60_000;
const BY_HAND = 'by-hand';

/** Runs the real steps and the real outbox, while people promote, revert, meddle and accept. */
export async function watch(
  seed: number,
  { wantsTrace = false, sabotage }: RunOptions<WatchSabotage> = {},
): Promise<Run> {
  const random = seeded(seed);
  const world = { ...worldAtRandom(random), releasePhase: 0 };
  const scheduler = createScheduler();
  const happened: Record<string, number> = {};
  const violations: Violation[] = [];
  const violate = (invariant: Invariant, what: string): number => violations.push({ invariant, what });
  const { lines, note: trace } = createTrace(scheduler, wantsTrace);
  const count = (what: string): void => {
    happened[what] = (happened[what] ?? 0) + 1;
  };
  let inTrouble = true;

  const databaseOptions: DatabaseOptions = { scheduler, random, weather: world.database, aheadMs: 0 };
  const db = createDatabaseModel(databaseOptions);
  const messages = createMessagesModel(db);
  const rows = createWatchModel(db, messages, trace, sabotage);
  /** By promotion: since when it isn't asked about any more; what a person accepted counts, too. */
  const overMs = new Map<string, number>();
  /** By app and config var: how often others changed its value. */
  const changes = new Map<string, number>();

  function onSent(_process: Process, key: string, change: 'post' | 'update'): void {
    const row = [...messages.rows.values()].find((message) => messageKey(message) === key);
    if (change === 'update' || row === undefined) return;
    count(`${row.kind} posts`);
    const since = overMs.get(row.promotionId ?? '');
    if (since !== undefined && since + ON_ITS_WAY_MS < scheduler.nowMs) {
      violate(4, `${row.kind} of ${row.promotionId} was posted although it was over`);
    }
  }

  const observer = {
    onSent,
    onWritten: () => undefined,
    onReleased: () => undefined,
    onInForce: () => undefined,
  };
  const slots = createSlotsModel(db);
  const setBack = createSetBackModel(db, [messages, slots, rows]);
  const outside = { scheduler, random, observer, trace, count };
  const herokuOptions: HerokuOptions = { ...world, ...outside, weather: world.heroku };
  const slackOptions: SlackOptions = { ...outside, weather: world.slack, slots };
  const heroku = createHerokuModel(herokuOptions);
  const slack = createSlackModel(slackOptions);

  function kindsOf(process: Process): Readonly<Record<string, BoundKind>> {
    const kind = (isOver: (id: string) => boolean): BoundKind => ({
      gone: 'close',
      unknownOutcome: 'find',
      prepare: (message: OutboxMessage) =>
        db.run(process, () => {
          const id = message.promotionId ?? '';
          const over = isOver(id) && sabotage !== 'what is over is told';
          return {
            place: { to: 'channel', route: ROUTED_CHANNEL },
            show: ({ isNew }) =>
              isNew && over ? null : { content: { message: { text: `${message.kind} ${id}` } }, as: 'told' },
          };
        }),
    });
    return {
      crashed: kind((id) => !rows.standsAlone(id)),
      drifted: kind((id) => !rows.standsAlone(id) || rows.drifts.get(id)?.state !== 'open'),
    };
  }

  function startApp(process: Process): () => Promise<void> {
    let owners = 0;
    const newOwner = () => {
      owners += 1;
      return `${process.name}/${owners}`;
    };
    const outbox = createOutbox({
      messages: messages.messagesOf(process),
      slack: slack.slackOf(process),
      outside: NO_PAGER,
      tellFailure: async () => [],
      kinds: kindsOf(process),
      alertChannel: ALERT_CHANNEL,
      random,
      newOwner,
      now: process.now,
      elapsed: process.monotonicMs,
      onOutcome: () => undefined,
    });
    const deps = {
      db: {
        verifications: rows.verificationsOf(process),
        drifts: rows.driftsOf(process),
      },
      heroku: createHerokuOver(heroku.senderOf(process), { now: process.now }),
      verifyWithinMs: VERIFY_WITHIN_MS,
      driftEveryMs: DRIFT_EVERY_MS,
      newOwner,
      channelOf: () => ROUTED_CHANNEL,
      elapsed: process.monotonicMs,
      patience: 1,
      log: SILENT,
    };
    const steps: readonly Step[] = [verifyStep(deps), findAppsStep(deps), lookForDriftStep(deps), tellDriftStep(deps)];
    async function tick(): Promise<void> {
      const isSetBack = setBack.wasSetBack(MESSAGE_LEASE_MS);
      if (isSetBack && sabotage !== 'a clock that was set back goes unnoticed') {
        count('shortened waits');
        await setBack.shortenWaits(process, MESSAGE_LEASE_MS).catch(() => undefined);
      }
      for (const step of steps) {
        for (const planned of await step.plan(process.now())) await planned.act().catch(() => undefined);
      }
      for (const id of await outbox.due(MOST_PER_TICK)) await outbox.deliver(id);
      setBack.recordTick();
    }
    let ticking = false;
    process.every(TICK_MS / 4, () => {
      if (ticking) return;
      ticking = true;
      tick()
        .catch(() => undefined)
        .finally(() => {
          ticking = false;
        });
    });
    return async () => undefined;
  }

  /** A promotion, or a revert: it ends whatever was there before. */
  function promote(): void {
    const herokuApp = pick(random, APPS);
    const configVar = pick(random, VARS);
    const others = [...rows.promotions.values()].filter(
      (one) => one.herokuApp === herokuApp && one.configVar === configVar,
    );
    if (others.some(({ state }) => state === 'deploying')) return;
    const id = String(rows.promotions.size + 1);
    count('promotions');
    for (const one of others) if (!overMs.has(one.id)) overMs.set(one.id, scheduler.nowMs);
    rows.write(promoted({ id, herokuApp, configVar, targetValue: targetOf(id) }, db.now()));
    scheduler.after(random() * 20_000, () => {
      heroku.change(herokuApp, configVar, targetOf(id));
      const version = heroku.releases(herokuApp).at(-1)?.version ?? 0;
      scheduler.after(random() * 5_000, () => rows.deployed(id, version));
    });
  }

  function meddle(): void {
    const app = pick(random, APPS);
    const name = pick(random, VARS);
    count('changes by others');
    changes.set(`${app} ${name}`, (changes.get(`${app} ${name}`) ?? 0) + 1);
    heroku.change(app, name, `${BY_HAND}-${scheduler.nowMs}`);
  }

  function accept(): void {
    const open = [...rows.drifts.values()].filter(({ state }) => state === 'open');
    if (open.length === 0) return;
    count('acceptances');
    rows.accept(pick(random, open).promotionId);
  }

  function nowAndThen(withinMs: number, act: () => void): void {
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
    databaseOptions.weather = FAIR_DATABASE;
  }

  function checkCounts(): void {
    for (const { id, herokuApp, configVar } of rows.promotions.values()) {
      const ended = rows.events.filter(
        ({ promotionId, action }) => promotionId === id && (action === 'running' || action === 'crashed'),
      );
      if (ended.length > 1) violate(5, `${id} was verified ${ended.length} times`);
      const told = [...messages.rows.values()].filter(
        ({ kind, promotionId }) => kind === 'drifted' && promotionId === id,
      );
      const changed = changes.get(`${herokuApp} ${configVar}`) ?? 0;
      if (told.length > changed) violate(4, `${id} was told ${told.length} times after ${changed} changes`);
    }
  }

  function owed(): readonly string[] {
    const open = [...rows.promotions.values()].filter(({ id }) => rows.standsAlone(id));
    return [
      ...[...rows.promotions.values()].flatMap(({ id, state }) =>
        state === 'deploying' ? [`${id} is deploying`] : [],
      ),
      ...[...rows.verifications].flatMap(([id, { state }]) => (state === 'owed' ? [`${id} is not verified`] : [])),
      ...open.flatMap(({ id, herokuApp, configVar, targetValue }) => {
        const isDrifted = heroku.value(herokuApp, configVar) !== targetValue;
        const known = rows.drifts.get(id)?.state ?? 'over';
        return isDrifted === (known === 'over') ? [`${id} is ${known}, though ${isDrifted}`] : [];
      }),
      ...[...rows.drifts.values()].flatMap(({ promotionId, isTold }) => (isTold ? [] : [`${promotionId} is not told`])),
      ...[...messages.rows.values()].flatMap(({ state, kind, promotionId }) =>
        state === 'pending' ? [`${kind} of ${promotionId} is not posted`] : [],
      ),
    ];
  }

  const fleet = createFleet({ scheduler, random, world, startApp, trace, count });
  for (const app of APPS) heroku.addApp(app);
  for (let more = world.replicas; more > 0; more -= 1) fleet.start();
  promote();
  nowAndThen(200_000, promote);
  nowAndThen(300_000, meddle);
  nowAndThen(400_000, accept);
  const { setClockWithinMs } = laterTroubles(seed, random);
  if (setClockWithinMs > 0)
    nowAndThen(Math.max(setClockWithinMs, LEAST_WITHIN_MS), () => setClock(databaseOptions, outside));
  scheduler.after(TROUBLE_MS, makePeace);
  let isOver = false;
  while (violations.length === 0 && !isOver) {
    await scheduler.step();
    if (inTrouble) continue;
    const left = owed();
    isOver = left.length === 0;
    if (scheduler.nowMs > TROUBLE_MS + PEACE_MS) {
      for (const what of left) violate(4, what);
      isOver = true;
    }
  }
  checkCounts();
  fleet.end();
  return { seed, steps: scheduler.steps, violations, trace: lines, happened };
}
