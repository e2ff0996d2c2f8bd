import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { createMetrics } from '../src/metrics.js';

/** What installs and watches the app names commands and metrics: each has to be one that there is. */

const read = (file: string): string => readFileSync(path.resolve(__dirname, '..', file), 'utf8');

/** How each starts Node: its options, the program, the command. */
const STARTS: readonly [string, RegExp][] = [
  ['Procfile', /node ((?:--\S+ )*)(\S+) (\S+)/gu],
  ['Dockerfile', /"node", ((?:"--\S+", )*)"(dist\S+)", "(\w+)"/gu],
  ['deploy/flag-promotions.service', /node ((?:--\S+ )*)\/opt\/flag-promotions\/(\S+) (\S+)/gu],
];

test('all start the app with the same options of Node', () => {
  const options = STARTS.map(([file, command]) => {
    const start = [...read(file).matchAll(command)].find(([, , , verb]) => verb === 'start');
    return start?.[1]?.replaceAll(/[",]/gu, '').trim();
  });
  expect(options[0]).toContain('--max-semi-space-size');
  expect(new Set(options).size).toBe(1);
});

test.each(STARTS)('%s runs commands that there are', (file, command) => {
  const found = [...read(file).matchAll(command)];
  expect(found.length).toBeGreaterThan(0);
  for (const [, , program, verb] of found) {
    expect(program).toBe('dist/src/cli.js');
    expect(read('src/cli.ts')).toContain(`.command('${verb}')`);
  }
});

describe("the guide's command prints the link of a clone's own deploy page", () => {
  const command = /^echo "https:\/\/www\.heroku\.com\/deploy.*$/mu.exec(read('docs/install.md'))?.[0] ?? '';

  test.each(['https://github.com/acme/flags.git', 'git@github.com:acme/flags.git', 'https://github.com/acme/flags'])(
    '%s',
    (remote) => {
      const clone = mkdtempSync(path.join(tmpdir(), 'clone-'));
      try {
        execFileSync('git', ['init', '--quiet', clone]);
        execFileSync('git', ['-C', clone, 'remote', 'add', 'origin', remote]);
        const printed = execFileSync('sh', ['-c', command], { cwd: clone, encoding: 'utf8' }).trim();
        expect(printed).toBe('https://www.heroku.com/deploy?template=https://github.com/acme/flags');
      } finally {
        rmSync(clone, { recursive: true });
      }
    },
  );
});

describe('what is watched is measured', () => {
  const rules = z.object({
    groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
  });
  const dashboard = z.object({
    panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })) })),
  });

  test.each([
    [
      'deploy/alert-rules.yml',
      () =>
        rules
          .parse(parse(read('deploy/alert-rules.yml')))
          .groups.flatMap((group) => group.rules.map((rule) => rule.expr)),
    ],
    [
      'deploy/grafana-dashboard.json',
      () =>
        dashboard
          .parse(JSON.parse(read('deploy/grafana-dashboard.json')))
          .panels.flatMap((panel) => panel.targets.map(({ expr }) => expr)),
    ],
  ])('%s', async (_, expressions) => {
    const { text } = await createMetrics().expose();
    const measured = new Set([...text.matchAll(/^# TYPE (\S+)/gmu)].map(([, name]) => name));
    const asked = expressions().flatMap((expr) =>
      [...expr.matchAll(/\b(?:flag_promotions|process|nodejs)_\w+/gu)].map(([name]) => name.replace(/_bucket$/u, '')),
    );
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((name) => !measured.has(name))).toEqual([]);
  });
});
