import { App, SocketModeReceiver } from '@slack/bolt';
import { describeOddRows } from '../db/console/describe.js';
import { databaseTrouble } from '../db/trouble.js';
import { noteFirstCodes } from '../handlers/decisions.js';
import { registerHandlers } from '../handlers/index.js';
import { startHttp } from '../http.js';
import { CONNECTION_LIMITS } from '../http-connections.js';
import { boltLogger } from '../slack/bolt-logger.js';
import { createRecoveryHash } from '../operators/recovery-codes.js';
import { createSpokenWords } from '../operators/spoken-word.js';
import { findKeyTrouble } from '../operators/secret-box.js';
import type { Line } from '../network/network.js';
import { createEnrolmentPages, PAGES } from '../pages/enrolment.js';
import { permalinkPage } from '../pages/permalink.js';
import { describeOverdue, type Overdue } from '../promotions/overdue.js';
import { PERMALINKS } from '../promotions/permalink.js';
import { createReadiness, NotReadyError, type Readiness } from '../readiness.js';
import { clientFetch } from '../slack/client-fetch.js';
import { SlackError } from '../slack/errors.js';
import { createGuard } from '../slack/guard.js';
import { createHttpReceiver, type HttpReceiver } from '../slack/http-receiver.js';
import { createOnce } from '../slack/once.js';
import { guardFrames, keepConnected, type SocketModeConnection } from '../slack/socket-mode.js';
import type { Core } from './core.js';
import { handlerDependencies, type Secrets } from './handlers.js';
import type { Jobs } from './jobs.js';

/** Everything incoming: from Slack by HTTP or Socket Mode, and from browsers and probes. */
export interface Receiver {
  readonly port: number;
  /** Accepts nothing more. */
  stop(): Promise<void>;
}

/**
 * Serves HTTP; resolves once it does. Socket Mode connects in the background: without Slack the watchdog still runs,
 * and its findings wait in their rows.
 * @throws if the port is taken; nothing stays open then
 */
export async function startReceiver(core: Core, jobs: Jobs): Promise<Receiver> {
  const { config, runtime, metrics, busy } = core;
  const { log } = runtime;
  const recoveryHash = createRecoveryHash(config.totpEncryptionKey, ...config.formerTotpKeys);
  const secrets: Secrets = {
    secretBox: core.secretBox,
    recoveryHash,
    spokenWords: createSpokenWords(recoveryHash),
  };
  const incoming = createSlackReceiver(core);
  const bolt = createBolt(core, incoming);
  bolt.use(({ next }) => busy.during(next));
  registerHandlers(bolt, handlerDependencies(core, jobs, secrets));
  let socket: SocketModeConnection | null = null;
  const checkSocket = incoming.kind === 'http' ? null : async () => socket?.check();
  const http = await startHttp(config.port, {
    slackListener: incoming.kind === 'http' ? incoming.receiver.receive : null,
    pages: {
      [PAGES]: createEnrolmentPages({
        enrolments: noteFirstCodes(
          core.db.enrolments,
          (decided) => log.info({ what: PAGES, ...decided }, 'decided'),
          runtime.elapsed,
        ),
        ...secrets,
        nameOf: core.slack.nameOf,
        askToConfirm: ({ id }) =>
          void busy.during(async () => {
            await jobs.deliver('confirm_enrolment', id);
            await jobs.deliver('link_used', id);
          }),
        now: core.db.now,
        log,
      }),
      [PERMALINKS]: permalinkPage,
    },
    publicUrl: config.publicUrl,
    limits: { lingerMs: CONNECTION_LIMITS.lingerMs * runtime.patience },
    metricsToken: config.metricsToken,
    readiness: readinessOf(core, jobs, checkSocket),
    metrics,
    log,
  });
  if (incoming.kind === 'socket') socket = keepConnected(incoming.receiver.client, incoming.line, log);
  return {
    port: http.port,
    async stop() {
      await Promise.all([http.stop(), socket?.stop()]);
    },
  };
}

