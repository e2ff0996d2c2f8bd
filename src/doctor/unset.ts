import type { Setting } from '../config.js';

/** What follows while a setting is not set. */
export interface Unset {
  readonly says: string;
  /** The app works without it, but less well: a note, not ok. */
  readonly weakens?: true;
}

/** Each setting's line; null if the app doesn't start without it. */
export const UNSET: Readonly<Record<Setting, Unset | null>> = {
  DATABASE_URL: null,
  DATABASE_DIRECT_URL: { says: 'not set: needed only if DATABASE_URL leads to a pooler, such as PgBouncer' },
  PGOPTIONS: { says: 'not set: no session settings besides the app’s own' },
  PGSSLMODE: { says: 'not set: no encryption, unless DATABASE_URL has an sslmode' },
  PGSSLROOTCERT: { says: 'not set: the usual CAs are trusted, if certificates are checked' },
  PGSSLCERT: { says: 'not set: no client certificate' },
  PGSSLKEY: { says: 'not set: no client certificate' },
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
  ALERT_MESSAGES_PER_HOUR: { says: 'default: 10 individual alerts an hour for each channel; the rest are grouped' },
  CRITICAL_BROADCAST: { says: 'default: true (a critical’s reply in the thread is shown in the channel too)' },
  CRITICAL_REPEAT_EVERY: { says: 'default: 24h' },
  NOTICE_AFTER: { says: 'default: 15m, as long as that is shorter than STUCK_WARNING_AFTER' },
  VERIFY_WITHIN: { says: 'default: 10m (until then, what was deployed has to run)' },
  DRIFT_EVERY: { says: 'default: 1h (what is deployed is compared with Heroku)' },
  STUCK_WARNING_AFTER: { says: 'default: 12h' },
  STUCK_CRITICAL_AFTER: { says: 'default: 24h' },
  AUTO_COMMIT: { says: 'default: off (a person decides)' },
  PAGERDUTY_ROUTING_KEY: {
    says: 'Not set: a critical wakes nobody, unless ALERT_ROUTES has page=… for its app. Take the integration key of an Events API v2 integration in PagerDuty.',
    weakens: true,
  },
  PAGERDUTY_URL: { says: 'default: https://events.pagerduty.com/v2/enqueue' },
  WEBHOOK_URL: { says: 'not set: no webhook is sent' },
  WEBHOOK_SECRET: { says: 'not set: no webhook is sent' },
  HEROKU_API_KEY: {
    says: 'Not set: nobody can promote, and alerts show no evidence. Make one: heroku authorizations:create -s write-protected',
    weakens: true,
  },
  HEROKU_API_URL: { says: 'default: https://api.heroku.com' },
  HEROKU_REQUESTS_PER_HOUR: { says: 'default: 1000 (all replicas together)' },
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
  METRICS_TOKEN: { says: 'not set: anybody who reaches the port can read /metrics and the details of /readyz' },
  AUDIT_WITNESS_URL: {
    says: 'not set: nothing outside the database gets each seal of the audit log, so keep one elsewhere now and then (audit verify prints the newest)',
  },
  PORT: { says: 'default: 3000' },
  LOG_LEVEL: { says: 'default: info' },
};
