import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { generateSync } from 'otplib';
import { type HerokuStandIn, startHerokuStandIn } from '../../demo/heroku/stand-in.js';
import { ACK_WITHIN_MS } from '../../demo/slack/deliver.js';
import { TRIGGER_LIFE_MS } from '../../demo/slack/triggers.js';
import { type SlackStandIn, type StoredMessage, startSlackStandIn } from '../../demo/slack/workspace.js';
import { type RunningApp, startApp } from '../../src/app.js';
import { type Config, readConfig } from '../../src/config.js';
import { createAuditKeys } from '../../src/audit/keys.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { createLogger } from '../../src/log.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { type BedClock, createBedClock, type TestClock } from './clock.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { findLeaks } from './leaks.js';
import { readManifest } from './manifest.js';
import { PATIENCE } from './patience.js';
import { createRowStore, type RowStore } from './row-store.js';

/** The whole app under test and everything around it: its own database, Slack, Heroku, and a clock. */
export interface TestBed {
  readonly app: RunningApp;
  readonly slack: SlackStandIn;
  readonly heroku: HerokuStandIn;
  readonly clock: BedClock;
  readonly db: Database;
  /** Rows as another system (the console, a person with SQL) would write and read them. */
  readonly rows: RowStore;
  readonly config: Config;
  readonly logged: readonly string[];
  /** Adds the log of a replica in a process of its own. */
  hear(lines: string): void;
  readonly baseUrl: string;
  /** The code that an operator's authenticator shows by the bed's clock, or `steps` later. */
  code(slackUserId: string, steps?: number): string;
  /** Adopts the secret of somebody the app itself enrolled, so that `code` works for them. */
  adopt(slackUserId: string, secret: string): void;
  /** Adds a canary that the app must not tell anywhere. */
  keepSecret(name: string, value: string): void;
  enrol(slackUserId: string, role?: 'superadmin' | 'engineer'): Promise<void>;
  /** The oldest alert's current message in the channel. @throws if none was posted */
  alert(): Promise<StoredMessage>;
  /** Makes a process of its own another replica. */
  readonly environment: Readonly<Record<string, string>>;
  /** Another replica on the same database, with its own clocks if given. */
  replica(options?: {
    clock?: Pick<TestClock, 'now'>;
    elapsed?: () => number;
    environment?: Readonly<Record<string, string>>;
  }): Promise<RunningApp>;
  /** Stops everything. @throws if the app told a secret anywhere meanwhile */
  close(): Promise<void>;
}

export const APP = 'raxx-console-prod';
export const FLAG = 'console_heroku_log_drain_alerting';
export const CONFIG_VAR = 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING';

/** For tests that move the clock during promotions: no lease expires. */
export const LONG_LEASE = { PROMOTER_LEASE: '24h' };

/** Enough of a pause between messages to keep their order, for a Slack without limits. */
const NO_LIMIT = 0.02;

/** A config var that is none of the app's business. */
const OTHER_VAR = 'postgres://canary-other-var';

export interface TestBedOptions {
  readonly startAt?: string;
  /** A function, if it needs Slack's ids. */
  readonly environment?: Readonly<Record<string, string>> | ((slack: SlackStandIn) => Readonly<Record<string, string>>);
  /** What Heroku holds; by default the incident's flag is live. */
  readonly vars?: Readonly<Record<string, string>>;
  readonly socketMode?: boolean;
  /** The id of the organization that the app is installed for; default: one workspace. */
  readonly installedForOrganization?: string;
  readonly withoutHeroku?: boolean;
  readonly herokuRequestsPerHour?: number;
  /** Whether people of another workspace are in the channel `random` too. */
  readonly sharedRandom?: boolean;
  /** Whether Slack refuses more than a message a second; a limit can hide duplicate posts. */
  readonly rateLimit?: boolean;
  /** Whether the app leaves Slack's pauses between messages; default: only if Slack refuses more. */
  readonly pauses?: boolean;
  /** Multiplies the app's time limits: {@link PATIENCE}, and 1 for tests about being late. */
  readonly patience?: number;
  /** Whether the database's clock stands still until it is moved: for tests that depend on the minute. */
  readonly databaseClockStands?: boolean;
}

