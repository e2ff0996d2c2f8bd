import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { withTimeout } from '../with-timeout.js';

/** Claims a request by the names that Slack gave it: false if any replica claimed one of them before. Never rejects. */
export type TakeOnce = (names: readonly string[]) => Promise<boolean>;

/** The names inside a delivery: an event's stays the same when Slack sends it again, signed anew. */
export function namesWithin(body: Readonly<Record<string, unknown>>): readonly string[] {
  const { type, event_id: id } = body;
  return type === 'event_callback' && typeof id === 'string' ? [`event ${id}`] : [];
}

export interface OnceOptions {
  /** Remembers names for all replicas, for at least ten minutes; returns the new ones. */
  readonly remember: (names: readonly string[]) => Promise<ReadonlySet<string>>;
  /** How long that may take while a person with three seconds waits. */
  readonly waitMs: number;
  readonly log: Logger;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed?: () => number;
}

/** A signature is good from five minutes before its time until five minutes after. */
const KEPT_MS = 10 * 60_000;
/** Many times what a workspace's people do in that time. */
const MOST_KEPT = 20_000;
/** How many names that the database missed one request brings along. */
const MOST_LATE = 500;

/**
 * If the database doesn't answer, a request new to this process is accepted: whatever it would change is in that
 * database too, and a person who clicks is told why nothing happens. Its names are stored once the database is back.
 */
export function createOnce({ remember, waitMs, log, elapsed = () => performance.now() }: OnceOptions): TakeOnce {
  /** With their time of arrival, oldest first. */
  const seen = new Map<string, number>();
  /** Those accepted without the database. */
  const owed = new Set<string>();

  function forget(): void {
    for (const [name, at] of seen) {
      if (elapsed() - at <= KEPT_MS && seen.size <= MOST_KEPT) return;
      seen.delete(name);
      owed.delete(name);
    }
  }

  async function ask(names: readonly string[]): Promise<ReadonlySet<string> | null> {
    try {
      return await withTimeout(waitMs, remember(names));
    } catch (error) {
      log.warn({ err: error }, 'a request was taken without asking the database whether it came before');
      return null;
    }
  }

  /** Whether none of them came to this process before. */
  function notice(names: readonly string[]): boolean {
    const fresh = names.filter((name) => !seen.has(name));
    for (const name of fresh) seen.set(name, elapsed());
    forget();
    return fresh.length === names.length;
  }

  return async (names) => {
    if (!notice(names)) return false;
    const late = [...owed].slice(0, MOST_LATE);
    const fresh = await ask([...names, ...late]);
    // Not before: a request asked about at the same time would store this one's name.
    if (fresh === null) for (const name of names) owed.add(name);
    else for (const name of late) owed.delete(name);
    return fresh === null || names.every((name) => fresh.has(name));
  };
}
