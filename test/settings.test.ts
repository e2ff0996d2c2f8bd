import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ConfigError, readConfig } from '../src/config.js';
import { UNSET } from '../src/doctor/unset.js';

/** Files that no compiler reads name settings: each must exist, and none may be missing. */

const read = (file: string): string => readFileSync(path.resolve(__dirname, '..', file), 'utf8');

const ALL: readonly string[] = Object.keys(UNSET);

/** What the app asks for if nothing is set. */
function required(): string[] {
  try {
    readConfig({});
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map((fault) => fault.split(' ')[0] ?? '');
    throw error;
  }
  return [];
}

test('.env.example explains every setting, and no other', () => {
  const explained = [...read('.env.example').matchAll(/^#?([A-Z_]+)=/gmu)].map(([, name]) => name);
  expect(explained.toSorted()).toEqual(ALL.toSorted());
});

test('doctor calls unset what may be so, and only that', () => {
  const silent = Object.entries(UNSET).flatMap(([name, words]) => (words === null ? [name] : []));
  // Socket Mode does without it.
  expect(silent.toSorted()).toEqual(
    required()
      .filter((name) => name !== 'SLACK_SIGNING_SECRET')
      .toSorted(),
  );
});

/** The optional settings that .env.example shows with a value: that is their default. */
const DEFAULTS = [...read('.env.example').matchAll(/^#([A-Z_]+)=(.+)$/gmu)].map(
  ([, name = '', value = '']) => [name, value.replaceAll('"', '')] as const,
);

test.each(DEFAULTS)('doctor says the default of %s: %s', (name, value) => {
  const { says } = z.object({ says: z.string() }).parse(Object.entries(UNSET).find(([one]) => one === name)?.[1]);
  expect(says.startsWith(`default: ${value}`)).toBe(true);
});

test('app.json asks for settings that there are, and for every one that is required', () => {
  const { env } = z.object({ env: z.record(z.string(), z.looseObject({})) }).parse(JSON.parse(read('app.json')));
  expect(Object.keys(env).filter((name) => !ALL.includes(name))).toEqual([]);
  // The add-on sets DATABASE_URL.
  expect(Object.keys(env)).toEqual(expect.arrayContaining(required().filter((name) => name !== 'DATABASE_URL')));
});

test.each([
  ['README.md', 'SLACK_CRITICAL_MENTION'],
  ['SECURITY.md', 'TOTP_ENCRYPTION_KEY'],
  ['docs/install.md', 'TOTP_ENCRYPTION_KEY'],
  ['docs/commands.md', 'PUBLIC_URL'],
  ['docs/operating.md', 'TOTP_ENCRYPTION_KEY'],
])('%s names settings that there are, %s among them', (file, one) => {
  const named = [...read(file).matchAll(/\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b/gu)].map(([name]) => name);
  expect(named).toContain(one);
  const others =
    /^(?:FLAG_\w+|PENDING_COMMIT|DEMO_PORT|CONSOLE_DATABASE|NODE_EXTRA_CA_CERTS|PROXY_|\w+_(?:SIGNATURE|CHAIN))$/u;
  expect(named.filter((name) => !ALL.includes(name) && !others.test(name))).toEqual([]);
});
