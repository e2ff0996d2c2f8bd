import * as z from 'zod';
import { CHANNEL_ID, MENTION, NO_MENTION, parseAlertRoutes, ROUTING_KEY } from './alert-routes.js';
import {
  base64Keys,
  connections,
  cron,
  duration,
  durationOrOff,
  optional,
  proxy,
  publicUrl,
  required,
  schedule,
  token,
  unsetWhenEmpty,
  url,
  webhookSecrets,
} from './config-fields.js';
import type { DatabaseChoice } from './db/open.js';
import { type ConsoleSettings, isTableName, parseStateMap } from './db/console/settings.js';
import { AddressError, parseAddress, withDefaults } from './db/server/address.js';
import { SSL_MODES } from './db/server/tls.js';
import { REQUESTS_PER_HOUR } from './heroku/budget.js';
import { parseExemptions, type Proxies } from './network/proxies.js';
import type { WebhookSettings } from './paging/webhook.js';
import { MOST_INDIVIDUAL_PER_HOUR } from './promotions/detection.js';
import type { RouteRule } from './promotions/routing.js';

/** Exit code of sysexits.h for a configuration error. */
export const EX_CONFIG = 78;

/** The environment doesn't describe a runnable app; `faults` names every fault, one sentence each. */
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

/** A PostgreSQL URL as psql takes it, or this word. */
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

/** A bare host, such as PagerDuty's EU region, gets the endpoint's path. */
function withEnqueuePath(text: string): string {
  const parsed = URL.canParse(text) ? new URL(text) : null;
  return parsed?.pathname === '/' ? new URL('/v2/enqueue', parsed).href : text;
}

/** Everything else is read from this table once. Names and defaults are those of `.env.example`. */
const core = {
  DATABASE_URL: required(
    `the URL of a PostgreSQL (postgres://…), or ${EMBEDDED} for the app’s own under DATA_DIR`,
    serverUrl(EMBEDDED),
  ),
  DATABASE_DIRECT_URL: optional(serverUrl()),
  PGOPTIONS: optional(z.string()),
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
      .pipe(base64Keys),
  ),
};
const HOW_MANY_REQUESTS = 'must be a whole number from 1 to 100000';
/** If VERIFY_WITHIN and DRIFT_EVERY aren't set. */
const VERIFY_WITHIN_MS = 10 * 60_000;
const DRIFT_EVERY_MS = 3_600_000;
const HOW_MANY_MESSAGES = `must be a whole number from 1 to ${MOST_INDIVIDUAL_PER_HOUR}`;

/** If NOTICE_AFTER isn't set. */
const NOTICE_AFTER_MS = 15 * 60_000;

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
  // A critical that pings nobody is a trap: that has to be asked for.
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
  PAGERDUTY_ROUTING_KEY: optional(
    z
      .string()
      .trim()
      .regex(ROUTING_KEY, 'must be an integration key of PagerDuty’s (Events API v2): 32 letters and digits'),
  ),
  PAGERDUTY_URL: z.preprocess(
    unsetWhenEmpty,
    url(['https:', 'http:']).default('https://events.pagerduty.com/v2/enqueue').transform(withEnqueuePath),
  ),
  WEBHOOK_URL: optional(url(['https:', 'http:'])),
  WEBHOOK_SECRET: optional(webhookSecrets),
  HEROKU_API_KEY: optional(z.string()),
  HEROKU_API_URL: z.preprocess(unsetWhenEmpty, url(['https:', 'http:']).default('https://api.heroku.com')),
  HEROKU_REQUESTS_PER_HOUR: z.preprocess(
    unsetWhenEmpty,
    z.coerce
      .number({ error: HOW_MANY_REQUESTS })
      .int(HOW_MANY_REQUESTS)
      .min(1, HOW_MANY_REQUESTS)
      .max(100_000, HOW_MANY_REQUESTS)
      .default(REQUESTS_PER_HOUR),
  ),
  NOTICE_AFTER: durationOrOff('15m'),
  VERIFY_WITHIN: durationOrOff('10m'),
  DRIFT_EVERY: durationOrOff('1h'),
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
  AUDIT_WITNESS_URL: optional(url(['https:', 'http:'])),
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

