import * as z from 'zod';
import { isOperator, isSuperadmin } from '../operators/operator.js';
import {
  DRILL_LIFE_MS,
  PAGES_EVERY_MS,
  type Drill,
  type DrillEnd,
  type DrillReach,
  pretendEvidence,
  pretendPromotion,
} from '../promotions/drill.js';
import type { ResolutionAction } from '../promotions/evidence.js';
import { decideTake, type TakeDecision } from '../promotions/ownership.js';
import { decideResolution, type ResolutionDecision } from '../promotions/resolution.js';
import { type DrillHappened, drillEvent } from '../promotions/webhook.js';
import { appendAuditEvent, appendAuditEvents, COMMAND_LINE, type NewAuditEvent } from './audit.js';
import { lockAuthenticator, neverAccepted, recoveryCodeEvents, spend, type TypedCode } from './codes.js';
import type { Knex } from './connection.js';
import { CLOCK } from './leases.js';
import { lockOperator } from './operators.js';
import { queueMessages } from './queueing.js';
import { recordRefusal } from './refusals.js';
import { idColumn, idRow, parseRows } from './rows.js';

type StartedDrill =
  | { readonly kind: 'started'; readonly drill: Drill }
  /** Only one drill at a time. */
  | { readonly kind: 'under_way'; readonly drill: Drill }
  /** It would page, and another did lately. */
  | { readonly kind: 'paged_lately'; readonly nextAt: Date }
  | { readonly kind: 'not_superadmin' };
type EndedDrill =
  | { readonly kind: 'ended'; readonly drill: Drill }
  | { readonly kind: 'none' }
  | { readonly kind: 'not_superadmin' };

/** The decision that a real alert would give, or that the drill is over. */
type DrillAcknowledged =
  | { readonly kind: 'over' }
  | Exclude<TakeDecision, { kind: 'take' }>
  | { readonly kind: 'taken_now'; readonly drill: Drill };
export type DrillResolved =
  | { readonly kind: 'over' }
  | Exclude<ResolutionDecision, { kind: 'resolve' | 'row_changed' }>
  | { readonly kind: 'resolved'; readonly drill: Drill };

/**
 * Drills. Decisions and codes work as for a real promotion, but only the drill, its messages and audit events are
 * written.
 */
export interface Drills {
  /** `by`: a superadmin's Slack user id, or the command line. `reach`: whom it tells besides Slack. */
  start(by: string, reach: DrillReach): Promise<StartedDrill>;
  find(id: string): Promise<Drill | null>;
  /** The running one. */
  current(): Promise<Drill | null>;
  acknowledge(id: string, operatorId: string): Promise<DrillAcknowledged>;
  resolve(
    asked: {
      readonly id: string;
      readonly operatorId: string;
      readonly action: ResolutionAction;
      readonly note: string | null;
      readonly confirmedContradiction: boolean;
    },
    at: Date,
    code: TypedCode,
  ): Promise<DrillResolved>;
  /** `by`: as for `start`. */
  end(by: string): Promise<EndedDrill>;
  /** Ends a drill that nobody resolved within an hour. */
  expire(): Promise<Drill | null>;
  /** What a tick has to do: end an unanswered drill, or clear a finished one. */
  due(): Promise<{ readonly hasExpired: boolean; readonly hasEnded: boolean }>;
  /** Removes drills that ended and are shown as ended; one that paged stays until another may. */
  clear(): Promise<void>;
}

const drillRow = z
  .object({
    id: idColumn,
    started_by: z.string(),
    started_at: z.date(),
    pages: z.boolean(),
    told_at: z.date().nullable(),
    acknowledged_by: z.string().nullable(),
    acknowledged_at: z.date().nullable(),
    resolved_by: z.string().nullable(),
    action: z.enum(['completed', 'failed']).nullable(),
    ended_at: z.date().nullable(),
    end_reason: z.enum(['resolved', 'ended', 'expired']).nullable(),
  })
  .transform(
    (row): Drill => ({
      id: row.id,
      startedBy: row.started_by,
      startedAt: row.started_at,
      pages: row.pages,
      toldAt: row.told_at,
      acknowledgedBy: row.acknowledged_by,
      acknowledgedAt: row.acknowledged_at,
      resolvedBy: row.resolved_by,
      action: row.action,
      endedAt: row.ended_at,
      end: row.end_reason,
    }),
  );

