import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root, from where this file runs: `bench/.build/bench/harness`. */
export const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
export const APP = path.join(ROOT, 'dist/src/cli.js');
/** The bare app, bundled by the same script as the app. */
export const BUNDLES = path.join(ROOT, 'bench/.build/bundled');
/** One of the bench's programs, by its path under `bench/`. */
export const program = (place: string): string => path.join(ROOT, 'bench/.build/bench', place);

export interface Running {
  readonly pid: number;
  /** The output that said it was up: the match of `until`. */
  readonly said: RegExpExecArray;
  /** Milliseconds from its start until then. */
  readonly upAfterMs: number;
  output(): string;
  /** Asks the module that was loaded first (see RunOptions); resolves with its answer. */
  ask(question: string | object): Promise<unknown>;
  onMessage(listener: (message: unknown) => void): void;
  /** Sends a message without an answer. */
  tell(said: string): void;
  /** Its private memory now, in megabytes. */
  memory(): Promise<number>;
  /** SIGTERM, then SIGKILL if that doesn't help. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface RunOptions {
  /** Default: this Node. */
  readonly node?: string;
  /** Options for that Node, such as a module to load first. */
  readonly nodeOptions?: readonly string[];
}

/** Still running, so that a failed row leaves none behind. */
const started = new Set<ChildProcess>();

/** Kills every program that hasn't ended. */
export async function killAll(): Promise<void> {
  await Promise.all([...started].map((child) => end(child, 'SIGKILL')));
}

const UP_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 15_000;

/**
 * Runs a JavaScript file in its own process until its output matches.
 * @throws if it ends before, with what it printed
 */
export async function run(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  until: RegExp,
  { node = process.execPath, nodeOptions = [] }: RunOptions = {},
): Promise<Running> {
  const startedAt = performance.now();
  const child = spawn(node, [...nodeOptionsOfAll(), ...nodeOptions, file, ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  keep(child);
  let output = '';
  const said = await new Promise<RegExpExecArray>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${file} was not up in time:\n${output}`)), UP_WITHIN_MS);
    const hear = (text: string): void => {
      output += text;
      const match = until.exec(output);
      if (match === null) return;
      clearTimeout(timer);
      resolve(match);
    };
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', hear);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${file} ended with ${code}:\n${output}`));
    });
  }).catch(async (error: unknown) => {
    await end(child, 'SIGKILL');
    throw error;
  });
  const upAfterMs = performance.now() - startedAt;
  const pid = child.pid ?? 0;
  return {
    pid,
    said,
    upAfterMs,
    output: () => output,
    ask: (question) =>
      new Promise((resolve, reject) => {
        child.once('message', resolve);
        child.send(question, (error) => {
          if (error !== null) reject(error);
        });
      }),
    onMessage: (listener) => void child.on('message', listener),
    tell: (said) => void child.send(said),
    memory: () => residentMegabytes(pid),
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  };
}

/** BENCH_NODE_OPTIONS, such as `--cpu-prof`: to see where a row's time goes. */
function nodeOptionsOfAll(): readonly string[] {
  return (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter((option) => option !== '');
}

/** Runs a program to its end; resolves with its output. */
export async function runToEnd(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(process.execPath, [file, ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  keep(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`${file} ended with ${String(code)}.`);
  return output;
}

function keep(child: ChildProcess): void {
  started.add(child);
  child.once('exit', () => started.delete(child));
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}

async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/mu.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error('This system does not tell how much memory a process holds.');
  return Number(kilobytes) / 1024;
}