/** An unset NOTICE_AFTER doesn't get in the way of a short STUCK_WARNING_AFTER. */
function noticeAfterMs(set: number | null | undefined, warningAfterMs: number): number | null {
  if (set !== undefined) return set;
  return NOTICE_AFTER_MS < warningAfterMs ? NOTICE_AFTER_MS : null;
}

/** Programs also read these by their lower-case names, most of them first. */
const ALSO_LOWER_CASE = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'] as const;

function withLowerCase(environment: Environment): Environment {
  const found = ALSO_LOWER_CASE.flatMap((name) => {
    const value = environment[name.toLowerCase()];
    return unsetWhenEmpty(value) === undefined ? [] : [[name, value] as const];
  });
  return { ...environment, ...Object.fromEntries(found) };
}

const settings = { ...core, ...encryptionKey, ...app };
/** The name of every setting that this app reads itself. */
export type Setting = keyof typeof settings;
const isSetting = (name: string): name is Setting => Object.hasOwn(settings, name);

/** Heroku sets it in every dyno; not one of the app's settings. */
const platform = { DYNO: optional(z.string()) };

const hasLastingDisk = ({ DATABASE_URL, DYNO }: { DATABASE_URL?: string; DYNO?: string | undefined }) =>
  DATABASE_URL !== EMBEDDED || DYNO === undefined;
const NO_LASTING_DISK = {
  path: ['DATABASE_URL'],
  error:
    'must not be embedded on Heroku: a dyno loses its disk at each restart. Run: heroku addons:create heroku-postgresql:essential-0 (it sets DATABASE_URL)',
  // Even if other settings are at fault: all are named at once.
  when: () => true,
};

const { LOG_LEVEL: _, CONSOLE_TABLE: __, STATE_MAP: ___, ...database } = core;
const choiceSchema = z.object({ ...database, ...platform }).refine(hasLastingDisk, NO_LASTING_DISK);
const consoleSchema = z.object({ CONSOLE_TABLE: core.CONSOLE_TABLE, STATE_MAP: core.STATE_MAP });
const databaseSchema = z.object({ ...core, ...platform }).refine(hasLastingDisk, NO_LASTING_DISK);
const operatorsSchema = z.object({ ...core, ...encryptionKey, ...platform }).refine(hasLastingDisk, NO_LASTING_DISK);
const command = {
  ...core,
  ...platform,
  HEROKU_API_KEY: app.HEROKU_API_KEY,
  HEROKU_API_URL: app.HEROKU_API_URL,
  HEROKU_REQUESTS_PER_HOUR: app.HEROKU_REQUESTS_PER_HOUR,
  NOTICE_AFTER: app.NOTICE_AFTER,
  STUCK_WARNING_AFTER: app.STUCK_WARNING_AFTER,
  STUCK_CRITICAL_AFTER: app.STUCK_CRITICAL_AFTER,
  CRITICAL_REPEAT_EVERY: app.CRITICAL_REPEAT_EVERY,
  CONFIG_VAR_PATTERN: app.CONFIG_VAR_PATTERN,
  SECOND_PERSON: app.SECOND_PERSON,
  RCA_URL_HOSTS: app.RCA_URL_HOSTS,
  HTTPS_PROXY: app.HTTPS_PROXY,
  HTTP_PROXY: app.HTTP_PROXY,
  NO_PROXY: app.NO_PROXY,
};
const commandSchema = z.object(command).refine(hasLastingDisk, NO_LASTING_DISK);
const decisionSchema = z.object({ ...command, ...encryptionKey }).refine(hasLastingDisk, NO_LASTING_DISK);
const appSchema = z
  .object({ ...core, ...encryptionKey, ...app, ...platform })
  .refine(hasLastingDisk, NO_LASTING_DISK)
  .refine((env) => env.SLACK_APP_TOKEN !== undefined || env.SLACK_SIGNING_SECRET !== undefined, {
    path: ['SLACK_SIGNING_SECRET'],
    error: 'is required: see Basic Information, App Credentials. For Socket Mode set SLACK_APP_TOKEN (xapp-…) instead',
    when: () => true,
  })
  .refine(
    (env) => env.NOTICE_AFTER === undefined || env.NOTICE_AFTER === null || env.NOTICE_AFTER < env.STUCK_WARNING_AFTER,
    {
      path: ['NOTICE_AFTER'],
      error: 'must be shorter than STUCK_WARNING_AFTER, or off',
      when: ({ value }) =>
        z.object({ STUCK_WARNING_AFTER: z.number(), NOTICE_AFTER: z.number() }).safeParse(value).success,
    },
  )
  .refine((env) => env.STUCK_CRITICAL_AFTER > env.STUCK_WARNING_AFTER, {
    path: ['STUCK_CRITICAL_AFTER'],
    error: 'must be longer than STUCK_WARNING_AFTER',
    // Even if other settings are at fault: all are named at once.
    when: ({ value }) =>
      z.object({ STUCK_WARNING_AFTER: z.number(), STUCK_CRITICAL_AFTER: z.number() }).safeParse(value).success,
  })
  .refine((env) => env.WEBHOOK_URL === undefined || env.WEBHOOK_SECRET !== undefined, {
    path: ['WEBHOOK_SECRET'],
    error: 'is required with WEBHOOK_URL. Make one: echo "whsec_$(openssl rand -base64 32)"',
    when: () => true,
  });

