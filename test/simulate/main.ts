import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { FOUND } from './found.js';
import { watch } from './watch-world.js';
import { type Run, run } from './world.js';

/**
 * `npm run simulate -- [--seconds N | --steps N] [--seed S]`: runs the promoter and the outbox in virtual time, against
 * models whose every answer can be late, lost, doubled or refused. Exit code 1, with a trace, if an invariant broke. A
 * seed alone is replayed with its trace; with a limit it is the first of many.
 */
const { values } = parseArgs({
  options: { seconds: { type: 'string' }, steps: { type: 'string' }, seed: { type: 'string' } },
});
const DEFAULT_SECONDS = 60;
const MOST_SEED = 2 ** 31;

const out = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function whole(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  out(`--${name} takes a whole number, not ${text}.`);
  process.exit(2);
}

const seconds = whole('seconds', values.seconds);
const steps = whole('steps', values.steps);
const seed = whole('seed', values.seed);

let running = seed ?? 0;
// An unhandled error in the simulated code would end the process without saying in which run.
process.on('uncaughtException', (error: unknown) => {
  out(`Seed ${running} ended in an error that nobody handles:`);
  out(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(1);
});

async function check(one: number): Promise<Run> {
  running = one;
  const done = await run(one);
  if (done.violations.length === 0) return withWatch(done, one);
  const replayed = await run(one, { wantsTrace: true });
  for (const line of replayed.trace) out(line);
  for (const { invariant, what } of replayed.violations) out(`Broken: ${invariant}, ${what}.`);
  out(`Replay: npm run simulate -- --seed ${one}`);
  process.exit(1);
}

/** Watching deployed promotions has its own world, from the same seed. */
async function withWatch(done: Run, one: number): Promise<Run> {
  const { violations, steps: taken, happened } = await watch(one);
  for (const what of violations) out(`Broken: 4, ${what}.`);
  if (violations.length > 0) {
    out(`Replay: npm run simulate -- --seed ${one}`);
    process.exit(1);
  }
  const all = { ...done.happened };
  for (const [what, times] of Object.entries(happened)) all[what] = (all[what] ?? 0) + times;
  return { ...done, steps: done.steps + taken, happened: all };
}

async function replay(one: number): Promise<void> {
  running = one;
  const { trace, violations, happened } = await run(one, { wantsTrace: true });
  for (const line of trace) out(line);
  for (const { invariant, what } of violations) out(`Broken: ${invariant}, ${what}.`);
  if (violations.length === 0) await withWatch({ seed: one, steps: 0, violations, trace, happened }, one);
  if (violations.length === 0) out(`Seed ${one} breaks nothing: ${inWords(happened)}.`);
  process.exit(violations.length === 0 ? 0 : 1);
}

function inWords(happened: Readonly<Record<string, number>>): string {
  return Object.entries(happened)
    .map(([what, times]) => `${times.toLocaleString('en')} ${what}`)
    .join(', ');
}

/** Seed after seed, until the time or the steps are used up. */
async function explore(first: number): Promise<void> {
  const startedAt = performance.now();
  const happened: Record<string, number> = {};
  let runs = 0;
  let stepsTaken = 0;
  const isOver = () =>
    steps === null ? performance.now() - startedAt >= (seconds ?? DEFAULT_SECONDS) * 1_000 : stepsTaken >= steps;
  while (!isOver()) {
    const done = await check((first + runs) % MOST_SEED);
    runs += 1;
    stepsTaken += done.steps;
    for (const [what, times] of Object.entries(done.happened)) happened[what] = (happened[what] ?? 0) + times;
  }
  const took = ((performance.now() - startedAt) / 1_000).toFixed(0);
  out(`${runs} runs from seed ${first}, ${stepsTaken.toLocaleString('en')} steps in ${took} s, nothing broken.`);
  out(`${inWords(happened)}.`);
}

if (seed !== null && seconds === null && steps === null) await replay(seed);
for (const found of FOUND) await check(found.seed);
await explore(seed ?? randomInt(MOST_SEED));
