import * as z from 'zod';
import { CHANNEL_ID, MENTION, NO_MENTION, parseAlertRoutes } from './alert-routes.js';
import {
  base64Key,
  connections,
  cron,
  duration,
  optional,
  proxy,
  publicUrl,
  required,
  schedule,
  token,
  unsetWhenEmpty,
  url,
} from './config-fields.js';
import type { DatabaseChoice } from './db/open.js';
import { type ConsoleSettings, isTableName, parseStateMap } from './db/console/settings.js';
import { AddressError, parseAddress, withTlsDefaults } from './db/server/address.js';
import { SSL_MODES } from './db/server/tls.js';
import { parseExemptions, type Proxies } from './network/proxies.js';
import { MOST_INDIVIDUAL_PER_HOUR } from './promotions/detection.js';
import type { RouteRule } from './promotions/routing.js';

/** Exit code of sysexits.h for a configuration error. */
export const EX_CONFIG = 78;

/** The environment does not describe a runnable app; `faults` names every fault, one sentence each. */
export class ConfigError extends Error {
  readonly code = 'config_invalid';
  override readonly name = 'ConfigError';
  constructor(readonly faults: readonly string[]) {
    super(
      [
        faults.length === 1 ? 'One setting needs your attention:' : `${faults.length} settings need your attention:`,
        ...faults.map((fault) => `  - ${fault}`),
        'Every setting is explained in .env.example. To look around without any of them: npm run demo',
      ].join('\n'),
    );
  }
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** DATABASE_URL's other value. */
const EMBEDDED = 'embedded';

const BEGINS = /^\s*postgres(?:ql)?:\/\//iu;

/** The URL of a PostgreSQL, as psql takes it; or this word. */
const serverUrl = (word?: string) =>
  z.string().superRefine((text, context) => {
    const fault = text === word ? null : addressFault(text, word === undefined ? '' : `, or ${word}`);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  });

function addressFault(text: string, orElse: string): string | null {
  if (!BEGINS.test(text)) return `must be a URL that begins with postgres:// or postgresql://${orElse}`;
  try {
    parseAddress(text);
    return null;
  } catch (error) {
    if (error instanceof AddressError) return error.message;
    throw error;
  }
}

/** Everything that follows is read from here once. Names and defaults are those of `.env.example`. */
const core = {
  DATABASE_URL: required(
    `the URL of a PostgreSQL (postgres://…), or ${EMBEDDED} for the app’s own under DATA_DIR`,
    serverUrl(EMBEDDED),
  ),
  DATABASE_DIRECT_URL: optional(serverUrl()),
  PGSSLMODE: optional(z.enum(SSL_MODES, { error: `must be one of ${SSL_MODES.join(', ')}` })),
  PGSSLROOTCERT: optional(z.string()),
  PGSSLCERT: optional(z.string()),
  PGSSLKEY: optional(z.string()),
  DATA_DIR: z.preprocess(unsetWhenEmpty, z.string().default('.data')),
  CONSOLE_TABLE: optional(
    z
      .string()
      .transform((text) => text.trim())
      .refine(isTableName, {
        error:
          'must be the name of a table as SQL writes it, such as console.flag_promotions or "Console"."Promotions"',
      }),
  ),
  STATE_MAP: z.preprocess(
    unsetWhenEmpty,
    z
      .string()
      .default('')
      .transform((text, context) => {
        const { stateMap, faults } = parseStateMap(text);
        for (const message of faults) context.addIssue({ code: 'custom', message });
        return faults.length === 0 ? stateMap : z.NEVER;
      }),
  ),
  LOG_LEVEL: z.preprocess(
    unsetWhenEmpty,
    z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  ),
};
const encryptionKey = {
  TOTP_ENCRYPTION_KEY: z.preprocess(
    unsetWhenEmpty,
    z
      .string({
        error: 'is required: 32 bytes in base64 that encrypt the TOTP secrets. Make them: openssl rand -base64 32',
      })
      .pipe(base64Key),
  ),
};
const HOW_MANY_MESSAGES = `must be a whole number from 1 to ${MOST_INDIVIDUAL_PER_HOUR}`;

const app = {
  DATABASE_POOL_MAX: connections(5),
  SLACK_BOT_TOKEN: required(
    'the bot token (xoxb-…) of OAuth & Permissions',
    z.string().regex(/^xoxb-\S+$/u, 'must be a bot token, which begins with xoxb-'),
  ),
  SLACK_SIGNING_SECRET: optional(z.string()),
  SLACK_APP_TOKEN: optional(z.string().regex(/^xapp-\S+$/u, 'must be an app-level token, which begins with xapp-')),
  SLACK_API_URL: z.preprocess(
    unsetWhenEmpty,
    url(['https:', 'http:'])
      .default('https://slack.com/api/')
      .transform((text) => (text.endsWith('/') ? text : `${text}/`)),
  ),
  SLACK_ALERT_CHANNEL: required(
    'the id of the channel that alerts go to (C…)',
    z.string().regex(CHANNEL_ID, 'must be a channel id such as C0123456789, not a name'),
  ),
  // A critical that pings nobody is a trap: to have that, one must say so.
  SLACK_CRITICAL_MENTION: z.preprocess(
    unsetWhenEmpty,
    z
      .string()
      .default('<!here>')
      .refine((text) => text === NO_MENTION || MENTION.test(text), {
        error:
          'must be a mention as Slack writes it, such as <!here>, <!subteam^S0123456789> or <@U0123456789>, or none',
      })
      .transform((text) => (text === NO_MENTION ? null : text)),
  ),
  ALERT_ROUTES: z.preprocess(
    unsetWhenEmpty,
    z
      .string()
      .default('')
      .transform((text, context) => {
        const { rules, faults } = parseAlertRoutes(text);
        for (const message of faults) context.addIssue({ code: 'custom', message });
        return faults.length === 0 ? rules : z.NEVER;
      }),
  ),
  HEROKU_API_KEY: optional(z.string()),
  HEROKU_API_URL: z.preprocess(unsetWhenEmpty, url(['https:', 'http:']).default('https://api.heroku.com')),
  STUCK_WARNING_AFTER: duration('12h'),
  STUCK_CRITICAL_AFTER: duration('24h'),
  CRITICAL_REPEAT_EVERY: duration('24h'),
  ALERT_MESSAGES_PER_HOUR: z.preprocess(
    unsetWhenEmpty,
    z.coerce
      .number({ error: HOW_MANY_MESSAGES })
      .int(HOW_MANY_MESSAGES)
      .min(1, HOW_MANY_MESSAGES)
      .max(MOST_INDIVIDUAL_PER_HOUR, HOW_MANY_MESSAGES)
      .default(10),
  ),
  CRITICAL_BROADCAST: z.preprocess(
    unsetWhenEmpty,
    z
      .enum(['true', 'false'], { error: 'must be true or false' })
      .default('true')
      .transform((text) => text === 'true'),
  ),
  AUTO_COMMIT: z.preprocess(
    unsetWhenEmpty,
    z
      .enum(['off', 'live'], { error: 'must be off or live' })
      .default('off')
      .transform((text) => text === 'live'),
  ),
  MAINTENANCE_CRON: z.preprocess(unsetWhenEmpty, cron.default('* * * * *')),
  DIGEST_CRON: optional(schedule),
  PRUNE_AFTER: duration('90d'),
  CONFIG_VAR_PATTERN: z.preprocess(
    unsetWhenEmpty,
    z
      .string()
      .default('FLAG_*')
      .transform((text) => text.split(',').map((pattern) => pattern.trim()))
      .refine((patterns) => patterns.every((pattern) => /^[A-Za-z0-9_*]+$/u.test(pattern)), {
        error:
          'must be names of config vars separated by commas, in which * stands for any characters: FLAG_*,FEATURE_*',
      }),
  ),
  SECOND_PERSON: z.preprocess(
    unsetWhenEmpty,
    z
      .string()
      .default('')
      .transform((text) => text.split(',').flatMap((app) => app.trim() || []))
      .refine((apps) => apps.every((app) => /^[a-z0-9*-]+$/iu.test(app)), {
        error: 'must be Heroku apps separated by commas, in which * stands for any characters: *-prod,billing',
      }),
  ),
  PROMOTER_LEASE: duration('20s'),
  HEARTBEAT_URL: optional(url(['https:', 'http:'])),
  RCA_URL_HOSTS: z.preprocess(
    unsetWhenEmpty,
    z
      .string()
      .default('')
      .transform((text) =>
        text
          .split(',')
          .map((host) => host.trim().toLowerCase())
          .filter((host) => host !== ''),
      )
      .refine((hosts) => hosts.every((host) => /^[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[1-9]\d{0,4})?$/u.test(host)), {
        error:
          'must be host names separated by commas, with a port if it isn’t 443: docs.example.com,wiki.example.com:8443',
      }),
  ),
  PUBLIC_URL: optional(publicUrl),
  HTTPS_PROXY: optional(proxy('HTTPS_PROXY')),
  HTTP_PROXY: optional(proxy('HTTP_PROXY')),
  NO_PROXY: z.preprocess(unsetWhenEmpty, z.string().default('').transform(parseExemptions)),
  METRICS_TOKEN: optional(token),
  PORT: z.preprocess(
    unsetWhenEmpty,
    z.coerce
      .number({ error: 'must be a port number' })
      .int('must be a port number')
      .min(0)
      .max(65_535, 'must be a port number')
      .default(3000),
  ),
};

/** Every program reads these by their lower-case names too, and most of them first. */
const ALSO_LOWER_CASE = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'] as const;

function withLowerCase(environment: Environment): Environment {
  const found = ALSO_LOWER_CASE.flatMap((name) => {
    const value = environment[name.toLowerCase()];
    return unsetWhenEmpty(value) === undefined ? [] : [[name, value] as const];
  });
  return { ...environment, ...Object.fromEntries(found) };
}

const settings = { ...core, ...encryptionKey, ...app };
/** The name of every setting that this app reads by itself. */
export type Setting = keyof typeof settings;
const isSetting = (name: string): name is Setting => Object.hasOwn(settings, name);

/** Set by Heroku in every dyno; no setting of the app's. */
const platform = { DYNO: optional(z.string()) };

const hasLastingDisk = ({ DATABASE_URL, DYNO }: { DATABASE_URL?: string; DYNO?: string | undefined }) =>
  DATABASE_URL !== EMBEDDED || DYNO === undefined;
const NO_LASTING_DISK = {
  path: ['DATABASE_URL'],
  error:
    'must not be embedded on Heroku: a dyno loses its disk at each restart. Run: heroku addons:create heroku-postgresql:essential-0 (it sets DATABASE_URL)',
  // Also if other settings are at fault: all are named at once.
  when: () => true,
};

const { LOG_LEVEL: _, CONSOLE_TABLE: __, STATE_MAP: ___, ...database } = core;
const choiceSchema = z.object({ ...database, ...platform }).refine(hasLastingDisk, NO_LASTING_DISK);
const consoleSchema = z.object({ CONSOLE_TABLE: core.CONSOLE_TABLE, STATE_MAP: core.STATE_MAP });
const databaseSchema = z.object({ ...core, ...platform }).refine(hasLastingDisk, NO_LASTING_DISK);
const operatorsSchema = z.object({ ...core, ...encryptionKey, ...platform }).refine(hasLastingDisk, NO_LASTING_DISK);
const appSchema = z
  .object({ ...core, ...encryptionKey, ...app, ...platform })
  .refine(hasLastingDisk, NO_LASTING_DISK)
  .refine((env) => env.SLACK_APP_TOKEN !== undefined || env.SLACK_SIGNING_SECRET !== undefined, {
    path: ['SLACK_SIGNING_SECRET'],
    error: 'is required: see Basic Information, App Credentials. For Socket Mode set SLACK_APP_TOKEN (xapp-…) instead',
    when: () => true,
  })
  .refine((env) => env.STUCK_CRITICAL_AFTER > env.STUCK_WARNING_AFTER, {
    path: ['STUCK_CRITICAL_AFTER'],
    error: 'must be longer than STUCK_WARNING_AFTER',
    // Also if other settings are at fault: all are named at once.
    when: ({ value }) =>
      z.object({ STUCK_WARNING_AFTER: z.number(), STUCK_CRITICAL_AFTER: z.number() }).safeParse(value).success,
  });

/** What the database and the log need. */
export interface DatabaseConfig {
  readonly database: DatabaseChoice;
  readonly console: ConsoleSettings;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** What operators are enrolled with. */
export interface OperatorsConfig extends DatabaseConfig {
  /** 32 bytes. */
  readonly totpEncryptionKey: Uint8Array;
}

/** What the whole app needs. Durations are milliseconds. */
export interface Config extends OperatorsConfig {
  readonly slack: {
    readonly botToken: string;
    readonly apiUrl: string;
    readonly alertChannel: string;
    /** null: criticals mention nobody. */
    readonly criticalMention: string | null;
    /** Where the alerts of some apps go instead; the first that matches wins. */
    readonly alertRoutes: readonly RouteRule[];
    readonly transport:
      | { readonly kind: 'http'; readonly signingSecret: string }
      | { readonly kind: 'socket'; readonly appToken: string };
  };
  /** null: no evidence and no promoting. */
  readonly heroku: { readonly apiKey: string; readonly apiUrl: string } | null;
  readonly thresholds: {
    readonly warningAfterMs: number;
    readonly criticalAfterMs: number;
    readonly repeatCriticalEveryMs: number;
  };
  /** How many individual alerts an hour each channel gets; the rest go into a group. */
  readonly individualAlertsPerHour: number;
  readonly broadcastCriticals: boolean;
  /** Whether the app completes a stuck row of another system if Heroku proves it live. */
  readonly autoCommitLive: boolean;
  readonly maintenanceCron: string;
  /** Connections to the database, beside the one that listens. */
  readonly databasePoolMax: number;
  /** When the digest of a week is posted; null: never. */
  readonly digest: { readonly cron: string; readonly timeZone: string } | null;
  /** How long messages about a promotion are kept after the last one is final. */
  readonly pruneAfterMs: number;
  /** Which config vars may be marked and promoted: names in which `*` stands for any characters. */
  readonly configVarPatterns: readonly string[];
  /** On which Heroku apps whoever promotes or resolves must have done nothing of it before; `*` stands for any characters. */
  readonly secondPersonApps: readonly string[];
  /** How long a silent promoter keeps its row from others. */
  readonly promoterLeaseMs: number;
  readonly heartbeatUrl: string | null;
  readonly rcaUrlHosts: readonly string[];
  /** The address of the app's pages, without a slash at its end; null: unknown, so no link can be sent. */
  readonly publicUrl: string | null;
  readonly proxies: Proxies;
  /** Who asks for metrics, or for what isn't ready, has to show it; null: anybody may. */
  readonly metricsToken: string | null;
  readonly port: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads what `migrate`, `audit verify` and the like need.
 * @throws {ConfigError} naming every fault
 */
export function readDatabaseConfig(environment: Environment): DatabaseConfig {
  return Object.freeze(databaseConfig(parse(databaseSchema, environment)));
}

/**
 * Reads what the `operators` commands need.
 * @throws {ConfigError} naming every fault
 */
export function readOperatorsConfig(environment: Environment): OperatorsConfig {
  const env = parse(operatorsSchema, environment);
  return Object.freeze({ ...databaseConfig(env), totpEncryptionKey: env.TOTP_ENCRYPTION_KEY });
}

/**
 * Reads what the app needs.
 * @throws {ConfigError} naming every fault
 */
export function readConfig(environment: Environment): Config {
  const env = parse(appSchema, withLowerCase(environment));
  return Object.freeze({
    ...databaseConfig(env),
    totpEncryptionKey: env.TOTP_ENCRYPTION_KEY,
    slack: Object.freeze({
      botToken: env.SLACK_BOT_TOKEN,
      apiUrl: env.SLACK_API_URL,
      alertChannel: env.SLACK_ALERT_CHANNEL,
      criticalMention: env.SLACK_CRITICAL_MENTION,
      alertRoutes: Object.freeze(env.ALERT_ROUTES),
      transport:
        env.SLACK_APP_TOKEN === undefined
          ? Object.freeze({ kind: 'http' as const, signingSecret: env.SLACK_SIGNING_SECRET ?? '' })
          : Object.freeze({ kind: 'socket' as const, appToken: env.SLACK_APP_TOKEN }),
    }),
    heroku:
      env.HEROKU_API_KEY === undefined
        ? null
        : Object.freeze({ apiKey: env.HEROKU_API_KEY, apiUrl: env.HEROKU_API_URL }),
    thresholds: Object.freeze({
      warningAfterMs: env.STUCK_WARNING_AFTER,
      criticalAfterMs: env.STUCK_CRITICAL_AFTER,
      repeatCriticalEveryMs: env.CRITICAL_REPEAT_EVERY,
    }),
    individualAlertsPerHour: env.ALERT_MESSAGES_PER_HOUR,
    broadcastCriticals: env.CRITICAL_BROADCAST,
    autoCommitLive: env.AUTO_COMMIT,
    maintenanceCron: env.MAINTENANCE_CRON,
    databasePoolMax: env.DATABASE_POOL_MAX,
    digest: env.DIGEST_CRON ?? null,
    pruneAfterMs: env.PRUNE_AFTER,
    configVarPatterns: Object.freeze(env.CONFIG_VAR_PATTERN),
    secondPersonApps: Object.freeze(env.SECOND_PERSON),
    promoterLeaseMs: env.PROMOTER_LEASE,
    heartbeatUrl: env.HEARTBEAT_URL ?? null,
    rcaUrlHosts: Object.freeze(env.RCA_URL_HOSTS),
    publicUrl: env.PUBLIC_URL ?? null,
    proxies: proxiesOf(env.HTTPS_PROXY, env.HTTP_PROXY, env.NO_PROXY),
    metricsToken: env.METRICS_TOKEN ?? null,
    port: env.PORT,
  });
}

/** One setting, looked at by itself. */
export interface SettingInspection {
  readonly name: Setting;
  /** A sentence; null if it can be used. */
  readonly fault: string | null;
  readonly isSet: boolean;
}

/** Of a configuration that may be faulty: every setting, and what can be used of it. undefined: unset, or faulty. */
export function inspectSettings(given: Environment) {
  const environment = withLowerCase(given);
  const result = appSchema.safeParse(environment);
  const faults = new Map((result.error?.issues ?? []).map((issue) => [issue.path.join('.'), issue.message]));
  const inspected = Object.keys(settings)
    .filter(isSetting)
    .map(
      (name): SettingInspection => ({
        name,
        fault: faults.get(name) ?? null,
        isSet: unsetWhenEmpty(environment[name]) !== undefined,
      }),
    );
  const used = <T extends z.ZodType>(schema: T, name: Setting): z.output<T> | undefined => {
    const parsed = schema.safeParse(environment[name]);
    return parsed.success ? parsed.data : undefined;
  };
  const database = choiceSchema.safeParse(environment);
  const consoleFields = consoleSchema.safeParse(environment);
  const usable = {
    database: database.success ? databaseChoice(database.data) : undefined,
    console: consoleFields.success ? consoleSettings(consoleFields.data) : undefined,
    totpKey: used(encryptionKey.TOTP_ENCRYPTION_KEY, 'TOTP_ENCRYPTION_KEY'),
    botToken: used(app.SLACK_BOT_TOKEN, 'SLACK_BOT_TOKEN'),
    appToken: used(app.SLACK_APP_TOKEN, 'SLACK_APP_TOKEN'),
    slackApiUrl: used(app.SLACK_API_URL, 'SLACK_API_URL'),
    alertChannel: used(app.SLACK_ALERT_CHANNEL, 'SLACK_ALERT_CHANNEL'),
    alertRoutes: used(app.ALERT_ROUTES, 'ALERT_ROUTES'),
    criticalMention: used(app.SLACK_CRITICAL_MENTION, 'SLACK_CRITICAL_MENTION'),
    herokuApiKey: used(app.HEROKU_API_KEY, 'HEROKU_API_KEY'),
    herokuApiUrl: used(app.HEROKU_API_URL, 'HEROKU_API_URL'),
    publicUrl: used(app.PUBLIC_URL, 'PUBLIC_URL'),
    heartbeatUrl: used(app.HEARTBEAT_URL, 'HEARTBEAT_URL'),
    proxies: proxiesOf(
      used(app.HTTPS_PROXY, 'HTTPS_PROXY'),
      used(app.HTTP_PROXY, 'HTTP_PROXY'),
      used(app.NO_PROXY, 'NO_PROXY') ?? [],
    ),
  };
  return { settings: inspected, usable };
}

function proxiesOf(
  https: Proxies['https'] | undefined,
  http: Proxies['http'] | undefined,
  exemptions: Proxies['exemptions'],
): Proxies {
  return Object.freeze({ https: https ?? null, http: http ?? null, exemptions: Object.freeze(exemptions) });
}

function databaseConfig(env: z.output<typeof databaseSchema>): DatabaseConfig {
  return { database: databaseChoice(env), console: consoleSettings(env), logLevel: env.LOG_LEVEL };
}

function consoleSettings({ CONSOLE_TABLE, STATE_MAP }: z.output<typeof consoleSchema>): ConsoleSettings {
  return Object.freeze({ table: CONSOLE_TABLE ?? null, stateMap: Object.freeze(STATE_MAP) });
}

function databaseChoice(env: z.output<typeof choiceSchema>): DatabaseChoice {
  if (env.DATABASE_URL === EMBEDDED) return Object.freeze({ kind: 'embedded', dataDir: env.DATA_DIR });
  const tls = {
    sslmode: env.PGSSLMODE,
    sslrootcert: env.PGSSLROOTCERT,
    sslcert: env.PGSSLCERT,
    sslkey: env.PGSSLKEY,
  };
  const direct = env.DATABASE_DIRECT_URL;
  return Object.freeze({
    kind: 'server',
    url: withTlsDefaults(env.DATABASE_URL, tls),
    directUrl: direct === undefined ? null : withTlsDefaults(direct, tls),
  });
}

function parse<T extends z.ZodType>(schema: T, environment: Environment): z.output<T> {
  const result = schema.safeParse(environment);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
}
