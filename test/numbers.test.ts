import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { numberIn } from '../scripts/numbers.js';

test.each([
  ['7', { least: 1, most: 9 }, 7],
  ['0', { least: 0, most: 9 }, 0],
  ['0.5', { least: 0.1, most: 9, takesFractions: true }, 0.5],
])('%s is read', (words, range, number) => {
  expect(numberIn('N', words, range)).toBe(number);
});

test.each(['abc', '', '-1', '1e3', '0x1', ' 1', '1.5', '99', 'NaN'])('"%s" is refused', (words) => {
  expect(numberIn('N', words, { least: 0, most: 9 })).toBe(`N takes a whole number from 0 to 9, not ${words}.`);
});

/** Each refuses before it starts a server, an app or a measurement. */
test.each([
  ['test/chaos/run.ts', 'CHAOS_SEED', 'abc'],
  ['test/chaos/soak.ts', 'CHAOS_SEED', '-1'],
  ['test/chaos/soak.ts', 'SOAK_MINUTES', '0'],
  ['scripts/dev/main.ts', 'DEMO_PORT', '65536'],
  ['bench/harness/asked-rows.ts', 'BENCH_ROWS', '1e7'],
])('%s says in one sentence why it refuses %s=%s', async (script, name, value) => {
  const root = path.join(__dirname, '..');
  const child = spawn(process.execPath, ['--import', 'tsx', path.join(root, script)], {
    cwd: root,
    env: { PATH: process.env['PATH'], [name]: value },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  const ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  const [code, output, complaint] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  expect({ code, output, complaint }).toEqual({
    code: 2,
    output: '',
    complaint: expect.stringMatching(
      new RegExp(`^${name} takes a (?:whole )?number from \\S+ to \\d+, not ${value}\\.\\n$`, 'u'),
    ),
  });
});
