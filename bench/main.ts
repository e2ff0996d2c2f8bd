import { startBenchServer } from './harness/server.js';
import { tableOf, type Figure } from './harness/figures.js';
import { acks } from './rows/acks.js';
import { promoting } from './rows/promoting.js';
import { killAll } from './harness/processes.js';
import type { Row } from './harness/row.js';

const ROWS: readonly Row[] = [acks, promoting];
const asked = process.argv.slice(2);
const say = (line: string) => void process.stderr.write(`${line}\n`);
const server = await startBenchServer();
try {
  const figures: Figure[] = [];
  for (const row of ROWS.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
    figures.push(...(await row.measure({ server, say })));
  }
  process.stdout.write(tableOf(figures) + '\n');
} finally {
  await killAll();
  await server.stop();
}
