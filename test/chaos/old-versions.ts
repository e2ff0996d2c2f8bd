import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { migrations } from '../../migrations/index.js';
import { ROOT } from './child.js';

const run = promisify(execFile);

/** The program before the newest migrations. */
export interface OldVersion {
  readonly commit: string;
  readonly newestMigration: string;
  readonly behind: number;
}

/** The newest commit of each earlier schema in the repository's history; latest schema first. */
export async function oldVersions(): Promise<readonly OldVersion[]> {
  const current = migrations.map(({ name }) => name);
  const { stdout } = await run('git', ['log', '--first-parent', '--format=%H'], { cwd: ROOT });
  const found = new Map<number, OldVersion>();
  for (const commit of stdout.trim().split('\n')) {
    const known = await migrationsAt(commit);
    const newestMigration = known.at(-1);
    const isPrefix = known.length < current.length && known.every((name, index) => name === current[index]);
    if (newestMigration === undefined || !isPrefix || found.has(known.length)) continue;
    found.set(known.length, { commit, newestMigration, behind: current.length - known.length });
  }
  return [...found.values()];
}

/** The newest commit, to run beside today's sources until the history has an earlier schema. */
export async function newestCommit(): Promise<OldVersion> {
  const newestMigration = (await migrationsAt('HEAD')).at(-1);
  if (newestMigration === undefined) throw new Error('The newest commit lists no migrations.');
  return { commit: 'HEAD', newestMigration, behind: 0 };
}

async function migrationsAt(commit: string): Promise<readonly string[]> {
  const shown = await run('git', ['show', `${commit}:migrations/index.ts`], { cwd: ROOT }).catch(() => null);
  return [...(shown?.stdout ?? '').matchAll(/name: '([^']+)'/gu)].map(([, name]) => name ?? '');
}

/** Its sources in their own folder, with today's packages. */
export async function checkOut(version: OldVersion): Promise<{ readonly root: string; remove(): Promise<void> }> {
  const root = await mkdtemp(path.join(tmpdir(), 'flag-promotions-old-'));
  const archive = path.join(root, 'sources.tar');
  await run('git', ['archive', '--output', archive, version.commit], { cwd: ROOT });
  await run('tar', ['-xf', archive, '-C', root]);
  await symlink(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'));
  return { root, remove: () => rm(root, { recursive: true, force: true }) };
}
