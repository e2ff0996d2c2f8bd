import { configVarOf } from './console/columns.js';
import * as z from 'zod';
import { CLOCK } from './clock.js';
import { inTurns } from './in-turns.js';
import type { Alert } from '../promotions/alert.js';
import { INTENT } from '../promotions/promoting.js';
import { type OddStart, type Promotion, UNKNOWN_TIME } from '../promotions/promotion.js';
import { SEVERITIES } from '../promotions/stuck.js';
import type { RefusedRoute } from '../promotions/routing.js';

/** pg answers a bigint as a string, but an adopted table may have an integer id, a number. */
export const idColumn = z.union([z.string().regex(/^-?\d+$/u), z.number().int()]).transform(String);
export const count = z.coerce.number().int();

export const text = z.string();
/** From pg, or from JSON. */
const instant = z.coerce.date();

/*
 * The console's table may hold what ours couldn't: one odd row mustn't hide the others. A missing name reads as empty,
 * and a time without a date (null, infinity) as unknown.
 */
const name = text.nullable().transform((value) => value ?? '');
const time = z.unknown().transform((value) => (value instanceof Date && !Number.isNaN(value.getTime()) ? value : null));

/** The state of the promotion `p`: our word for it, or the console's if we have none. */
export const STATE = 'coalesce({p.state}, p.state::text) as state';

/** Later starts can't be true: the writers' clocks may only be a little ahead. */
const AHEAD = `(select ${CLOCK} + interval '10 minutes')`;

/** A promotion's select list, under the alias `p`. The casts even out a console table's own types. */
export const PROMOTION_COLUMNS = `
  p.id::bigint, p.flag_key::text, p.heroku_app::text, ${configVarOf('p')}::text as config_var,
  coalesce(p.target_value::text, 'true') as target_value, coalesce(p.target_unset, false) as target_unset,
  p.previous_value::text, p.base_release::integer, ${STATE}, p.checkpoint::text,
  p.marked_by::text, {p.marked_at} as marked_at, p.promoted_by::text, {p.promoted_at} as promoted_at,
  {p.deployed_at} as deployed_at, {p.failed_at} as failed_at, p.failure_reason::text, p.resolved_by::text,
  p.resolution_note::text, p.rca_url::text, p.last_error::text, {p.created_at} as created_at, {p.updated_at} as updated_at,
  coalesce({p.promoted_at}, {p.marked_at}, {p.created_at}) as started, ${AHEAD} as ahead`;

export const promotionRow = z
  .object({
    id: idColumn,
    flag_key: name,
    heroku_app: name,
    config_var: name,
    target_value: text,
    target_unset: z.boolean(),
    previous_value: text.nullable(),
    base_release: z.number().int().nullable(),
    state: name,
    checkpoint: text.nullable(),
    marked_by: text.nullable(),
    marked_at: time,
    promoted_by: text.nullable(),
    promoted_at: time,
    deployed_at: time,
    failed_at: time,
    failure_reason: text.nullable(),
    resolved_by: text.nullable(),
    resolution_note: text.nullable(),
    rca_url: text.nullable(),
    last_error: text.nullable(),
    created_at: time,
    updated_at: time,
    started: z.unknown(),
    ahead: z.date(),
  })
  .transform(
    (row): Promotion => ({
      id: row.id,
      flagKey: row.flag_key,
      herokuApp: row.heroku_app,
      configVar: row.config_var,
      targetValue: row.target_unset ? null : row.target_value,
      previousValue: row.previous_value,
      baseRelease: row.base_release,
      state: row.state,
      checkpoint: row.checkpoint,
      markedBy: row.marked_by,
      markedAt: row.marked_at,
      promotedBy: row.promoted_by,
      promotedAt: row.promoted_at,
      deployedAt: row.deployed_at,
      failedAt: row.failed_at,
      failureReason: row.failure_reason,
      resolvedBy: row.resolved_by,
      resolutionNote: row.resolution_note,
      rcaUrl: row.rca_url,
      lastError: row.last_error,
      createdAt: row.created_at ?? row.marked_at ?? row.promoted_at ?? UNKNOWN_TIME,
      updatedAt: row.updated_at ?? row.created_at ?? UNKNOWN_TIME,
      oddStart: oddStartOf(row.started, row.ahead),
    }),
  );

