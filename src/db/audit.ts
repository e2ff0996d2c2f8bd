import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { AuditAction } from '../promotions/audit-actions.js';
import { presentableValue } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { currentReference } from '../reference.js';
import { type Knex, runPrepared } from './connection.js';
import { CLOCK } from './leases.js';
import { after, inOne, type Part } from './parts.js';
import { countRow, idColumn, idRow, parseRows, type Sql } from './rows.js';

/** `actor` of what the app does by itself. */
export const WATCHDOG = 'watchdog';
/** `actor` of what somebody did who has a shell on the app's host, whose name nobody knows. */
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
  /** Any word: another version, or another system, may have written it. */
  readonly action: string;
  readonly actor: string;
  readonly promotionId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/**
 * Appends an event inside the transaction of what it records; ids and hashes are the database's work. The insert
 * locks the head of the chain until that transaction ends, so it comes last in it.
 */
export async function appendAuditEvent(trx: Knex.Transaction, event: NewAuditEvent): Promise<string> {
  const [id] = await appendAuditEvents(trx, [event]);
  if (id === undefined) throw new Error('The audit event was not inserted.');
  return id;
}

/** The same for several events of one transaction, in their order; answers their ids. */
export async function appendAuditEvents(
  trx: Knex.Transaction,
  events: readonly NewAuditEvent[],
): Promise<readonly string[]> {
  if (events.length === 0) return [];
  const inserted = await trx.raw(
    `insert into flag_promotions.audit_log (at, action, actor, promotion_id, detail)
      values ${events.map(() => '(?, ?, ?, ?, ?::jsonb)').join(', ')} returning id`,
    events.flatMap(({ at, action, actor, promotionId, detail }) => [at, action, actor, promotionId, recorded(detail)]),
  );
  return parseRows(inserted, idRow).map((row) => row.id);
}

/** What a code authorised, for the detail of its event: the value only if it is plainly no secret. */
export function targetOf({
  herokuApp,
  configVar,
  targetValue,
}: Pick<Promotion, 'herokuApp' | 'configVar' | 'targetValue'>): Readonly<Record<string, unknown>> {
  return { heroku_app: herokuApp, config_var: configVar, target: presentableValue(targetValue) };
}

/** An event's detail as it is stored: with the reference of the request that it comes of. */
function recorded(detail: NewAuditEvent['detail']): string {
  const reference = currentReference();
  return JSON.stringify(reference === null ? detail : { ...detail, reference });
}

/** A change of promotions with its audit events. */
export interface AuditedChange {
  /** What the change depends on. */
  readonly before?: readonly Part[];
  /** An INSERT or UPDATE that returns what it changed, `id` among it. */
  readonly change: Sql;
  /** What else is written because of it: further such statements, which can read the first one's answer as `changed`. */
  readonly alongside?: readonly Part[];
  /** Recorded in this order for each promotion that was changed. `at` null: the present by the database's clock. */
  readonly events: readonly (Omit<NewAuditEvent, 'promotionId' | 'at'> & { readonly at: Date | null })[];
  /** One more column of the answer. */
  readonly answering?: Sql;
}

/**
 * Changes and records in one statement, which is a transaction by itself where none is open: the head of the chain, which
 * every other writer waits for, is locked for as long as it takes to write, and not while an answer travels. Answers what
 * was changed.
 */
export async function changeAudited(
  runner: Knex,
  { before = [], change, alongside = [], events, answering }: AuditedChange,
): Promise<unknown> {
  const parts = [...before, { name: 'changed', ...change }, ...alongside];
  return runPrepared(
    runner,
    inOne(events.length === 0 ? parts : [...parts, recording(events, alongside)], {
      sql: `select changed.*${answering === undefined ? '' : `, ${answering.sql}`} from changed`,
      values: answering?.values ?? [],
    }),
  );
}

/** Records what was changed, after all else: the head of the chain is locked last, as in every other transaction. */
function recording(events: AuditedChange['events'], alongside: readonly Part[]): Part {
  return {
    name: 'recorded',
    sql: `insert into flag_promotions.audit_log (at, action, actor, promotion_id, detail)
          select coalesce(e.at, ${CLOCK}), e.action, e.actor, c.id, e.detail
            from changed c
           cross join (values ${events.map((_, n) => `(${n}, ?::timestamptz, ?::text, ?::text, ?::jsonb)`).join(', ')})
                   as e (n, at, action, actor, detail)
           where ${['true', ...alongside.map(({ name }) => after(name))].join(' and ')}
           order by e.n`,
    values: events.flatMap(({ at, action, actor, detail }) => [at, action, actor, recorded(detail)]),
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

const ENDINGS = [
  'console.flag.promotion.ops_complete',
  'console.flag.promotion.ops_failed',
  'console.flag.promotion.cancelled',
  'console.flag.promotion.deployed',
  'console.flag.promotion.failed',
  'console.flag.promotion.recovered',
] as const satisfies readonly AuditAction[];

export type AuditVerdict =
  | { readonly intact: true; readonly events: number; readonly headHash: string }
  | { readonly intact: false; readonly events: number; readonly firstBrokenId: string; readonly reason: string };

const GENESIS = '0'.repeat(64);
/** So few that checking them holds nothing else up. */
const PAGE = 500;

export interface AuditLog {
  /** The newest `limit` events of a promotion, oldest first. */
  ofPromotion(promotionId: string, limit: number): Promise<readonly AuditEvent[]>;
  find(id: string): Promise<AuditEvent | null>;
  /** The newest event by which a person or this app ended a promotion; null where there is none. */
  endOf(promotionId: string): Promise<AuditEvent | null>;
  /** Records something that goes with no other write. */
  append(event: NewAuditEvent): Promise<void>;
  /**
   * Computes the whole chain again, outside the database, and names the first event that does not fit it. `onProgress` hears
   * how many events were verified, and about how many there are.
   */
  verify(onProgress?: (verified: number, events: number) => void): Promise<AuditVerdict>;
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
      await knex.transaction((trx) => appendAuditEvent(trx, event));
    },
    async verify(onProgress = () => undefined) {
      // One snapshot for the events and the head: writers go on meanwhile.
      return knex.transaction((trx) => verifyChain(trx, onProgress), {
        isolationLevel: 'repeatable read',
        readOnly: true,
      });
    },
  };
}

