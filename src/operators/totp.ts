import { verifySync } from 'otplib';
import type { CodeCheck } from './code-check.js';

/** RFC 6238 with the parameters that authenticator apps assume: SHA-1, 6 digits, 30 s steps. */
const STEP_SECONDS = 30;
const DIGITS = 6;
export const FAILURES_TO_LOCK = 5;
/** The first lock; each consecutive one lasts twice as long, up to a day. */
export const LOCK_MS = 15 * 60_000;
const LONGEST_LOCK_MS = 24 * 60 * 60_000;

/** An operator's stored authenticator, its secret decrypted (base32). */
export interface Authenticator {
  readonly secret: string;
  /** The newest time step ever accepted (RFC 6238 "T"); null before the first. */
  readonly lastStep: number | null;
  readonly failedAttempts: number;
  readonly lockedUntil: Date | null;
  /**
   * The number of consecutive locks, and when the last one ends. A right code doesn't reset it: a thief would profit
   * from that.
   */
  readonly locks?: number;
  readonly lastLockEndsAt?: Date | null;
}

/**
 * Checks a code against an authenticator at `now`. Pure: the caller stores the resulting step or failure in the
 * transaction of what the code authorises.
 *
 * A wrong code counts towards the lock; a malformed one (not six digits) and a reused one do not, because neither is a
 * guess. While locked, nothing is checked and nothing counts.
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

type Failures = Pick<Authenticator, 'failedAttempts' | 'lockedUntil' | 'locks' | 'lastLockEndsAt'>;

/** An expired lock restarts the count. */
export function failuresSoFar({
  failedAttempts,
  lockedUntil,
}: Pick<Failures, 'failedAttempts' | 'lockedUntil'>): number {
  return lockedUntil === null ? failedAttempts : 0;
}

/** Counts a wrong guess, and locks at the limit. */
export function countedFailure(failures: Failures, now: Date): CodeCheck {
  const failedAttempts = failuresSoFar(failures) + 1;
  if (failedAttempts < FAILURES_TO_LOCK)
    return { kind: 'rejected', reason: 'wrong', failedAttempts, lockedUntil: null };
  const lockedUntil = new Date(now.getTime() + lockMs(locksSoFar(failures, now)));
  return { kind: 'rejected', reason: 'wrong', failedAttempts, lockedUntil };
}

/**
 * A day without a lock resets the number: a thief who waits that long gets no more guesses than under the longest lock.
 */
export function locksSoFar(
  { locks = 0, lastLockEndsAt = null }: Pick<Failures, 'locks' | 'lastLockEndsAt'>,
  now: Date,
): number {
  const isRowOver = lastLockEndsAt !== null && now.getTime() - lastLockEndsAt.getTime() >= LONGEST_LOCK_MS;
  return isRowOver ? 0 : locks;
}

/** How long a lock lasts after this many consecutive ones. */
export function lockMs(locksBefore: number): number {
  return Math.min(LONGEST_LOCK_MS, LOCK_MS * 2 ** Math.min(locksBefore, 10));
}

/** The time step of a code, within the allowed drift; null if there is none. */
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
