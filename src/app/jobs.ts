import type { DueListener } from '../db/due.js';
import { createConcurrencyLimit } from '../jobs/concurrency-limit.js';
import { createHomes, type Homes } from '../jobs/homes.js';
import { createPromoter, type Promoter, type PromoterDependencies } from '../jobs/promoter.js';
import { realTimers } from '../jobs/timers.js';
import { createWatchdog, type Watchdog } from '../jobs/watchdog.js';
import type { DeliveryOutcome } from '../outbox/outbox.js';
import type { MessageKind } from '../promotions/messages.js';
import { notAllowedWords } from '../views/mark.js';
import { wallClockAhead } from '../runtime.js';
import { plainRefusedWords } from '../views/refused.js';
import type { Core } from './core.js';

export interface Jobs {
  readonly watchdog: Pick<Watchdog, 'tick' | 'silentSince' | 'failing'>;
  readonly homes: Pick<Homes, 'open'>;
  /** Updates Slack about a promotion. Never rejects: what fails is due at the next tick. */
  showInSlack(promotionId: string): Promise<void>;
  /** Delivers the newest message of a kind about a subject. Never rejects: what fails is due at the next tick. */
  deliver(kind: MessageKind, subject: string): Promise<void>;
  start(): void;
  /** Takes no new work; resolves when a tick and a promotion under way have ended. */
  stop(): Promise<void>;
  /** Waits for the rest of their work in Slack. Call it once nothing brings more. */
  settle(): Promise<void>;
}

/** A promotion starts by NOTIFY; without it, this is the longest delay. */
const PROMOTER_POLL_MS = 500;
/** Behind a pooler NOTIFY never arrives: often enough for people, and rare enough to go on for ever. */
const POOLED_POLL_MS = 5_000;
const POOLED =
  'the pooler passes on no notifications, so what other replicas accept starts up to 5 s later; DATABASE_DIRECT_URL would end that';
/** Few enough that no lease expires while its promotion waits for Slack, which takes a message a second. */
const SHOWN_AT_ONCE = 5;

export function createJobs(core: Core): Jobs {
  const { config, db, runtime, metrics, busy } = core;
  const { log, now, elapsed } = runtime;
  const watchdog = createWatchdog({
    runMaintenance: core.maintain,
    cron: config.maintenanceCron,
    heartbeatUrl: config.heartbeatUrl,
    fetch: core.network.fetch,
    now,
    elapsed,
    wallClockAhead,
    log,
    onTick: (tick) => {
      metrics.onTick(tick);
      void busy.during(homes.refresh);
    },
  });
  core.watchSilence(watchdog.silentSince);
  const homes = createHomes({ db, outbox: core.outbox, mark: core.markOfHomes, log });
  /** A failure is only logged: the message stays due, so the next tick retries it. */
  const delivered = async (about: object, delivering: Promise<readonly DeliveryOutcome[]>): Promise<void> => {
    try {
      for (const outcome of await delivering) {
        if (outcome.kind === 'failed')
          log.warn({ err: outcome.error, ...about }, 'Slack is behind; the next tick catches up');
      }
    } catch (error) {
      log.error({ err: error, ...about }, 'Slack is behind; the next tick catches up');
    }
  };
  const deliver = (kind: MessageKind, subject: string): Promise<void> =>
    delivered(
      { kind, subject },
      core.outbox.deliverNewest(kind, subject).then((outcome) => [outcome]),
    );
  const showInSlack = async (promotionId: string): Promise<void> => {
    homes.changed();
    const queued = core.queueWebhooks(promotionId);
    await delivered(
      { promotionId },
      queued.then(() => core.outbox.deliverAbout(promotionId)),
    );
  };
  const shown = createConcurrencyLimit(SHOWN_AT_ONCE, showInSlack);
  let dueListener: DueListener | null = null;
  const promoter = promoterOf(core, {
    onChanged: (promotionId) => shown.run(promotionId),
    isTold: () => dueListener?.isListening() ?? false,
  });
  return {
    watchdog,
    homes,
    async showInSlack(promotionId) {
      // Without NOTIFY, nothing else wakes it for what was just accepted here.
      if (!db.isNotified) promoter?.wake();
      await showInSlack(promotionId);
    },
    deliver,
    start() {
      core.sealer.start();
      watchdog.start();
      if (promoter !== null) {
        promoter.start();
        if (!db.isNotified) log.warn(POOLED);
        dueListener = db.listenForDue(promoter.wake, (error) => {
          log.warn({ err: error }, 'not told of promotions; looking by timer alone');
          // It may sleep for long, relying on NOTIFY.
          promoter.wake();
        });
      }
      void watchdog.tick();
    },
    async stop() {
      await Promise.all([watchdog.stop(), promoter?.stop(), dueListener?.close()]);
    },
    async settle() {
      await homes.stop();
      await Promise.all([busy.idle(), shown.stop()]);
      // Seal the last decisions too, and show their seals.
      await core.sealer.stop();
      await busy.idle();
      await core.witness?.stop();
    },
  };
}

/**
 * Finishes any promotion that Heroku applied, whoever wrote its checkpoint, including the console. null without a key.
 */
function promoterOf(core: Core, told: Pick<PromoterDependencies, 'onChanged' | 'isTold'>): Promoter | null {
  const { config, db, heroku, runtime } = core;
  if (heroku === null) return null;
  return createPromoter({
    db: db.promoting,
    heroku: heroku.usedFor('promoting'),
    now: runtime.now,
    timers: realTimers(runtime.elapsed),
    random: runtime.random,
    newOwner: core.newOwner,
    leaseMs: config.promoterLeaseMs,
    verifies: config.verifyWithinMs !== null,
    whyNotSet: ({ configVar }) =>
      core.configVars.maySet(configVar) ? null : notAllowedWords(configVar, core.configVars),
    pollMs: PROMOTER_POLL_MS,
    untoldRestMs: db.isNotified ? PROMOTER_POLL_MS : POOLED_POLL_MS,
    whyRefused: async (error) => {
      const refused = await db.explainRefusal(error);
      return refused === null ? null : plainRefusedWords(refused);
    },
    log: runtime.log,
    ...told,
  });
}
