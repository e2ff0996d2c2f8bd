import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { stopSignals } from '../../demo/world/stop-signals.js';
import { startEmbeddedPostgres } from '../../src/db/embedded-postgres.js';
import { messageOf } from '../../src/db/embedded/errors.js';
import { numberFromEnvironment } from '../numbers.js';
import { createBuilds } from './builds.js';
import { watchSources } from './watch.js';
import { partOf, type Part } from './parts.js';

/**
 * `npm run dev`: the demo, in which a saved file is live at once. The app restarts with its database and Slack's
 * workspace kept, and updates its messages; the page reloads; a change to what stands around the app begins a new
 * workspace. PostgreSQL keeps running throughout. Types are not checked here: `npm run typecheck`.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** As deep in the project as the demo's sources, so that their relative paths work. */
const BUILT = path.join(ROOT, 'artifacts/dev');
const PORT = String(numberFromEnvironment('DEMO_PORT', 8085, { least: 0, most: 65_535 }));

const out = (text: string): void => void process.stdout.write(`${text}\n`);
const stop = stopSignals();

const dataDir = await mkdtemp(path.join(tmpdir(), 'flag-promotions-dev-'));
const [postgres, builds] = await Promise.all([
  startEmbeddedPostgres({ dataDir, create: true }),
  createBuilds(ROOT, BUILT),
]);
let demo: ChildProcess | null = null;
let databases = 0;

/** Each workspace begins with its own database. */
async function newDatabase(): Promise<string> {
  const admin = new pg.Client({ connectionString: postgres.connectionString });
  await admin.connect();
  try {
    databases += 1;
    await admin.query(`create database workspace_${databases} template template0`);
  } finally {
    await admin.end();
  }
  return Object.assign(new URL(postgres.connectionString), { pathname: `/workspace_${databases}` }).href;
}

/** Resolves once it is shown, or has ended. */
async function openWorkspace(): Promise<void> {
  const child = spawn(process.execPath, ['--enable-source-maps', path.join(BUILT, 'demo.js'), '--port', PORT], {
    env: { ...process.env, DEMO_DATABASE_URL: await newDatabase() },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  demo = child;
  child.once('exit', (code) => {
    if (demo !== child) return;
    demo = null;
    if (code !== 0 && !stop.signal.aborted) out('The demo ended. It starts again when a file is saved.');
  });
  await heardFrom(child);
}

/** Resolves with its next message or its end. */
function heardFrom(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('message', () => resolve());
    child.once('exit', () => resolve());
  });
}

/** Resolves once the running demo shows the new build, or has said why it can't. */
async function show(child: ChildProcess, kind: 'app' | 'page'): Promise<void> {
  const heard = heardFrom(child);
  child.send({ kind });
  await heard;
}

async function closeWorkspace(): Promise<void> {
  const child = demo;
  demo = null;
  if (child === null || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** Builds what the saved files belong to, and shows it. */
async function takeUp(saved: ReadonlySet<string>): Promise<void> {
  const parts = new Set<Part>([...saved].map(partOf).filter((part) => part !== null));
  if (parts.size === 0) return;
  const began = performance.now();
  try {
    if (parts.has('page')) await builds.page();
    if (parts.has('app') || parts.has('around')) await builds.app();
  } catch {
    // esbuild has said what is wrong, and where. What runs keeps running.
    return;
  }
  if (parts.has('around') || demo === null) {
    await closeWorkspace();
    await openWorkspace();
  } else {
    if (parts.has('app')) await show(demo, 'app');
    if (parts.has('page')) await show(demo, 'page');
  }
  if (stop.signal.aborted) return;
  out(`${[...saved].join(', ')}: live after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
}

try {
  await Promise.all([builds.page(), builds.app()]);
  await Promise.race([openWorkspace(), stop.asked]);
  if (!stop.signal.aborted) {
    out('Save a file in src/, demo/, migrations/ or manifest.yml: it is live here at once. Types: npm run typecheck.');
  }
  const watching = watchSources(ROOT, (saved) =>
    takeUp(saved).catch((error: unknown) => void process.stderr.write(`${messageOf(error)}\n`)),
  );
  await stop.asked;
  watching.close();
} finally {
  await closeWorkspace();
  await builds.close();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
