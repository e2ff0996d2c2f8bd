import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { type Figure, tableOf } from './harness/figures.js';
import { killAll, ROOT } from './harness/processes.js';
import type { Row } from './harness/row.js';
import { type BenchServer, startBenchServer } from './harness/server.js';
import { acks } from './rows/acks.js';
import { footprint } from './rows/footprint.js';
import { install } from './rows/install.js';
import { commands, detection } from './rows/large.js';
import { promoting } from './rows/promoting.js';
import { resolution } from './rows/resolution.js';
import { soak } from './rows/soak.js';
import { takeover } from './rows/takeover.js';

/**
 * `npm run bench [-- <row> …]`: what the app takes, each figure side by side with what it is compared with. A run of all
 * rows writes RESULTS.md; of some, it prints their table alone.
 */
const ROWS: readonly Row[] = [acks, resolution, detection, commands, takeover, promoting, footprint, soak, install];

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !ROWS.some((row) => row.name === name));
  if (unknown.length > 0) {
    say(`There is no row ${unknown.join(', ')}. There are: ${ROWS.map(({ name }) => name).join(', ')}.`);
    process.exitCode = 1;
    return;
  }
  const rows = asked.length === 0 ? ROWS : ROWS.filter(({ name }) => asked.includes(name));
  const server = await startBenchServer();
  try {
    const figures: Figure[] = [];
    for (const row of rows) {
      say(`${row.name}:`);
      const measured = await row.measure({ server, say: (line) => say(`  ${line}`) });
      // A whole run takes long: whoever waits for it sees early that it is not worth waiting for.
      say(tableOf(measured));
      figures.push(...measured);
    }
    const table = tableOf(figures);
    process.stdout.write(`${table}\n`);
    if (asked.length === 0) await writeFile(path.join(ROOT, 'bench/RESULTS.md'), results(table, server));
  } finally {
    await killAll();
    await server.stop();
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The table with what it takes to read it: the machine, the versions, and how each row is measured. */
function results(table: string, server: BenchServer): string {
  const versions = ['@slack/bolt', 'pg', 'knex', 'pg-boss', 'graphile-worker'].map(
    (name) => `${name} ${versionOf(name)}`,
  );
  return `# What it takes

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}. Ratios are the result: absolute times are those of
one machine in one hour. Each is the median of several rounds, in which those that are compared take turns, with the least
and the most of the rounds.

- ${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}
- Node ${process.versions.node}, PostgreSQL ${server.version} (the embedded one, with the settings that it ships with)
- ${versions.join(', ')}: of pg-boss and graphile-worker the newest that run on Node 20; newer ones need 22
- the app as it is deployed: built, \`node dist/src/cli.js start\`, NODE_ENV=production

${table}

## How each is measured

${ROWS.map(({ name, how }) => `**${name}**. ${how}`).join('\n\n')}
`;
}

function versionOf(name: string): string {
  const file = createRequire(path.join(ROOT, 'bench/package.json')).resolve.paths(name) ?? [];
  for (const folder of file) {
    try {
      const manifest: unknown = createRequire(import.meta.url)(path.join(folder, name, 'package.json'));
      return z.object({ version: z.string() }).parse(manifest).version;
    } catch {
      // Not in this folder: the bench's own packages and the project's lie in two.
    }
  }
  throw new Error(`${name} is not installed.`);
}

await main();
