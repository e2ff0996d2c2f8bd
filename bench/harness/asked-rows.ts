import { numberFromEnvironment } from '../../scripts/numbers.js';

/** How many promotions a large table has. BENCH_ROWS: fewer, to try a row of figures out. */
export const ASKED_ROWS = numberFromEnvironment('BENCH_ROWS', 10_000_000, { least: 1, most: 100_000_000 });
