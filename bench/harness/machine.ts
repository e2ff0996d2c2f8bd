import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Load {
  /** The share of its cores that others used while the bench itself waited. */
  readonly busy: number;
  /** For the table: `12 % of 2 cores`. */
  readonly words: string;
  /** Others used so much that no time measured now counts. */
  readonly isTooHigh: boolean;
}

const SAMPLE_MS = 3_000;
/** A row's own leftovers, such as a checkpoint, may go on for a while. */
const WAIT_AT_MOST_MS = 15_000;
const QUIET = 0.1;

/** Waits until the machine is quiet, at most 15 s; resolves with its load. */
export async function waitForQuiet(): Promise<Load> {
  const deadline = performance.now() + WAIT_AT_MOST_MS;
  let busy = await busyShare();
  while (busy > QUIET && performance.now() < deadline) busy = await busyShare();
  const words = `${Math.round(busy * 100)} % of ${availableParallelism()} cores`;
  return { busy, words, isTooHigh: busy > QUIET };
}

async function busyShare(): Promise<number> {
  const before = times();
  await sleep(SAMPLE_MS);
  const after = times();
  const all = after.all - before.all;
  return all === 0 ? 0 : 1 - (after.idle - before.idle) / all;
}

function times(): { readonly idle: number; readonly all: number } {
  let [idle, all] = [0, 0];
  for (const { times: spent } of cpus()) {
    idle += spent.idle;
    all += Object.values(spent).reduce((sum, one) => sum + one, 0);
  }
  return { idle, all };
}
