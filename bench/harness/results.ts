import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { figureShape, type MeasuredFigure, tableOf } from './figures.js';
import { PEER_NODE_VERSION } from './peer-node.js';
import { ROOT } from './processes.js';
import type { Row } from './row.js';
import type { BenchServer } from './server.js';

const FILE = path.join(ROOT, 'bench/results.json');
const READABLE = path.join(ROOT, 'bench/RESULTS.md');

const rowResult = z.object({
  /** Date, commit, machine and versions. Compare a row's two sides only within one run. */
  date: z.string(),
  commit: z.string(),
  machine: z.string(),
  versions: z.string(),
  figures: z.array(figureShape),
  /** What a reader needs to check the figures, in Markdown. */
  shown: z.string().nullable(),
});
export type RowResult = z.output<typeof rowResult>;
const rowResults = z.record(z.string(), rowResult);

export function resultOf(
  figures: readonly MeasuredFigure[],
  shown: string | null,
  server: Pick<BenchServer, 'version'>,
): RowResult {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    machine: `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}`,
    versions: [
      `Node ${process.versions.node}`,
      `PostgreSQL ${server.version}`,
      ...['@slack/bolt', 'pg', 'knex', 'pg-boss', 'graphile-worker'].map((name) => `${name} ${versionOf(name)}`),
    ].join(', '),
    figures: [...figures],
    shown,
  };
}

/** Stores new results beside the other rows' earlier ones, and writes RESULTS.md from all. */
export function keepResults(measured: ReadonlyMap<string, RowResult>, rows: readonly Row[]): void {
  const before = existsSync(FILE) ? rowResults.parse(JSON.parse(readFileSync(FILE, 'utf8'))) : {};
  const all = new Map([...Object.entries(before), ...measured]);
  const kept = rows.flatMap(({ name }) => {
    const result = all.get(name);
    return result === undefined ? [] : [[name, result] as const];
  });
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
  writeFileSync(READABLE, readable(new Map(kept), rows));
}

function readable(results: ReadonlyMap<string, RowResult>, rows: readonly Row[]): string {
  const known = rows.flatMap((row) => {
    const result = results.get(row.name);
    return result === undefined ? [] : [{ row, result }];
  });
  const unmeasured = rows.filter(({ name }) => !results.has(name)).map(({ name }) => name);
  return `# What it takes

Written by \`npm run bench\`. Ratios are the result: absolute times are those of one machine in one hour. All sides of a row are
of one run; which, is said below. A value with a range is the median of several rounds, in which the sides take turns. "load" is
what others used of the machine right before the row; over 10 %, no time is claimed ("too busy"). Counts (statements, connections,
blocks, bytes) don't depend on it.

The app is as it is deployed: built, \`node dist/src/cli.js start\`, NODE_ENV=production. PostgreSQL is the embedded one, with the
settings that it ships with. Rows with pg-boss or graphile-worker run all their sides on Node ${PEER_NODE_VERSION}, which those need.
${unmeasured.length === 0 ? '' : `\nNever measured: ${unmeasured.join(', ')}.\n`}
${tableOf(known.flatMap(({ result }) => result.figures))}

## How each is measured

${known.map(({ row, result }) => `**${row.name}**. ${row.how}\n${run(result)}`).join('\n\n')}
${known.flatMap(({ row, result: { shown } }) => (shown === null ? [] : [`\n## To check: ${row.name}\n\n${shown}`])).join('\n')}`;
}

const run = ({ date, commit: of, machine, versions }: RowResult): string =>
  `Measured on ${date}, commit ${of}: ${machine}; ${versions}.`;

/** With a mark if files differ from it. */
function commit(): string {
  const git = (...words: string[]): string => execFileSync('git', words, { cwd: ROOT, encoding: 'utf8' }).trim();
  return `${git('rev-parse', '--short=7', 'HEAD')}${git('status', '--porcelain', '--', 'src', 'migrations') === '' ? '' : ' and changes'}`;
}

const manifest = z.object({ version: z.string() });

function versionOf(name: string): string {
  const folders = createRequire(path.join(ROOT, 'bench/package.json')).resolve.paths(name) ?? [];
  for (const folder of folders) {
    const file = path.join(folder, name, 'package.json');
    if (existsSync(file)) return manifest.parse(JSON.parse(readFileSync(file, 'utf8'))).version;
  }
  throw new Error(`${name} is not installed.`);
}
