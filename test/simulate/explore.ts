import { addUp } from '../chaos/scenario.js';
import { watch } from './watch-world.js';
import { type Run, run } from './world.js';

/** A kind of world that a seed makes, each with its own random numbers. */
export interface SeededWorld {
  readonly name: string;
  run(seed: number, options: { readonly wantsTrace?: boolean }): Promise<Run>;
  /** What has to happen in many runs: otherwise they prove nothing. */
  readonly worthwhile: readonly string[];
}

export const PROMOTING: SeededWorld = {
  name: 'promoting',
  run,
  worthwhile: [
    'promotions',
    'PATCHes',
    'lost PATCHes',
    'releases',
    'posts',
    'pages',
    'updates',
    'kills',
    'pauses',
    'stops',
    'changes by others',
    'resolutions',
    'deleted messages',
    'archived channels',
    'notices',
    'heartbeats',
    'withheld heartbeats',
    'clocks set back',
    'clocks set forward',
    'shortened waits',
    'leases cut short',
    'rewritten rows',
    'forms',
    'forms shown again',
    'accepted codes',
    'refused codes',
  ],
};

export const WATCHING: SeededWorld = {
  name: 'watching',
  run: watch,
  worthwhile: [
    'promotions',
    'changes by others',
    'acceptances',
    'crashed posts',
    'drifted posts',
    'kills',
    'clocks set back',
    'shortened waits',
  ],
};

export const WORLDS: readonly SeededWorld[] = [PROMOTING, WATCHING];

/** What one run came to, with what to print of it. */
interface Checked {
  readonly run: Run;
  readonly lines: readonly string[];
}

/** Runs a seed in one world; if it breaks something, once more with a trace of that world. */
export async function check(world: SeededWorld, seed: number): Promise<Checked> {
  const done = await world.run(seed, {});
  return done.violations.length === 0 ? { run: done, lines: [] } : traced(world, seed);
}

export async function traced(world: SeededWorld, seed: number): Promise<Checked> {
  const done = await world.run(seed, { wantsTrace: true });
  const broken = done.violations.map(({ invariant, what }) => `Broken: ${invariant}, ${what}.`);
  const replay = broken.length === 0 ? [] : [`Replay: npm run simulate -- --seed ${seed}`];
  return { run: done, lines: [`Seed ${seed}, ${world.name}:`, ...done.trace, ...broken, ...replay] };
}

/** After so many runs each worthwhile thing has happened, unless the simulator no longer does it. */
const ENOUGH_RUNS = 100;
export const MOST_SEED = 2 ** 31;

export interface Exploration {
  readonly isGood: boolean;
  readonly lines: readonly string[];
}

export interface ExploreOptions {
  readonly worlds: readonly SeededWorld[];
  readonly first: number;
  readonly isOver: (stepsTaken: number) => boolean;
  /** A seed is about to run: if it never ends, this one was it. */
  readonly onSeed: (seed: number) => void;
}

/** Seed after seed, in every world. */
export async function explore({ worlds, first, isOver, onSeed }: ExploreOptions): Promise<Exploration> {
  const startedAt = performance.now();
  const happened = new Map<SeededWorld, Readonly<Record<string, number>>>();
  let runs = 0;
  let steps = 0;
  while (!isOver(steps)) {
    const seed = (first + runs) % MOST_SEED;
    onSeed(seed);
    for (const world of worlds) {
      const { run: done, lines } = await check(world, seed);
      if (done.violations.length > 0) return { isGood: false, lines };
      steps += done.steps;
      happened.set(world, addUp(happened.get(world) ?? {}, done.happened));
    }
    runs += 1;
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  const all = [...happened].map(([world, figures]) => `${world.name}: ${inWords(figures)}.`);
  const missing = runs < ENOUGH_RUNS ? [] : worlds.flatMap((world) => neverHappened(world, happened.get(world) ?? {}));
  const took = `${runs} runs from seed ${first}, ${steps.toLocaleString('en')} steps in ${seconds} s`;
  return missing.length === 0
    ? { isGood: true, lines: [`${took}, nothing broken.`, ...all] }
    : {
        isGood: false,
        lines: [...all, `${took}: nothing broke, but too little happened: no ${missing.join(', no ')}.`],
      };
}

function neverHappened(
  { name, worthwhile }: SeededWorld,
  happened: Readonly<Record<string, number>>,
): readonly string[] {
  return worthwhile.filter((what) => (happened[what] ?? 0) === 0).map((what) => `${what} while ${name}`);
}

export function inWords(happened: Readonly<Record<string, number>>): string {
  return Object.entries(happened)
    .map(([what, times]) => `${times.toLocaleString('en')} ${what}`)
    .join(', ');
}
