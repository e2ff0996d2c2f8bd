import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../../src/db/embedded-postgres.js';
import { migrateToLatest } from '../../src/db/migrate.js';
import { freePort } from '../../src/db/embedded/free-port.js';
import { type HerokuStandIn, startHerokuStandIn } from '../heroku/stand-in.js';
import { type PagerDutyStandIn, ROUTING_KEY, startPagerDutyStandIn } from '../pagerduty/stand-in.js';
import { ACK_WITHIN_MS } from '../slack/deliver.js';
import { type Manifest, parseManifest } from '../slack/manifest.js';
import { TRIGGER_LIFE_MS } from '../slack/triggers.js';
import { type SlackStandIn, startSlackStandIn } from '../slack/workspace.js';
import { startWebhookReceiver, type WebhookReceiver } from '../webhook/receiver.js';
import { AppProcess } from './app-process.js';
import { Authenticators } from './authenticators.js';
import { MovableClock } from './clock.js';
import { HerokuSwitches } from './heroku-switches.js';
import { APP_CREATED_AT, enrolOperator, HEROKU_APP, insertPromotions, seedHeroku, shiftOf } from './incident.js';
import { Killer } from './killer.js';
import { type RowReader, readRows } from './rows.js';

export type Transport = 'http' | 'socket';

