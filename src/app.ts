import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { App, HTTPReceiver, SocketModeReceiver } from '@slack/bolt';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import type { Database } from './db/database.js';
import type { DueListener } from './db/due.js';
import { openExisting, openUpToDate } from './db/open.js';
import type { HandlerDependencies } from './handlers/dependencies.js';
import { registerHandlers } from './handlers/index.js';
import { createAppLookup } from './heroku/app-lookup.js';
import { createEvidenceReader } from './heroku/evidence.js';
import { createHeroku, type Heroku } from './heroku/heroku.js';
import { createReleasesReader } from './heroku/releases-around.js';
import { type HttpServer, SLACK_PATH, startHttp } from './http.js';
import { createDelivery, type Delivery } from './jobs/delivery.js';
import { createDigestJob } from './jobs/digest.js';
import { createHomes } from './jobs/homes.js';
import { type MaintenanceReport, planMaintenance, runMaintenance } from './jobs/maintenance.js';
import { createPromoter } from './jobs/promoter.js';
import { createRcaDrafter } from './jobs/rca-draft.js';
import { createTurns } from './jobs/turns.js';
import { createWatchdog } from './jobs/watchdog.js';
import { boltLogger } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { createCodeReader } from './operators/code-check.js';
import { hashToken, newSecret, newToken } from './operators/enrolment.js';
import { createRecoveryHash } from './operators/recovery-codes.js';
import { createSecretBox } from './operators/secret-box.js';
import { createEnrolmentPages, PAGES } from './pages/enrolment.js';
import { permalinkPage } from './pages/permalink.js';
import type { Enrolment } from './promotions/enrolment.js';
import { PERMALINKS } from './promotions/permalink.js';
import { type Routing, routeOf } from './promotions/routing.js';
import { createReadiness } from './readiness.js';
import { createSlack, type Slack } from './slack/slack.js';
import { keepConnected, type SocketModeConnection } from './slack/socket-mode.js';
import { confirmMessage } from './views/operators.js';
import { within } from './within.js';
import { quietUntil, tomorrowAt } from './zones.js';

