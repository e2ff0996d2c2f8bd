import { type MeasuredFigure, tableOf } from './harness/figures.js';
import { waitForQuiet } from './harness/machine.js';
import { killAll } from './harness/processes.js';
import { keepResults, resultOf, type RowResult } from './harness/results.js';
import type { Row } from './harness/row.js';
import { type BenchServer, startBenchServer } from './harness/server.js';
import { ROWS } from './rows/index.js';

/**
 * `npm run bench [-- [--full] [<row> …]]`: what the app costs, each figure beside what it is compared with. New figures
 * replace those rows in RESULTS.md. `--full` adds the slow rows.
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
    keepResults(measured, ROWS);
    if (measured.size < rows.length) process.exitCode = 1;
  } finally {
    await killAll();
    await server.stop();
  }
}

async function measure(rows: readonly Row[], server: BenchServer): Promise<ReadonlyMap<string, RowResult>> {
  const measured = new Map<string, RowResult>();
  for (const row of rows) {
    const load = await waitForQuiet();
    say(`${row.name} (others use ${load.words}):`);
    try {
      const { figures, shown = null } = await row.measure({ server, say: (line) => say(`  ${line}`) });
      const judged = figures.map((figure): MeasuredFigure => {
        const isUnclaimed = figure.isTiming && load.isTooHigh && figure.reached !== '';
        return { ...figure, ...(isUnclaimed ? { reached: 'too busy' } : {}), busy: load.words };
      });
      // A whole run takes long: show its reader early whether it is worth waiting for.
      say(tableOf(judged));
      measured.set(row.name, resultOf(judged, shown, server));
    } catch (error) {
      // The other rows are still measured; the run fails at its end.
      say(`  failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      await killAll();
    }
  }
  return measured;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

await main();
