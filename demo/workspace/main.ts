import { parseArgs } from 'node:util';
import { z } from 'zod';
import { EmbeddedPostgresError } from '../../src/db/embedded-postgres.js';
import { stopSignals } from '../world/stop-signals.js';
import { startWorld, type Transport, type World } from '../world/world.js';
import { serveWorkspace } from './server/server.js';

/**
 * `npm run demo`, and `flag-promotions demo` in the package: a workspace in the browser, with the real app behind it,
 * until Ctrl-C or SIGTERM. Options or variables: `--socket` or DEMO_TRANSPORT=socket: Socket Mode; `--port` or
 * DEMO_PORT: the page's port; `--log` or DEMO_LOG=1: shows the app's log. DEMO_PATIENCE: see WorldOptions.
 */
const out = (text: string): void => void process.stdout.write(`${text}\n`);
const complain = (error: unknown): void =>
  void process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);

const { values: options } = parseArgs({
  options: { socket: { type: 'boolean' }, log: { type: 'boolean' }, port: { type: 'string' } },
  // The package's binary passes its command, `demo`, before the options.
  allowPositionals: true,
});
const transport: Transport = options.socket === true || process.env['DEMO_TRANSPORT'] === 'socket' ? 'socket' : 'http';
const port = Number(options.port ?? process.env['DEMO_PORT'] ?? 0);

const built = z.object({ kind: z.enum(['app', 'page']) });
const stop = stopSignals();

async function play(world: World): Promise<void> {
  const server = await serveWorkspace(world, { port, onError: complain });
  out('');
  out(`  The workspace is open:  ${server.url}`);
  out('');
  out(
    `Slack reaches the app by ${transport === 'socket' ? 'Socket Mode' : 'signed HTTP requests'}. Ctrl-C ends it all.`,
  );
  // `npm run dev` reports each new build, and hears when it is shown.
  const shown = (): void => {
    if (process.connected) process.send?.({ kind: 'shown' });
  };
  process.on('message', (message) => {
    const { kind } = built.parse(message);
    void (kind === 'app' ? world.restartApp() : server.reload()).catch(complain).finally(shown);
  });
  shown();
  const orphaned = (): void => void process.kill(process.pid, 'SIGTERM');
  process.on('disconnect', orphaned);
  await stop.asked;
  out('Stopping …');
  process.off('disconnect', orphaned);
  // A listener would keep this process alive.
  process.removeAllListeners('message');
  await server.close();
}

if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stderr.write('The port is a number from 0 to 65535.\n');
  process.exit(1);
}
out('Starting PostgreSQL, stand-ins for Slack, Heroku and PagerDuty, and the app …');
try {
  const world = await startWorld({
    transport,
    showLog: options.log === true || process.env['DEMO_LOG'] === '1',
    databaseUrl: process.env['DEMO_DATABASE_URL'],
    patience: Number(process.env['DEMO_PATIENCE'] ?? 1),
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
    process.stderr.write(`Port ${port} is taken. --port chooses another; without it, any that is free is taken.\n`);
    process.exitCode = 1;
  } else if (error instanceof EmbeddedPostgresError && !stop.signal.aborted) {
    // Its message says what to do.
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
    // If Ctrl-C interrupted the start, everything started is already stopped.
  } else if (!stop.signal.aborted) throw error;
}
