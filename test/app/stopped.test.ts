import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { RunningApp } from '../../src/app.js';
import { startTestBed } from '../support/app.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

async function startAndStop(): Promise<WeakRef<RunningApp>> {
  const bed = await startTestBed();
  await bed.close();
  return new WeakRef(bed.app);
}

test('a stopped app is gone: neither timer nor observer keeps it', async () => {
  const apps: WeakRef<RunningApp>[] = [];
  // The last one may wait for its sockets to close.
  for (let count = 0; count < 4; count += 1) apps.push(await startAndStop());
  for (let tries = 0; tries < 50 && apps.some((app) => app.deref() !== undefined); tries += 1) {
    await sleep(100);
    collectGarbage();
  }
  expect(apps.slice(0, -1).map((app) => app.deref())).toEqual([undefined, undefined, undefined]);
});