/** What is not the program's own: time, chance and the log. */
export interface Surroundings {
  readonly now: () => Date;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** Yields [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}

export function realSurroundings(log: Logger): Surroundings {
  return { now: () => new Date(), elapsed: () => performance.now(), random: Math.random, log };
}

function routingOf({ slack }: Config): Routing {
  const otherwise = { channel: slack.alertChannel, mention: slack.criticalMention, quiet: null };
  return { rules: slack.alertRoutes, otherwise };
}

/** What both the long-running app and a single tick from the command line are made of. */
interface Core {
  readonly slack: Slack;
  /** null where no API key is configured. */
  readonly heroku: Heroku | null;
  /** Names the holder of a lease, another at each call. */
  readonly newOwner: () => string;
  readonly readEvidence: HandlerDependencies['readEvidence'];
  readonly delivery: Delivery;
  maintain(): Promise<MaintenanceReport>;
  planOnly(): Promise<MaintenanceReport>;
  close(): void;
}

function createCore(config: Config, db: Database, around: Surroundings, metrics: Metrics): Core {
  const heroku = config.heroku === null ? null : createHeroku(config.heroku);
  const readEvidence = createEvidenceReader(heroku, around.now, around.log);
  const newOwner = () => `${process.pid}-${randomBytes(6).toString('hex')}`;
  const routing = routingOf(config);
  const slack = createSlack({ ...config.slack, turns: db.turns, newOwner });
  const delivery = createDelivery({
    db,
    slack,
    readEvidence,
    now: around.now,
    random: around.random,
    newOwner,
    routeOf: (herokuApp) => routeOf(routing, herokuApp),
    alertChannel: config.slack.alertChannel,
    broadcastCriticals: config.broadcastCriticals,
    onOutcome: metrics.onDelivery,
  });
  const digest =
    config.digest === null
      ? null
      : createDigestJob({
          db,
          slack,
          schedule: config.digest,
          thresholds: config.thresholds,
          channel: config.slack.alertChannel,
          // What draws is larger than all the rest of the app, and most replicas never draw.
          drawChart: async (stats) => {
            const { chartAltText, promotionsChart } = await import('./charts/promotions-chart.js');
            return { content: promotionsChart(stats), altText: chartAltText(stats) };
          },
          now: around.now,
          random: around.random,
          newOwner,
        });
  const maintenance = {
    db,
    delivery,
    digest,
    readEvidence,
    autoCommitLive: config.autoCommitLive,
    heldUntil: (herokuApp: string, at: Date) => {
      const { quiet } = routeOf(routing, herokuApp);
      return quiet === null ? null : quietUntil(quiet, at);
    },
    thresholds: config.thresholds,
    pruneAfterMs: config.pruneAfterMs,
    ownPerHour: config.ownAlertsPerHour,
    channelOf: (herokuApp: string) => routeOf(routing, herokuApp).channel,
    ...around,
  };
  return {
    slack,
    heroku,
    newOwner,
    readEvidence,
    delivery,
    maintain: () => runMaintenance(maintenance),
    planOnly: () => planMaintenance(maintenance),
    close: () => heroku?.close(),
  };
}

/**
 * One maintenance tick and nothing else, for an external scheduler. `dryRun` decides and does nothing.
 * @throws if the database does not answer, or has no schema yet
 */
export async function maintainOnce(
  config: Config,
  around: Surroundings,
  options: { readonly dryRun: boolean },
): Promise<MaintenanceReport> {
  const database = await openExisting(config.database, around.log);
  const core = createCore(config, database.db, around, createMetrics());
  try {
    return await (options.dryRun ? core.planOnly() : core.maintain());
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
/** A promotion starts by NOTIFY; this is how late it starts where that is lost, or where the one that held it was killed. */
const PROMOTER_POLL_MS = 500;
/** Promotions whose progress is being told at once: few enough that none outlasts its lease while it waits for Slack. */
const SHOWN_AT_ONCE = 5;

/**
 * Starts everything: database, HTTP server, Slack, watchdog.
 * @throws where the database or the port cannot be had; nothing stays open then
 */
export async function startApp(config: Config, around: Surroundings): Promise<RunningApp> {
  const { log, now } = around;
  const database = await openUpToDate(config.database, log);
  const { db } = database;
  const metrics = createMetrics();
  const core = createCore(config, db, around, metrics);
  const busy = createBusyCount();

  const watchdog = createWatchdog({
    runMaintenance: core.maintain,
    cron: config.maintenanceCron,
    heartbeatUrl: config.heartbeatUrl,
    now,
    elapsed: around.elapsed,
    log,
    onTick: (tick) => {
      metrics.onTick(tick);
      void busy.during(homes.refresh);
    },
  });
  const homes = createHomes({
    db,
    slack: core.slack,
    thresholds: config.thresholds,
    silentSince: watchdog.silentSince,
    now,
    random: around.random,
    newOwner: core.newOwner,
    log,
  });
  const secretBox = createSecretBox(config.totpEncryptionKey);
  const hashRecoveryCode = createRecoveryHash(config.totpEncryptionKey);
  const showInSlack = async (promotionId: string): Promise<void> => {
    homes.changed();
    try {
      for (const outcome of await core.delivery.promotion(promotionId)) {
        if (outcome.kind === 'failed')
          log.warn({ err: outcome.error, promotionId }, 'Slack is behind; the next tick catches up');
      }
    } catch (error) {
      log.error({ err: error, promotionId }, 'Slack is behind; the next tick catches up');
    }
  };
  // Slack takes a message a second, however fast promotions go.
  const shown = createTurns(SHOWN_AT_ONCE, showInSlack);
  // Whoever wrote the checkpoint, the console included: a promotion that Heroku took is brought to its end.
  const promoter =
    core.heroku === null
      ? null
      : createPromoter({
          db: db.promoting,
          heroku: core.heroku,
          now,
          random: around.random,
          newOwner: core.newOwner,
          leaseMs: config.promoterLeaseMs,
          pollMs: PROMOTER_POLL_MS,
          log,
          onChanged: (promotionId) => shown.take(promotionId),
        });
  const incoming = createReceiver(config, log);
  // Without `authorize`, Bolt would ask Slack who it is at every request, and swallow the click where that fails.
  const bolt = new App({
    receiver: incoming.receiver,
    // And without a team, Bolt would keep a client for each that a payload names, for ever; handlers have one of their own.
    authorize: async () => ({ botToken: config.slack.botToken, teamId: '' }),
    ignoreSelf: false,
    // Bolt would keep every conversation of the process's life in memory, and look into that at each request, for a
    // `say` that knows what was said before.
    convoStore: false,
    logger: boltLogger(log),
    clientOptions: { slackApiUrl: config.slack.apiUrl },
  });
  bolt.use(({ next }) => busy.during(next));
  registerHandlers(bolt, {
    db,
    slack: core.slack,
    readEvidence: core.readEvidence,
    findApp: core.heroku === null ? null : createAppLookup(core.heroku, log),
    readCode: createCodeReader(secretBox, hashRecoveryCode),
    newEnrolmentLink(slackUserId) {
      const token = newToken();
      return {
        token,
        link: { tokenHash: hashToken(token), sealedSecret: secretBox.seal(newSecret(), slackUserId) },
      };
    },
    publicUrl: config.publicUrl,
    showInSlack,
    draftRca: createRcaDrafter({
      db,
      slack: core.slack,
      readReleases: createReleasesReader(core.heroku, now, log),
      alertChannel: config.slack.alertChannel,
      thresholds: config.thresholds,
      now,
      log,
    }),
    openHome: homes.open,
    onDenied: metrics.onDenied,
    onCodeRefused: metrics.onCodeRefused,
    alertChannel: config.slack.alertChannel,
    channelOf: (herokuApp) => routeOf(routingOf(config), herokuApp).channel,
    tomorrowAt,
    thresholds: config.thresholds,
    rcaUrlHosts: config.rcaUrlHosts,
    now,
    log,
  });
  let socket: SocketModeConnection | null = null;
  let dueListener: DueListener | null = null;
  const readiness = createReadiness(
    [
      { name: 'database', run: () => db.ping(), freshForMs: 1_000 },
      { name: 'slack', run: () => core.slack.ping(), freshForMs: 15_000 },
      ...(incoming.kind === 'socket' ? [{ name: 'socket_mode', run: async () => socket?.check(), freshForMs: 0 }] : []),
      { name: 'watchdog', run: async () => failWhileSilent(watchdog.silentSince()), freshForMs: 0 },
    ],
    around.elapsed,
  );

  let http: HttpServer;
  try {
    const slackListener = incoming.kind === 'http' ? incoming.receiver.requestListener : null;
    http = await startHttp(config.port, {
      slackListener,
      pages: {
        [PAGES]: createEnrolmentPages({
          enrolments: db.enrolments,
          secretBox,
          hashRecoveryCode,
          nameOf: core.slack.nameOf,
          askToConfirm: (enrolment) => void busy.during(() => askToConfirm(core.slack, enrolment, log)),
          now,
        }),
        [PERMALINKS]: permalinkPage,
      },
      isHttps: config.publicUrl?.startsWith('https:') ?? false,
      readiness,
      metrics,
      log,
    });
  } catch (error) {
    core.close();
    await database.close();
    throw error;
  }
  const stopEverything = async (): Promise<void> => {
    // First what brings work, then what does it, then what it needs.
    await Promise.all([http.stop(), socket?.stop(), watchdog.stop(), promoter?.stop(), dueListener?.close()]);
    await homes.stop();
    await Promise.all([busy.idle(), shown.stop()]);
    core.close();
    await database.close();
  };
  // In the background: while Slack is away, the watchdog goes on, and what it finds waits in its rows.
  if (incoming.kind === 'socket') socket = keepConnected(incoming.receiver, log);
  watchdog.start();
  if (promoter !== null) {
    promoter.start();
    // A promotion starts at once where this works, and with the promoter's next look where it does not.
    dueListener = db.listenForDue(promoter.wake, (error) =>
      log.warn({ err: error }, 'not told of promotions; looking by timer alone'),
    );
  }
  void watchdog.tick();
  log.info(
    { port: http.port, slack: config.slack.transport.kind, heroku: config.heroku !== null },
    'flag-promotions is up',
  );
  if (config.heroku === null) log.warn('HEROKU_API_KEY is not set: promoting is off, and alerts carry no evidence');

  return {
    port: http.port,
    tick: () => watchdog.tick(),
    async stop() {
      const ended = await within(
        STOP_WITHIN_MS,
        stopEverything().then(() => true),
      );
      // Leases run out by themselves, and whatever was due stands in the rows.
      if (ended === null) log.warn('stopped before everything under way had ended; another process takes it up');
    },
  };
}

/** Asks a person in Slack whether it was them. What does not arrive is on the page, too: a command that says the same. */
async function askToConfirm(slack: Slack, enrolment: Enrolment, log: Logger): Promise<void> {
  try {
    await slack.tell(enrolment.slackUserId, confirmMessage(enrolment));
  } catch (error) {
    log.warn({ err: error }, 'a person could not be asked in Slack whether it was them');
  }
}

type SlackReceiver =
  | { readonly kind: 'http'; readonly receiver: HTTPReceiver }
  | { readonly kind: 'socket'; readonly receiver: SocketModeReceiver };

function createReceiver(config: Config, log: Logger): SlackReceiver {
  const { transport, apiUrl } = config.slack;
  if (transport.kind === 'socket') {
    const receiver = new SocketModeReceiver({
      appToken: transport.appToken,
      logger: boltLogger(log),
      autoReconnectEnabled: false,
      installerOptions: { clientOptions: { slackApiUrl: apiUrl, retryConfig: { retries: 0 }, timeout: 10_000 } },
    });
    return { kind: 'socket', receiver };
  }
  const receiver = new HTTPReceiver({
    signingSecret: transport.signingSecret,
    endpoints: SLACK_PATH,
    logger: boltLogger(log),
    // Handlers deal with their own faults: what comes here is Bolt failing at a body that is none of Slack's shapes.
    processEventErrorHandler: async ({ error, response }) => {
      log.warn({ err: error }, 'a request of no known shape was refused');
      if (!response.headersSent) response.writeHead(400).end();
      return false;
    },
  });
  return { kind: 'http', receiver };
}

async function failWhileSilent(since: Date | null): Promise<void> {
  if (since !== null) throw new Error(`no maintenance has completed since ${since.toISOString()}`);
}

/** Counts what is under way after Slack was already answered, so that a stop can wait for it. */
function createBusyCount(): { during(work: () => Promise<void>): Promise<void>; idle(): Promise<void> } {
  const underWay = new Set<Promise<void>>();
  return {
    async during(work) {
      const running = work();
      underWay.add(running);
      try {
        await running;
      } finally {
        underWay.delete(running);
      }
    },
    async idle() {
      await Promise.allSettled(underWay);
    },
  };
}
