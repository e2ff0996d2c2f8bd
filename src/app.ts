import { createCommandLine, createDecidingCommandLine, type OpenCommandLine } from './app/command-line.js';
import { type Core, createCore } from './app/core.js';
import { keysOf } from './keys.js';
import { drillReach } from './app/drill-reach.js';
import { createJobs } from './app/jobs.js';
import type { Receiver } from './app/receiver.js';
import { createWorkspace } from './app/workspace.js';
import type { CommandLine, DecidingCommandLine } from './cli/dependencies.js';
import type { DrillHost, DrillTrouble } from './cli/drill.js';
import type { CommandConfig, Config, DecisionConfig } from './config.js';
import type { Database } from './db/database.js';
import { OtherWorkspaceError } from './db/errors.js';
import { openExisting, openUpToDate } from './db/open.js';
import type { MaintenanceReport } from './jobs/maintenance.js';
import { createNetwork } from './network/network.js';
import { PRETEND_APP } from './promotions/drill.js';
import type { MessageKind } from './promotions/messages.js';
import { findKeyTrouble, WrongKeyError } from './operators/secret-box.js';
import type { Runtime } from './runtime.js';
import type { Membership } from './promotions/membership.js';
import { createSlack } from './slack/slack.js';
import { emptyHomeTab } from './views/home.js';
import { withTimeout } from './with-timeout.js';

/**
 * Runs one maintenance tick and nothing else, for an external scheduler. `dryRun` decides and does nothing.
 * @throws if the database doesn't answer, or belongs to another Slack workspace
 */
export async function maintainOnce(
  config: Config,
  runtime: Runtime,
  options: { readonly dryRun: boolean },
): Promise<MaintenanceReport> {
  const database = await openExisting(config.database, runtime.log, {
    console: config.console,
    ...keysOf(config),
    needsPromotions: true,
  });
  const core = createCore(config, database.db, runtime, options);
  try {
    await admitWorkspace(core);
    return await core.maintain(options);
  } finally {
    await core.witness?.stop();
    await core.close();
    await database.close();
  }
}

/** For a command that shows promotions or acts on them without Slack. */
export function withCommandLine<T>(
  config: CommandConfig,
  runtime: Runtime,
  work: (deps: CommandLine) => Promise<T>,
): Promise<T> {
  return withDatabase(config, runtime, (db) => createCommandLine(config, db, runtime), work);
}

/** The same for a command that asks for a code. */
export function withDecidingCommandLine<T>(
  config: DecisionConfig,
  runtime: Runtime,
  work: (deps: DecidingCommandLine) => Promise<T>,
): Promise<T> {
  return withDatabase(config, runtime, (db) => createDecidingCommandLine(config, db, runtime), work);
}

async function withDatabase<Deps, T>(
  config: CommandConfig | DecisionConfig,
  runtime: Runtime,
  create: (db: Database) => OpenCommandLine<Deps>,
  work: (deps: Deps) => Promise<T>,
): Promise<T> {
  const database = await openExisting(config.database, runtime.log, {
    console: config.console,
    needsPromotions: true,
    ...('totpEncryptionKey' in config ? keysOf(config) : {}),
  });
  try {
    const { deps, close } = create(database.db);
    try {
      return await work(deps);
    } finally {
      await close();
    }
  } finally {
    await database.close();
  }
}

/** For a drill started on the command line: delivers its messages at once, not at the app's next tick. */
export async function withDrillHost<T>(
  config: Config,
  runtime: Runtime,
  work: (host: DrillHost) => Promise<T>,
): Promise<T> {
  const database = await openExisting(config.database, runtime.log, { console: config.console, ...keysOf(config) });
  const core = createCore(config, database.db, runtime);
  const failureOf = async (kind: MessageKind, drillId: string): Promise<string | null> => {
    const outcome = await core.outbox.deliverNewest(kind, drillId);
    if (outcome.kind !== 'failed') return null;
    return outcome.error instanceof Error ? outcome.error.message : 'it failed';
  };
  const tell = async (drillId: string): Promise<DrillTrouble> => {
    const [slack, ...outside] = await Promise.all([
      failureOf('drill', drillId).then((failed) => failed ?? failureOf('drill_ended', drillId)),
      failureOf('drill_page', drillId),
      failureOf('drill_webhook', drillId),
    ]);
    return { slack, outside: outside.filter((failed) => failed !== null) };
  };
  try {
    await admitWorkspace(core);
    return await work({ db: database.db, channel: core.routeOf(PRETEND_APP).channel, reach: drillReach(core), tell });
  } finally {
    await core.close();
    await database.close();
  }
}

