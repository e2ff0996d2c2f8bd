import { execFile } from 'node:child_process';
import path from 'node:path';
import { check, explore, PROMOTING, type SeededWorld, WATCHING } from './explore.js';
import { FOUND } from './found.js';
import type { Invariant } from './invariants.js';
import { readOptions } from './options.js';
import type { Sabotage } from './sabotage.js';
import { watch } from './watch-world.js';
import { run } from './world.js';

/**
 * A search that finds nothing proves nothing unless it can find something: it must find each of these. `from`: near a
 * seed that does.
 */
const SABOTAGES: Readonly<Record<Sabotage, { readonly from: number; readonly breaks: readonly Invariant[] }>> = {
  'late PATCH': { from: 102, breaks: [3] },
  'early second PATCH': { from: 22, breaks: [2] },
  'unannounced PATCH': { from: 2, breaks: [5] },
  'old base release': { from: 8, breaks: [4] },
  'no base release': { from: 5, breaks: [2, 4] },
  'no fence of promotions': { from: 28, breaks: [1, 3, 5] },
  'late message': { from: 48, breaks: [3] },
  'dropped message': { from: 1, breaks: [4] },
  'assumed post': { from: 2, breaks: [4] },
  'assumed page': { from: 26, breaks: [4] },
  'unresolved page': { from: 178, breaks: [4] },
  'no fence of messages': { from: 718, breaks: [3] },
  'blind search': { from: 7, breaks: [4] },
  'stale update': { from: 213_332, breaks: [4] },
  'green between attempts': { from: 1, breaks: [7] },
  'blind notice': { from: 33, breaks: [4] },
  'set-back clock unnoticed': { from: 16, breaks: [7] },
  'announcement from the future': { from: 19_800, breaks: [2] },
  'form of another row': { from: 26, breaks: [6] },
  'evidence of the form': { from: 790, breaks: [6] },
  'code used twice': { from: 76, breaks: [6] },
  'unauthorised PATCH': { from: 6, breaks: [6] },
};
/** Enough seeds after a change of the simulator, which makes other worlds of the same seeds. */
const SEEDS = 300;

test.each(Object.entries(SABOTAGES))('finds %s', async (name, { from, breaks }) => {
  const sabotage = Object.keys(SABOTAGES).find((known): known is Sabotage => known === name);
  if (sabotage === undefined) throw new Error(`There is no ${name}.`);
  for (let seed = from; seed < from + SEEDS; seed += 1) {
    const [violation] = (await run(seed, { sabotage })).violations;
    if (violation === undefined) continue;
    expect(breaks).toContain(violation.invariant);
    return;
  }
  throw new Error(`${SEEDS} seeds found nothing.`);
});

test('breaks nothing of the protocols as they are, while much goes wrong', async () => {
  const happened: Record<string, number> = {};
  for (let seed = 1; seed <= 100; seed += 1) {
    const done = await run(seed);
    expect(done.violations).toEqual([]);
    for (const [what, times] of Object.entries(done.happened)) happened[what] = (happened[what] ?? 0) + times;
  }
  for (const what of PROMOTING.worthwhile) expect({ [what]: (happened[what] ?? 0) > 5 }).toEqual({ [what]: true });
});

test.each(FOUND)('replays seed $seed: $fault', async ({ seed }) => {
  expect((await run(seed)).violations).toEqual([]);
});

test('makes the same of a seed whenever it is run', async () => {
  const [one, other] = [await run(37, { wantsTrace: true }), await run(37, { wantsTrace: true })];
  expect(one.trace.length).toBeGreaterThan(50);
  expect(other).toEqual(one);
});

describe('exploring', () => {
  const world = (happened: Readonly<Record<string, number>>): SeededWorld => ({
    name: 'idling',
    worthwhile: ['promotions', 'PATCHes'],
    run: async (seed) => ({ seed, steps: 1_000, violations: [], trace: [], happened }),
  });
  const explored = (happened: Readonly<Record<string, number>>, steps: number) =>
    explore({ worlds: [world(happened)], first: 7, isOver: (taken) => taken >= steps, onSeed: () => undefined });

  test('fails if something worthwhile never happened in many runs', async () => {
    const { isGood, lines } = await explored({ promotions: 3 }, 100_000);
    expect(isGood).toBe(false);
    expect(lines.at(-1)).toMatch(/^100 runs from seed 7, .* too little happened: no PATCHes while idling\.$/u);
  });

  test('says nothing of that after a few runs, nor if all of it happened', async () => {
    expect(await explored({ promotions: 3 }, 99_000)).toMatchObject({ isGood: true });
    expect(await explored({ promotions: 3, PATCHes: 1 }, 100_000)).toMatchObject({ isGood: true });
  });

  test('stops at the first seed that breaks something, with the trace of its own world', async () => {
    const broken: SeededWorld = {
      ...WATCHING,
      run: (seed, options) => watch(seed, { ...options, sabotage: 'drifts are forgotten' }),
    };
    const ran: number[] = [];
    const onSeed = (seed: number): void => void ran.push(seed);
    const { isGood, lines } = await explore({ worlds: [broken], first: 1, isOver: () => false, onSeed });
    const last = ran.at(-1);
    expect(isGood).toBe(false);
    expect(lines[0]).toBe(`Seed ${last}, watching:`);
    expect(lines.filter((line) => / s {2}row \d+: drifted$/u.test(line)).length).toBeGreaterThan(1);
    expect(lines.at(-2)).toMatch(/^Broken: 4, \d+ was told \d+ times after \d+ changes\.$/u);
    expect(lines.at(-1)).toBe(`Replay: npm run simulate -- --seed ${last}`);
    expect((await check(WATCHING, last ?? 0)).lines).toEqual([]);
  });
});

