/** The difference between two moments that isn't growth: a share of the earlier one, plus an absolute amount. */
export interface Tolerance {
  readonly share: number;
  readonly absolute: number;
}

/**
 * Whether something kept growing: compares the last third of its readings, in order, with the third before. Ignores the
 * first, in which caches fill and temporary data reaches its level.
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
