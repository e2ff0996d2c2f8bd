/** How far our clock is from another's, as an answer of theirs told it. */
export interface ClockReading {
  /** Milliseconds that ours is ahead; negative: behind. */
  readonly aheadMs: number;
  /** How far off this may be: the answer's way, and the second that a date header is cut to. */
  readonly uncertainMs: number;
}

/** Reads a `Date` header that came between two moments of ours; null where it is none. */
export function readClock(header: string | null, sentAt: Date, receivedAt: Date): ClockReading | null {
  const theirs = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(theirs)) return null;
  const underWay = receivedAt.getTime() - sentAt.getTime();
  const ours = sentAt.getTime() + underWay / 2;
  // A second is cut off, not rounded: on the average, half of it.
  return { aheadMs: Math.round(ours - (theirs + 500)), uncertainMs: Math.ceil(underWay / 2) + 500 };
}
