import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Loaded into a child beside the app, which knows nothing of it: reports memory in use after garbage collection, and
 * how long the event loop was blocked. Keeps no process alive.
 */

const RESOLUTION_MS = 5;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let peakRss = 0;
let looking = null;
const look = () => {
  peakRss = Math.max(peakRss, process.memoryUsage.rss());
};

process.on('message', (asked) => {
  if (asked === 'watched') {
    look();
    process.send?.({ longestBlockMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS), peakRss });
    peakRss = 0;
    delay.reset();
    delay.enable();
    if (looking === null) looking = setInterval(look, 20).unref();
  }
  if (asked !== 'memory') return;
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  process.send?.({ heap: heapUsed, rss });
});
process.channel?.unref();
// Its parent is gone.
process.on('disconnect', () => process.exit(1));