const COLUMNS = `d.id, d.started_by, d.started_at, d.pages, d.acknowledged_by, d.acknowledged_at, d.resolved_by, d.action,
  d.ended_at, d.end_reason,
  (select m.posted_at from flag_promotions.messages m where m.kind = 'drill' and m.subject = d.id::text) as told_at`;

/** SQL: the drill `d` has waited too long. Parameter: milliseconds. */
const IS_OLD = `d.ended_at is null and d.started_at < ${CLOCK} - ?::double precision * interval '1 millisecond'`;
const ITS_MESSAGES = `('drill', 'drill_ended', 'drill_page', 'drill_webhook')`;
/** SQL: it pages or paged so lately that no other may. A start in the future shows that the clock was set back. */
export const PAGED_LATELY = `(d.pages and d.started_at <= ${CLOCK}
  and d.started_at > ${CLOCK} - ${PAGES_EVERY_MS} * interval '1 millisecond')`;
/** SQL: over for ten seconds (its times can be read), and delivered: Slack always, pager and webhook for a day. */
const IS_OVER = `not ${PAGED_LATELY} and d.ended_at < ${CLOCK} - interval '10 seconds' and not exists (
  select 1 from flag_promotions.messages m
   where m.kind in ${ITS_MESSAGES} and m.subject = d.id::text
     and (m.kind in ('drill', 'drill_ended') or d.ended_at > ${CLOCK} - interval '1 day')
     and (m.lease_until > ${CLOCK} or m.state = 'pending' or (m.state = 'posted' and m.wanted > m.shown)))`;

const dueRow = z
  .object({ has_expired: z.boolean(), has_ended: z.boolean() })
  .transform((row) => ({ hasExpired: row.has_expired, hasEnded: row.has_ended }));

/** An arbitrary number: drills start and end under this advisory lock. */
const DRILL_LOCK = 2026_11_29;

/** Until the transaction ends, no drill starts or ends. */
export async function lockDrills(trx: Knex.Transaction): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock(?)', [DRILL_LOCK]);
}

