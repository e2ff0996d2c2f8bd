import { verifySync } from 'otplib';
import type { CodeCheck } from './code-check.js';

/** RFC 6238 with the parameters that authenticator apps assume: SHA-1, 6 digits, 30 s steps. */
const STEP_SECONDS = 30;
const DIGITS = 6;
export const FAILURES_TO_LOCK = 5;
export const LOCK_MS = 15 * 60_000;

/** What is stored of an operator's authenticator, its secret decrypted (base32). */
export interface Authenticator {
  readonly secret: string;
  /** The newest time step ever accepted (RFC 6238 "T"); null before the first. */
  readonly lastStep: number | null;
  readonly failedAttempts: number;
  readonly lockedUntil: Date | null;
}

/**
 * Checks a code against an authenticator at `now`. Pure: the caller stores the step or the failure that it answers,
 * in the transaction of what the code authorises.
 *
 * A wrong code counts towards the lock; a malformed one (not six digits) and a reused one do not, because neither is
 * a guess. While locked, nothing is checked and nothing counts.
 */
export function checkCode(code: string, authenticator: Authenticator, now: Date): CodeCheck {
  const { lockedUntil } = authenticator;
  if (lockedUntil !== null && lockedUntil > now) return { kind: 'locked', lockedUntil };
  const failuresBefore = failuresSoFar(authenticator);
  const digits = code.replaceAll(/\s/gu, '');
  if (!/^\d{6}$/u.test(digits)) {
    return { kind: 'rejected', reason: 'malformed', failedAttempts: failuresBefore, lockedUntil: null };
  }
  const step = matchingStep(digits, authenticator.secret, now);
  if (step === null) return countedFailure(authenticator, now);
  if (step <= (authenticator.lastStep ?? -1)) {
    return { kind: 'rejected', reason: 'reused', failedAttempts: failuresBefore, lockedUntil: null };
  }
  return { kind: 'accepted', step };
}

type Failures = Pick<Authenticator, 'failedAttempts' | 'lockedUntil'>;

/** A lock that has run out starts the count afresh. */
export function failuresSoFar({ failedAttempts, lockedUntil }: Failures): number {
  return lockedUntil === null ? failedAttempts : 0;
}

/** A wrong guess, counted; the one too many locks. */
export function countedFailure(failures: Failures, now: Date): CodeCheck {
  const failedAttempts = failuresSoFar(failures) + 1;
  const locks = failedAttempts >= FAILURES_TO_LOCK;
  return {
    kind: 'rejected',
    reason: 'wrong',
    failedAttempts,
    lockedUntil: locks ? new Date(now.getTime() + LOCK_MS) : null,
  };
}

/** The time step within the allowed drift whose code this is; null where there is none. */
export function matchingStep(digits: string, secret: string, now: Date): number | null {
  const epochSeconds = Math.floor(now.getTime() / 1000);
  const result = verifySync({
    secret,
    token: digits,
    epoch: epochSeconds,
    period: STEP_SECONDS,
    digits: DIGITS,
    algorithm: 'sha1',
    // One step of drift on either side, the most that RFC 6238 section 5.2 recommends. otplib counts it in seconds.
    epochTolerance: STEP_SECONDS,
  });
  if (!result.valid) return null;
  return Math.floor(epochSeconds / STEP_SECONDS) + result.delta;
}
