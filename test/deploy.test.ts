import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { createMetrics } from '../src/metrics.js';
import { FAILURES_TO_LOCK } from '../src/operators/totp.js';

/** Files that install and watch the app name commands and metrics: each has to exist. */

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

test('one operator’s guessing trips a rule, from the first lock on', async () => {
  const metrics = createMetrics();
  const value = async (series: string): Promise<number | undefined> => {
    const { text } = await metrics.expose();
    const line = text.split('\n').find((one) => one.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.split(' ')[1]);
  };
  const wrong = 'flag_promotions_totp_refused_total{reason="wrong"}';
  // A series that appears with its first event shows no increase: it has to exist before.
  expect([await value(wrong), await value('flag_promotions_totp_locks_total')]).toEqual([0, 0]);
  for (let guess = 0; guess < FAILURES_TO_LOCK; guess += 1) metrics.onCodeRefused('wrong');
  metrics.onLocked();
  const written = read('deploy/alert-rules.yml');
  const [, refused] = /totp_refused_total\{reason=~"wrong\|locked"\}\[15m\]\)\) > (\d+)/u.exec(written) ?? [];
  const [, locked] = /totp_locks_total\[1h\]\)\) > (\d+)/u.exec(written) ?? [];
  expect(await value(wrong)).toBeGreaterThan(Number(refused));
  expect(await value('flag_promotions_totp_locks_total')).toBeGreaterThan(Number(locked));
});
