/** How far our clock is from another's, read from one answer. */
export interface ClockReading {
  /** Milliseconds that ours is ahead; negative: behind. */
  readonly aheadMs: number;
  /** The possible error: half the round trip, plus the second that a `Date` header is cut to. */
  readonly uncertainMs: number;
}

/** Reads an answer's `Date` header; null if it is no date. */
export function readClock(header: string | null, sentAt: Date, receivedAt: Date): ClockReading | null {
  const theirs = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(theirs)) return null;
  const underWay = receivedAt.getTime() - sentAt.getTime();
  const ours = sentAt.getTime() + underWay / 2;
  // Seconds are cut off, not rounded: half a second on average.
  return { aheadMs: Math.round(ours - (theirs + 500)), uncertainMs: Math.ceil(underWay / 2) + 500 };
}