function readinessOf(core: Core, jobs: Jobs, checkSocket: (() => Promise<void>) | null): () => Promise<Readiness> {
  return createReadiness(
    [
      { name: 'database', run: () => core.db.checkWrites(), explain: databaseTrouble, freshForMs: 2_000 },
      { name: 'slack', run: () => core.slack.ping(), explain: slackTrouble, freshForMs: 15_000 },
      {
        name: 'totp_key',
        run: async () => failIfWrongKey(core),
        explain: databaseTrouble,
        freshForMs: 2_000,
      },
      ...(checkSocket === null
        ? []
        : [{ name: 'socket_mode', run: checkSocket, explain: () => 'not connected in Socket Mode', freshForMs: 0 }]),
      { name: 'watchdog', run: async () => failWhileSilent(jobs.watchdog.silentSince()), freshForMs: 0 },
      {
        name: 'owed',
        run: async () => failIfOverdue(await core.findOverdue(), jobs.watchdog.failing()),
        explain: databaseTrouble,
        freshForMs: 5_000,
      },
    ],
    core.runtime.elapsed,
    core.runtime.log,
    async () => {
      const odd = await core.oddStates();
      const refused = core.sealer.refused();
      return [...(odd === null ? [] : describeOddRows(odd)), ...(refused.length === 0 ? [] : [refusedEvents(refused)])];
    },
  );
}

function refusedEvents(ids: readonly string[]): string {
  const which = ids.length === 1 ? `event ${ids[0]}` : `${ids.length} events, the first of them ${ids[0]}`;
  return `the audit log holds what this app did not write: ${which}`;
}

function slackTrouble(error: unknown): string {
  return error instanceof SlackError ? `Slack's ${error.method} failed: ${error.word}` : 'failed';
}

async function failIfWrongKey({ db, secretBox }: Core): Promise<void> {
  const trouble = findKeyTrouble(secretBox, await db.operators.sealedSecrets());
  if (trouble !== null) throw new NotReadyError('TOTP_ENCRYPTION_KEY does not open every operator’s secret');
}

function failWhileSilent(since: Date | null): void {
  if (since !== null) throw new NotReadyError(`no maintenance has completed since ${since.toISOString()}`);
}

function failIfOverdue(overdue: Overdue | null, failing: readonly string[]): void {
  if (overdue !== null) throw new NotReadyError(describeOverdue(overdue));
  if (failing.length > 0) throw new NotReadyError(`fails in every check: ${failing.join(', ')}`);
}

/** Slack ignores an answer after three seconds. */
const SLACK_WAITS_MS = 3_001;
/** The part of it for asking the database whether a request came before. */
const ONCE_WITHIN_MS = 400;

type SlackReceiver =
  | { readonly kind: 'http'; readonly receiver: HttpReceiver }
  | { readonly kind: 'socket'; readonly receiver: SocketModeReceiver; readonly line: Line };

function createSlackReceiver({ config, db, metrics, network, runtime }: Core): SlackReceiver {
  const { log, patience } = runtime;
  const { transport, apiUrl } = config.slack;
  const guard = createGuard({ log, onEventsHeldBack: metrics.onEventsHeldBack });
  const remember = db.takenRequests.take;
  const takeOnce = createOnce({ remember, waitMs: ONCE_WITHIN_MS * patience, log });
  const onRefused = metrics.onRequestRefused;
  if (transport.kind === 'socket') {
    const line = network.createLine();
    const fetch = clientFetch(network.fetch);
    const receiver = new SocketModeReceiver({
      appToken: transport.appToken,
      logger: boltLogger(log),
      autoReconnectEnabled: false,
      dispatcher: line.dispatcher,
      installerOptions: {
        clientOptions: {
          slackApiUrl: apiUrl,
          fetch,
          retryConfig: { retries: 0 },
          timeout: 10_000,
          // Otherwise the client waits as long as Slack asks, past the attempt's deadline.
          rejectRateLimitedCalls: true,
        },
      },
      processEventErrorHandler: async ({ error }) => {
        log.warn({ err: error }, 'an event of no known shape was refused');
        return false;
      },
    });
    guardFrames(receiver.client, { guard, takeOnce, onTwice: () => onRefused('twice'), log });
    return { kind: 'socket', receiver, line };
  }
  const { signingSecret } = transport;
  const waitMs = SLACK_WAITS_MS * patience;
  return {
    kind: 'http',
    receiver: createHttpReceiver({ signingSecret, guard, takeOnce, onRefused, waitMs, log, boltLog: boltLogger(log) }),
  };
}

function createBolt({ config, network, runtime }: Core, { receiver }: SlackReceiver): App {
  return new App({
    receiver,
    // Without `authorize`, Bolt asks Slack who it is at every request, and swallows the click if that fails. With a
    // team, Bolt keeps a client for each team that a payload names, for ever.
    authorize: async () => ({ botToken: config.slack.botToken, teamId: '' }),
    ignoreSelf: false,
    // Bolt would keep every conversation in memory.
    convoStore: false,
    logger: boltLogger(runtime.log),
    clientOptions: { slackApiUrl: config.slack.apiUrl, fetch: clientFetch(network.fetch) },
  });
}
