import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { generateSync } from 'otplib';
import { type HerokuStandIn, startHerokuStandIn } from '../../demo/heroku/stand-in.js';
import { ACK_WITHIN_MS } from '../../demo/slack/deliver.js';
import { TRIGGER_LIFE_MS } from '../../demo/slack/triggers.js';
import { type SlackStandIn, type StoredMessage, startSlackStandIn } from '../../demo/slack/workspace.js';
import { type RunningApp, startApp } from '../../src/app.js';
import { type Config, readConfig } from '../../src/config.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { createLogger } from '../../src/log.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { type BedClock, createBedClock, type TestClock } from './clock.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { findLeaks } from './leaks.js';
import { readManifest } from './manifest.js';
import { createRowStore, type RowStore } from './row-store.js';

/** The app under test, whole, with everything around it: a database of its own, Slack, Heroku, and a clock. */
export interface TestBed {
  readonly app: RunningApp;
  readonly slack: SlackStandIn;
  readonly heroku: HerokuStandIn;
  readonly clock: BedClock;
  readonly db: Database;
  /** Rows as another system (the console, a person with SQL) would write and read them. */
  readonly rows: RowStore;
  readonly config: Config;
  /** Every line that the app logged. */
  readonly logged: readonly string[];
  /** Takes in what a replica in a process of its own logged. */
  hear(lines: string): void;
  readonly baseUrl: string;
  /** The code that an operator's authenticator shows at the clock's present, or `steps` later. */
  code(slackUserId: string, steps?: number): string;
  /** Takes over the authenticator of somebody whom the app itself enrolled: `code` then speaks for it. */
  adopt(slackUserId: string, secret: string): void;
  /** Names something more that the app may tell nowhere. */
  keepSecret(name: string, value: string): void;
  enrol(slackUserId: string, role?: 'superadmin' | 'engineer'): Promise<void>;
  /** The oldest alert's message as the channel shows it now. @throws where none was posted */
  alert(): Promise<StoredMessage>;
  /** What a process of its own needs in its environment to be another replica. */
  readonly environment: Readonly<Record<string, string>>;
  /** A further replica on the same database, with clocks of its own where they are given. */
  replica(options?: {
    clock?: Pick<TestClock, 'now'>;
    elapsed?: () => number;
    environment?: Readonly<Record<string, string>>;
  }): Promise<RunningApp>;
  /** Stops everything. @throws where the app told a secret anywhere meanwhile */
  close(): Promise<void>;
}

export const APP = 'raxx-console-prod';
export const FLAG = 'console_heroku_log_drain_alerting';
export const CONFIG_VAR = 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING';

/** For tests that move the clock while promotions are worked on: no lease ends by that. */
export const LONG_LEASE = { PROMOTER_LEASE: '24h' };

/** Enough for a machine that has five other things to do, and too little to sit out anything that hangs. */
const PATIENCE = 5;

/** A config var that is none of the app's business. */
const OTHER_VAR = 'postgres://canary-other-var';

export interface TestBedOptions {
  readonly startAt?: string;
  /** What names Slack's ids is made once they are there. */
  readonly environment?: Readonly<Record<string, string>> | ((slack: SlackStandIn) => Readonly<Record<string, string>>);
  /** What Heroku holds; the incident's flag is live. */
  readonly vars?: Readonly<Record<string, string>>;
  readonly socketMode?: boolean;
  readonly withoutHeroku?: boolean;
  readonly herokuRequestsPerHour?: number;
  /** Whether people of another workspace are in the channel `random` too. */
  readonly sharedRandom?: boolean;
  /** Whether Slack refuses more than a message a second; a limit can hide what would otherwise be posted twice. */
  readonly rateLimit?: boolean;
  /** How many times its limits the app may take to answer in time: {@link PATIENCE}, and 1 where the test is about being late. */
  readonly patience?: number;
  /** Whether the database's clock stands still until it is moved: for what happens at the minute. */
  readonly databaseClockStands?: boolean;
}

/** Starts it all. The watchdog's own timer stays quiet (it would ring once a year): tests tick. */
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
    log,
  });
  const app = await startApp(config, around(clock));
  // The tick of the start itself: a test's own ticks come after it, rather than being swallowed by it.
  await app.tick();
  if (options.socketMode !== true) slack.connectHttp(`http://127.0.0.1:${app.port}/slack/events`);
  const db = openDatabase(database.url, { maxConnections: 3 });
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
