import { lchown, lstat, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { NoDatabaseError } from '../errors.js';
import { codeOf, EmbeddedPostgresError, unlessCode } from './errors.js';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Where one embedded server's files are. */
export interface Place {
  readonly dataDir: string;
  readonly cluster: string;
  readonly logFile: string;
  readonly clusterExists: boolean;
  /** Undefined: the server runs under this process's account. */
  readonly account: Account | undefined;
}

// "nobody" on Linux; every kernel knows it as the overflow id.
export const NOBODY: Account = { uid: 65534, gid: 65534 };

/**
 * Finds the cluster under DATA_DIR and who runs the server. PostgreSQL refuses root, so root uses the owner of the
 * cluster, else of DATA_DIR, else `nobody`: a checkout's owner can continue without root.
 * @throws NoDatabaseError if there is no cluster and `create` is false
 * @throws EmbeddedPostgresError if the cluster is somebody else's
 */
export async function findPlace(directory: string, create: boolean): Promise<Place> {
  const dataDir = path.resolve(directory);
  const cluster = path.join(dataDir, 'postgres');
  const uid = process.getuid?.();
  const found = await unlessCode(lstat(cluster), 'ENOENT', 'ENOTDIR').catch(async (error: unknown) => {
    throw codeOf(error) === 'EACCES' ? notOwn(dataDir, (await stat(dataDir)).uid) : error;
  });
  if (found === undefined && !create) {
    throw new NoDatabaseError(
      `There is no database in ${cluster} yet. Run flag-promotions start or migrate first, or set DATA_DIR to the ` +
        'folder that the app uses.',
    );
  }
  if (found === undefined) await createDataDir(dataDir, uid);
  else if (uid === 0 ? found.uid === 0 : uid !== undefined && found.uid !== uid) throw notOwn(cluster, found.uid);
  const { uid: owner, gid } = found ?? (await stat(dataDir));
  return {
    dataDir,
    cluster,
    logFile: path.join(dataDir, 'postgres.log'),
    clusterExists: found !== undefined,
    account: uid !== 0 ? undefined : owner === 0 ? NOBODY : { uid: owner, gid },
  };
}

function notOwn(folder: string, owner: number): EmbeddedPostgresError {
  const uid = process.getuid?.();
  const heir = uid === 0 ? `${NOBODY.uid}:${NOBODY.gid}` : `${uid}:${process.getgid?.()}`;
  const name = owner === NOBODY.uid ? `uid ${owner} (nobody, who stands in for root)` : `uid ${owner}`;
  const but = uid === 0 ? 'PostgreSQL refuses to run as root' : `this process runs as uid ${uid}`;
  return new EmbeddedPostgresError(
    `${folder} belongs to ${owner === 0 ? 'root' : name}, and ${but}. Run it as the user who first started the app, or ` +
      `stop the app and run: sudo chown -R ${heir} '${folder}'`,
  );
}

async function createDataDir(dataDir: string, uid: number | undefined): Promise<void> {
  const firstCreated = await mkdir(dataDir, { recursive: true, mode: 0o700 });
  if (uid !== 0 || firstCreated === undefined) return;
  // Root (sudo, a container with the checkout mounted) mustn't leave a folder that the checkout's owner can't enter.
  const parent = await stat(path.dirname(firstCreated));
  await lchown(dataDir, parent.uid, parent.gid);
}