export function drills(knex: Knex): Drills {
  const select = async (trx: Knex, rest: string, values: readonly (string | number)[] = []): Promise<Drill | null> => {
    const found = await trx.raw(`select ${COLUMNS} from flag_promotions.drills d ${rest}`, [...values]);
    return parseRows(found, drillRow)[0] ?? null;
  };
  const running = (trx: Knex) => select(trx, 'where d.ended_at is null for update of d');
  const locked = (trx: Knex.Transaction, id: string) =>
    select(trx, 'where d.id = ?::bigint and d.ended_at is null for update of d', [id]);
  /** One transaction at a time. */
  const alone = <T>(work: (trx: Knex.Transaction) => Promise<T>): Promise<T> =>
    knex.transaction(async (trx) => {
      await lockDrills(trx);
      return work(trx);
    });

  return {
    start: (by, reach) =>
      alone(async (trx) => {
        await expireOld(trx);
        const other = await running(trx);
        if (!(await mayRun(trx, by))) return { kind: 'not_superadmin' };
        return other === null ? startOne(trx, by, reach) : { kind: 'under_way', drill: other };
      }),

    find: (id) => select(knex, 'where d.id = ?::bigint', [id]),
    current: () => select(knex, 'where d.ended_at is null'),

    acknowledge: (id, operatorId) =>
      knex.transaction(async (trx) => {
        const drill = await locked(trx, id);
        const operator = await lockOperator(trx, operatorId);
        const at = await nowOf(trx);
        if (!isOperator(operator)) {
          await recordRefusal(trx, { at, operatorId, promotionId: null, attempted: 'drill' }, { kind: 'not_operator' });
          return { kind: 'not_operator' };
        }
        if (drill === null) return { kind: 'over' };
        const decision = decideTake(heldAlert(drill, operator), operatorId, drill.acknowledgedBy);
        if (decision.kind !== 'take') return decision;
        await trx.raw(
          `update flag_promotions.drills set acknowledged_by = ?, acknowledged_at = coalesce(acknowledged_at, ?) where id = ?::bigint`,
          [operatorId, at, id],
        );
        await requestDrillUpdate(trx, id);
        await queueWebhook(trx, id, at, { what: 'acknowledged', by: operatorId, over: drill.acknowledgedBy });
        await appendAuditEvent(trx, event(drill, 'acknowledged', operatorId, at, { after_s: secondsAfter(drill, at) }));
        return { kind: 'taken_now', drill: { ...drill, acknowledgedBy: operatorId, acknowledgedAt: at } };
      }),

    resolve: ({ id, operatorId, action, note, confirmedContradiction }, at, code) =>
      knex.transaction(async (trx) => {
        const drill = await locked(trx, id);
        const person = await lockAuthenticator(trx, operatorId, code);
        if (drill === null) return { kind: 'over' };
        const evidence = pretendEvidence(drill);
        const promotion = pretendPromotion(drill);
        const decision = decideResolution(
          {
            promotionId: promotion.id,
            action,
            operatorId,
            note,
            rcaUrl: null,
            shown: evidence,
            reread: evidence,
            confirmedContradiction,
            setBack: false,
            isAsShown: () => true,
            takesSecondPerson: () => false,
          },
          { promotion, operator: person?.operator ?? null },
          () => (person === null ? neverAccepted() : code.check(person.authenticator)),
        );
        switch (decision.kind) {
          case 'resolve': {
            await spend(trx, operatorId, decision.check);
            await trx.raw(
              `update flag_promotions.drills set resolved_by = ?, action = ?, ended_at = ?, end_reason = 'resolved' where id = ?::bigint`,
              [operatorId, action, at, id],
            );
            await sayThatItEnded(trx, id, at, { by: operatorId, end: 'resolved' });
            await appendAuditEvents(trx, [
              event(drill, 'resolved', operatorId, at, { action, note, after_s: secondsAfter(drill, at) }),
              ...recoveryCodeEvents({ operatorId, at, promotionId: null, for: 'drill' }, decision.check),
            ]);
            return {
              kind: 'resolved',
              drill: { ...drill, resolvedBy: operatorId, action, endedAt: at, end: 'resolved' },
            };
          }
          case 'not_superadmin':
          case 'code_refused':
            await recordRefusal(trx, { at, operatorId, promotionId: null, attempted: 'drill' }, decision);
            return decision;
          case 'row_changed':
            throw new Error('A drill changes by its own transactions alone.');
          default:
            return decision;
        }
      }),

    end: (by) =>
      alone(async (trx) => {
        const drill = await running(trx);
        if (!(await mayRun(trx, by))) return { kind: 'not_superadmin' };
        return drill === null ? { kind: 'none' } : { kind: 'ended', drill: await endOne(trx, drill, 'ended', by) };
      }),

    expire: () => alone(expireOld),

    async due() {
      const found = await knex.raw(
        `select exists (select 1 from flag_promotions.drills d where ${IS_OLD}) as has_expired,
                exists (select 1 from flag_promotions.drills d where ${IS_OVER}) as has_ended`,
        [DRILL_LIFE_MS],
      );
      return parseRows(found, dueRow)[0] ?? { hasExpired: false, hasEnded: false };
    },

    async clear() {
      await knex.raw(
        `with over as (select d.id from flag_promotions.drills d where ${IS_OVER}),
         unsaid as (
           delete from flag_promotions.messages m using over
            where m.kind in ${ITS_MESSAGES} and m.subject = over.id::text returning 1)
         delete from flag_promotions.drills d using over where d.id = over.id`,
      );
    },
  };

  async function startOne(trx: Knex.Transaction, by: string, reach: DrillReach): Promise<StartedDrill> {
    const pages = reach.pager || reach.webhook;
    const lately = pages ? await select(trx, `where ${PAGED_LATELY} order by d.started_at desc limit 1`) : null;
    if (lately !== null) {
      return { kind: 'paged_lately', nextAt: new Date(lately.startedAt.getTime() + PAGES_EVERY_MS) };
    }
    const inserted = await trx.raw(
      'insert into flag_promotions.drills (started_by, pages) values (?, ?) returning id',
      [by, pages],
    );
    const [row] = parseRows(inserted, idRow);
    if (row === undefined) throw new Error('An insert had no row.');
    await queueMessages(trx, { kind: 'drill', subject: row.id });
    const drill = await select(trx, 'where d.id = ?::bigint', [row.id]);
    if (drill === null) throw new Error('A drill was gone as it started.');
    if (reach.pager) await queueMessages(trx, { kind: 'drill_page', subject: row.id });
    if (reach.webhook) await queueWebhook(trx, row.id, drill.startedAt, { what: 'opened', by });
    await appendAuditEvent(trx, event(drill, 'started', by, drill.startedAt, { pages: drill.pages }));
    return { kind: 'started', drill };
  }

  async function expireOld(trx: Knex.Transaction): Promise<Drill | null> {
    const old = await select(trx, `where ${IS_OLD} for update of d`, [DRILL_LIFE_MS]);
    return old === null ? null : endOne(trx, old, 'expired', null);
  }
}

