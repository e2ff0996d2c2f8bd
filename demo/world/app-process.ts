import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { MovableClock } from './clock.js';
import { fromApp, type ToApp } from './ipc.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The package has it built, beside this file; in development it is TypeScript. */
const BUILT = fileURLToPath(new URL('./demo-app.js', import.meta.url));
/** `npm run dev` builds it: loads the packages, and waits for the app's arguments before the app itself is loaded. */
const WAITS = fileURLToPath(new URL('./demo-app-waits.js', import.meta.url));
const PROGRAM = existsSync(BUILT) ? [BUILT] : ['--import', 'tsx', fileURLToPath(new URL('./app.ts', import.meta.url))];
const UP_WITHIN_MS = 60_000;
/** A platform restarts a process that ended; this is how long one sees it down. */
const RESTART_AFTER_MS = 2_500;

/** By then the app has updated its messages: doing both at once would slow it down on two cores. */
const SPARE_AFTER_MS = 1_500;

export type AppStatus = 'starting' | 'up' | 'down';

export interface AppProcessOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: MovableClock;
  /** See `Runtime`. */
  readonly patience: number;
  /** Whether the app's log goes to standard output. */
  readonly showLog: boolean;
  onUp(port: number): void;
  onChange(): void;
}

/** The real app as a child process; restarted when it ends or is killed, as a platform would. */
export class AppProcess {
  #child: ChildProcess | null = null;
  /** Has loaded all but the app, so that a new build of it is up sooner. */
  #spare: ChildProcess | null = null;
  #nextSpare: NodeJS.Timeout | undefined;
  #status: AppStatus = 'starting';
  #starts = 0;
  #stopped = false;

  constructor(private readonly options: AppProcessOptions) {}

  get status(): AppStatus {
    return this.#status;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** How often it was started, including the first time. */
  get starts(): number {
    return this.#starts;
  }

  /** Resolves once the app is up. @throws if it ends before that, or takes longer than a minute */
  async start(): Promise<void> {
    const { clock, patience } = this.options;
    this.#starts += 1;
    this.#become('starting');
    const words = [String(clock.offsetMs), String(patience)];
    clearTimeout(this.#nextSpare);
    const spare = this.#spare;
    this.#spare = null;
    const child = spare?.connected === true ? spare : this.#spawn(PROGRAM, words);
    if (child === spare) child.send(words);
    this.#child = child;
    const ended = new Promise<never>((_, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`The app ended: ${signal ?? `exit code ${code}`}.`)));
    });
    ended.catch(() => this.#ended(child));
    const timeout = new AbortController();
    try {
      const port = await Promise.race([
        this.#port(child),
        ended,
        sleep(UP_WITHIN_MS, undefined, { signal: timeout.signal }).then(() => {
          throw new Error('The app was not up in time.');
        }),
      ]);
      this.#become('up');
      // The clock may have been moved while it started.
      this.tell({ kind: 'move_clock', offsetMs: clock.offsetMs });
      this.options.onUp(port);
      if (existsSync(WAITS)) this.#nextSpare = setTimeout(() => this.#keepSpare(), SPARE_AFTER_MS);
    } finally {
      timeout.abort();
    }
  }

  /** Starts the new build as soon as the running app has stopped and `between` is done. */
  async restart(between: () => Promise<void>): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child !== null) await ended(child);
    await between();
    await this.start();
  }

  /** Sends the app a message; if it is down, it gets the clock at its next start. */
  tell(message: ToApp): void {
    if (this.#child?.connected === true) this.#child.send(message);
  }

  /** Whether there was anything to kill. */
  kill(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.kill('SIGKILL');
  }

  /** Stops it gracefully, for good. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#nextSpare);
    this.#spare?.kill('SIGKILL');
    if (this.#child !== null) await ended(this.#child);
  }

  #keepSpare(): void {
    if (this.#stopped) return;
    this.#spare = this.#spawn(['--import', WAITS, ...PROGRAM], []);
    // Without it the app starts from nothing, and reports what is wrong itself.
    this.#spare.on('error', () => undefined);
  }

  #spawn(program: readonly string[], words: readonly string[]): ChildProcess {
    const { environment, showLog } = this.options;
    return spawn(process.execPath, [...program, ...words], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', showLog ? 'inherit' : 'ignore', 'inherit', 'ipc'],
    });
  }

  async #port(child: ChildProcess): Promise<number> {
    return new Promise((resolve, reject) => {
      child.once('message', (message) => {
        const said = fromApp.safeParse(message);
        if (said.success) resolve(said.data.port);
        else reject(said.error);
      });
    });
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#become('down');
    void this.#startAgain();
  }

  async #startAgain(): Promise<void> {
    await sleep(RESTART_AFTER_MS);
    if (this.#stopped || this.#child !== null) return;
    // If it fails, the end of the child starts it again; standard error says why.
    await this.start().catch(() => undefined);
  }

  #become(status: AppStatus): void {
    this.#status = status;
    this.options.onChange();
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}
