export interface Scenario {
  /** `npm run chaos -- <name>` runs only this one. */
  readonly name: string;
  /** Whether CI runs it, shortened. */
  readonly inShort?: true;
  run(random: () => number, extent: Extent): Promise<Report>;
}

/** `short`: a fraction of the trouble, for every change; `whole` finds what that misses. */
export type Extent = 'whole' | 'short';

export interface Report {
  /** What was done, in figures. */
  readonly did: string;
  /** What must not have happened, and how often it did. */
  readonly wrong: Readonly<Record<string, number>>;
  /** What the trouble consisted of, with the least that counts: a scenario in which nothing happened proves nothing. */
  readonly happened: Readonly<Record<string, { readonly times: number; readonly atLeast: number }>>;
}

/** What happened too rarely, in words; a floor of nothing, or none at all, is none. */
export function tooFew(happened: Report['happened']): readonly string[] {
  const floors = Object.entries(happened);
  if (floors.length === 0) return ['no floor: it would pass if nothing happened'];
  return floors.flatMap(([what, { times, atLeast }]) => {
    if (!(atLeast > 0)) return [`no floor for ${what}: ${times} of at least ${atLeast}`];
    return times >= atLeast ? [] : [`too few ${what}: ${times} of at least ${atLeast}`];
  });
}

/** A small seeded random generator (Tommy Ettinger's mulberry32, public domain); yields [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: () => number, from: readonly T[]): T {
  const found = from[Math.floor(random() * from.length)];
  if (found === undefined) throw new RangeError('There is nothing to pick from.');
  return found;
}

/** Sums the figures of several rounds. */
export function addUp(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...names].map((name) => [name, (one[name] ?? 0) + (other[name] ?? 0)]));
}
