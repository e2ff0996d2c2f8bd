import type { DrillEnd } from './drill.js';

/**
 * What a webhook receiver gets; docs/webhook.schema.json describes it. A change that breaks readers raises `version`.
 */
export interface WebhookEvent {
  readonly version: 1;
  readonly type:
    | 'alert.opened'
    | 'alert.acknowledged'
    | 'alert.ended'
    | 'drill.opened'
    | 'drill.acknowledged'
    | 'drill.ended'
    | 'test';
  /** When it happened, whenever it is sent. */
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The promotion at that time. */
export interface AnnouncedPromotion {
  readonly id: string;
  readonly flagKey: string;
  readonly herokuApp: string;
  /** null: the row is gone. */
  readonly configVar: string | null;
  readonly state: string | null;
  readonly promotedAt: Date | null;
}

/** Something that happened to an alert, with no webhook queued yet. */
export type Unannounced = { readonly at: Date; readonly promotion: AnnouncedPromotion } & (
  | { readonly what: 'opened'; readonly alertId: string; readonly severity: string; readonly isGrouped: boolean }
  | { readonly what: 'acknowledged'; readonly eventId: string; readonly by: string; readonly over: string | null }
  | { readonly what: 'ended'; readonly alertId: string; readonly severity: string; readonly by: string | null }
);

/** A webhook to queue; its subject identifies it. */
export interface WebhookToQueue {
  readonly subject: string;
  readonly promotionId: string;
  readonly event: WebhookEvent;
}

export function webhookOf(happened: Unannounced): WebhookToQueue {
  const { at, promotion } = happened;
  const queued = (subject: string, type: WebhookEvent['type'], more: WebhookEvent['data']): WebhookToQueue => ({
    subject,
    promotionId: promotion.id,
    event: { version: 1, type, timestamp: at.toISOString(), data: { promotion: shown(promotion), ...more } },
  });
  switch (happened.what) {
    case 'opened':
      return queued(`opened:${happened.alertId}`, 'alert.opened', {
        alert: { id: happened.alertId, severity: happened.severity, grouped: happened.isGrouped },
      });
    case 'acknowledged':
      return queued(`acknowledged:${happened.eventId}`, 'alert.acknowledged', {
        by: happened.by,
        instead_of: happened.over,
      });
    case 'ended':
      return queued(`ended:${happened.alertId}`, 'alert.ended', {
        alert: { id: happened.alertId, severity: happened.severity },
        by: happened.by,
      });
  }
}

/** What `doctor --page` sends. */
export function testEvent(at: Date): WebhookEvent {
  return { version: 1, type: 'test', timestamp: at.toISOString(), data: { note: 'TEST: nothing is wrong.' } };
}

/** In place of the id of a person who was forgotten, where a text has to be. */
export const FORGOTTEN = 'forgotten';

/** Where an event's data names a person. */
const PERSON_FIELDS: readonly string[] = ['by', 'instead_of'];

/** The ids in an event's data. */
export function peopleIn({ data }: WebhookEvent): readonly string[] {
  return PERSON_FIELDS.flatMap((field) => (typeof data[field] === 'string' ? [data[field]] : []));
}

/** The same without the ids of people who were forgotten meanwhile. */
export function withoutForgotten(event: WebhookEvent, forgotten: ReadonlySet<unknown>): WebhookEvent {
  const { data } = event;
  const fields = PERSON_FIELDS.filter((field) => forgotten.has(data[field]));
  return { ...event, data: { ...data, ...Object.fromEntries(fields.map((field) => [field, FORGOTTEN])) } };
}

export type DrillHappened =
  | { readonly what: 'opened'; readonly by: string }
  | { readonly what: 'acknowledged'; readonly by: string; readonly over: string | null }
  | { readonly what: 'ended'; readonly by: string | null; readonly end: DrillEnd };

/** Has its own types, so that a receiver that knows no drills takes none for an alert. */
export function drillEvent(drillId: string, at: Date, happened: DrillHappened): WebhookEvent {
  const { what, by } = happened;
  const more =
    what === 'acknowledged' ? { instead_of: happened.over } : what === 'ended' ? { reason: happened.end } : {};
  const data = { note: 'DRILL: nothing is stuck.', drill: { id: drillId }, by, ...more };
  return { version: 1, type: `drill.${what}`, timestamp: at.toISOString(), data };
}

function shown({ id, flagKey, herokuApp, configVar, state, promotedAt }: AnnouncedPromotion): object {
  return {
    id,
    flag_key: flagKey,
    heroku_app: herokuApp,
    config_var: configVar,
    state: state ?? 'deleted',
    promoted_at: promotedAt?.toISOString() ?? null,
  };
}
