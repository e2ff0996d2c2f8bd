import { type Core, createCore } from './app/core.js';
import { createJobs } from './app/jobs.js';
import { type Receiver, startReceiver } from './app/receiver.js';
import { createWorkspace } from './app/workspace.js';
import type { Config } from './config.js';
import type { Database } from './db/database.js';
import { OtherWorkspaceError } from './db/errors.js';
import { openExisting, openUpToDate } from './db/open.js';
import type { MaintenanceReport } from './jobs/maintenance.js';
import { createNetwork } from './network/network.js';
import type { Runtime } from './runtime.js';
import { createSlack } from './slack/slack.js';
import { emptyHomeTab } from './views/home.js';
import { withTimeout } from './with-timeout.js';

/**
 * One maintenance tick and nothing else, for an external scheduler. `dryRun` decides and does nothing.
 * @throws where the database does not answer, or belongs to another Slack workspace
 */
export async function maintainOnce(
  config: Config,
  runtime: Runtime,
  options: { readonly dryRun: boolean },
): Promise<MaintenanceReport> {
  const database = await openExisting(config.database, runtime.log, { console: config.console, needsPromotions: true });
  const core = createCore(config, database.db, runtime, options);
  try {
    await admitWorkspace(core);
    return await core.maintain(options);
  } finally {
    core.close();
    await database.close();
  }
}

/**
 * Empties somebody's home tab in Slack, until they open it again.
 * @throws where Slack refuses or doesn't answer, or the database belongs to another Slack workspace
 */
export async function clearHomeTab(
  db: Database,
  settings: { readonly botToken: string; readonly apiUrl: string; readonly proxies: Config['proxies'] },
  slackUserId: string,
): Promise<void> {
  const { admit } = createWorkspace(db.installation, { records: false });
  const network = createNetwork(settings.proxies);
  try {
    const { fetch } = network;
    const slack = createSlack({ ...settings, slots: null, newOwner: () => 'command line', fetch, admit });
    await slack.publishHome(slackUserId, emptyHomeTab());
  } finally {
    network.close();
  }
}

export interface RunningApp {
  /** Where `/healthz`, `/readyz`, `/metrics` and, in HTTP mode, `/slack/events` are served. */
  readonly port: number;
  /** One maintenance tick now; does not reject. */
  tick(): Promise<void>;
  /** Resolves if the database turns out to belong to another Slack workspace: the app has to be stopped then. */
  readonly refused: Promise<OtherWorkspaceError>;
  /** Takes no more work, finishes what is under way, and closes everything; within 10 seconds. */
  stop(): Promise<void>;
}

const STOP_WITHIN_MS = 9_000;
/** Whoever starts waits for Slack no longer than this: the watchdog has to look, whatever Slack does. */
const ADMIT_WITHIN_MS = 5_000;

/** @throws OtherWorkspaceError. Where Slack doesn't say in time which workspace it is, it is asked again before the first message. */
async function admitWorkspace({ slack, runtime }: Core): Promise<void> {
  const asked = slack.identity().then(
    () => 'admitted' as const,
    (error: unknown) => error,
  );
  const answer = await withTimeout(ADMIT_WITHIN_MS, asked);
  if (answer === 'admitted') return;
  if (answer instanceof OtherWorkspaceError) throw answer;
  runtime.log.warn({ err: answer }, 'Slack did not say which workspace this is; nothing is sent until it does');
}

/**
 * Starts everything: database, core, jobs, receiver.
 * @throws if the database or the port cannot be had, or the database is another workspace's; nothing stays open then
 */
export async function startApp(config: Config, runtime: Runtime): Promise<RunningApp> {
  const { log } = runtime;
  const database = await openUpToDate(config.database, log, {
    maxConnections: config.databasePoolMax,
    console: config.console,
  });
  const core = createCore(config, database.db, runtime, { promoting: config.heroku !== null });
  const closeAll = async (): Promise<void> => {
    core.close();
    await database.close();
  };
  const jobs = createJobs(core);
  let receiver: Receiver;
  try {
    await admitWorkspace(core);
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
    refused: core.workspace.refused,
    async stop() {
      const ended = await withTimeout(STOP_WITHIN_MS, stopEverything());
      // Leases run out by themselves, and what is owed stands in the rows.
      if (ended === null) log.warn('stopped before everything under way had ended; another process takes it up');
    },
  };
}
