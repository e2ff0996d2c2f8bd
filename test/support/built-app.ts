import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { codeOf } from '../../src/db/embedded/errors.js';
import { testRun } from './database.js';

const ROOT = path.resolve(__dirname, '../..');
// Inside the project: packages outside the bundle are found in its node_modules.
const ARTIFACTS = path.join(ROOT, 'artifacts');

const folderOf = (run: string): string => path.join(ARTIFACTS, `app-${run}`);

/**
 * The command line from `npm run build`, built once for a run: it is what is deployed, and starts in a fifth of the
 * sources' time.
 */
export async function builtApp(): Promise<string> {
  const folder = folderOf(testRun());
  while (!existsSync(folder)) await buildAlone(folder);
  return path.join(folder, 'cli.js');
}

/** Only one worker builds, which takes it ten seconds of the processor; the others wait. */
async function buildAlone(folder: string): Promise<void> {
  const lock = `${folder}.lock`;
  await mkdir(ARTIFACTS, { recursive: true });
  try {
    await mkdir(lock);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    await sleep(100);
    return;
  }
  try {
    if (!existsSync(folder)) await build(folder);
  } finally {
    await rm(lock, { recursive: true });
  }
}

async function build(folder: string): Promise<void> {
  const own = await mkdtemp(path.join(ARTIFACTS, 'building-'));
  await promisify(execFile)(process.execPath, ['--import', 'tsx', path.join(ROOT, 'scripts/bundle.ts'), own], {
    cwd: ROOT,
  });
  // At once: who finds it finds all of it.
  await rename(own, folder);
}

/** Call once, after all tests of a run. */
export async function removeBuiltApp(): Promise<void> {
  await rm(folderOf(testRun()), { recursive: true, force: true });
}
