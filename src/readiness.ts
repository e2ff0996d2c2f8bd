import { withTimeout } from './with-timeout.js';

/** One thing that has to work for the app to be of use: resolves where it does, rejects with why not. */
export interface Check {
  readonly name: string;
  readonly run: () => Promise<void>;
  /** How long an answer is good for, in milliseconds: probes come every few seconds, from every replica. */
  readonly freshForMs: number;
}

export interface Readiness {
  readonly ready: boolean;
  /** By check: `ok`, or a sentence. */
  readonly checks: Readonly<Record<string, string>>;
}

const CHECK_WITHIN_MS = 3_000;

/** Runs all checks side by side. `elapsed` is a clock in milliseconds that never jumps. */
export function createReadiness(checks: readonly Check[], elapsed: () => number): () => Promise<Readiness> {
  const answered = new Map<string, { at: number; text: string }>();
  /** One that hangs isn't started again beside itself: each would take a connection. */
  const underWay = new Map<string, Promise<'ok'>>();

  function run(check: Check): Promise<'ok'> {
    const running =
      underWay.get(check.name) ??
      check
        .run()
        .then(() => 'ok' as const)
        .finally(() => underWay.delete(check.name));
    underWay.set(check.name, running);
    return running;
  }

  async function ask(check: Check): Promise<readonly [string, string]> {
    const known = answered.get(check.name);
    if (known !== undefined && elapsed() - known.at < check.freshForMs) return [check.name, known.text];
    const text = await withinTime(run(check));
    answered.set(check.name, { at: elapsed(), text });
    return [check.name, text];
  }

  return async () => {
    const results = await Promise.all(checks.map(ask));
    return { ready: results.every(([, text]) => text === 'ok'), checks: Object.fromEntries(results) };
  };
}

async function withinTime(running: Promise<'ok'>): Promise<string> {
  try {
    const answer = await withTimeout(CHECK_WITHIN_MS, running);
    return answer ?? `no answer within ${CHECK_WITHIN_MS / 1000} s`;
  } catch (error) {
    return error instanceof Error && error.message !== '' ? error.message : 'failed';
  }
}
