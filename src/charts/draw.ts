import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { DrawChart, PeriodStats } from '../promotions/stats.js';

/** The build puts it beside the app's file. */
const COMPILED = new URL('./chart-worker.js', import.meta.url);
/**
 * In development it is TypeScript, which a thread can load only with tsx. The large library comes first: tsx would read
 * it for seconds, and finds nothing to do.
 */
const SOURCE = `require('echarts');
require('tsx/cjs/api').register();
require(${JSON.stringify(fileURLToPath(new URL('./chart-worker.ts', import.meta.url)))});`;

/**
 * Draws in a thread of its own, one chart at a time: drawing takes 150 ms and would block every answer, and the drawing
 * code is larger than the rest of the app. The thread ends with its chart and frees its memory.
 */
export function createChartDrawer(): DrawChart {
  let last: Promise<unknown> = Promise.resolve();
  return (stats) => {
    const drawn = last.then(() => drawInThread(stats));
    last = drawn.catch(() => undefined);
    return drawn.then((content) => ({ content, altText: chartAltText(stats) }));
  };
}

function drawInThread(stats: PeriodStats): Promise<Uint8Array> {
  const worker = existsSync(COMPILED)
    ? new Worker(COMPILED, { workerData: stats })
    : new Worker(SOURCE, { workerData: stats, eval: true });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    // After its message this has no effect.
    worker.once('exit', (code) => reject(new Error(`The thread that draws ended with ${code} and no chart.`)));
  });
}

function chartAltText({ all, since }: PeriodStats): string {
  return `Bar chart of promotions a day since ${since.toISOString().slice(0, 10)}: ${all.promotions} in all, ${all.stuck} stuck, ${all.failed} failed.`;
}
