import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Each promise in SECURITY.md points at what keeps it, which has to exist. */
const ROOT = path.resolve(__dirname, '..');
const TEXT = readFileSync(path.join(ROOT, 'SECURITY.md'), 'utf8');
const NAMED = [...new Set([...TEXT.matchAll(/`(test\/[^`\s]+)`/gu)].map(([, name]) => name ?? ''))];

test.each(NAMED)('%s, which SECURITY.md names, exists', (name) => {
  expect(existsSync(path.join(ROOT, name))).toBe(true);
});

test('a scenario that it names is one that is run', () => {
  const run = readFileSync(path.join(ROOT, 'test/chaos/run.ts'), 'utf8');
  const scenarios = NAMED.filter((name) => name.startsWith('test/chaos/'));
  expect(scenarios.length).toBeGreaterThan(3);
  for (const name of scenarios) expect(run).toContain(`'./${path.basename(name, '.ts')}.js'`);
});

test.each(['bot token', 'member of the channel', 'Slack Connect guest', 'read-only leak', 'leaked TOTP key'])(
  'the threat of a %s is answered, with its test',
  (threat) => {
    const [paragraph] = TEXT.split(/\n- /u).filter((part) => part.split('**')[1]?.includes(threat));
    expect(paragraph).toMatch(/`test\/[^`]+`/u);
  },
);

test('every secret of the configuration is in the table of what it opens', () => {
  const example = readFileSync(path.join(ROOT, '.env.example'), 'utf8');
  const secrets = [...example.matchAll(/^#?([A-Z_]*(?:TOKEN|SECRET|KEY))=/gmu)].map(([, name]) => name ?? '');
  expect(secrets.length).toBeGreaterThan(4);
  for (const secret of secrets) expect(TEXT).toMatch(new RegExp(`^\\| ${secret}\\b`, 'mu'));
});
