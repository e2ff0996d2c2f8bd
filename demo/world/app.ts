import { startApp } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import { createLogger } from '../../src/log.js';
import { realRuntime } from '../../src/runtime.js';
import { MovableClock } from './clock.js';
import { type FromApp, toApp } from './ipc.js';

/**
 * The real app in its own process, as `flag-promotions start` runs it, except that its parent can move its clock.
 * Configured by its environment; its arguments are the clock's offset in ms, and its patience.
 */
const [offsetMs = 0, patience = 1] = process.argv.slice(2).map(Number);
const clock = new MovableClock(offsetMs);
const config = readConfig(process.env);
const log = createLogger(config.logLevel);
const app = await startApp(config, { ...realRuntime(log), now: clock.now, patience });

process.on('message', (message) => {
  const told = toApp.parse(message);
  if (told.kind === 'move_clock') clock.moveTo(told.offsetMs);
  // What the new time makes due must not wait for the timer. A tick never rejects.
  void app.tick();
});

let stopping = false;
function stop(): void {
  if (stopping) return;
  stopping = true;
  app.stop().then(
    () => process.exit(0),
    (error: unknown) => {
      log.error({ err: error }, 'stopping failed');
      process.exit(1);
    },
  );
}
process.on('SIGTERM', stop);
// Ctrl-C reaches the whole process group; the demo stops this one in its turn.
process.on('SIGINT', () => log.debug('the demo is stopping'));
process.on('disconnect', stop);

const up: FromApp = { kind: 'up', port: app.port };
process.send?.(up);
