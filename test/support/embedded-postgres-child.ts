import { startEmbeddedPostgres } from '../../src/db/embedded-postgres.js';

/**
 * A separate process with the embedded server: prints one JSON line once it runs (or an error), and stops when its
 * standard input ends.
 */
const dataDir = process.argv[2] ?? '';
try {
  const began = performance.now();
  const server = await startEmbeddedPostgres({
    dataDir,
    create: true,
    log: (line) => process.stderr.write(`${line}\n`),
  });
  const { connectionString, adopted } = server;
  process.stdout.write(`${JSON.stringify({ connectionString, adopted, ms: Math.round(performance.now() - began) })}\n`);
  process.stdin.on('data', () => undefined);
  process.stdin.once('end', () => {
    void server.stop().then(() => process.stdout.write(`${JSON.stringify({ stopped: true })}\n`));
  });
} catch (error) {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  process.stdout.write(`${JSON.stringify({ error: message })}\n`);
}
