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
import { type Manifest, parseManifest } from '../slack/manifest.js';
import { type SlackStandIn, startSlackStandIn } from '../slack/workspace.js';
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
  /** Gives up the start, and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

/** The real app with everything around it: PostgreSQL, Slack, Heroku, people with phones, and a clock that moves. */
export interface World {
  readonly transport: Transport;
  readonly manifest: Manifest;
  readonly slack: SlackStandIn;
  readonly heroku: HerokuStandIn;
  readonly switches: HerokuSwitches;
  readonly clock: MovableClock;
  readonly app: AppProcess;
  readonly killer: Killer;
  readonly authenticators: Authenticators;
  readonly rows: RowReader;
  moveClock(hours: number): Promise<void>;
  /** Slack is down for ten minutes of the clock. */
  slackOutage(): void;
  /** Until when it is; null where it is not. */
  readonly slackDownUntil: Date | null;
  /** Calls back whenever something may have changed; returns how to stop that. */
  onChange(observer: () => void): () => void;
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const OUTAGE_MS = 10 * 60_000;
/** Slack's own waits before it sends an event again: at once, after a minute, after five. */
const SLACK_RETRY_WAITS = [0, 60_000, 300_000] as const;

/** Starts a world in which the incident of 2026-05-07 has just been noticed. Nothing stays open where it rejects. */
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
  { transport, showLog = false, signal }: WorldOptions,
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
  const dataDir = await mkdtemp(path.join(tmpdir(), 'flag-promotions-demo-'));
  closers.push(() => rm(dataDir, { recursive: true, force: true }));
  const postgres = await startEmbeddedPostgres({ dataDir, create: true });
  closers.push(() => postgres.stop());
  giveUp();
  await migrateToLatest(postgres.connectionString);

  const heroku = await startHerokuStandIn({
    apps: { [HEROKU_APP]: { vars: {}, createdAt: shift(APP_CREATED_AT) } },
    clock: clock.now,
  });
  closers.push(() => heroku.close());
  seedHeroku(heroku, shift);
  heroku.onRequest(changed);

  const manifest = readManifest();
  const slack = await startSlackStandIn({
    scopes: manifest.scopes,
    subscribedEvents: manifest.events,
    homeTab: manifest.homeTab,
    eventRetryWaitMs: SLACK_RETRY_WAITS,
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
    authenticators.enrol(slackUserId, await enrolOperator(postgres.connectionString, key, { slackUserId, role }));
  }
  await insertPromotions(postgres.connectionString, shift, superadmin.id);
  const rows = readRows(postgres.connectionString);
  closers.push(() => rows.close());

  // Kept by the app across restarts: its address stands in messages.
  const port = await freePort();
  const app = new AppProcess({
    environment: {
      DATABASE_URL: postgres.connectionString,
      SLACK_BOT_TOKEN: slack.botToken,
      ...(transport === 'socket' ? { SLACK_APP_TOKEN: slack.appToken } : { SLACK_SIGNING_SECRET: slack.signingSecret }),
      SLACK_API_URL: slack.apiUrl,
      SLACK_ALERT_CHANNEL: slack.channels.alerts,
      HEROKU_API_KEY: heroku.apiKey,
      HEROKU_API_URL: heroku.apiUrl,
      TOTP_ENCRYPTION_KEY: key.toString('base64'),
      // Somebody watches: what takes a minute, or twenty seconds, in earnest is not to keep them waiting.
      MAINTENANCE_CRON: '*/10 * * * * *',
      PROMOTER_LEASE: '6s',
      PORT: String(port),
      // Links to enrol by lead to the app itself.
      PUBLIC_URL: `http://127.0.0.1:${port}`,
    },
    clock,
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

/** The manifest that an administrator would paste: what the app may do is what it asks for there. */
function readManifest(): Manifest {
  return parseManifest(readFileSync(fileURLToPath(new URL('../../manifest.yml', import.meta.url)), 'utf8'));
}