/**
 * Empties a person's home tab in Slack until they open it again.
 * @throws if Slack refuses or doesn't answer, or the database belongs to another Slack workspace
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

/**
 * Looks a person up in Slack, for the command line.
 * @throws if Slack refuses or doesn't answer, or the database belongs to another Slack workspace
 */
export async function membershipInSlack(
  db: Database,
  settings: { readonly botToken: string; readonly apiUrl: string; readonly proxies: Config['proxies'] },
  slackUserId: string,
): Promise<Membership> {
  const { admit } = createWorkspace(db.installation, { records: false });
  const network = createNetwork(settings.proxies);
  try {
    const slack = createSlack({
      ...settings,
      slots: null,
      newOwner: () => 'command line',
      fetch: network.fetch,
      admit,
    });
    return (await slack.memberOf(slackUserId)).kind;
  } finally {
    network.close();
  }
}

export interface RunningApp {
  /** Serves `/healthz`, `/readyz`, `/metrics` and, in HTTP mode, `/slack/events`. */
  readonly port: number;
  /** Runs one maintenance tick now; never rejects. */
  tick(): Promise<void>;
  /** Resolves if the database turns out to belong to another Slack workspace: then the app has to stop. */
  readonly refused: Promise<OtherWorkspaceError>;
  /** Takes no new work, finishes what is under way and closes everything, within 10 seconds; a second call waits, too. */
  stop(): Promise<void>;
}

const STOP_WITHIN_MS = 9_000;
/** A start waits no longer than this for Slack: the watchdog has to run, whatever Slack does. */
const ADMIT_WITHIN_MS = 5_000;

/**
 * If Slack doesn't name its workspace in time, it is asked again before the first message. @throws OtherWorkspaceError
 */
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
 * Without the right key no code can be checked, and people would only find out when they need one. @throws
 * WrongKeyError
 */
async function refuseWrongKey({ db, secretBox }: Core): Promise<void> {
  const trouble = findKeyTrouble(secretBox, await db.operators.sealedSecrets());
  if (trouble !== null) throw new WrongKeyError(trouble);
}

/**
 * Starts everything: database, core, jobs, receiver. If it throws, nothing stays open.
 * @throws if it can't get the database or the port, the database belongs to another workspace, or its secrets are
 * sealed with another key
 */
export async function startApp(config: Config, runtime: Runtime): Promise<RunningApp> {
  const { log } = runtime;
  // Bolt is most of the code to load, and no other command needs it: it loads while the database answers.
  const receiving = import('./app/receiver.js');
  // If it fails, the await below says so.
  receiving.catch(() => undefined);
  const database = await openUpToDate(config.database, log, {
    maxConnections: config.databasePoolMax,
    patience: runtime.patience,
    console: config.console,
    ...keysOf(config),
  });
  const core = createCore(config, database.db, runtime, { promoting: config.heroku !== null });
  const closeAll = async (): Promise<void> => {
    await core.close();
    await database.close();
  };
  const jobs = createJobs(core);
  let receiver: Receiver;
  try {
    await refuseWrongKey(core);
    await admitWorkspace(core);
    const { startReceiver } = await receiving;
    receiver = await startReceiver(core, jobs);
  } catch (error) {
    await closeAll();
    throw error;
  }
  // Somebody may have fixed what PagerDuty refused.
  await database.db.paging.retryRefused();
  jobs.start();
  log.info(
    { port: receiver.port, slack: config.slack.transport.kind, heroku: config.heroku !== null },
    'flag-promotions is up',
  );
  if (config.heroku === null) log.warn('HEROKU_API_KEY is not set: promoting is off, and alerts carry no evidence');

  // First what brings work, then what does it, then what that needs.
  const stopEverything = async (): Promise<true> => {
    await Promise.all([receiver.stop(), jobs.stop()]);
    await jobs.settle();
    await closeAll();
    return true;
  };
  const stop = async (): Promise<void> => {
    const ended = await withTimeout(STOP_WITHIN_MS, stopEverything());
    // Leases expire by themselves, and open work is recorded in the rows.
    if (ended === null) log.warn('stopped before everything under way had ended; another process takes it up');
  };
  let stopped: Promise<void> | null = null;
  return {
    port: receiver.port,
    tick: () => jobs.watchdog.tick(),
    refused: core.workspace.refused,
    stop: () => (stopped ??= stop()),
  };
}
