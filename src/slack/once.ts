import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { withTimeout } from '../with-timeout.js';

/**
 * Takes a request by the names that Slack gave it, once: false if somebody took one of them before, in whichever replica. Never
 * rejects.
 */
export type TakeOnce = (names: readonly string[]) => Promise<boolean>;

/** The names that what Slack delivered carries in itself: an event has one that stays when Slack sends it again, signed anew. */
export function namesWithin(body: Readonly<Record<string, unknown>>): readonly string[] {
  const { type, event_id: id } = body;
  return type === 'event_callback' && typeof id === 'string' ? [`event ${id}`] : [];
}

export interface OnceOptions {
  /** Remembers names for all replicas, for ten minutes at least; which of them are new. */
  readonly remember: (names: readonly string[]) => Promise<ReadonlySet<string>>;
  /** For how long a person who has three seconds can wait for that. */
  readonly waitMs: number;
  readonly log: Logger;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed?: () => number;
}

/** A signature is good from five minutes before its time until five minutes after. */
const KEPT_MS = 10 * 60_000;
/** Many times what a workspace's people do meanwhile. */
const MOST_KEPT = 20_000;
/** Of what the database missed, how much one request brings along. */
const MOST_LATE = 500;

/**
 * If the database doesn't answer, a request that this process hasn't seen is taken: whatever it may do is in that database too,
 * and a person who clicks is told why nothing happens. Its names are remembered as soon as the database is back.
 */
export function createOnce({ remember, waitMs, log, elapsed = () => performance.now() }: OnceOptions): TakeOnce {
  /** With when they came, the oldest first. */
  const seen = new Map<string, number>();
  /** Of those, what was taken without the database. */
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
    // Not before: a request that is asked about at the same time would take this one's name.
    if (fresh === null) for (const name of names) owed.add(name);
    else for (const name of late) owed.delete(name);
    return fresh === null || names.every((name) => fresh.has(name));
  };
}
