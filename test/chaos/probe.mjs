/**
 * Loaded into a child beside the app, which knows nothing of it: tells how much memory is in use once garbage is
 * collected. It keeps no process alive.
 */
process.on('message', (asked) => {
  if (asked !== 'memory') return;
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  process.send?.({ heap: heapUsed, rss });
});
process.channel?.unref();
// Whoever started it is gone.
process.on('disconnect', () => process.exit(1));
