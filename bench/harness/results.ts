import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { type MeasuredFigure, tableOf } from './figures.js';
import { loadWords } from './machine.js';
import { PEER_NODE_VERSION } from './peer-node.js';
import { ROOT } from './processes.js';
import type { Row } from './row.js';
import type { BenchServer } from './server.js';

/** What became of a row. */
export interface RowResult {
  readonly row: Row;
  readonly figures: readonly MeasuredFigure[];
  readonly shown: string | null;
  /** Why it was not measured. */
  readonly failure: string | null;
}

/** One run in Markdown: the table with what it takes to read it: the machine, the versions, how each row is measured. */
export function results(measured: readonly RowResult[], left: readonly Row[], server: BenchServer): string {
  const versions = ['@slack/bolt', 'pg', 'knex', 'pg-boss', 'graphile-worker'].map(
    (name) => `${name} ${versionOf(name)}`,
  );
  const failed = measured.flatMap(({ row, failure }) => (failure === null ? [] : [`- ${row.name} failed: ${failure}`]));
  const unmeasured = left.map(({ name }) => `- not measured in this run: ${name}`);
  return `# What it takes

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}, from one run. Ratios are the result: absolute times
are those of one machine in one hour. A value with a range is the median of several rounds, in which the sides take turns.
"load" is what others used of the machine right before the row; over 10 %, no time is claimed ("too busy"). Counts
(statements, connections, blocks, bytes) don't depend on it.

- ${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}, load at the end ${loadWords()}
- Node ${process.versions.node}, PostgreSQL ${server.version} (the embedded one, with the settings that it ships with)
- ${versions.join(', ')}; rows with pg-boss or graphile-worker run all their sides on Node ${PEER_NODE_VERSION}, which those need
- the app as it is deployed: built, \`node dist/src/cli.js start\`, NODE_ENV=production
${[...failed, ...unmeasured].join('\n')}

${tableOf(measured.flatMap(({ figures }) => figures))}

## How each is measured

${measured.map(({ row }) => `**${row.name}**. ${row.how}`).join('\n\n')}
${measured.flatMap(({ row, shown }) => (shown === null ? [] : [`\n## To check: ${row.name}\n\n${shown}`])).join('\n')}`;
}

const manifest = z.object({ version: z.string() });

function versionOf(name: string): string {
  const folders = createRequire(path.join(ROOT, 'bench/package.json')).resolve.paths(name) ?? [];
  for (const folder of folders) {
    const file = path.join(folder, name, 'package.json');
    const text = readIfThere(file);
    if (text !== null) return manifest.parse(JSON.parse(text)).version;
  }
  throw new Error(`${name} is not installed.`);
}

/** The bench's own packages and the project's lie in two folders. */
function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