/** `started`: as pg reads it. */
function oddStartOf(started: unknown, ahead: Date): OddStart | null {
  if (started === null) return null;
  if (!(started instanceof Date)) return { kind: 'infinite', sign: started === -Infinity ? -1 : 1 };
  // Too late for a JavaScript date.
  if (Number.isNaN(started.getTime())) return { kind: 'infinite', sign: 1 };
  return started > ahead ? { kind: 'ahead', at: started } : null;
}

/** The stuck clock of `p`, as indexed. An unknown start counts as stuck at once, rather than never checked. */
export const STUCK_CLOCK = "coalesce({p.promoted_at}, {p.marked_at}, {p.created_at}, '-infinity'::timestamptz)";
/** When the promotion `p` was deployed or failed, as indexed. */
export const ENDED_AT = 'coalesce({p.deployed_at}, {p.failed_at})';
/** SQL: `p` has one of our checkpoints. The console's collation may have no LIKE (before PostgreSQL 18), or no case. */
export const IS_OURS = `(p.checkpoint::text collate "C" = '${INTENT}' or p.checkpoint::text collate "C" like 'PENDING\\_COMMIT:%')`;
/**
 * SQL: its stuck clock started by a time (one parameter), or impossibly in the future, or it has a notice: neither may
 * delay an alert.
 */
export const STUCK = `{p.state} = 'deploying' and (${STUCK_CLOCK} <= ?::timestamptz or ${STUCK_CLOCK} > ${AHEAD}
  or p.id = any(array(select a.promotion_id from flag_promotions.alerts a where a.severity = 'notice' and a.closed_at is null)))`;

/** An alert's select list, under the alias `a`. */
export const ALERT_COLUMNS =
  'a.id, a.promotion_id, a.flag_key, a.heroku_app, a.severity, a.group_id, a.opened_at, a.closed_at, a.vanished_at';

export const alertRow = z
  .object({
    id: idColumn,
    promotion_id: idColumn,
    flag_key: text,
    heroku_app: text,
    severity: z.enum(SEVERITIES),
    group_id: idColumn.nullable(),
    opened_at: instant,
    closed_at: instant.nullable(),
    vanished_at: instant.nullable(),
  })
  .transform(
    (row): Alert => ({
      id: row.id,
      promotionId: row.promotion_id,
      flagKey: row.flag_key,
      herokuApp: row.heroku_app,
      severity: row.severity,
      groupId: row.group_id,
      openedAt: row.opened_at,
      closedAt: row.closed_at,
      vanishedAt: row.vanished_at,
    }),
  );

export function refusedRoute(channel: string | null, because: string | null): RefusedRoute | null {
  return channel === null || because === null ? null : { channel, because };
}

/** Removes what PostgreSQL's UTF-8 can't hold: NUL, and lone surrogates. */
export function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/* Shared by many statements: a schema is compiled at its first use, which pays only if reused. */
export const idRow = z.object({ id: idColumn });
export const promotionIdRow = z.object({ promotion_id: idColumn });
export const countRow = z.object({ n: count });
export const stateRow = z.object({ state: z.string() });
export const attemptsRow = z.object({ attempts: count });

/** A LEFT JOIN's row, by a column that is never null in one; null if there was none. */
export const joined = <T extends z.ZodType>(column: string, row: T) =>
  z.record(z.string(), z.unknown()).transform((found) => (found[column] === null ? null : row.parse(found)));

export type Value = string | number | boolean | Date | string[] | null;

export interface Sql {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** A statement's rows as they are: z.array would look at each and copy them, which takes long if there are thousands. */
export const rawRows = z.custom<readonly unknown[]>(Array.isArray);
const rawResult = z.object({ rows: rawRows, rowCount: z.number().nullable() });

/** Parses a raw statement's rows. @throws if one doesn't fit the schema */
export function parseRows<T extends z.ZodType>(result: unknown, row: T): z.output<T>[] {
  return rawResult.parse(result).rows.map((found) => row.parse(found));
}

/** The same for many rows, or large ones (fewer `atOnce`), without blocking the event loop. */
export async function parseManyRows<T extends z.ZodType>(
  result: unknown,
  row: T,
  atOnce?: number,
): Promise<z.output<T>[]> {
  const parsed: z.output<T>[] = [];
  await inTurns(rawResult.parse(result).rows, (found) => parsed.push(row.parse(found)), atOnce);
  return parsed;
}

export function rowCount(result: unknown): number {
  return rawResult.parse(result).rowCount ?? 0;
}
