import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { DeliveryOutcome } from './outbox/outbox.js';
import type { Tick } from './jobs/watchdog.js';
import type { RefusedRequest } from './slack/http-receiver.js';

/** For an outside monitor. No label carries a name, a value or an id, so their number is bounded. */
export interface Metrics {
  readonly onTick: (tick: Tick) => void;
  readonly onDelivery: (outcome: DeliveryOutcome) => void;
  readonly onDenied: (reason: string) => void;
  readonly onCodeRefused: (reason: string) => void;
  readonly onLocked: () => void;
  readonly onEventsHeldBack: () => void;
  readonly onRequestRefused: (reason: RefusedRequest) => void;
  /** Audit events that this app didn't write. */
  readonly onEventsRefused: (events: number) => void;
  /** Prometheus' text format, with its content type. */
  expose(): Promise<{ contentType: string; text: string }>;
}

/** What Node tells of the process. Its timers and observers can't be ended, so all apps of a process share them. */
let ofProcess: Registry | null = null;

function processRegistry(): Registry {
  if (ofProcess === null) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** Both are asked on every scrape; null if unknown. */
export function createMetrics(
  countOddStates: () => Promise<number | null> = async () => null,
  countHerokuRequests: () => Promise<number | null> = async () => null,
): Metrics {
  const registry = new Registry();
  const node = processRegistry();
  const registers = [registry];
  const ticks = new Counter({
    name: 'flag_promotions_maintenance_ticks_total',
    help: 'Maintenance ticks by how they ended.',
    labelNames: ['outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'flag_promotions_maintenance_duration_seconds',
    help: 'How long a maintenance tick took.',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60],
    registers,
  });
  const lastCompleted = new Gauge({
    name: 'flag_promotions_maintenance_last_completed_timestamp_seconds',
    help: 'When maintenance last completed in this process (Unix time).',
    registers,
  });
  const actionFailures = new Counter({
    name: 'flag_promotions_maintenance_action_failures_total',
    help: 'Actions of maintenance that failed; each is tried again.',
    labelNames: ['action'],
    registers,
  });
  const promotions = new Gauge({
    name: 'flag_promotions_promotions',
    help: 'Promotions in deploying, those of them that are stuck, and those that a notice tells of before, at the last tick.',
    labelNames: ['state'],
    registers,
  });
  new Gauge({
    name: 'flag_promotions_promotions_in_unknown_states',
    help: 'Promotions whose state is none that this app knows, or that have no id: they never alert (counted up to 50,000).',
    registers,
    async collect() {
      const found = await countOddStates();
      if (found !== null) this.set(found);
    },
  });
  new Gauge({
    name: 'flag_promotions_heroku_requests_last_hour',
    help: 'Requests that all replicas sent to Heroku within the last hour (HEROKU_REQUESTS_PER_HOUR).',
    registers,
    async collect() {
      const found = await countHerokuRequests();
      if (found !== null) this.set(found);
    },
  });
  const deliveries = new Counter({
    name: 'flag_promotions_slack_deliveries_total',
    help: 'Messages in Slack, pages and webhooks, by what came of them.',
    labelNames: ['outcome'],
    registers,
  });
  const denied = new Counter({
    name: 'flag_promotions_denied_total',
    help: 'Clicks, commands and submissions by people who may not.',
    labelNames: ['reason'],
    registers,
  });
  const codes = new Counter({
    name: 'flag_promotions_totp_refused_total',
    help: 'TOTP codes that were refused.',
    labelNames: ['reason'],
    registers,
  });
  // A rule that counts a rise needs the series before the first event.
  for (const reason of ['malformed', 'wrong', 'reused', 'locked', 'unreadable']) codes.inc({ reason }, 0);
  const locks = new Counter({
    name: 'flag_promotions_totp_locks_total',
    help: 'How often wrong codes locked an operator.',
    registers,
  });
  const eventsHeldBack = new Counter({
    name: 'flag_promotions_slack_events_rate_limited_total',
    help: 'How often Slack said that it holds events back (app_rate_limited).',
    registers,
  });
  const requestsRefused = new Counter({
    name: 'flag_promotions_slack_requests_refused_total',
    help: 'Requests to Slack’s address that had no effect: unsigned, off_time (a replay, or a wrong clock), forged, unread (too large, too slow, or too many at once), twice.',
    labelNames: ['reason'],
    registers,
  });
  const eventsRefused = new Counter({
    name: 'flag_promotions_audit_events_refused_total',
    help: 'Events in the audit log that this app did not write, as far as this process found them.',
    registers,
  });

  return {
    onTick(tick) {
      ticks.inc({ outcome: tick.kind });
      if (tick.kind === 'skipped') return;
      duration.observe(tick.durationMs / 1000);
      if (tick.kind === 'failed') return;
      lastCompleted.set(tick.report.at.getTime() / 1000);
      promotions.set({ state: 'deploying' }, tick.report.deploying);
      promotions.set({ state: 'stuck' }, tick.report.stuck);
      promotions.set({ state: 'noticed' }, tick.report.noticed);
      for (const { action } of tick.report.failures) actionFailures.inc({ action: action.kind });
    },
    onDelivery: ({ kind }) => deliveries.inc({ outcome: kind }),
    onDenied: (reason) => denied.inc({ reason }),
    onCodeRefused: (reason) => codes.inc({ reason }),
    onLocked: () => locks.inc(),
    onEventsHeldBack: () => eventsHeldBack.inc(),
    onRequestRefused: (reason) => requestsRefused.inc({ reason }),
    onEventsRefused: (events) => eventsRefused.inc(events),
    async expose() {
      return { contentType: registry.contentType, text: await Registry.merge([node, registry]).metrics() };
    },
  };
}
