import type { EvidenceRelease, ReleaseWalk } from '../promotions/evidence.js';
import { deployingSince, type Promotion } from '../promotions/promotion.js';
import type { Release } from './heroku.js';

/** How many releases back to search for the one that brought a value: each is a request. */
export const RELEASES_LOOKED_AT = 10;

/** A release with the config var's value, which may be a secret and never leaves this folder. */
export interface Read {
  readonly release: Omit<EvidenceRelease, 'orEarlier'>;
  readonly value: string | null;
}

/** The newest releases, newest first; `complete` if there are no more. */
export interface Walked {
  readonly looked: readonly Read[];
  readonly complete: boolean;
}

/**
 * Whether older releases add nothing: neither since when the value holds, nor what happened to it since it was
 * promoted.
 */
export function tellsEnough(looked: readonly Read[], promotion: Promotion): boolean {
  const { targetValue: target } = promotion;
  const last = looked.at(-1);
  if (last === undefined || last.release.status !== 'succeeded') return false;
  const newer = looked.slice(0, -1);
  if (last.value === target)
    return newer.some(({ release, value }) => release.status === 'succeeded' && value !== target);
  return (
    newer.some(({ value }) => value === target) ||
    last.release.createdAt.getTime() < deployingSince(promotion).getTime()
  );
}

/** The same without the values. */
export function compared(
  { looked, complete }: Walked,
  { targetValue }: Promotion,
  inForce: string | null,
): ReleaseWalk {
  return {
    looked: looked.map(({ release, value }) => ({
      release,
      carries: value === targetValue,
      isInForce: value === inForce,
    })),
    complete,
  };
}

/** Whether the newest release in force holds another value: a release came between the two answers. */
export function isAtOdds({ looked }: Walked, value: string | null): boolean {
  const newest = looked.find(({ release }) => release.status === 'succeeded');
  return newest !== undefined && newest.value !== value;
}

export function told({ version, status, createdAt, user }: Release): Read['release'] {
  return { version, status, createdAt, by: user.slice(0, 200) };
}
