/** What one run of a contender measured, by name; each in a unit of its own. */
export type Measures<K extends string> = Readonly<Record<K, number>>;

/** Something that is measured beside others. A round calls each of them once. */
export interface Contender<K extends string> {
  readonly name: string;
  measure(): Promise<Measures<K>>;
}

/**
 * Measures contenders side by side, round by round, so that what else the machine does meets all of them alike. Who goes
 * first changes with each round. Answers each contender's measures, a round's at the same place in each.
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

/** @throws where there is nothing to take the median of */
export function spreadOf(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), least: quantile(values, 0), most: quantile(values, 1) };
}

/** The value below which the given share of the values lies, between its neighbours where it falls between two. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (below === undefined || above === undefined) throw new Error('Nothing was measured.');
  return below + (above - below) * (at - Math.floor(at));
}
