import type { AppProcess } from './app-process.js';

/**
 * Ctrl-C, however often it is pressed: none may end this process before PostgreSQL has stopped. npm and tsx each pass
 * it on, so one press may come twice.
 */
export interface StopSignals {
  readonly signal: AbortSignal;
  /** Resolves with the first. */
  readonly asked: Promise<void>;
  /** From now on a further one kills the app instead of waiting for it. */
  impatience(app: Pick<AppProcess, 'kill'>): void;
}

const NAMES = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Further apart than the copies of one press. */
const SECOND_PRESS_AFTER_MS = 300;
const PARENT_EVERY_MS = 500;

export function stopSignals(): StopSignals {
  const stopping = new AbortController();
  const asked = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()));
  let first = Number.NaN;
  let hurry = (): void => undefined;
  const heard = (): void => {
    if (stopping.signal.aborted && performance.now() - first > SECOND_PRESS_AFTER_MS) hurry();
    if (stopping.signal.aborted) return;
    first = performance.now();
    stopping.abort();
  };
  for (const name of NAMES) process.on(name, heard);
  // npm doesn't pass on SIGTERM: without its parent, all of this would run on unseen.
  if (process.env['npm_command'] !== undefined) {
    const parent = process.ppid;
    const watching = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watching);
      heard();
    }, PARENT_EVERY_MS).unref();
  }
  return {
    signal: stopping.signal,
    asked,
    impatience(app) {
      hurry = () => void app.kill();
    },
  };
}
