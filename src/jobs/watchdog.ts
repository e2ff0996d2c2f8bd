import type { Logger } from 'pino';
import type { Fetch } from '../network/network.js';
import { describeOverdue } from '../promotions/overdue.js';
import { type Alarm, startAlarm } from './alarm.js';
import { createHeartbeat } from './heartbeat.js';
import type { MaintenanceAction } from './actions.js';
import type { MaintenanceReport } from './maintenance.js';
import { overdueAfter, rangThrice } from './rings.js';

export interface WatchdogDependencies {
  readonly runMaintenance: () => Promise<MaintenanceReport>;
  /** A validated cron expression. */
  readonly cron: string;
  /** Requested after each tick that leaves nothing overdue; an outside monitor alerts on its silence. */
  readonly heartbeatUrl: string | null;
  readonly fetch: Fetch;
  readonly now: () => Date;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** See the alarm. */
  readonly wallClockAhead: () => number;
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
  /** Ticks now. Never rejects, and never overlaps another tick. */
  tick(): Promise<void>;
  /**
   * null while maintenance completes on time; else since when it has been silent: three scheduled ticks passed without
   * one that completed.
   */
  silentSince(): Date | null;
  /** Kinds of actions that have failed in every tick for so long that they are overdue. */
  failing(): readonly string[];
  /** Starts no more ticks; resolves when a running one has ended. */
  stop(): Promise<void>;
}

export function createWatchdog(deps: WatchdogDependencies): Watchdog {
  const { log } = deps;
  const heartbeat = createHeartbeat(deps.heartbeatUrl, deps.fetch, log);
  let alarm: Alarm | null = null;
  let running: Promise<void> | null = null;
  let stopped = false;
  let lastCompleted = completedNow();
  /** Since when some actions of a kind failed in every tick, by the clock that never jumps. */
  const failingSince = new Map<MaintenanceAction['kind'], number>();

  function completedNow() {
    return { at: deps.now(), elapsed: deps.elapsed() };
  }

  async function tick(): Promise<void> {
    const startedAt = deps.elapsed();
    const durationMs = () => deps.elapsed() - startedAt;
    try {
      const done = await deps.runMaintenance();
      lastCompleted = completedNow();
      report({ kind: 'completed', report: done, durationMs: durationMs() });
      if (done.actions.length > 0) {
        log.info({ actions: done.actions.length, failures: done.failures.length, stuck: done.stuck }, 'maintenance');
      }
      noteFailures(done);
      if (done.overdue !== null) log.error({ overdue: done.overdue }, describeOverdue(done.overdue));
      else if (watchdog.failing().length === 0) heartbeat.send();
    } catch (error) {
      report({ kind: 'failed', durationMs: durationMs() });
      log.error({ err: error }, 'maintenance failed; nothing is lost, the next tick starts over');
    }
  }

  /** A single failure is retried. Messages and seals keep in their rows how long they wait: not counted here. */
  function noteFailures({ failures }: MaintenanceReport): void {
    const kinds = new Set<MaintenanceAction['kind']>(failures.map(({ action }) => action.kind));
    kinds.delete('deliver');
    kinds.delete('deliver_outside');
    kinds.delete('send_seals');
    for (const kind of failingSince.keys()) if (!kinds.has(kind)) failingSince.delete(kind);
    for (const kind of kinds) if (!failingSince.has(kind)) failingSince.set(kind, deps.elapsed());
  }

  /** A listener that throws must not stop the watchdog. */
  function report(tick: Tick): void {
    try {
      deps.onTick(tick);
    } catch (error) {
      log.error({ err: error }, 'a tick could not be counted');
    }
  }

  const watchdog: Watchdog = {
    start() {
      alarm = startAlarm({
        cron: deps.cron,
        ring: () => void watchdog.tick(),
        wallClockAhead: deps.wallClockAhead,
        onClockSet: (byMs) => log.warn({ byMs }, 'the clock was set; ticks go on from its new time'),
      });
    },
    async tick() {
      if (stopped) return;
      // A slow tick, or several due at once after the event loop was blocked, yield one.
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
      // By elapsed time: the wall clock may have been set meanwhile.
      const silentForMs = deps.elapsed() - lastCompleted.elapsed;
      return rangThrice(deps.cron, lastCompleted.at, silentForMs) ? lastCompleted.at : null;
    },
    failing() {
      if (failingSince.size === 0) return [];
      const afterMs = overdueAfter(deps.cron, deps.now());
      const now = deps.elapsed();
      return [...failingSince].flatMap(([kind, since]) => (now - since >= afterMs ? [kind] : []));
    },
    async stop() {
      stopped = true;
      alarm?.stop();
      alarm = null;
      await running;
      await heartbeat.stop();
    },
  };
  return watchdog;
}