export interface WorldOptions {
  readonly transport: Transport;
  /** Whether the app's log goes to standard output. */
  readonly showLog?: boolean;
  /** An empty database to use; default: a PostgreSQL of its own. */
  readonly databaseUrl?: string | undefined;
  /** Multiplies how long the app and Slack wait for each other: for tests on a busy machine. */
  readonly patience?: number;
  /** Aborts the start, and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

/**
 * The real app with everything around it: PostgreSQL, Slack, Heroku, a pager, people with phones, and a clock that
 * moves.
 */
export interface World {
  readonly transport: Transport;
  readonly manifest: Manifest;
  readonly slack: SlackStandIn;
  readonly heroku: HerokuStandIn;
  readonly pager: PagerDutyStandIn;
  readonly webhooks: WebhookReceiver;
  readonly switches: HerokuSwitches;
  readonly clock: MovableClock;
  readonly app: AppProcess;
  readonly killer: Killer;
  readonly authenticators: Authenticators;
  readonly rows: RowReader;
  moveClock(hours: number): Promise<void>;
  /** Starts the app's new build, and has it update its messages. */
  restartApp(): Promise<void>;
  /** Slack is down for ten minutes of the clock. */
  slackOutage(): void;
  /** Until when it is down; null if it isn't. */
  readonly slackDownUntil: Date | null;
  /** Calls back whenever something may have changed; returns how to stop that. */
  onChange(observer: () => void): () => void;
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const OUTAGE_MS = 10 * 60_000;
/** Slack's own waits before it retries an event: none, a minute, five. */
const SLACK_RETRY_WAITS = [0, 60_000, 300_000] as const;

/** Starts a world in which the incident of 2026-05-07 has just been noticed. If it rejects, nothing stays open. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return await build(options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(
  { transport, showLog = false, databaseUrl, patience = 1, signal }: WorldOptions,
  closers: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<World> {
  const observers = new Set<() => void>();
  const changed = (): void => {
    for (const observer of observers) observer();
  };
  const clock = new MovableClock();
  const shift = shiftOf(clock.now());

  const giveUp = (): void => signal?.throwIfAborted();
  const database = databaseUrl ?? (await ownDatabase(closers));
  giveUp();
  await migrateToLatest(database);

  const heroku = await startHerokuStandIn({
    apps: { [HEROKU_APP]: { vars: {}, createdAt: shift(APP_CREATED_AT) } },
    clock: clock.now,
  });
  closers.push(() => heroku.close());
  seedHeroku(heroku, shift);
  heroku.onRequest(changed);

  const pager = await startPagerDutyStandIn({ clock: clock.now });
  closers.push(() => pager.close());
  pager.onChange(changed);
  const webhookSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const webhooks = await startWebhookReceiver(webhookSecret, clock.now);
  closers.push(() => webhooks.close());
  webhooks.onChange(changed);

  const manifest = readManifest();
  const slack = await startSlackStandIn({
    scopes: manifest.scopes,
    subscribedEvents: manifest.events,
    homeTab: manifest.homeTab,
    eventRetryWaitMs: SLACK_RETRY_WAITS,
    ackWithinMs: ACK_WITHIN_MS * patience,
    triggerLifeMs: TRIGGER_LIFE_MS * patience,
    clock: clock.now,
  });
  closers.push(() => slack.close());
  slack.onChange(changed);

  giveUp();
  const { superadmin, engineer } = slack.people;
  const key = randomBytes(32);
  const authenticators = new Authenticators();
  for (const [{ id: slackUserId }, role] of [
    [superadmin, 'superadmin'],
    [engineer, 'engineer'],
  ] as const) {
    authenticators.enrol(slackUserId, await enrolOperator(database, key, { slackUserId, role }));
  }
  await insertPromotions(database, shift, superadmin.id);
  const rows = readRows(database);
  closers.push(() => rows.close());

  // The same across restarts: messages contain its address.
  const port = await freePort();
  const app = new AppProcess({
    environment: {
      DATABASE_URL: database,
      SLACK_BOT_TOKEN: slack.botToken,
      ...(transport === 'socket' ? { SLACK_APP_TOKEN: slack.appToken } : { SLACK_SIGNING_SECRET: slack.signingSecret }),
      SLACK_API_URL: slack.apiUrl,
      SLACK_ALERT_CHANNEL: slack.channels.alerts,
      HEROKU_API_KEY: heroku.apiKey,
      HEROKU_API_URL: heroku.apiUrl,
      PAGERDUTY_URL: pager.url,
      PAGERDUTY_ROUTING_KEY: ROUTING_KEY,
      WEBHOOK_URL: webhooks.url,
      WEBHOOK_SECRET: webhookSecret,
      TOTP_ENCRYPTION_KEY: key.toString('base64'),
      // Somebody is watching: they shouldn't have to wait twenty seconds or a minute, as usual.
      MAINTENANCE_CRON: '*/10 * * * * *',
      PROMOTER_LEASE: '6s',
      PORT: String(port),
      // Enrolment links lead to the app itself.
      PUBLIC_URL: `http://127.0.0.1:${port}`,
    },
    clock,
    patience,
    showLog,
    onUp() {
      if (transport === 'http') slack.connectHttp(`http://127.0.0.1:${port}/slack/events`);
    },
    onChange: changed,
  });
  closers.push(() => app.stop());
  giveUp();
  signal?.addEventListener('abort', () => app.kill());
  await app.start();

  let slackBackAt = clock.now();
  return {
    transport,
    manifest,
    slack,
    heroku,
    pager,
    webhooks,
    switches: new HerokuSwitches(heroku),
    clock,
    app,
    killer: new Killer(app, heroku, rows, changed),
    authenticators,
    rows,
    async moveClock(hours) {
      clock.moveTo(clock.offsetMs + hours * HOUR_MS);
      await rows.moveClock(clock.offsetMs);
      app.tell({ kind: 'move_clock', offsetMs: clock.offsetMs });
      changed();
    },
    restartApp: () => app.restart(() => rows.showAgain()),
    slackOutage() {
      slack.outage(OUTAGE_MS);
      slackBackAt = new Date(clock.now().getTime() + OUTAGE_MS);
      changed();
    },
    get slackDownUntil() {
      return slackBackAt > clock.now() ? slackBackAt : null;
    },
    onChange(observer) {
      observers.add(observer);
      return () => observers.delete(observer);
    },
    close,
  };
}

/** The URL of a PostgreSQL of its own, stopped with the world. */
async function ownDatabase(closers: (() => Promise<void>)[]): Promise<string> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'flag-promotions-demo-'));
  closers.push(() => rm(dataDir, { recursive: true, force: true }));
  const postgres = await startEmbeddedPostgres({ dataDir, create: true });
  closers.push(() => postgres.stop());
  return postgres.connectionString;
}

/** The manifest that an administrator would paste: the app may do only what it asks for. */
function readManifest(): Manifest {
  return parseManifest(readFileSync(fileURLToPath(new URL('../../manifest.yml', import.meta.url)), 'utf8'));
}
