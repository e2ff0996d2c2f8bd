import type { Logger } from 'pino';
import { withTimeout } from './with-timeout.js';

/** Something that has to work for the app to be useful: resolves if it does, rejects with why not. */
export interface Check {
  readonly name: string;
  readonly run: () => Promise<void>;
  /** Why it failed, without a host, a name or a value: anybody may read it. The log has the rest. */
  readonly explain?: (error: unknown) => string;
  /** How long an answer is good for, in milliseconds: probes come every few seconds, to every replica. */
  readonly freshForMs: number;
}

export interface Readiness {
  readonly ready: boolean;
  /** By check: `ok`, or a sentence. */
  readonly checks: Readonly<Record<string, string>>;
  /** What deserves a look though the app works; absent if there is nothing. */
  readonly notes?: readonly string[];
}

/** A failed check in its own words, which anybody may read. */
export class NotReadyError extends Error {
  readonly code = 'not_ready';
  override readonly name = 'NotReadyError';
}

const CHECK_WITHIN_MS = 3_000;
/** Each check runs at most this often, however many ask. */
const ANSWER_GOOD_FOR_MS = 1_000;
const OK = 'ok' as const;

/**
 * Runs all checks in parallel, once for all who ask meanwhile and within a second, and logs a failure when it begins.
 * `elapsed`: milliseconds that never jump. `findNotes` never rejects; the app is ready whatever it finds.
 */
export function createReadiness(
  checks: readonly Check[],
  elapsed: () => number,
  log: Logger,
  findNotes: () => Promise<readonly string[]> = async () => [],
): () => Promise<Readiness> {
  const answered = new Map<string, { at: number; text: string }>();
  /** A check that hangs isn't started a second time: each takes a connection. */
  const underWay = new Map<string, Promise<typeof OK>>();

  function run(check: Check): Promise<typeof OK> {
    const running =
      underWay.get(check.name) ??
      check
        .run()
        .then(() => OK)
        .finally(() => underWay.delete(check.name));
    underWay.set(check.name, running);
    return running;
  }

  async function ask(check: Check): Promise<readonly [string, string]> {
    const known = answered.get(check.name);
    if (known !== undefined && elapsed() - known.at < check.freshForMs) return [check.name, known.text];
    const { text, error } = await outcome(check);
    answered.set(check.name, { at: elapsed(), text });
    if (text !== OK && text !== known?.text) log.warn({ err: error, check: check.name }, `not ready: ${text}`);
    return [check.name, text];
  }

  async function outcome(check: Check): Promise<{ readonly text: string; readonly error?: unknown }> {
    try {
      const answer = await withTimeout(CHECK_WITHIN_MS, run(check));
      return { text: answer ?? `no answer within ${CHECK_WITHIN_MS / 1000} s` };
    } catch (error) {
      return { text: error instanceof NotReadyError ? error.message : (check.explain?.(error) ?? 'failed'), error };
    }
  }

  async function askAll(): Promise<Readiness> {
    const [results, notes] = await Promise.all([
      Promise.all(checks.map(ask)),
      withTimeout(CHECK_WITHIN_MS, findNotes()),
    ]);
    return {
      ready: results.every(([, text]) => text === OK),
      checks: Object.fromEntries(results),
      ...(notes === null || notes.length === 0 ? {} : { notes }),
    };
  }

  let asking: Promise<Readiness> | null = null;
  let last: { readonly at: number; readonly readiness: Readiness } | null = null;
  return async () => {
    if (last !== null && elapsed() - last.at < ANSWER_GOOD_FOR_MS) return last.readiness;
    asking ??= askAll().finally(() => {
      asking = null;
    });
    const readiness = await asking;
    last = { at: elapsed(), readiness };
    return readiness;
  };
}
