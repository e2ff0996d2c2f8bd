import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT, runToEnd } from './processes.js';

/** The commit that the goals were set against. */
const COMMIT = '32654ae';
export const BEFORE = `the build of ${COMMIT}`;

const run = promisify(execFile);

/**
 * The app's command line at that commit, built once into `bench/.cache` with today's packages. Measured in the same run
 * as this checkout, it shows a change's effect on any machine.
 * @returns null if the history lacks the commit, as in a shallow clone
 */
export async function buildBefore(): Promise<string | null> {
  const folder = path.join(ROOT, 'bench/.cache', `before-${COMMIT}`);
  const file = path.join(folder, 'dist/src/cli.js');
  if (existsSync(file)) return file;
  const hasCommit = await run('git', ['cat-file', '-e', `${COMMIT}^{commit}`], { cwd: ROOT }).then(
    () => true,
    () => false,
  );
  if (!hasCommit) return null;
  const building = `${folder}.building`;
  await rm(building, { recursive: true, force: true });
  await mkdir(building, { recursive: true });
  await run(
    'sh',
    ['-c', `git archive ${COMMIT} src migrations scripts package.json tsconfig.json | tar -x -C "${building}"`],
    {
      cwd: ROOT,
    },
  );
  await symlink(path.join(ROOT, 'node_modules'), path.join(building, 'node_modules'));
  await run(process.execPath, ['--import', 'tsx', 'scripts/bundle.ts'], { cwd: building });
  await rename(building, folder);
  return file;
}

/** Gives an empty database the schema of the app at that commit. */
export async function migrateBefore(file: string, databaseUrl: string): Promise<void> {
  await runToEnd(file, ['migrate'], { DATABASE_URL: databaseUrl });
}
