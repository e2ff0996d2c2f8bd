import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { MovableClock } from './clock.js';
import { fromApp, type ToApp } from './ipc.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENTRY = fileURLToPath(new URL('./app.ts', import.meta.url));
const UP_WITHIN_MS = 60_000;
/** A platform starts a process again that ended; this is how long one sees that it is gone. */
const RESTART_AFTER_MS = 2_500;

export type AppStatus = 'starting' | 'up' | 'down';

export interface AppProcessOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: MovableClock;
  /** Whether the app's log goes to standard output. */
  readonly showLog: boolean;
  onUp(port: number): void;
  onChange(): void;
}

/** The real app as a child process; where it ends by itself or is killed, it is started again, as a platform would. */
export class AppProcess {
  #child: ChildProcess | null = null;
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

  /** How often it was started, the first time included. */
  get starts(): number {
    return this.#starts;
  }

  /** Resolves once the app is up. @throws where it ends before that, or takes longer than a minute */
  async start(): Promise<void> {
    const { environment, clock, showLog } = this.options;
    this.#starts += 1;
    this.#become('starting');
    const child = spawn(process.execPath, ['--import', 'tsx', ENTRY, String(clock.offsetMs)], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', showLog ? 'inherit' : 'ignore', 'inherit', 'ipc'],
    });
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
    } finally {
      timeout.abort();
    }
  }

  /** Says something to the app; where it is down, it learns of the clock at its next start. */
  tell(message: ToApp): void {
    if (this.#child?.connected === true) this.#child.send(message);
  }

  /** Whether there was anything to kill. */
  kill(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.kill('SIGKILL');
  }

  /** Ends it in good order, for good. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
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
    // Where it ends again, that starts it again; why it did, it has said on standard error.
    await this.start().catch(() => undefined);
  }

  #become(status: AppStatus): void {
    this.#status = status;
    this.options.onChange();
  }
}
