/** What may differ between two moments without being growth: a share of the earlier one, and so much beside it. */
export interface Tolerance {
  readonly share: number;
  readonly absolute: number;
}

/**
 * Whether something kept growing, judged by its readings in order: the last third of them against the third before. The
 * first is left out, in which caches fill and what is kept for a while comes to what it stays.
 */
export function hasGrown(readings: readonly number[], { share, absolute }: Tolerance): boolean {
  const third = Math.floor(readings.length / 3);
  if (third === 0) throw new RangeError('Growth takes at least three readings.');
  const last = median(readings.slice(-third));
  const before = median(readings.slice(-2 * third, -third));
  return last > before * (1 + share) + absolute;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
