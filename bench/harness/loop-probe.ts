import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Loaded before an app that knows nothing of it: how long its event loop has stood still at the longest. `reset` starts
 * anew, `longest` answers in milliseconds. Keeps no process alive.
 */
const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
process.on('message', (asked) => {
  if (asked === 'reset') delay.reset();
  else if (asked !== 'longest') return;
  process.send?.(delay.max / 1e6 - RESOLUTION_MS);
});
process.channel?.unref();
// Whoever started it is gone.
process.on('disconnect', () => process.exit(1));