/** Whoever inserts past the trigger may choose any id. */
const anyId = z.string().regex(/^-?\d+$/u);
const chainRow = z.object({ id: anyId, prev_hash: z.string(), hash: z.string(), canonical: z.string() });
type ChainRow = z.output<typeof chainRow>;
const LEAST_ID = '-9223372036854775808';

/** As far as the chain was walked and found whole. */
interface Walked {
  readonly id: bigint;
  readonly hash: string;
}
type Broken = Pick<Extract<AuditVerdict, { intact: false }>, 'firstBrokenId' | 'reason'>;

async function verifyChain(
  trx: Knex.Transaction,
  onProgress: (verified: number, events: number) => void,
): Promise<AuditVerdict> {
  const external = parseRows(
    await trx.raw('select id from flag_promotions.audit_log where id between ? and 0 order by id desc limit 1', [
      LEAST_ID,
    ]),
    z.object({ id: anyId }),
  )[0];
  if (external !== undefined) {
    return { intact: false, events: 0, firstBrokenId: external.id, reason: 'the chain begins with event 1' };
  }
  const heads = await trx.raw('select coalesce(max(last_id), 0) as n from flag_promotions.audit_head');
  const expected = parseRows(heads, countRow)[0]?.n ?? 0;
  let last: Walked = { id: 0n, hash: GENESIS };
  let events = 0;
  let rows: readonly ChainRow[];
  do {
    rows = await readChain(trx, last.id);
    for (const row of rows) {
      const broken = breakBefore(row, last);
      if (broken !== null) return { intact: false, events, ...broken };
      last = { id: BigInt(row.id), hash: row.hash };
      events += 1;
    }
    onProgress(events, expected);
  } while (rows.length === PAGE);
  return verifyHead(trx, last, events);
}

async function readChain(trx: Knex.Transaction, after: bigint): Promise<ChainRow[]> {
  // Spelled out, not the trigger's own function: whoever alters rows could have altered that too.
  const page = await trx.raw(
    `select id, prev_hash, hash,
            jsonb_build_array(prev_hash, id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                              action, actor, promotion_id, detail)::text as canonical
       from flag_promotions.audit_log where id > ? order by id limit ?`,
    [after.toString(), PAGE],
  );
  return parseRows(page, chainRow);
}

/** Why a row can't follow the last one; null if it can. */
function breakBefore(row: ChainRow, last: Walked): Broken | null {
  const expectedId = last.id + 1n;
  if (BigInt(row.id) !== expectedId) {
    return { firstBrokenId: expectedId.toString(), reason: `event ${expectedId} is missing` };
  }
  const broken = (reason: string): Broken => ({ firstBrokenId: row.id, reason });
  if (row.prev_hash !== last.hash) return broken('it does not follow the event before it');
  const hash = createHash('sha256').update(row.canonical, 'utf8').digest('hex');
  return hash === row.hash ? null : broken('its content is not what was recorded');
}

/** Compares the chain's end with its head, which notices a cut tail. */
async function verifyHead(trx: Knex.Transaction, last: Walked, events: number): Promise<AuditVerdict> {
  const [head, another] = parseRows(
    await trx.raw('select last_id, last_hash from flag_promotions.audit_head limit 2'),
    z.object({ last_id: idColumn, last_hash: z.string() }),
  );
  if (head === undefined) {
    return { intact: false, events, firstBrokenId: '0', reason: 'the head of the chain is missing' };
  }
  if (another !== undefined) {
    return { intact: false, events, firstBrokenId: '0', reason: 'the chain has more than one head' };
  }
  const headId = BigInt(head.last_id);
  if (headId > last.id) {
    const missing = (last.id + 1n).toString();
    return { intact: false, events, firstBrokenId: missing, reason: `events from ${missing} on are missing` };
  }
  if (headId < last.id) {
    const added = (headId + 1n).toString();
    return {
      intact: false,
      events: Number(headId),
      firstBrokenId: added,
      reason: 'the head of the chain ends before it',
    };
  }
  if (head.last_hash !== last.hash) {
    const id = last.id.toString();
    const reason = 'the head of the chain remembers another one';
    return { intact: false, events: Math.max(0, events - 1), firstBrokenId: id, reason };
  }
  return { intact: true, events, headHash: last.hash };
}
