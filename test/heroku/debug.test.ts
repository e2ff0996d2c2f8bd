import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { APP, FLAG, type Harness, OTHER_VALUE, startHarness, TOKEN } from './harness.js';

const run = promisify(execFile);

let harness: Harness;

beforeEach(async () => {
  harness = await startHarness();
});

afterEach(() => harness.close());

async function printed(which: 'adapter' | 'original'): Promise<string> {
  const script = path.join(__dirname, 'debug-child.ts');
  const { stdout, stderr } = await run(
    process.execPath,
    ['--import', 'tsx', script, which, harness.standIn.apiUrl, TOKEN, APP, FLAG],
    { env: { ...process.env, DEBUG: 'http', NODE_OPTIONS: '' } },
  );
  return stdout + stderr;
}

test('DEBUG=http prints nothing of ours', async () => {
  await expect(printed('adapter')).resolves.toBe('');
  expect(harness.standIn.requests.map(({ status }) => status)).toEqual([200, 200, 404]);
});

test("DEBUG=http prints the original's bodies: so the test above can fail", async () => {
  await expect(printed('original')).resolves.toContain(OTHER_VALUE);
});
