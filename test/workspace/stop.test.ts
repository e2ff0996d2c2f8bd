import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = path.resolve(__dirname, '../..');

/** The demo's exit code, and what is left of its folder, after Ctrl-C once it has said `at`, and again 400 ms later. */
async function stopped(at: string, presses: number): Promise<{ code: number | null; left: readonly string[] }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flag-promotions-stop-'));
  try {
    const { PATH } = process.env;
    const child = spawn(process.execPath, ['--import', 'tsx', 'demo/workspace/main.ts'], {
      cwd: ROOT,
      env: { PATH, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await new Promise<void>((resolve, reject) => {
      void ended.then(() => reject(new Error('The demo ended by itself.')));
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (text.includes(at)) resolve();
      });
    });
    for (let press = 0; press < presses; press += 1) {
      child.kill('SIGINT');
      await sleep(400);
    }
    const code = await ended;
    const left = await readdir(folder);
    return { code, left: left.filter((name) => name.startsWith('flag-promotions-demo-')) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// The folder goes once PostgreSQL has stopped.
test.each([
  ['while it starts', 'Starting PostgreSQL', 1],
  ['once it is open', 'is open', 2],
])(
  'Ctrl-C %s ends the demo and its PostgreSQL',
  async (_, at, presses) => {
    expect(await stopped(at, presses)).toEqual({ code: 0, left: [] });
  },
  120_000,
);
