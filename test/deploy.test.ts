import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { createMetrics } from '../src/metrics.js';

/** What installs and watches the app names settings, commands and metrics: each has to be one that there is. */

const read = (file: string): string => readFileSync(path.resolve(__dirname, '..', file), 'utf8');
const settings = new Set([...read('.env.example').matchAll(/^#?([A-Z_]+)=/gmu)].map(([, name]) => name));

test('app.json asks for settings that there are, and for every one that is required', () => {
  const app = z.object({ env: z.record(z.string(), z.looseObject({})), addons: z.array(z.string()) });
  const { env, addons } = app.parse(JSON.parse(read('app.json')));
  expect(Object.keys(env).filter((name) => !settings.has(name))).toEqual([]);
  const required = [
    ...read('src/config.ts').matchAll(/^ {2}([A-Z_]+): (?:required\(|z\.preprocess\([^)]*is required)/gmu),
  ];
  expect(required.length).toBeGreaterThanOrEqual(2);
  const fromAddons = addons.some((addon) => addon.startsWith('heroku-postgresql')) ? ['DATABASE_URL'] : [];
  for (const [, name] of required) expect([...Object.keys(env), ...fromAddons]).toContain(name);
});

test.each([
  ['Procfile', /node (\S+) (\S+)/gu],
  ['Dockerfile', /"node", "(dist\S+)", "(\w+)"/gu],
  ['deploy/flag-promotions.service', /node \/opt\/flag-promotions\/(\S+) (\S+)/gu],
])('%s runs commands that there are', (file, command) => {
  const found = [...read(file).matchAll(command)];
  expect(found.length).toBeGreaterThan(0);
  for (const [, program, verb] of found) {
    expect(program).toBe('dist/src/cli.js');
    expect(read('src/cli.ts')).toContain(`.command('${verb}')`);
  }
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
