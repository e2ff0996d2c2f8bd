import { createProcess, type Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { World } from './swarm.js';

/** The app's processes, and what happens to them until the trouble ends. */
export interface Fleet {
  start(): void;
  readonly running: ReadonlySet<Process>;
  /** No more kills and pauses; replicas due to restart still do. */
  makePeace(): void;
  /** The run is over. */
  end(): void;
}

export interface FleetOptions {
  readonly scheduler: Scheduler;
  readonly random: () => number;
  readonly world: World;
  /** Starts the app in a process; returns how to stop it. */
  readonly startApp: (process: Process) => () => Promise<void>;
  readonly trace: (line: string) => void;
  readonly count: (what: string) => void;
}

const BETWEEN_MISFORTUNES_MS = 60_000;
const LONGEST_PAUSE_MS = 60_000;
const RESTARTS_WITHIN_MS = 30_000;
/** How long a stopping app has before it is killed. */
const STOPS_WITHIN_MS = 10_000;
const CLOCK_ERROR_MS = 3_600_000;

export function createFleet({ scheduler, random, world, startApp, trace, count }: FleetOptions): Fleet {
  const running = new Set<Process>();
  let inTrouble = true;
  let started = 0;

  function startProcess(): void {
    started += 1;
    const clockErrorMs = random() < world.wrongClocks ? (random() - 0.5) * 2 * CLOCK_ERROR_MS : 0;
    const process = createProcess(scheduler, `p${started}`, clockErrorMs);
    running.add(process);
    trace(`${process.name} starts`);
    const stop = startApp(process);
    process.inside(random() * BETWEEN_MISFORTUNES_MS, () => misfortune(process, stop));
  }

  function misfortune(process: Process, stop: () => Promise<void>): void {
    if (!inTrouble) return;
    if (random() < world.kills) {
      kill(process, 'kills');
      return;
    }
    if (random() < world.stops) {
      trace(`${process.name} is told to stop`);
      void stop().then(() => trace(`${process.name} has stopped`));
      process.inside(STOPS_WITHIN_MS, () => kill(process, 'stops'));
      return;
    }
    if (random() < world.pauses) {
      const ms = random() * LONGEST_PAUSE_MS;
      count('pauses');
      trace(`${process.name} is paused for ${Math.round(ms)} ms`);
      process.pause(ms);
    }
    process.inside(random() * BETWEEN_MISFORTUNES_MS, () => misfortune(process, stop));
  }

  function kill(process: Process, how: string): void {
    count(how);
    trace(`${process.name} is dead`);
    process.kill();
    running.delete(process);
    scheduler.after(random() * RESTARTS_WITHIN_MS, startProcess);
  }

  return {
    start: startProcess,
    running,
    makePeace() {
      inTrouble = false;
    },
    end() {
      for (const process of running) process.kill();
    },
  };
}
