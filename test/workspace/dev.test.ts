import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { partOf } from '../../scripts/dev/parts.js';
import { freePort } from '../../src/db/embedded/free-port.js';
import { eventually } from '../support/eventually.js';
import { firstSeen } from '../support/first-seen.js';
import { PATIENCE } from '../support/patience.js';

const ROOT = path.resolve(__dirname, '../..');

test.each([
  ['src/views/headline.ts', 'app'],
  ['src/views/help.ts', 'around'],
  ['demo/workspace/page/page.tsx', 'page'],
  ['demo/workspace/page/style/tokens.css', 'page'],
  ['demo/slack/views.ts', 'around'],
  ['migrations/index.ts', 'around'],
  ['manifest.yml', 'around'],
  ['src/views/.headline.ts.swp', null],
  ['test/promotions/make.ts', null],
])('a saved %s builds %j', (file, part) => {
  expect(partOf(file)).toBe(part);
});

/** The command lines of the processes that run something of a folder; Linux tells. */
async function programsOf(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/u.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(folder));
}

describe('npm run dev', () => {
  let copy: string;
  let dev: ChildProcess;
  let url: string;
  let said = '';

  const edit = async (file: string, from: string, to: string) => {
    const text = await readFile(path.join(copy, file), 'utf8');
    expect(text).toContain(from);
    await writeFile(path.join(copy, file), text.replace(from, to));
  };
  /** Everything that the incident's alert shows. */
  const alert = async () => {
    const { messages } = await firstSeen(url);
    return JSON.stringify(messages.find(({ text }) => text.includes('console_heroku_log_drain_alerting')) ?? null);
  };

  beforeAll(async () => {
    copy = await mkdtemp(path.join(tmpdir(), 'flag-promotions-dev-copy-'));
    for (const name of ['src', 'demo', 'migrations', 'scripts', 'manifest.yml', 'package.json', 'tsconfig.json']) {
      await cp(path.join(ROOT, name), path.join(copy, name), { recursive: true });
    }
    await symlink(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}/`;
    dev = spawn(process.execPath, ['--import', 'tsx', 'scripts/dev/main.ts'], {
      cwd: copy,
      env: { PATH: process.env['PATH'], DEMO_PORT: String(port), DEMO_PATIENCE: String(PATIENCE) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [dev.stdout, dev.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
    }
    await eventually(async () => expect(said).toContain('The workspace is open'));
    await eventually(async () => expect(await alert()).toContain('no RCA'));
  });
  afterAll(async () => {
    // What waits for the next build must end with the others.
    await eventually(async () =>
      expect((await programsOf(copy)).filter((line) => line.includes('demo-app.js'))).toHaveLength(2),
    );
    const ended = new Promise((resolve) => (dev.exitCode === null ? dev.once('exit', resolve) : resolve(dev.exitCode)));
    dev.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(await programsOf(copy)).toEqual([]);
    await rm(copy, { recursive: true, force: true });
  });

  test('a word of the alert is live in the page once it is saved, and the workspace stays', async () => {
    const { messages } = await firstSeen(url);
    await edit('src/views/alert.ts', "'no RCA'", "'RCA missing'");
    await eventually(async () => expect(await alert()).toContain('RCA missing'));
    expect((await firstSeen(url)).messages.map(({ ts }) => ts)).toEqual(
      expect.arrayContaining(messages.map(({ ts }) => ts)),
    );
  });

  test('a source that doesn’t compile is reported, and the demo keeps running', async () => {
    await edit('src/views/alert.ts', "'RCA missing'", "'RCA missing");
    await eventually(async () => expect(said).toContain('ERROR'));
    expect(await alert()).toContain('RCA missing');
    await edit('src/views/alert.ts', "'RCA missing", "'RCA wanted'");
    await eventually(async () => expect(await alert()).toContain('RCA wanted'));
  });

  test('the page is loaded again once a file of it is saved', async () => {
    const { body } = await fetch(`${url}events`);
    await edit('demo/workspace/page/style/tokens.css', ':root', ':root { --mark-of-this-test: 1px }\n:root');
    let heard = '';
    for await (const chunk of body ?? []) {
      heard += Buffer.from(chunk).toString('utf8');
      if (heard.match(/^event: page$/gmu)?.length === 2) break;
    }
    expect(await (await fetch(`${url}page.css`)).text()).toContain('--mark-of-this-test');
  });
});
