/** How far our clock is from another's, read from one answer. */
export interface ClockReading {
  /** Milliseconds that ours is ahead; negative: behind. */
  readonly aheadMs: number;
  /** The possible error: half the round trip, plus the second that a `Date` header is cut to. */
  readonly uncertainMs: number;
}

/** Compares a time that was read between two of ours. */
export function compareClocks(theirs: Date, sentAt: Date, receivedAt: Date): ClockReading {
  const halfWay = (receivedAt.getTime() - sentAt.getTime()) / 2;
  return { aheadMs: Math.round(sentAt.getTime() + halfWay - theirs.getTime()), uncertainMs: Math.ceil(halfWay) };
}

/** Reads an answer's `Date` header; null if it is no date. */
export function readClock(header: string | null, sentAt: Date, receivedAt: Date): ClockReading | null {
  const theirs = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(theirs)) return null;
  // Seconds are cut off, not rounded: half a second on average.
  const reading = compareClocks(new Date(theirs + 500), sentAt, receivedAt);
  return { ...reading, uncertainMs: reading.uncertainMs + 500 };
}
