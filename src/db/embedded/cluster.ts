import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lchown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { removeAbandoned } from './abandoned.js';
import { type Account, NOBODY, type Place } from './account.js';
import { EmbeddedPostgresError, messageOf, unlessCode } from './errors.js';
import { programEnvironment, type Runtime } from './runtime.js';

export const SUPERUSER = 'flag_promotions';
const PASSWORD_FILE = 'flag-promotions.password';
const STAGE = 'postgres.init-';
const run = promisify(execFile);

/**
 * The data folder for PostgreSQL's programs. Another account may be unable to enter the folders above it (/root,
 * DATA_DIR), but Node enters it before dropping root, and /proc/self/cwd needs no others.
 */
export function dataArgument(account: Account | undefined, directory: string): string {
  return account !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : directory;
}

/** The password of the cluster's only account, kept inside its folder. */
export async function readPassword(place: Place): Promise<string> {
  const file = path.join(place.cluster, PASSWORD_FILE);
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `The password of the embedded PostgreSQL can't be read from ${file} (${messageOf(cause)}). Restore that file from ` +
        `a backup. If the data may go, stop the app and delete ${place.cluster}.`,
      { cause },
    );
  }
}

/**
 * Creates a cluster with a random password, renamed once complete. Of two processes at once, one wins and the other
 * uses its cluster.
 */
export async function createCluster(place: Place, runtime: Runtime): Promise<void> {
  await removeAbandoned(place.dataDir, STAGE);
  const stage = await mkdtemp(path.join(place.dataDir, `${STAGE}${process.pid}-`));
  const data = path.join(stage, 'data');
  const passwordFile = path.join(stage, 'password');
  // initdb refuses a uid without a name, which a mounted checkout's owner may be; the server doesn't.
  const maker = place.account !== undefined && process.platform === 'linux' ? NOBODY : place.account;
  try {
    await mkdir(data, { mode: 0o700 });
    await writeFile(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600, flush: true });
    for (const made of [stage, data, passwordFile]) if (maker) await lchown(made, maker.uid, maker.gid);
    await runInitdb(runtime, data, maker);
    await rename(passwordFile, path.join(data, PASSWORD_FILE));
    if (place.account) await run('chown', ['-R', `${place.account.uid}:${place.account.gid}`, data]);
    await unlessCode(rename(data, place.cluster), 'ENOTEMPTY', 'EEXIST', 'EPERM');
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

async function runInitdb(runtime: Runtime, data: string, account: Account | undefined): Promise<void> {
  const options = [
    ...['-D', dataArgument(account, data)],
    // Relative, so that no folder above has to be entered.
    '--pwfile=../password',
    `--username=${SUPERUSER}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The builtin provider sorts the same on every platform and C library.
    ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    '--no-instructions',
  ];
  try {
    await run(runtime.initdb, options, { cwd: data, env: programEnvironment(), ...account });
  } catch (cause) {
    const said = messageOf(cause)
      .replace(/^Command failed: .*\n/u, '')
      .trim();
    const help = said.includes('could not look up effective user ID')
      ? `uid ${process.getuid?.()} has no name: add it to /etc/passwd, or set DATABASE_URL to a PostgreSQL URL.`
      : 'Check the free space and the permissions of DATA_DIR.';
    throw new EmbeddedPostgresError(
      `PostgreSQL could not make its data folder, and left nothing behind. ${help}\n${said}`,
      { cause },
    );
  }
}

/** @throws EmbeddedPostgresError if another major version of PostgreSQL made the cluster */
export async function requireSameVersion(place: Place, runtime: Runtime): Promise<void> {
  const made = (await unlessCode(readFile(path.join(place.cluster, 'PG_VERSION'), 'utf8'), 'ENOENT'))?.trim();
  if (made === runtime.majorVersion) return;
  throw new EmbeddedPostgresError(
    made === undefined
      ? `${place.cluster} is not a PostgreSQL data folder (no PG_VERSION). Move it away, or set DATA_DIR to another folder.`
      : `PostgreSQL ${made} made ${place.cluster}, and this release brings PostgreSQL ${runtime.majorVersion}. Go back to ` +
          'the release before, dump the data (pg_dump), and load it into a new DATA_DIR or a server of your own.',
  );
}
