/**
 * Loaded before an app that knows nothing of it: how long its event loop has stood still at the longest, in milliseconds by
 * the clock, and how much of such a time the process itself computed, which others on the machine don't lengthen. `reset`
 * starts anew, `longest` answers. Keeps no process alive.
 */
const EVERY_MS = 1;

let longest = { wallMs: 0, cpuMs: 0 };
let [lookedAt, computed] = [performance.now(), cpuMs()];

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

setInterval(() => {
  const [now, cpu] = [performance.now(), cpuMs()];
  const wallMs = now - lookedAt - EVERY_MS;
  longest = {
    wallMs: Math.max(longest.wallMs, wallMs),
    // Threads beside the loop's compute as well: no block is longer than its time.
    cpuMs: Math.max(longest.cpuMs, Math.min(wallMs, cpu - computed)),
  };
  [lookedAt, computed] = [now, cpu];
}, EVERY_MS).unref();

process.on('message', (asked) => {
  if (asked === 'reset') longest = { wallMs: 0, cpuMs: 0 };
  else if (asked !== 'longest') return;
  process.send?.(longest);
});
process.channel?.unref();
// The process that started this one has ended.
process.on('disconnect', () => process.exit(1));
