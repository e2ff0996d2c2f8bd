import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type MeasuredFigure, tableOf } from './harness/figures.js';
import { waitForQuiet } from './harness/machine.js';
import { killAll, ROOT } from './harness/processes.js';
import { results, type RowResult } from './harness/results.js';
import type { Row } from './harness/row.js';
import { type BenchServer, startBenchServer } from './harness/server.js';
import { ROWS } from './rows/index.js';

/**
 * `npm run bench [-- [--full] [<row> …]]`: what the app takes, each figure side by side with what it is compared with. A
 * run of all rows writes RESULTS.md; of some, it prints their table alone. `--full` adds the rows that take long.
 */
async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const names = asked.filter((word) => word !== '--full');
  const unknown = names.filter((name) => !ROWS.some((row) => row.name === name));
  if (unknown.length > 0) {
    say(`There is no row ${unknown.join(', ')}. There are: ${ROWS.map(({ name }) => name).join(', ')}.`);
    process.exitCode = 1;
    return;
  }
  const isFull = asked.includes('--full');
  const rows =
    names.length > 0
      ? ROWS.filter(({ name }) => names.includes(name))
      : ROWS.filter((row) => isFull || row.isSlow !== true);
  const server = await startBenchServer();
  try {
    const measured = await measure(rows, server);
    const left = ROWS.filter((row) => !rows.includes(row));
    const text = results(measured, left, server);
    process.stdout.write(`${text}\n`);
    if (names.length === 0) await writeFile(path.join(ROOT, 'bench/RESULTS.md'), text);
    if (measured.some(({ failure }) => failure !== null)) process.exitCode = 1;
  } finally {
    await killAll();
    await server.stop();
  }
}

async function measure(rows: readonly Row[], server: BenchServer): Promise<readonly RowResult[]> {
  const measured: RowResult[] = [];
  for (const row of rows) {
    const load = await waitForQuiet();
    say(`${row.name} (others use ${load.words}):`);
    try {
      const { figures, shown = null } = await row.measure({ server, say: (line) => say(`  ${line}`) });
      const judged = figures.map((figure): MeasuredFigure => {
        const isUnclaimed = figure.isTiming && load.isTooHigh && figure.reached !== '';
        return { ...figure, ...(isUnclaimed ? { reached: 'too busy' } : {}), busy: load.words };
      });
      // A whole run takes long: its reader sees early whether it is worth waiting for.
      say(tableOf(judged));
      measured.push({ row, figures: judged, shown, failure: null });
    } catch (error) {
      // The other rows are measured all the same; the run fails at its end.
      say(`  failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      measured.push({ row, figures: [], shown: null, failure: String(error) });
      await killAll();
    }
  }
  return measured;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

await main();
