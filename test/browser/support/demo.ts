import { spawn } from 'node:child_process';
import path from 'node:path';
import { PATIENCE } from '../../support/patience.js';

const ROOT = path.resolve(__dirname, '../../..');
const OPEN_WITHIN_MS = 150_000;

/** `npm run demo` in its own process. */
export interface RunningDemo {
  readonly url: string;
  /** Its warnings and errors. */
  readonly complaints: readonly string[];
  /** Ends it as Ctrl-C or a platform would; its exit code. */
  stop(): Promise<number | null>;
}

export async function startDemo(transport: 'http' | 'socket'): Promise<RunningDemo> {
  const complaints: string[] = [];
  const { PATH } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', 'demo/workspace/main.ts'], {
    cwd: ROOT,
    env: { PATH, DEMO_TRANSPORT: transport, DEMO_PATIENCE: String(PATIENCE) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void complaints.push(text));
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The demo was not open in time.')), OPEN_WITHIN_MS);
    void ended.then((code) => reject(new Error(`The demo ended with exit code ${code}: ${complaints.join('')}`)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const found = /http:\/\/127\.0\.0\.1:\d+\//u.exec(text)?.[0];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    url,
    complaints,
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
