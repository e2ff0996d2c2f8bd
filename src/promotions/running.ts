export interface RunningDyno {
  readonly name: string;
  readonly type: string;
  readonly state: string;
  /** The version of the release that it runs. */
  readonly release: number;
}

/** What an app's dynos say about a release. Holds no secret. */
export type DynoReport =
  /** Each is up, or asleep for lack of requests, at this release or a later one. */
  | { readonly kind: 'running'; readonly total: number }
  | { readonly kind: 'scaled_to_zero' }
  | { readonly kind: 'crashed'; readonly dyno: string; readonly release: number }
  /** None crashed, but at least this one isn't up at this release. `state`: Heroku's word, any. */
  | {
      readonly kind: 'not_up';
      readonly dyno: string;
      readonly state: string;
      readonly up: number;
      readonly total: number;
    };

/** One-off dynos, started by a person or a timer for one task, and the release phase's dyno. */
const ONE_OFF: ReadonlySet<string> = new Set(['run', 'scheduler', 'release']);
const UP: ReadonlySet<string> = new Set(['up', 'idle']);

/** An unknown state proves nothing. */
export function reportOf(dynos: readonly RunningDyno[], version: number): DynoReport {
  const formation = dynos.filter(({ type }) => !ONE_OFF.has(type));
  if (formation.length === 0) return { kind: 'scaled_to_zero' };
  const crashed = formation.find(({ state, release }) => state === 'crashed' && release >= version);
  if (crashed !== undefined) return { kind: 'crashed', dyno: crashed.name, release: crashed.release };
  // During a preboot changeover, the previous release's dynos are up beside the new ones.
  const waiting = formation.filter(({ state, release }) => !UP.has(state) || release < version);
  const [first] = waiting;
  if (first === undefined) return { kind: 'running', total: formation.length };
  const up = formation.length - waiting.length;
  // One that is up at an older release has yet to stop.
  const state = UP.has(first.state) ? `still at v${first.release}` : first.state;
  return { kind: 'not_up', dyno: first.name, state, up, total: formation.length };
}

export type RunningLook =
  | { readonly kind: 'read'; readonly report: DynoReport }
  /** The key may not read dynos. */
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'unavailable' };

export type VerifiedAs =
  | 'running'
  | 'scaled_to_zero'
  | 'crashed'
  /** Not up in time. */
  | 'late'
  | 'forbidden'
  /** Heroku said nothing for a day. */
  | 'unknown'
  /** A later promotion of the config var counts now, so this one no longer matters. */
  | 'superseded';

export interface Verification {
  /** `owed`: nobody knows yet. */
  readonly state: 'owed' | VerifiedAs;
  readonly report: DynoReport | null;
  /** Whether its message says what was found. */
  readonly isTold: boolean;
}

export interface Verifying {
  /** Milliseconds since it was deployed. */
  readonly sinceMs: number;
  /** Milliseconds since Heroku's first answer about the dynos; 0 at that answer. */
  readonly answeredMs: number;
  /** VERIFY_WITHIN. */
  readonly withinMs: number;
}

export type VerificationStep =
  | { readonly kind: 'end'; readonly as: VerifiedAs }
  | { readonly kind: 'look_again'; readonly waitMs: number };

/** With preboot on, Heroku keeps the old dynos this long. https://devcenter.heroku.com/articles/preboot */
const PREBOOT_MS = 3 * 60_000;
const GIVE_UP_MS = 24 * 3_600_000;
const FIRST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 10 * 60_000;

/** Decides what follows from a check. Pure. */
export function nextVerification(look: RunningLook, { sinceMs, answeredMs, withinMs }: Verifying): VerificationStep {
  const again: VerificationStep =
    sinceMs >= GIVE_UP_MS
      ? { kind: 'end', as: 'unknown' }
      : { kind: 'look_again', waitMs: Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, sinceMs / 10)) };
  if (look.kind === 'forbidden') return { kind: 'end', as: 'forbidden' };
  if (look.kind === 'unavailable') return again;
  const { report } = look;
  if (report.kind !== 'not_up') return { kind: 'end', as: report.kind };
  // Heroku may have been silent until now: a dyno that is just restarting is no news.
  const isLate = sinceMs >= Math.max(withinMs, PREBOOT_MS) && answeredMs >= Math.min(withinMs, PREBOOT_MS);
  return isLate ? { kind: 'end', as: 'late' } : again;
}
