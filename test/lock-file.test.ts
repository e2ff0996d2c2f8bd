import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const lock = z
  .object({
    packages: z.record(
      z.string(),
      z.looseObject({
        resolved: z.string().optional(),
        optionalDependencies: z.record(z.string(), z.string()).default({}),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(path.resolve(__dirname, '../package-lock.json'), 'utf8')));

describe('the lock file', () => {
  const entries = Object.entries(lock.packages);

  test('names no registry', () => {
    expect(entries.filter(([, entry]) => entry.resolved !== undefined).map(([name]) => name)).toEqual([]);
  });

  test('knows the packages of every platform, without which npm ci refuses it', () => {
    const known = new Set(entries.map(([place]) => place.replace(/^.*node_modules\//u, '')));
    const wanted = entries.flatMap(([, entry]) => Object.keys(entry.optionalDependencies));
    expect(wanted.length).toBeGreaterThan(20);
    expect(wanted.filter((name) => !known.has(name))).toEqual([]);
  });
});
