import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** The app in a process of its own, as it runs in production: what kills it kills nothing else. */
export interface Child {
  readonly process: ChildProcess;
  /** Everything that it wrote so far, to whichever stream. */
  output(): string;
  /** What it wrote to standard output alone. */
  answer(): string;
  /** Where it serves, once it is up. @throws where it ends before that */
  port(): Promise<number>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  /** Bytes in use after a collection of garbage, and those that the system lent it. */
  memory(): Promise<{ readonly heap: number; readonly rss: number }>;
  /** How long its event loop stood still, and how much memory the system lent it, at most since this was asked last. */
  watched(): Promise<{ readonly longestBlockMs: number; readonly peakRss: number }>;
  /** SIGKILL; resolves once it is gone. */
  kill(): Promise<void>;
}

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROBE = new URL('./probe.mjs', import.meta.url).href;
const UP = /"port":(\d+).*flag-promotions is up/u;
const WITHIN_MS = 60_000;

/**
 * Runs what `npm run build` made, as it is deployed. `root`: runs the sources that lie there instead. `args` are those of the
 * command line.
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