/** Locks the person, after the drill, as a click does: somebody who is being forgotten leaves no id behind. */
async function mayRun(trx: Knex.Transaction, by: string): Promise<boolean> {
  return by === COMMAND_LINE || isSuperadmin(await lockOperator(trx, by));
}

const nowRow = z.object({ now: z.date() });

async function nowOf(trx: Knex.Transaction): Promise<Date> {
  const [row] = parseRows(await trx.raw(`select ${CLOCK} as now`), nowRow);
  if (row === undefined) throw new Error('The clock had no row.');
  return row.now;
}

/** `by` null: it expired. */
async function endOne(
  trx: Knex.Transaction,
  drill: Drill,
  end: 'ended' | 'expired',
  by: string | null,
): Promise<Drill> {
  const at = await nowOf(trx);
  await trx.raw(
    'update flag_promotions.drills set ended_at = ?, end_reason = ? where id = ?::bigint and ended_at is null',
    [at, end, drill.id],
  );
  await sayThatItEnded(trx, drill.id, at, { by, end });
  await appendAuditEvent(trx, event(drill, end, by ?? drill.startedBy, at, {}));
  return { ...drill, endedAt: at, end };
}

/** Updates the message and replies with the times, unless it never reached Slack. */
async function sayThatItEnded(
  trx: Knex.Transaction,
  id: string,
  at: Date,
  how: { readonly by: string | null; readonly end: DrillEnd },
): Promise<void> {
  await requestDrillUpdate(trx, id);
  await queueWebhook(trx, id, at, { what: 'ended', ...how });
  await queueMessages(trx, { kind: 'drill_ended', subject: id, under: 'drill' });
}

/** Locked by id, as everywhere. A message that Slack refused is tried again with its new text. */
export async function requestDrillUpdate(trx: Knex.Transaction, id: string): Promise<void> {
  await trx.raw(
    `with held as (
       select m.id from flag_promotions.messages m
        where m.kind in ('drill', 'drill_page') and m.subject = ? order by m.id for no key update)
     update flag_promotions.messages m
        set wanted = m.wanted + 1, next_attempt_at = nullif(m.next_attempt_at, 'infinity')
       from held where m.id = held.id`,
    [id],
  );
}

/** Queued behind the drill's earlier events, if its opening was queued. */
async function queueWebhook(trx: Knex.Transaction, id: string, at: Date, happened: DrillHappened): Promise<void> {
  await trx.raw(
    `insert into flag_promotions.messages (kind, subject, ordinal, root_id, detail)
     select 'drill_webhook', ?, coalesce(max(m.ordinal), 0) + 1, max(m.id), ?::jsonb
       from flag_promotions.messages m where m.kind = 'drill_webhook' and m.subject = ?
     having ?::boolean or count(*) > 0`,
    [id, JSON.stringify({ event: drillEvent(id, at, happened) }), id, happened.what === 'opened'],
  );
}

function heldAlert(
  drill: Drill,
  operator: Parameters<typeof decideTake>[0]['operator'],
): Parameters<typeof decideTake>[0] {
  const { acknowledgedBy: owner, acknowledgedAt: since } = drill;
  return {
    promotion: pretendPromotion(drill),
    operator,
    isAlerting: true,
    ownership:
      owner === null || since === null ? null : { owner, since, confirmedAt: since, question: null, isOperator: true },
  };
}

function secondsAfter({ startedAt }: Drill, at: Date): number {
  return Math.round((at.getTime() - startedAt.getTime()) / 1000);
}

function event(
  { id }: Drill,
  what: 'started' | 'acknowledged' | 'resolved' | 'ended' | 'expired',
  actor: string,
  at: Date,
  detail: Readonly<Record<string, unknown>>,
): NewAuditEvent {
  return { at, action: `console.flag.drill.${what}`, actor, promotionId: null, detail: { drill: id, ...detail } };
}
