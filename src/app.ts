import { createCore } from './app/core.js';
import { createJobs } from './app/jobs.js';
import { type Receiver, startReceiver } from './app/receiver.js';
import type { Config } from './config.js';
import { openExisting, openUpToDate } from './db/open.js';
import type { MaintenanceReport } from './jobs/maintenance.js';
import type { Runtime } from './runtime.js';
import { withTimeout } from './with-timeout.js';

/**
 * One maintenance tick and nothing else, for an external scheduler. `dryRun` decides and does nothing.
 * @throws where the database does not answer
 */
export async function maintainOnce(
  config: Config,
  runtime: Runtime,
  options: { readonly dryRun: boolean },
): Promise<MaintenanceReport> {
  const database = await openExisting(config.database, runtime.log, { console: config.console });
  const core = createCore(config, database.db, runtime);
  try {
    return await core.maintain(options);
  } finally {
    core.close();
    await database.close();
  }
}

export interface RunningApp {
  /** Where `/healthz`, `/readyz`, `/metrics` and, in HTTP mode, `/slack/events` are served. */
  readonly port: number;
  /** One maintenance tick now; does not reject. */
  tick(): Promise<void>;
  /** Takes no more work, finishes what is under way, and closes everything; within 10 seconds. */
  stop(): Promise<void>;
}

const STOP_WITHIN_MS = 9_000;

/**
 * Starts everything: database, core, jobs, receiver.
 * @throws if the database or the port cannot be had; nothing stays open then
 */
export async function startApp(config: Config, runtime: Runtime): Promise<RunningApp> {
  const { log } = runtime;
  const database = await openUpToDate(config.database, log, {
    maxConnections: config.databasePoolMax,
    console: config.console,
  });
  const core = createCore(config, database.db, runtime, config.heroku !== null);
  const closeAll = async (): Promise<void> => {
    core.close();
    await database.close();
  };
  const jobs = createJobs(core);
  let receiver: Receiver;
  try {
    receiver = await startReceiver(core, jobs);
  } catch (error) {
    await closeAll();
    throw error;
  }
  jobs.start();
  log.info(
    { port: receiver.port, slack: config.slack.transport.kind, heroku: config.heroku !== null },
    'flag-promotions is up',
  );
  if (config.heroku === null) log.warn('HEROKU_API_KEY is not set: promoting is off, and alerts carry no evidence');

  // First the parts that bring work, then those that do it, then what they need.
  const stopEverything = async (): Promise<true> => {
    await Promise.all([receiver.stop(), jobs.stop()]);
    await jobs.settle();
    await closeAll();
    return true;
  };
  return {
    port: receiver.port,
    tick: () => jobs.watchdog.tick(),
    async stop() {
      const ended = await withTimeout(STOP_WITHIN_MS, stopEverything());
      // Leases run out by themselves, and what is owed stands in the rows.
      if (ended === null) log.warn('stopped before everything under way had ended; another process takes it up');
    },
  };
}