describe('npm run simulate', () => {
  const simulate = (...words: readonly string[]) =>
    new Promise<{ readonly code: number; readonly output: string }>((resolve) => {
      const main = path.join(__dirname, 'main.ts');
      execFile(process.execPath, ['--import', 'tsx', main, ...words], (error, output) => {
        resolve({ code: error === null ? 0 : Number(error.code), output });
      });
    });

  test('replays one seed with its trace', async () => {
    const { code, output } = await simulate('--seed', '37');
    expect(code).toBe(0);
    expect(output).toContain('p1 starts');
    expect(output).toMatch(/Seed 37 breaks nothing while promoting: .*PATCHes/);
    expect(output).toMatch(/^Seed 37, watching:\n(?:.*\n)*?.*p1 starts/mu);
    expect(output).toMatch(/Seed 37 breaks nothing while watching: .*drifted posts/);
  });

  test('takes so many steps from a seed on, and says what they were', async () => {
    const { code, output } = await simulate('--seed', '1', '--steps', '5000');
    expect(code).toBe(0);
    expect(output).toContain('Exploring from seed 1, for 5,000 steps.');
    expect(output).toMatch(/^\d+ runs from seed 1, [\d,]+ steps in \d+ s, nothing broken\.$/mu);
  });

  test('runs one world of the size that is asked for', async () => {
    const { code, output } = await simulate('--promotions', '30', '--replicas', '5', '--seed', '7');
    expect(code).toBe(0);
    expect(output).toMatch(
      /^Seed 7, 30 promotions, 5 replicas: [\d,]+ steps, \d+ s of a processor, \d+ MB, nothing broken\.$/mu,
    );
    const [, made] = /^(\d+) promotions,/mu.exec(output) ?? [];
    expect(Number(made)).toBeGreaterThanOrEqual(30);
  });

  test.each(['--steps -1', '--nope 1'])(
    'says in one sentence why it refuses %s, and that nothing was run',
    async (words) => {
      const { code, output } = await simulate(...words.split(' '));
      expect(code).toBe(2);
      expect(output.trim().split('\n')).toHaveLength(1);
    },
  );
});

describe('the options', () => {
  test.each([
    ['', {}],
    ['--seconds 60', { seconds: 60 }],
    ['--steps=5 --seed=0', { steps: 5, seed: 0 }],
    ['--seed 2147483647', { seed: 2_147_483_647 }],
    ['--promotions 1000 --replicas 20 --seed 7', { promotions: 1_000, replicas: 20, seed: 7 }],
  ])('"%s" are read', (words, options) => {
    expect(readOptions(words.split(' ').filter(Boolean))).toEqual(options);
  });

  test.each([
    '--steps many',
    '--steps 0',
    '--steps -1',
    '--steps 1.5',
    '--steps 1e9',
    '--steps=',
    '--steps',
    '--steps 99999999999',
    '--seconds 0',
    '--seconds --seed 7',
    '--promotions 0',
    '--promotions 5 --replicas 0',
    '--seed abc',
    '--seed -1',
    // The next seed would begin again at 0, and the one that is printed would mean another world.
    '--seed 2147483648',
  ])('%s is refused with the numbers that are taken', (words) => {
    expect(readOptions(words.split(' '))).toMatch(/^--\w+ takes a whole number from \d+ to \d+, not .*\.$/u);
  });

  test.each([
    ['--steps 5 --seconds 5', 'Give --seconds or --steps, not both.'],
    ['--promotions 5 --steps 5', 'Give --steps or --promotions, not both.'],
    ['--seed 1 --seed 2', '--seed was given twice.'],
    ['--replicas 5', '--replicas needs --promotions.'],
    ['--step 5', expect.stringMatching(/^--step is not an option\. Use /u)],
    ['--toString 5', expect.stringMatching(/^--toString is not an option\. /u)],
    ['5', expect.stringMatching(/^5 is not an option\. /u)],
    ['-s 5', expect.stringMatching(/^-s is not an option\. /u)],
  ])('%s is refused: %s', (words, why) => {
    expect(readOptions(words.split(' '))).toEqual(why);
  });
});