/** Starts everything. The watchdog's own timer stays quiet (it would ring once a year): tests tick. */
export async function startTestBed(options: TestBedOptions = {}): Promise<TestBed> {
  const patience = options.patience ?? PATIENCE;
  const database: TestDatabase = await createTestDatabase();
  const rows = createRowStore(database.url);
  const clock = await createBedClock(
    options.startAt ?? '2026-05-09T04:28:31Z',
    (sql) => rows.query(sql),
    options.databaseClockStands,
  );
  const heroku = await startHerokuStandIn({
    ...(options.herokuRequestsPerHour === undefined ? {} : { requestsPerHour: options.herokuRequestsPerHour }),
    apps: { [APP]: { vars: { ...(options.vars ?? { [CONFIG_VAR]: 'true' }), DATABASE_URL: OTHER_VAR } } },
  });
  const manifest = readManifest();
  const slack = await startSlackStandIn({
    scopes: manifest.scopes,
    subscribedEvents: manifest.events,
    unfurlDomains: manifest.unfurlDomains,
    homeTab: manifest.homeTab,
    rateLimit: options.rateLimit ?? true,
    isLoading: (view) => /Working on it…|Checking Heroku…/u.test(JSON.stringify(view.blocks)),
    randomIsShared: options.sharedRandom ?? false,
    ...(options.installedForOrganization === undefined
      ? {}
      : { installedForOrganization: options.installedForOrganization }),
    ackWithinMs: ACK_WITHIN_MS * PATIENCE,
    triggerLifeMs: TRIGGER_LIFE_MS * PATIENCE,
  });
  const key = randomBytes(32);
  const environment = {
    DATABASE_URL: database.url,
    SLACK_BOT_TOKEN: slack.botToken,
    ...(options.socketMode === true
      ? { SLACK_APP_TOKEN: slack.appToken }
      : { SLACK_SIGNING_SECRET: slack.signingSecret }),
    SLACK_API_URL: slack.apiUrl,
    SLACK_ALERT_CHANNEL: slack.channels.alerts,
    ...(options.withoutHeroku === true ? {} : { HEROKU_API_KEY: heroku.apiKey, HEROKU_API_URL: heroku.apiUrl }),
    TOTP_ENCRYPTION_KEY: key.toString('base64'),
    MAINTENANCE_CRON: '0 0 1 1 *',
    PORT: '0',
    LOG_LEVEL: 'debug',
    ...(typeof options.environment === 'function' ? options.environment(slack) : options.environment),
  };
  const config = readConfig(environment);
  const logged: string[] = [];
  const log = createLogger('debug', { write: (line) => void logged.push(line) });
  const around = (own: Pick<TestClock, 'now'>, elapsed = () => performance.now()) => ({
    now: own.now,
    elapsed,
    random: Math.random,
    patience,
    slackPauses: (options.pauses ?? options.rateLimit ?? true) ? 1 : NO_LIMIT,
    log,
  });
  const app = await startApp(config, around(clock));
  // The start's own tick: it must not swallow the test's first one.
  await app.tick();
  if (options.socketMode !== true) slack.connectHttp(`http://127.0.0.1:${app.port}/slack/events`);
  const db = openDatabase(database.url, {
    maxConnections: 3,
    patience,
    auditKeys: createAuditKeys([key]),
    valueBox: createSecretBox(key),
  });
  const secrets = new Map<string, string>();
  const canaries = new Map([
    ['another config var’s value', OTHER_VAR],
    ['the bot token', slack.botToken],
    ['the app token', slack.appToken],
    ['the signing secret', slack.signingSecret],
    ['the Heroku API key', heroku.apiKey],
    ['the TOTP encryption key', key.toString('base64')],
    ['the database’s address', database.url],
  ]);
  const replicas: RunningApp[] = [];

  const bed: TestBed = {
    app,
    slack,
    heroku,
    clock,
    db,
    rows,
    config,
    logged,
    hear: (lines) => void logged.push(lines),
    baseUrl: `http://127.0.0.1:${app.port}`,
    code(slackUserId, steps = 0) {
      const secret = secrets.get(slackUserId);
      if (secret === undefined) throw new Error(`${slackUserId} was not enrolled by the test.`);
      const code = generateSync({ secret, epoch: Math.floor(clock.now().getTime() / 1000) + steps * 30 });
      canaries.set(`a code (${canaries.size})`, code);
      return code;
    },
    adopt(slackUserId, secret) {
      secrets.set(slackUserId, secret);
      canaries.set(`the TOTP secret of ${slackUserId} (${canaries.size})`, secret);
    },
    keepSecret: (name, value) => void canaries.set(name, value),
    async enrol(slackUserId, role = 'superadmin') {
      const secret = base32(randomBytes(20));
      bed.adopt(slackUserId, secret);
      await db.operators.enrol({ slackUserId, role, sealedSecret: createSecretBox(key).seal(secret, slackUserId) });
    },
    async alert() {
      const [message] = await slack.messages(slack.channels.alerts);
      if (message === undefined) throw new Error('No alert was posted.');
      return message;
    },
    environment,
    async replica(own = {}) {
      const another = await startApp(
        own.environment === undefined ? config : readConfig({ ...environment, ...own.environment }),
        around(own.clock ?? clock, own.elapsed),
      );
      replicas.push(another);
      await another.tick();
      return another;
    },
    async close() {
      const leaks = await findLeaks(bed, canaries);
      await Promise.all([app, ...replicas].map((running) => running.stop()));
      await rows.close();
      await db.close();
      await slack.close();
      await heroku.close();
      await database.drop();
      if (leaks.length > 0) throw new Error(`The app told what it must not: ${leaks.join('; ')}`);
    },
  };
  await bed.enrol(slack.people.superadmin.id);
  return bed;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32(bytes: Buffer): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return bits.replaceAll(/.{5}/gu, (five) => ALPHABET[Number.parseInt(five, 2)] ?? '');
}
