import cronParser from 'cron-parser';
import { type Job, scheduleJob } from 'node-schedule';
import type { Logger } from 'pino';
import type { MaintenanceReport } from './maintenance.js';

export interface WatchdogDependencies {
  readonly runMaintenance: () => Promise<MaintenanceReport>;
  /** A cron expression that was validated before. */
  readonly cron: string;
  /** Requested after each tick in which everything passed; its silence is what an outside monitor notices. */
  readonly heartbeatUrl: string | null;
  readonly now: () => Date;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  readonly log: Logger;
  readonly onTick: (tick: Tick) => void;
}

export type Tick =
  | { readonly kind: 'completed'; readonly report: MaintenanceReport; readonly durationMs: number }
  | { readonly kind: 'failed'; readonly durationMs: number }
  | { readonly kind: 'skipped' };

/** Runs maintenance on a timer, in every replica. The timer only rings; the database says what is due. */
export interface Watchdog {
  start(): void;
  /** One tick now. Never rejects, and never overlaps another. */
  tick(): Promise<void>;
  /**
   * null while maintenance completes as it should; else since when it has been silent. It is silent once three
   * scheduled ticks have passed without one that completed.
   */
  silentSince(): Date | null;
  /** No tick starts from here on; resolves when a running one has ended. */
  stop(): Promise<void>;
}

const TICKS_BEFORE_SILENT = 3;
const HEARTBEAT_TIMEOUT_MS = 5_000;

export function createWatchdog(deps: WatchdogDependencies): Watchdog {
  const { log } = deps;
  let job: Job | null = null;
  let running: Promise<void> | null = null;
  let stopped = false;
  let lastCompletedAt = deps.now();

  async function tick(): Promise<void> {
    const startedAt = deps.elapsed();
    const durationMs = () => deps.elapsed() - startedAt;
    try {
      const done = await deps.runMaintenance();
      lastCompletedAt = deps.now();
      report({ kind: 'completed', report: done, durationMs: durationMs() });
      if (done.actions.length > 0) {
        log.info({ actions: done.actions.length, failures: done.failures.length, stuck: done.stuck }, 'maintenance');
      }
      if (done.failures.length === 0) await sendHeartbeat();
    } catch (error) {
      report({ kind: 'failed', durationMs: durationMs() });
      log.error({ err: error }, 'maintenance failed; nothing is lost, the next tick starts over');
    }
  }

  /** A listener that throws must not stop the watchdog. */
  function report(tick: Tick): void {
    try {
      deps.onTick(tick);
    } catch (error) {
      log.error({ err: error }, 'a tick could not be counted');
    }
  }

  async function sendHeartbeat(): Promise<void> {
    if (deps.heartbeatUrl === null) return;
    try {
      const answer = await fetch(deps.heartbeatUrl, { signal: AbortSignal.timeout(HEARTBEAT_TIMEOUT_MS) });
      if (!answer.ok) log.warn({ status: answer.status }, 'the heartbeat was not accepted');
    } catch (error) {
      // The monitor alerts about a missing heartbeat by itself.
      log.warn({ err: error }, 'the heartbeat could not be sent');
    }
  }

  const watchdog: Watchdog = {
    start() {
      job = scheduleJob(deps.cron, () => {
        void watchdog.tick();
      });
      if (job === null) throw new Error(`MAINTENANCE_CRON was not understood by the scheduler: ${deps.cron}`);
    },
    async tick() {
      if (stopped) return;
      // A slow tick, or several that fall due together after the event loop was blocked, yield one.
      if (running !== null) {
        report({ kind: 'skipped' });
        return running;
      }
      running = tick().finally(() => {
        running = null;
      });
      return running;
    },
    silentSince() {
      const schedule = cronParser.parseExpression(deps.cron, { currentDate: lastCompletedAt });
      let due = lastCompletedAt;
      for (let count = 0; count < TICKS_BEFORE_SILENT; count += 1) due = schedule.next().toDate();
      return deps.now() > due ? lastCompletedAt : null;
    },
    async stop() {
      stopped = true;
      job?.cancel();
      job = null;
      await running;
    },
  };
  return watchdog;
}
