/**
 * Loaded before an app that knows nothing of it: measures the longest block of its event loop in milliseconds, and the
 * process's own share of it, which other work doesn't lengthen (`reset`, `longest`). Keeps no process alive.
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
    // Other threads compute as well: cap it at the block's time.
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
