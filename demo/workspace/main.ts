import { stopSignals } from '../world/stop-signals.js';
import { startWorld, type Transport, type World } from '../world/world.js';
import { serveWorkspace } from './server/server.js';

/**
 * `npm run demo`: a workspace in the browser, with the real app behind it. It stays until Ctrl-C or SIGTERM.
 * `--socket` or DEMO_TRANSPORT=socket: by Socket Mode; DEMO_PORT: the page's port; DEMO_LOG=1: the app's log is shown.
 */
const out = (text: string): void => void process.stdout.write(`${text}\n`);
const complain = (error: unknown): void =>
  void process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);

const transport: Transport =
  process.argv.includes('--socket') || process.env['DEMO_TRANSPORT'] === 'socket' ? 'socket' : 'http';
const port = Number(process.env['DEMO_PORT'] ?? 0);
if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new RangeError('DEMO_PORT is no port.');

const stop = stopSignals();

async function play(world: World): Promise<void> {
  const server = await serveWorkspace(world, { port, onError: complain });
  out('');
  out(`  The workspace is open:  ${server.url}`);
  out('');
  out(
    `Slack reaches the app by ${transport === 'socket' ? 'Socket Mode' : 'signed HTTP requests'}. Ctrl-C ends it all.`,
  );
  await stop.asked;
  out('Stopping …');
  await server.close();
}

out('Starting PostgreSQL, a stand-in for Slack, a stand-in for Heroku, and the app …');
try {
  const world = await startWorld({
    transport,
    showLog: process.env['DEMO_LOG'] === '1',
    signal: stop.signal,
  });
  try {
    stop.impatience(world.app);
    await play(world);
  } finally {
    await world.close();
  }
} catch (error) {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    process.stderr.write(`Port ${port} is taken. DEMO_PORT chooses another; without it, any that is free is taken.\n`);
    process.exitCode = 1;
    // If Ctrl-C interrupted the start, what had started is already stopped.
  } else if (!stop.signal.aborted) throw error;
}
