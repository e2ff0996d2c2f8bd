import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
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
  if (!existsSync(folder)) await build(folder);
  return path.join(folder, 'cli.js');
}

async function build(folder: string): Promise<void> {
  await mkdir(ARTIFACTS, { recursive: true });
  const own = await mkdtemp(path.join(ARTIFACTS, 'building-'));
  await promisify(execFile)(process.execPath, ['--import', 'tsx', path.join(ROOT, 'scripts/bundle.ts'), own], {
    cwd: ROOT,
  });
  try {
    await rename(own, folder);
  } catch (error) {
    // Another worker was first; its folder is complete, because a rename is atomic.
    await rm(own, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
}

/** Call once, after all tests of a run. */
export async function removeBuiltApp(): Promise<void> {
  await rm(folderOf(testRun()), { recursive: true, force: true });
}
