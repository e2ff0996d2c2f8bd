import * as z from 'zod';
import type { Stamp } from '../audit/event.js';
import { type AuditAction, ENDINGS } from '../promotions/audit-actions.js';
import { presentableValue } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { currentOrigin, currentReference } from '../reference.js';
import { type Exported, exportAuditLog } from './audit-export.js';
import { type AuditWriter, auditWriterOf } from './audit-writer.js';
import { type AuditVerdict, type VerifyOptions, verifyAuditLog } from './audit-verify.js';
import { type Knex, runPrepared } from './connection.js';
import { CLOCK } from './leases.js';
import { after, inOne, type Part } from './parts.js';
import { idColumn, idRow, parseRows, type Sql, type Value } from './rows.js';

/** `actor` of what the app does itself. */
export const WATCHDOG = 'watchdog';
/** `actor` of somebody with a shell on the app's host. */
export const COMMAND_LINE = 'command line';

export interface NewAuditEvent {
  readonly at: Date;
  readonly action: AuditAction;
  /** A Slack user id, WATCHDOG, or COMMAND_LINE. */
  readonly actor: string;
  readonly promotionId: string | null;
  /** Holds no code, no secret and no config var's unmasked value. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface AuditEvent {
  readonly id: string;
  readonly at: Date;
  /** Any word: another version or system may have written it. */
  readonly action: string;
  readonly actor: string;
  readonly promotionId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Appends an event inside the transaction that it records. Never waits: it is sealed after the commit. */
export async function appendAuditEvent(trx: Knex.Transaction, event: NewAuditEvent): Promise<string> {
  const [id] = await appendAuditEvents(trx, [event]);
  if (id === undefined) throw new Error('The audit event was not inserted.');
  return id;
}

/** In order; answers their ids. */
export async function appendAuditEvents(
  trx: Knex.Transaction,
  events: readonly NewAuditEvent[],
): Promise<readonly string[]> {
  return events.length === 0 ? [] : insertEvents(trx, events);
}

async function insertEvents(runner: Knex, events: readonly NewAuditEvent[]): Promise<readonly string[]> {
  const writer = auditWriterOf(runner);
  const inserted = await runner.raw(
    `insert into flag_promotions.audit_log (at, action, actor, promotion_id, detail, event, open, key, mac)
      values ${events.map(() => '(?, ?, ?, ?, ?::jsonb, ?, ?, ?, ?)').join(', ')} returning id`,
    events.flatMap(({ at, action, actor, promotionId, detail: given }) => {
      const detail = withReference(given);
      const stamp = writer.stamp({ at, action, actor, promotionId, detail });
      return [at, action, actor, promotionId, JSON.stringify(detail), ...stampValues(stamp)];
    }),
  );
  writer.appended(runner);
  return parseRows(inserted, idRow).map((row) => row.id);
}

/** What a code authorised, for the event's detail. Unmasked only if plainly no secret. */
export function targetOf({
  herokuApp,
  configVar,
  targetValue,
}: Pick<Promotion, 'herokuApp' | 'configVar' | 'targetValue'>): Readonly<Record<string, unknown>> {
  return { heroku_app: herokuApp, config_var: configVar, target: presentableValue(targetValue) };
}

/** With the request's reference, and its origin if that isn't Slack. */
function withReference(detail: NewAuditEvent['detail']): NewAuditEvent['detail'] {
  const reference = currentReference();
  const via = currentOrigin();
  return { ...detail, ...(reference === null ? {} : { reference }), ...(via === null ? {} : { via }) };
}

const stampValues = ({ event, open, mac }: Stamp): Value[] => [event, open, mac?.keyId ?? null, mac?.mac ?? null];

export interface AuditedChange {
  /** null: the change generates the id. */
  readonly promotionId: string | null;
  /** Parts that run before the change. */
  readonly before?: readonly Part[];
  /** An INSERT or UPDATE that returns the changed rows, with their `id`. */
  readonly change: Sql;
  /** Further statements; they can read its rows as `changed`. */
  readonly alongside?: readonly Part[];
  /** Recorded in order, if the change had an effect. `at` null: now. */
  readonly events: readonly (Omit<NewAuditEvent, 'promotionId' | 'at'> & { readonly at: Date | null })[];
  /** One more column to answer. */
  readonly answering?: Sql;
}

/** Changes and records in one statement, atomic without a transaction. Answers the changed rows. */
export async function changeAudited(runner: Knex, audited: AuditedChange): Promise<unknown> {
  const { before = [], change, alongside = [], events, answering } = audited;
  const writer = auditWriterOf(runner);
  const parts = [...before, { name: 'changed', ...change }, ...alongside];
  const changed = await runPrepared(
    runner,
    inOne(events.length === 0 ? parts : [...parts, recording(writer, audited)], {
      sql: `select changed.*${answering === undefined ? '' : `, ${answering.sql}`} from changed`,
      values: answering?.values ?? [],
    }),
  );
  if (events.length > 0) writer.appended(runner);
  return changed;
}

/** Records the change, last. */
function recording(writer: AuditWriter, { events, alongside = [], promotionId }: AuditedChange): Part {
  return {
    name: 'recorded',
    sql: `insert into flag_promotions.audit_log (at, action, actor, promotion_id, detail, event, open, key, mac)
          select coalesce(e.at, ${CLOCK}), e.action, e.actor, c.id, e.detail, e.event, e.open, e.key, e.mac
            from changed c
           cross join (values ${events.map((_, n) => `(${n}, ?::timestamptz, ?::text, ?::text, ?::jsonb, ?::uuid, ?::text, ?::text, ?::text)`).join(', ')})
                   as e (n, at, action, actor, detail, event, open, key, mac)
           where ${['true', ...alongside.map(({ name }) => after(name))].join(' and ')}
           order by e.n`,
    values: events.flatMap(({ at, action, actor, detail: given }) => {
      const detail = withReference(given);
      const stamp = writer.stamp({ at, action, actor, promotionId: promotionId ?? undefined, detail });
      return [at, action, actor, JSON.stringify(detail), ...stampValues(stamp)];
    }),
  };
}

const eventRow = z
  .object({
    id: idColumn,
    at: z.date(),
    action: z.string(),
    actor: z.string(),
    promotion_id: idColumn.nullable(),
    detail: z.record(z.string(), z.unknown()),
  })
  .transform(
    (row): AuditEvent => ({
      id: row.id,
      at: row.at,
      action: row.action,
      actor: row.actor,
      promotionId: row.promotion_id,
      detail: row.detail,
    }),
  );

export interface AuditLog {
  /** The newest `limit` events of a promotion, oldest first. */
  ofPromotion(promotionId: string, limit: number): Promise<readonly AuditEvent[]>;
  find(id: string): Promise<AuditEvent | null>;
  /** The newest event by which a person or this app ended it. */
  endOf(promotionId: string): Promise<AuditEvent | null>;
  /** Appends an event that goes with no other write. */
  append(event: NewAuditEvent): Promise<void>;
  /** See `exportAuditLog`. */
  export(write: (line: string) => Promise<void>): Promise<Exported>;
  /** See `verifyAuditLog`. */
  verify(options?: VerifyOptions): Promise<AuditVerdict>;
}

export function auditLog(knex: Knex): AuditLog {
  return {
    async ofPromotion(promotionId, limit) {
      const found = await knex.raw(
        `select id, at, action, actor, promotion_id, detail from flag_promotions.audit_log where promotion_id = ? order by id desc limit ?`,
        [promotionId, limit],
      );
      return parseRows(found, eventRow).reverse();
    },
    async find(id) {
      const found = await knex.raw(
        `select id, at, action, actor, promotion_id, detail from flag_promotions.audit_log where id = ?`,
        [id],
      );
      return parseRows(found, eventRow)[0] ?? null;
    },
    async endOf(promotionId) {
      const found = await knex.raw(
        `select id, at, action, actor, promotion_id, detail from flag_promotions.audit_log
          where promotion_id = ? and action = any(?::text[]) order by id desc limit 1`,
        [promotionId, [...ENDINGS]],
      );
      return parseRows(found, eventRow)[0] ?? null;
    },
    async append(event) {
      await insertEvents(knex, [event]);
    },
    export: (write) => exportAuditLog(knex, auditWriterOf(knex).keys?.publicKey ?? null, write),
    verify: (options) => verifyAuditLog(knex, auditWriterOf(knex).keys, options),
  };
}
