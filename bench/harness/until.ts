import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 10;
const GIVE_UP_MS = 120_000;

/** @throws if it takes too long */
export async function until(isSo: () => Promise<boolean>, withinMs = GIVE_UP_MS): Promise<void> {
  for (const deadline = performance.now() + withinMs; !(await isSo()); await sleep(LOOK_EVERY_MS)) {
    if (performance.now() > deadline) throw new Error('It took too long.');
  }
}
