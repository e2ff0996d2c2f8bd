import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** The app in its own process, as in production: killing it kills nothing else. */
export interface Child {
  readonly process: ChildProcess;
  /** Its output so far, both streams. */
  output(): string;
  /** Only its standard output. */
  answer(): string;
  /** The port it serves, once it is up. @throws if it ends before that */
  port(): Promise<number>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  /** Bytes in use after garbage collection, and resident bytes. */
  memory(): Promise<{ readonly heap: number; readonly rss: number }>;
  /** The longest block of its event loop and the peak of its resident memory since the last call. */
  watched(): Promise<{ readonly longestBlockMs: number; readonly peakRss: number }>;
  /** SIGKILL; resolves once it is gone. */
  kill(): Promise<void>;
}

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROBE = new URL('./probe.mjs', import.meta.url).href;
const UP = /"port":(\d+).*flag-promotions is up/u;
const WITHIN_MS = 60_000;

/**
 * Runs the result of `npm run build`, as deployed. `root`: runs the sources there instead. `args` are the command
 * line's.
 */
export function startChild(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  options: { readonly root?: string } = {},
): Child {
  const { root } = options;
  const child = fork(root === undefined ? 'dist/src/cli.js' : 'src/cli.ts', [...args], {
    cwd: root ?? ROOT,
    execArgv: ['--expose-gc', ...(root === undefined ? [] : ['--import', 'tsx']), '--import', PROBE],
    env: { PATH: process.env['PATH'], ...environment },
    silent: true,
  });
  let all = '';
  let answer = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      all += text;
      if (stream === child.stdout) answer += text;
    });
  }
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  async function ask<T extends z.ZodType>(what: string, answer: T): Promise<z.output<T>> {
    const answered = once(child, 'message', { signal: AbortSignal.timeout(WITHIN_MS) });
    child.send(what);
    const [told] = await answered;
    return answer.parse(told);
  }
  return {
    process: child,
    output: () => all,
    answer: () => answer,
    ended,
    async port() {
      const deadline = performance.now() + WITHIN_MS;
      for (;;) {
        const port = UP.exec(all)?.[1];
        if (port !== undefined) return Number(port);
        if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
          throw new Error(`A child did not come up: ${all.slice(-2_000)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    memory: () => ask('memory', z.object({ heap: z.number(), rss: z.number() })),
    watched: () => ask('watched', z.object({ longestBlockMs: z.number(), peakRss: z.number() })),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
