import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { lchown, lstat, mkdtemp, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { removeAbandoned } from './abandoned.js';
import { type Account, giveDirectory, NOBODY, type Place, writeOwned } from './account.js';
import { EmbeddedPostgresError, messageOf, unlessCode } from './errors.js';
import { programEnvironment, type Runtime } from './runtime.js';

export const SUPERUSER = 'flag_promotions';
const PASSWORD_FILE = 'flag-promotions.password';

/**
 * How the server's programs are told where their data is. Under another account the absolute path may lead through
 * folders that it can't enter (/root, a DATA_DIR of mode 0700). The kernel's link to the working directory needs none
 * of them: Node enters the folder before it gives up root.
 */
export function dataArgument(account: Account | undefined, directory: string): string {
  return account !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : directory;
}

export async function clusterExists(place: Place): Promise<boolean> {
  return (await unlessCode(lstat(place.cluster), 'ENOENT')) !== undefined;
}

/** The password of the cluster's only account, as kept inside the cluster's folder (mode 0600). */
export async function readPassword(place: Place): Promise<string> {
  const file = path.join(place.cluster, PASSWORD_FILE);
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `The password of the embedded PostgreSQL can't be read from ${file}. The data is untouched. Restore that file ` +
        `from a backup, or, where the data may go, stop the server and delete ${place.cluster}.`,
      { cause },
    );
  }
}

/**
 * Makes a new cluster with a random password. It appears under its final name in one step, complete; of several
 * processes that do so at the same time, one wins and the others use the winner's.
 * @throws EmbeddedPostgresError where initdb fails.
 */
export async function createCluster(place: Place, runtime: Runtime): Promise<void> {
  await removeAbandoned(place.dataDir, 'postgres.init-');
  const stage = await mkdtemp(path.join(place.dataDir, `postgres.init-${process.pid}-`));
  const passwordFile = `${stage}.password`;
  try {
    const password = randomBytes(24).toString('hex');
    await initialise(place, runtime, stage, password, passwordFile);
    await writeOwned(path.join(stage, PASSWORD_FILE), `${password}\n`, place.account);
    await unlessCode(rename(stage, place.cluster), 'ENOTEMPTY', 'EEXIST', 'EPERM');
    await syncDirectory(place.dataDir);
  } catch (cause) {
    const unknown = isUnknownAccount(cause);
    throw new EmbeddedPostgresError(
      `PostgreSQL could not make its data folder in ${place.dataDir}. Nothing was left behind. ${
        unknown
          ? `It needs an account with a name, and uid ${process.getuid?.()} has none: add it to /etc/passwd`
          : 'Check the free space and the permissions there'
      }, or set DATABASE_URL to use your own PostgreSQL.`,
      { cause },
    );
  } finally {
    await rm(passwordFile, { force: true });
    await rm(stage, { recursive: true, force: true });
  }
}

/** initdb refuses an account that has no name (in a container, the owner of what is mounted). The server doesn't. */
function isUnknownAccount(error: unknown): boolean {
  return messageOf(error).includes('could not look up effective user ID');
}

async function initialise(
  place: Place,
  runtime: Runtime,
  stage: string,
  password: string,
  passwordFile: string,
): Promise<void> {
  const run = async (account: Account | undefined): Promise<void> => {
    if (account !== undefined) await giveDirectory(stage, account);
    await writeOwned(passwordFile, password, account);
    await runInitdb(runtime, stage, passwordFile, account);
  };
  try {
    await run(place.account);
  } catch (error) {
    if (place.account === undefined || !isUnknownAccount(error)) throw error;
    await rm(passwordFile);
    await run(NOBODY);
    await giveTree(stage, place.account);
  }
}

async function giveTree(directory: string, account: Account): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    await lchown(path.join(entry.parentPath, entry.name), account.uid, account.gid);
  }
  await giveDirectory(directory, account);
}

async function runInitdb(
  runtime: Runtime,
  stage: string,
  passwordFile: string,
  account: Account | undefined,
): Promise<void> {
  // An open file can be reached through the kernel's link to it, whatever folders it lies in.
  const byDescriptor = account !== undefined && process.platform === 'linux';
  const passwordHandle = await open(passwordFile, constants.O_RDONLY);
  try {
    const child = spawn(
      runtime.initdb,
      [
        ...['-D', dataArgument(account, stage)],
        `--pwfile=${byDescriptor ? '/proc/self/fd/3' : passwordFile}`,
        `--username=${SUPERUSER}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // The builtin provider sorts alike on every platform and in every release of the system's C library.
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
      ],
      {
        cwd: stage,
        env: programEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe', passwordHandle.fd],
        windowsHide: true,
        ...account,
      },
    );
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code, signal] = await once(child, 'close');
    if (code !== 0) throw new Error(`initdb ended with ${code ?? signal}:\n${output.trim()}`);
  } finally {
    await passwordHandle.close();
  }
}

/** @throws EmbeddedPostgresError where the cluster was made by another major version of PostgreSQL. */
export async function requireSameVersion(place: Place, runtime: Runtime): Promise<void> {
  const file = path.join(place.cluster, 'PG_VERSION');
  let made: string;
  try {
    made = (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `${place.cluster} exists, but is not a PostgreSQL data folder (no PG_VERSION in it). It is left untouched: ` +
        'move it away, or point DATA_DIR at another folder.',
      { cause },
    );
  }
  if (made === runtime.majorVersion) return;
  throw new EmbeddedPostgresError(
    `${place.cluster} was made by PostgreSQL ${made}, but this release brings PostgreSQL ${runtime.majorVersion}, which ` +
      `can not read it. The data is untouched: go back to the release before, dump the data (pg_dump) and load it ` +
      'into a new DATA_DIR or into your own server (DATABASE_URL).',
  );
}

async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
