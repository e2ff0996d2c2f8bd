import { randomInt } from 'node:crypto';
import { check, explore, inWords, MOST_SEED, traced, WORLDS } from './explore.js';
import { FOUND } from './found.js';
import { readOptions } from './options.js';
import { run, type Size } from './world.js';

/**
 * `npm run simulate -- [--seconds N | --steps N] [--seed S]`: runs the promoter and the outbox in virtual time, against
 * models whose every answer can be late, lost, doubled or refused. Exit code 1, with a trace, if an invariant broke, or
 * if too little happened to break one. A seed alone is replayed with its trace; with a limit it is the first of many.
 * `--promotions N [--replicas N]` runs one world of that size instead.
 */
const DEFAULT_SECONDS = 60;
const DEFAULT_REPLICAS = 3;

const out = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const outAll = (lines: readonly string[]): void => lines.forEach(out);

const options = readOptions(process.argv.slice(2));
if (typeof options === 'string') {
  out(options);
  // Not 1, which says that something broke.
  process.exit(2);
}
const { seconds, steps, seed, promotions, replicas = DEFAULT_REPLICAS } = options;

let running = seed ?? 0;
// An unhandled error in the simulated code would end the process without saying in which run.
process.on('uncaughtException', (error: unknown) => {
  out(`Seed ${running} ended in an error that nobody handles:`);
  out(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(1);
});

async function replay(one: number): Promise<never> {
  let isBroken = false;
  for (const world of WORLDS) {
    const { run, lines } = await traced(world, one);
    outAll(lines);
    if (run.violations.length > 0) isBroken = true;
    else out(`Seed ${one} breaks nothing while ${world.name}: ${inWords(run.happened)}.`);
  }
  process.exit(isBroken ? 1 : 0);
}

async function runOf(size: Size, one: number): Promise<never> {
  running = one;
  const { steps: taken, violations, happened } = await run(one, { size });
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const seconds = ((userCPUTime + systemCPUTime) / 1_000_000).toFixed(0);
  for (const { invariant, what } of violations) out(`Broken: ${invariant}, ${what}.`);
  out(
    `Seed ${one}, ${size.promotions} promotions, ${size.replicas} replicas: ${taken.toLocaleString('en')} steps, ` +
      `${seconds} s of a processor, ${(maxRSS / 1_000).toFixed(0)} MB, ${violations.length === 0 ? 'nothing broken' : 'broken'}.`,
  );
  out(`${inWords(happened)}.`);
  process.exit(violations.length === 0 ? 0 : 1);
}

async function checkFound(): Promise<void> {
  for (const found of FOUND) {
    running = found.seed;
    for (const world of WORLDS) {
      const { run, lines } = await check(world, found.seed);
      outAll(lines);
      if (run.violations.length > 0) process.exit(1);
    }
  }
  out(`${FOUND.length} seeds of faults found earlier: nothing broken.`);
}

async function exploreFrom(first: number): Promise<void> {
  const startedAt = performance.now();
  const limit = steps === undefined ? `${seconds ?? DEFAULT_SECONDS} s` : `${steps.toLocaleString('en')} steps`;
  out(`Exploring from seed ${first}, for ${limit}.`);
  const { isGood, lines } = await explore({
    worlds: WORLDS,
    first,
    isOver: (stepsTaken) =>
      steps === undefined ? performance.now() - startedAt >= (seconds ?? DEFAULT_SECONDS) * 1_000 : stepsTaken >= steps,
    onSeed(next) {
      running = next;
    },
  });
  outAll(lines);
  if (!isGood) process.exit(1);
}

if (promotions !== undefined) await runOf({ promotions, replicas }, seed ?? randomInt(MOST_SEED));
if (seed !== undefined && seconds === undefined && steps === undefined) await replay(seed);
await checkFound();
await exploreFrom(seed ?? randomInt(MOST_SEED));
