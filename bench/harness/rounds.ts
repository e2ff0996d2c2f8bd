/** What one run of a contender measured, by name; each in its own unit. */
export type Measures<K extends string> = Readonly<Record<K, number>>;

/** Measured beside others. A round calls each once. */
export interface Contender<K extends string> {
  readonly name: string;
  measure(): Promise<Measures<K>>;
}

/**
 * Measures contenders round by round, so that other work on the machine affects all alike. Each round starts with
 * another one. Returns each contender's measures, in the same order of rounds.
 */
export async function alternate<K extends string>(
  rounds: number,
  contenders: readonly Contender<K>[],
): Promise<ReadonlyMap<string, readonly Measures<K>[]>> {
  const measured = new Map<string, Measures<K>[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const contender of order) measured.get(contender.name)?.push(await contender.measure());
  }
  return measured;
}

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @throws if there is nothing to take the median of */
export function spreadOf(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), least: quantile(values, 0), most: quantile(values, 1) };
}

/** The value below which this share of the values lies, interpolated between neighbours. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (below === undefined || above === undefined) throw new Error('Nothing was measured.');
  return below + (above - below) * (at - Math.floor(at));
}
