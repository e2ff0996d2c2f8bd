import { constants } from 'node:fs';
import { access, lstat, mkdir, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { codeOf, EmbeddedPostgresError, unlessCode } from './errors.js';

/** The account that the server runs under where it is another one than this process's. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Where everything of one embedded server is. */
export interface Place {
  readonly dataDir: string;
  readonly cluster: string;
  readonly logFile: string;
  /** Undefined: the server runs under this process's own account. */
  readonly account: Account | undefined;
}

// "nobody" on Linux and, as an overflow id, known to every kernel: no account has to be made for it.
export const NOBODY: Account = { uid: 65534, gid: 65534 };

/**
 * Creates DATA_DIR where it is missing and decides under which account the server runs.
 *
 * PostgreSQL refuses to run as root. A root process therefore hands it to the owner of the data: of the cluster, else
 * of DATA_DIR, else `nobody`. So whoever owns the checkout can go on without root afterwards.
 * @throws EmbeddedPostgresError where the folders belong to somebody else.
 */
export async function preparePlace(directory: string): Promise<Place> {
  const dataDir = path.resolve(directory);
  const cluster = path.join(dataDir, 'postgres');
  const place = { dataDir, cluster, logFile: path.join(dataDir, 'postgres.log') };
  const uid = process.getuid?.();

  await createDataDir(dataDir, uid);
  if (uid === undefined) return { ...place, account: undefined };
  if (uid !== 0) {
    await requireOwnData(dataDir, cluster, uid);
    return { ...place, account: undefined };
  }

  const owned = await unlessCode(lstat(cluster), 'ENOENT');
  if (owned?.uid === 0) {
    throw new EmbeddedPostgresError(
      `${cluster} belongs to root, and PostgreSQL refuses to run as root. ` +
        `Give the folder to another account, for example: chown -R ${NOBODY.uid}:${NOBODY.gid} '${cluster}'`,
    );
  }
  if (owned !== undefined) return { ...place, account: { uid: owned.uid, gid: owned.gid } };
  const parent = await stat(dataDir);
  return { ...place, account: parent.uid === 0 ? NOBODY : { uid: parent.uid, gid: parent.gid } };
}

async function createDataDir(dataDir: string, uid: number | undefined): Promise<void> {
  try {
    const firstCreated = await mkdir(dataDir, { recursive: true, mode: 0o700 });
    if (uid !== 0 || firstCreated === undefined) return;
    // A root process (sudo, a container with the checkout mounted) must not leave a folder in somebody's checkout that
    // its owner can't enter.
    const parent = await stat(path.dirname(firstCreated));
    if (parent.uid !== 0) await giveDirectory(dataDir, { uid: parent.uid, gid: parent.gid });
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The folder for the embedded PostgreSQL, ${dataDir}, can't be created (${codeOf(error) ?? String(error)}). ` +
        'Point DATA_DIR at a folder that this account can write to, or set DATABASE_URL to use your own PostgreSQL.',
      { cause: error },
    );
  }
}

async function requireOwnData(dataDir: string, cluster: string, uid: number): Promise<void> {
  const explain = (folder: string, owner: number, cause?: unknown): EmbeddedPostgresError =>
    new EmbeddedPostgresError(
      `${folder} belongs to ${accountName(owner)}, but this process runs as uid ${uid}, so the embedded PostgreSQL ` +
        'in it can not be used. Probably it was first started as another user (as root?). Run it as that user again, ' +
        `or hand the data over once: sudo chown -R ${uid}:${process.getgid?.() ?? uid} '${dataDir}' (while it is ` +
        'stopped), or point DATA_DIR at another folder, or set DATABASE_URL.',
      { cause },
    );
  try {
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const found = await stat(dataDir).catch(() => undefined);
    if (found !== undefined && found.uid !== uid) throw explain(dataDir, found.uid, error);
    throw new EmbeddedPostgresError(
      `This account (uid ${uid}) can not read and write ${dataDir} (${codeOf(error) ?? String(error)}). ` +
        'Correct its permissions, or point DATA_DIR at another folder, or set DATABASE_URL.',
      { cause: error },
    );
  }
  const found = await unlessCode(lstat(cluster), 'ENOENT');
  if (found !== undefined && found.uid !== uid) throw explain(cluster, found.uid);
}

function accountName(uid: number): string {
  if (uid === 0) return 'root';
  return uid === NOBODY.uid ? `uid ${uid} (nobody, which stands in for root)` : `uid ${uid}`;
}

/** Gives a folder to the account; a symbolic link in its place is refused, as root must not follow one. */
export async function giveDirectory(directory: string, account: Account): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await handle.chown(account.uid, account.gid);
  } finally {
    await handle.close();
  }
}

/** Writes a new file (it must not exist yet) that belongs to the server's account. */
export async function writeOwned(file: string, content: string | Buffer, account: Account | undefined): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    if (account !== undefined) await handle.chown(account.uid, account.gid);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
