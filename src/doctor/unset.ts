import type { Setting } from '../config.js';

/** What holds while a setting is not set. */
export interface Unset {
  readonly says: string;
  /** The app works without it, but less well: a note, not ok. */
  readonly weakens?: true;
}

/** By setting, each with its line; null if the app doesn't start without it. */
export const UNSET: Readonly<Record<Setting, Unset | null>> = {
  DATABASE_URL: null,
  DATABASE_DIRECT_URL: { says: 'not set: needed only if DATABASE_URL leads to a pooler, such as PgBouncer' },
  PGSSLMODE: { says: 'not set: no encryption, unless DATABASE_URL has an sslmode' },
  PGSSLROOTCERT: { says: 'not set: the usual CAs are trusted, if certificates are checked' },
  PGSSLCERT: { says: 'not set: no client’s certificate' },
  PGSSLKEY: { says: 'not set: no client’s certificate' },
  DATABASE_POOL_MAX: { says: 'default: 5 connections, and one that listens' },
  DATA_DIR: { says: 'default: .data' },
  CONSOLE_TABLE: { says: 'not set: console_flag_promotions, by the account’s search path' },
  STATE_MAP: { says: 'not set: the table’s states are marked, deploying, deployed, failed and cancelled, in any case' },
  SLACK_BOT_TOKEN: null,
  SLACK_SIGNING_SECRET: { says: 'not set: Socket Mode needs none' },
  SLACK_APP_TOKEN: { says: 'not set: Slack’s requests come over HTTP' },
  SLACK_API_URL: { says: 'default: https://slack.com/api/' },
  SLACK_ALERT_CHANNEL: null,
  SLACK_CRITICAL_MENTION: { says: 'default: <!here> (a critical pings everyone who is active in the channel)' },
  ALERT_ROUTES: { says: 'not set: all alerts go to SLACK_ALERT_CHANNEL' },
  ALERT_MESSAGES_PER_HOUR: { says: 'default: 10 individual alerts an hour and channel, the rest is grouped' },
  CRITICAL_BROADCAST: { says: 'default: true (a critical’s reply in the thread is shown in the channel too)' },
  CRITICAL_REPEAT_EVERY: { says: 'default: 24h' },
  STUCK_WARNING_AFTER: { says: 'default: 12h' },
  STUCK_CRITICAL_AFTER: { says: 'default: 24h' },
  AUTO_COMMIT: { says: 'default: off (a person decides)' },
  HEROKU_API_KEY: {
    says: 'Not set: nobody can promote, and alerts show no evidence. Make one: heroku authorizations:create -s write-protected',
    weakens: true,
  },
  HEROKU_API_URL: { says: 'default: https://api.heroku.com' },
  TOTP_ENCRYPTION_KEY: null,
  MAINTENANCE_CRON: { says: 'default: * * * * * (every minute)' },
  HEARTBEAT_URL: {
    says: 'Not set: nobody is told if the watchdog stops. Set the ping address of an outside monitor, such as healthchecks.io.',
    weakens: true,
  },
  DIGEST_CRON: { says: 'not set: no digest is posted' },
  PRUNE_AFTER: { says: 'default: 90d' },
  CONFIG_VAR_PATTERN: { says: 'default: FLAG_* (only such config vars are marked and promoted)' },
  SECOND_PERSON: { says: 'not set: one superadmin may mark, promote and resolve' },
  PROMOTER_LEASE: { says: 'default: 20s' },
  RCA_URL_HOSTS: { says: 'not set: any https host' },
  HTTPS_PROXY: { says: 'not set: https addresses are reached directly' },
  HTTP_PROXY: { says: 'not set: http addresses are reached directly' },
  NO_PROXY: { says: 'not set: a proxy, if any, is used for every address but this machine’s' },
  PUBLIC_URL: { says: 'not set: operators are enrolled on the command line' },
  METRICS_TOKEN: { says: 'not set: whoever reaches the port reads /metrics and what isn’t ready' },
  PORT: { says: 'default: 3000' },
  LOG_LEVEL: { says: 'default: info' },
};