export interface DatabaseConfig {
  readonly database: DatabaseChoice;
  readonly console: ConsoleSettings;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** For commands that show promotions or act on them without Slack. Durations are milliseconds. */
export interface CommandConfig extends DatabaseConfig {
  /** null: no evidence. */
  readonly heroku: HerokuConfig | null;
  readonly thresholds: Config['thresholds'];
  readonly configVarPatterns: readonly string[];
  readonly secondPersonApps: readonly string[];
  readonly rcaUrlHosts: readonly string[];
  readonly proxies: Proxies;
}

/** The same, for commands that ask for a code. */
export interface DecisionConfig extends CommandConfig, OperatorsConfig {}

interface HerokuConfig {
  readonly apiKey: string;
  readonly apiUrl: string;
  /** Requests that all replicas together may send to Heroku in an hour; the promoter's count, but never wait. */
  readonly requestsPerHour: number;
}

export interface OperatorsConfig extends DatabaseConfig {
  /** 32 bytes; seals. */
  readonly totpEncryptionKey: Uint8Array;
  /** Can still open what they sealed. */
  readonly formerTotpKeys: readonly Uint8Array[];
}

/** For the whole app. Durations are milliseconds. */
export interface Config extends OperatorsConfig {
  readonly slack: {
    readonly botToken: string;
    readonly apiUrl: string;
    readonly alertChannel: string;
    /** null: criticals mention nobody. */
    readonly criticalMention: string | null;
    /** Sends some apps' alerts elsewhere; the first match wins. */
    readonly alertRoutes: readonly RouteRule[];
    readonly transport:
      | { readonly kind: 'http'; readonly signingSecret: string }
      | { readonly kind: 'socket'; readonly appToken: string };
  };
  /** `routingKey` null: only routes with their own key page anybody. */
  readonly pager: { readonly url: string; readonly routingKey: string | null };
  /** null: nothing is sent. */
  readonly webhook: WebhookSettings | null;
  /** null: no evidence and no promoting. */
  readonly heroku: HerokuConfig | null;
  readonly thresholds: {
    /** null: no notices. */
    readonly noticeAfterMs: number | null;
    readonly warningAfterMs: number;
    readonly criticalAfterMs: number;
    readonly repeatCriticalEveryMs: number;
  };
  /** How long a deployed change may take until it is live; null: not checked. */
  readonly verifyWithinMs: number | null;
  /** How often deployed flags are compared with Heroku; null: never. */
  readonly driftEveryMs: number | null;
  /** Individual alerts an hour per channel; the rest are grouped. */
  readonly individualAlertsPerHour: number;
  readonly broadcastCriticals: boolean;
  /** Whether the app completes another system's stuck row when Heroku proves it live. */
  readonly autoCommitLive: boolean;
  readonly maintenanceCron: string;
  /** Connections to the database, besides the one that listens. */
  readonly databasePoolMax: number;
  /** When the weekly digest is posted; null: never. */
  readonly digest: { readonly cron: string; readonly timeZone: string } | null;
  /** How long messages about a promotion are kept once the last one is final. */
  readonly pruneAfterMs: number;
  /** Config vars that may be marked and promoted: names in which `*` stands for any characters. */
  readonly configVarPatterns: readonly string[];
  /** Heroku apps where a person who marked or promoted may not go on to promote or resolve; `*` matches any characters. */
  readonly secondPersonApps: readonly string[];
  /** How long a silent promoter keeps its row. */
  readonly promoterLeaseMs: number;
  readonly heartbeatUrl: string | null;
  readonly rcaUrlHosts: readonly string[];
  /** The address of the app's pages, without a slash at its end; null: unknown, so no link can be sent. */
  readonly publicUrl: string | null;
  readonly proxies: Proxies;
  /** Required for metrics and for what isn't ready; null: open to anybody. */
  readonly metricsToken: string | null;
  /** Receives each seal of the audit log; null: none is sent. */
  readonly auditWitnessUrl: string | null;
  readonly port: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * For `migrate`, `audit verify` and the like.
 * @throws {ConfigError} naming every fault
 */
export function readDatabaseConfig(environment: Environment): DatabaseConfig {
  return Object.freeze(databaseConfig(parse(databaseSchema, environment)));
}

/**
 * For the `operators` commands.
 * @throws {ConfigError} naming every fault
 */
export function readOperatorsConfig(environment: Environment): OperatorsConfig {
  const env = parse(operatorsSchema, environment);
  return Object.freeze({ ...databaseConfig(env), ...totpKeys(env.TOTP_ENCRYPTION_KEY) });
}

/**
 * For commands that show promotions: needs no Slack settings.
 * @throws {ConfigError} naming every fault
 */
export function readCommandConfig(environment: Environment): CommandConfig {
  return Object.freeze(commandConfig(parse(commandSchema, withLowerCase(environment))));
}

/**
 * For commands that ask for a code.
 * @throws {ConfigError} naming every fault
 */
export function readDecisionConfig(environment: Environment): DecisionConfig {
  const env = parse(decisionSchema, withLowerCase(environment));
  return Object.freeze({ ...commandConfig(env), ...totpKeys(env.TOTP_ENCRYPTION_KEY) });
}

function commandConfig(env: z.output<typeof commandSchema>): CommandConfig {
  return {
    ...databaseConfig(env),
    heroku: herokuConfig(env),
    thresholds: thresholds(env),
    configVarPatterns: Object.freeze(env.CONFIG_VAR_PATTERN),
    secondPersonApps: Object.freeze(env.SECOND_PERSON),
    rcaUrlHosts: Object.freeze(env.RCA_URL_HOSTS),
    proxies: proxiesOf(env.HTTPS_PROXY, env.HTTP_PROXY, env.NO_PROXY),
  };
}

function herokuConfig(
  env: Pick<z.output<typeof commandSchema>, 'HEROKU_API_KEY' | 'HEROKU_API_URL' | 'HEROKU_REQUESTS_PER_HOUR'>,
): HerokuConfig | null {
  return env.HEROKU_API_KEY === undefined
    ? null
    : Object.freeze({
        apiKey: env.HEROKU_API_KEY,
        apiUrl: env.HEROKU_API_URL,
        requestsPerHour: env.HEROKU_REQUESTS_PER_HOUR,
      });
}

function thresholds(
  env: Pick<
    z.output<typeof commandSchema>,
    'NOTICE_AFTER' | 'STUCK_WARNING_AFTER' | 'STUCK_CRITICAL_AFTER' | 'CRITICAL_REPEAT_EVERY'
  >,
): Config['thresholds'] {
  return Object.freeze({
    noticeAfterMs: noticeAfterMs(env.NOTICE_AFTER, env.STUCK_WARNING_AFTER),
    warningAfterMs: env.STUCK_WARNING_AFTER,
    criticalAfterMs: env.STUCK_CRITICAL_AFTER,
    repeatCriticalEveryMs: env.CRITICAL_REPEAT_EVERY,
  });
}

/**
 * For the app.
 * @throws {ConfigError} naming every fault
 */
export function readConfig(environment: Environment): Config {
  const env = parse(appSchema, withLowerCase(environment));
  return Object.freeze({
    ...commandConfig(env),
    ...totpKeys(env.TOTP_ENCRYPTION_KEY),
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
    pager: Object.freeze({ url: env.PAGERDUTY_URL, routingKey: env.PAGERDUTY_ROUTING_KEY ?? null }),
    webhook:
      env.WEBHOOK_URL === undefined
        ? null
        : Object.freeze({ url: env.WEBHOOK_URL, secrets: Object.freeze(env.WEBHOOK_SECRET ?? []) }),
    verifyWithinMs: env.VERIFY_WITHIN === undefined ? VERIFY_WITHIN_MS : env.VERIFY_WITHIN,
    driftEveryMs: env.DRIFT_EVERY === undefined ? DRIFT_EVERY_MS : env.DRIFT_EVERY,
    individualAlertsPerHour: env.ALERT_MESSAGES_PER_HOUR,
    broadcastCriticals: env.CRITICAL_BROADCAST,
    autoCommitLive: env.AUTO_COMMIT,
    maintenanceCron: env.MAINTENANCE_CRON,
    databasePoolMax: env.DATABASE_POOL_MAX,
    digest: env.DIGEST_CRON ?? null,
    pruneAfterMs: env.PRUNE_AFTER,
    promoterLeaseMs: env.PROMOTER_LEASE,
    heartbeatUrl: env.HEARTBEAT_URL ?? null,
    publicUrl: env.PUBLIC_URL ?? null,
    metricsToken: env.METRICS_TOKEN ?? null,
    auditWitnessUrl: env.AUDIT_WITNESS_URL ?? null,
    port: env.PORT,
  });
}

export interface SettingInspection {
  readonly name: Setting;
  /** A sentence; null if the setting is usable. */
  readonly fault: string | null;
  readonly isSet: boolean;
}

/** Every setting of a configuration that may be faulty, and its usable value. undefined: unset, or faulty. */
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
    totpKeys: used(encryptionKey.TOTP_ENCRYPTION_KEY, 'TOTP_ENCRYPTION_KEY'),
    botToken: used(app.SLACK_BOT_TOKEN, 'SLACK_BOT_TOKEN'),
    appToken: used(app.SLACK_APP_TOKEN, 'SLACK_APP_TOKEN'),
    slackApiUrl: used(app.SLACK_API_URL, 'SLACK_API_URL'),
    alertChannel: used(app.SLACK_ALERT_CHANNEL, 'SLACK_ALERT_CHANNEL'),
    alertRoutes: used(app.ALERT_ROUTES, 'ALERT_ROUTES'),
    criticalMention: used(app.SLACK_CRITICAL_MENTION, 'SLACK_CRITICAL_MENTION'),
    pagerUrl: used(app.PAGERDUTY_URL, 'PAGERDUTY_URL'),
    routingKey: used(app.PAGERDUTY_ROUTING_KEY, 'PAGERDUTY_ROUTING_KEY'),
    webhookUrl: used(app.WEBHOOK_URL, 'WEBHOOK_URL'),
    webhookSecrets: used(app.WEBHOOK_SECRET, 'WEBHOOK_SECRET'),
    herokuApiKey: used(app.HEROKU_API_KEY, 'HEROKU_API_KEY'),
    herokuApiUrl: used(app.HEROKU_API_URL, 'HEROKU_API_URL'),
    publicUrl: used(app.PUBLIC_URL, 'PUBLIC_URL'),
    heartbeatUrl: used(app.HEARTBEAT_URL, 'HEARTBEAT_URL'),
    auditWitnessUrl: used(app.AUDIT_WITNESS_URL, 'AUDIT_WITNESS_URL'),
    proxies: proxiesOf(
      used(app.HTTPS_PROXY, 'HTTPS_PROXY'),
      used(app.HTTP_PROXY, 'HTTP_PROXY'),
      used(app.NO_PROXY, 'NO_PROXY') ?? [],
    ),
  };
  return { settings: inspected, usable };
}

function totpKeys([totpEncryptionKey, ...former]: readonly [Uint8Array, ...Uint8Array[]]) {
  return { totpEncryptionKey, formerTotpKeys: Object.freeze(former) };
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
  const defaults = {
    options: env.PGOPTIONS,
    sslmode: env.PGSSLMODE,
    sslrootcert: env.PGSSLROOTCERT,
    sslcert: env.PGSSLCERT,
    sslkey: env.PGSSLKEY,
  };
  const direct = env.DATABASE_DIRECT_URL;
  return Object.freeze({
    kind: 'server',
    url: withDefaults(env.DATABASE_URL, defaults),
    directUrl: direct === undefined ? null : withDefaults(direct, defaults),
  });
}

function parse<T extends z.ZodType>(schema: T, environment: Environment): z.output<T> {
  const result = schema.safeParse(environment);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
}
