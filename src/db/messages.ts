import * as z from 'zod';
import type { MessageRef } from '../promotions/alert.js';
import type { MessageKind, OutboxMessage } from '../promotions/messages.js';
import type { Destination } from '../promotions/routing.js';
import type { Knex } from './connection.js';
import {
  CLOCK,
  fromNow,
  isFree,
  isReached,
  LEASED_UNTIL,
  type Lease,
  mayTryAgain,
  type Postponement,
} from './leases.js';
import { type NewMessage, queueMessages } from './queueing.js';
import { count, idColumn, idRow, parseRows, promotionIdRow, refusedRoute, rowCount, type Value } from './rows.js';

/** What a message shows once it was posted or updated. Times are milliseconds from now; null: none. */
export interface ShownMark {
  /** The last request to update it that this fulfils. */
  readonly version: number;
  readonly as: string | null;
  readonly restMs: number | null;
}

/** What became of a last write by the holder of a lease. `owed`: a commit asked for an update meanwhile. */
export type LastWrite = 'lost' | 'done' | 'owed';

/**
 * The outbox: every message that goes out, whatever its kind. A row is queued in the transaction of what it announces, before
 * anything is in Slack. Whoever delivers it leases it, and each of their writes is fenced by the lease: false, or `lost`, where
 * it was lost, and then nothing was written. A write after which nothing is left to do ends the lease.
 */
export interface Messages {
  /** What is owed, of some kinds or of all, and may be delivered now: criticals first, then what is new, then updates; the oldest first. */
  due(limit: number, kinds?: readonly string[]): Promise<readonly string[]>;
  /** What is owed about one promotion, roots before replies. */
  owedAbout(promotionId: string): Promise<readonly string[]>;
  /** Takes the lease; null where another holds it, nothing is owed, or it has to wait. Counts as an attempt. */
  claim(id: string, lease: Lease): Promise<OutboxMessage | null>;
  /** Before a post: where it is sent. */
  recordDestination(id: string, lease: Lease, to: Destination): Promise<boolean>;
  /**
   * It stands there; `at` null: somewhere in its thread, as a file. `shown` null: nobody knows what it shows, so it is
   * updated next. Ends the lease.
   */
  recordPosted(id: string, lease: Lease, at: MessageRef | null, shown: ShownMark | null): Promise<LastWrite>;
  /** Ends the lease. */
  recordShown(id: string, lease: Lease, shown: ShownMark): Promise<LastWrite>;
  /**
   * It won't be posted, or no longer be updated. `version`: the last request to update it that was looked at. False where
   * another came in meanwhile: it may have something to say again. Else ends the lease.
   */
  close(id: string, lease: Lease, version: number): Promise<boolean>;
  /**
   * Somebody deleted it in Slack: it is to be posted again. What escalated or repeated it in its thread went with it. Ends the
   * lease.
   */
  recordGone(id: string, lease: Lease): Promise<boolean>;
  /** Ends the lease where nothing was written; `postponement` null: nothing failed. */
  release(id: string, lease: Lease, postponement: Postponement | null): Promise<void>;
  /** Has a message looked at again: what it shows may have changed, or somebody deleted it. */
  requestUpdate(id: string): Promise<void>;
  find(id: string): Promise<OutboxMessage | null>;
  /** The newest of a kind about a subject. */
  newest(kind: MessageKind, subject: string): Promise<OutboxMessage | null>;
  /** What was queued in a promotion's thread and when it was posted, the oldest first. */
  aboutPromotion(promotionId: string): Promise<readonly OutboxMessage[]>;
  /** Queues messages of which each is known by its kind and subject; what is queued already stays as it is. */
  queue(...messages: readonly NewMessage[]): Promise<void>;
  /** The promotion whose conversation a message belongs to, by the thread's root. */
  promotionOfThread(thread: MessageRef): Promise<string | null>;
}

const UNPOSTED = `m.state = 'pending'`;
/** It has to be posted or updated, though perhaps not yet. */
export const OWED = `(${UNPOSTED} or (m.state = 'posted' and m.wanted > m.shown))`;
/** A reply waits for its root. */
const HAS_ITS_ROOT = `(m.root_id is null or not ${UNPOSTED}
  or (select r.state from flag_promotions.messages r where r.id = m.root_id) <> 'pending')`;
/** Nobody works on the row `alias`, and nothing holds it back but an earlier failure. */
const isFreeNow = (alias: string) =>
  `${isFree(alias)} and (${alias}.not_before is null or ${isReached(`${alias}.not_before`)})`;
/** Its root is there, or is due itself: then it is delivered before its reply, in the same round. */
const COMES_AFTER_ITS_ROOT = `(${HAS_ITS_ROOT} or (select ${isFreeNow('r')} and ${mayTryAgain('r')}
  from flag_promotions.messages r where r.id = m.root_id))`;

/** The fence of every write by the holder of a lease. Two parameters, the message's id and the owner. */
const LEASED = 'id = ?::bigint and lease_owner = ?';

/** Clears the traces of earlier failures. */
const NO_FAILURE = `attempts = 0, next_attempt_at = null, last_error = null, updated_at = ${CLOCK}`;
/** What the last write of a lease does beside its own. */
export const DONE = `lease_owner = null, lease_until = null, ${NO_FAILURE}`;
/** An earlier attempt failed so recently that it may still take effect. */
const UNSETTLED = `coalesce(next_attempt_at > ${CLOCK}, false)`;
/**
 * The same after an update, which need not wait for an earlier one: that one may yet take effect, and show what was true before.
 * So it is shown once more, after that.
 */
const SHOWN_IF_SETTLED = `lease_owner = null, lease_until = null, updated_at = ${CLOCK},
  wanted = wanted + ${UNSETTLED}::int, attempts = case when ${UNSETTLED} then attempts else 0 end,
  next_attempt_at = case when ${UNSETTLED} then next_attempt_at end, last_error = case when ${UNSETTLED} then last_error end`;
/** As if it had never been in Slack. */
export const NOWHERE = `channel = null, refused_channel = null, refused_because = null, message_ts = null, posted_at = null`;

const COLUMNS = `
         m.id, m.kind, m.subject, m.ordinal, m.promotion_id, m.is_urgent, m.state, m.channel, m.refused_channel, m.refused_because,
         m.message_ts, m.wanted, m.shown, m.shown_as, m.detail, m.attempts, m.created_at, m.posted_at,
         r.id as root_id, r.state as root_state, r.channel as root_channel, r.message_ts as root_ts,
         r.shown_as as root_shown_as`;
/** The table's row `m`, or another of its shape, with its root. */
const withRoot = (source: string) => `${source} m left join flag_promotions.messages r on r.id = m.root_id`;

const state = z.enum(['pending', 'posted', 'closed']);
const messageRow = z
  .object({
    id: idColumn,
    kind: z.string(),
    subject: z.string(),
    ordinal: idColumn,
    promotion_id: idColumn.nullable(),
    is_urgent: z.boolean(),
    state,
    channel: z.string().nullable(),
    refused_channel: z.string().nullable(),
    refused_because: z.string().nullable(),
    message_ts: z.string().nullable(),
    wanted: count,
    shown: count,
    shown_as: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
    attempts: count,
    created_at: z.date(),
    posted_at: z.date().nullable(),
    root_id: idColumn.nullable(),
    root_state: state.nullable(),
    root_channel: z.string().nullable(),
    root_ts: z.string().nullable(),
    root_shown_as: z.string().nullable(),
  })
  .transform(
    (row): OutboxMessage => ({
      id: row.id,
      kind: row.kind,
      subject: row.subject,
      ordinal: row.ordinal,
      promotionId: row.promotion_id,
      isUrgent: row.is_urgent,
      root:
        row.root_id === null || row.root_state === null
          ? null
          : {
              id: row.root_id,
              state: row.root_state,
              message: refOf(row.root_channel, row.root_ts),
              shownAs: row.root_shown_as,
            },
      state: row.state,
      channel: row.channel,
      refusedRoute: refusedRoute(row.refused_channel, row.refused_because),
      message: refOf(row.channel, row.message_ts),
      wanted: row.wanted,
      shown: row.shown,
      shownAs: row.shown_as,
      detail: row.detail,
      attempts: row.attempts,
      createdAt: row.created_at,
      postedAt: row.posted_at,
    }),
  );

const owedRow = z.object({ is_owed: z.boolean() });

function lastWrite(updated: unknown): LastWrite {
  const [row] = parseRows(updated, owedRow);
  if (row === undefined) return 'lost';
  return row.is_owed ? 'owed' : 'done';
}

function refOf(channel: string | null, ts: string | null): MessageRef | null {
  return channel === null || ts === null ? null : { channel, ts };
}

export function messages(knex: Knex): Messages {
  async function select(rest: string, values: readonly Value[]): Promise<readonly OutboxMessage[]> {
    const found = await knex.raw(`select ${COLUMNS} from ${withRoot('flag_promotions.messages')} ${rest}`, [...values]);
    return parseRows(found, messageRow);
  }
  const find = async (id: string) => (await select('where m.id = ?::bigint', [id]))[0] ?? null;

  async function fenced(runner: Knex, id: string, lease: Lease, assignments: string, values: readonly Value[] = []) {
    const updated = await runner.raw(`update flag_promotions.messages set ${assignments} where ${LEASED}`, [
      ...values,
      id,
      lease.owner,
    ]);
    return rowCount(updated) === 1;
  }
  async function endLease(id: string, lease: Lease, assignments: string, values: readonly Value[]): Promise<LastWrite> {
    const updated = await knex.raw(
      `update flag_promotions.messages set ${assignments}, ${DONE} where ${LEASED} returning wanted > shown as is_owed`,
      [...values, id, lease.owner],
    );
    return lastWrite(updated);
  }

  return {
    find,

    async requestUpdate(id) {
      await knex.raw('update flag_promotions.messages set wanted = wanted + 1 where id = ?::bigint', [id]);
    },

    async due(limit, kinds) {
      const found = await knex.raw(
        `select m.id from flag_promotions.messages m where ${OWED} and (?::text[] is null or m.kind = any(?::text[])) and ${isFreeNow('m')} and ${mayTryAgain('m')} and ${COMES_AFTER_ITS_ROOT}
          order by m.state = 'pending' and m.is_urgent desc, m.state = 'pending' desc, m.id limit ?`,
        [kinds === undefined ? null : [...kinds], kinds === undefined ? null : [...kinds], limit],
      );
      return parseRows(found, idRow).map(({ id }) => id);
    },

    async owedAbout(promotionId) {
      const found = await knex.raw(
        `select m.id from flag_promotions.messages m
          where ${OWED} and m.id = any(array(
            select t.id from flag_promotions.messages t where t.promotion_id = ?::bigint
             union all select a.group_id from flag_promotions.alerts a where a.promotion_id = ?::bigint))
          order by m.root_id is not null, m.id`,
        [promotionId, promotionId],
      );
      return parseRows(found, idRow).map(({ id }) => id);
    },

    async claim(id, lease) {
      // An update needn't wait for an earlier failure: nothing can be doubled by it, and a person may have clicked.
      const claimed = await knex.raw(
        `with claimed as (
           update flag_promotions.messages m set lease_owner = ?, ${LEASED_UNTIL}, attempts = m.attempts + 1
            where m.id = ?::bigint and ${OWED} and ${isFreeNow('m')} and ${HAS_ITS_ROOT} and (not ${UNPOSTED} or ${mayTryAgain('m')})
           returning m.*)
         select ${COLUMNS} from ${withRoot('claimed')}`,
        [lease.owner, lease.durationMs, id],
      );
      return parseRows(claimed, messageRow)[0] ?? null;
    },

    recordDestination: (id, lease, { channel, refused }) =>
      fenced(knex, id, lease, `channel = ?, refused_channel = ?, refused_because = ?, updated_at = ${CLOCK}`, [
        channel,
        refused?.channel ?? null,
        refused?.because ?? null,
      ]),

    recordPosted: (id, lease, at, shown) =>
      endLease(
        id,
        lease,
        `state = 'posted', channel = coalesce(?, channel), message_ts = ?, posted_at = ${CLOCK}, shown = coalesce(?, shown), shown_as = ?,
         wanted = wanted + ?, not_before = ${fromNow()}`,
        [
          at?.channel ?? null,
          at?.ts ?? null,
          shown?.version ?? null,
          shown?.as ?? null,
          shown === null ? 1 : 0,
          shown?.restMs ?? null,
        ],
      ),

    async recordShown(id, lease, { version, as, restMs }) {
      const updated = await knex.raw(
        `update flag_promotions.messages set shown = ?, shown_as = ?, not_before = ${fromNow()}, ${SHOWN_IF_SETTLED}
          where ${LEASED} returning wanted > shown and next_attempt_at is null as is_owed`,
        [version, as, restMs, id, lease.owner],
      );
      return lastWrite(updated);
    },

    async close(id, lease, version) {
      const closed = await knex.raw(
        `update flag_promotions.messages set state = 'closed', ${DONE} where ${LEASED} and wanted <= ?`,
        [id, lease.owner, version],
      );
      return rowCount(closed) === 1;
    },

    recordGone: (id, lease) =>
      knex.transaction(async (trx) => {
        const written = await fenced(
          trx,
          id,
          lease,
          `state = 'pending', ${NOWHERE}, shown = wanted, shown_as = null, ${DONE}`,
        );
        // Its thread went with it: the new root mentions people, and repetitions are counted from there.
        if (written)
          await trx.raw(`delete from flag_promotions.messages where root_id = ?::bigint and goes_with_root`, [id]);
        return written;
      }),

    async release(id, lease, postponement) {
      // Where nothing failed, no attempt is left of which Slack could hold more than the row says.
      await fenced(
        knex,
        id,
        lease,
        postponement === null
          ? `lease_owner = null, lease_until = null, attempts = greatest(attempts - 1, 0)`
          : `lease_owner = null, lease_until = null, next_attempt_at = ${fromNow()}, last_error = ?, updated_at = ${CLOCK}`,
        postponement === null ? [] : [postponement.waitMs, postponement.lastError],
      );
    },

    newest: async (kind, subject) =>
      (await select('where m.kind = ? and m.subject = ? order by m.ordinal desc limit 1', [kind, subject]))[0] ?? null,

    aboutPromotion: (promotionId) => select('where m.promotion_id = ?::bigint order by m.id', [promotionId]),

    queue: (...queued) => knex.transaction((trx) => queueMessages(trx, ...queued)),

    async promotionOfThread({ channel, ts }) {
      const found = await knex.raw(
        `select m.promotion_id from flag_promotions.messages m
          where m.channel = ? and m.message_ts = ? and m.kind in ('alert', 'escalation')`,
        [channel, ts],
      );
      return parseRows(found, promotionIdRow)[0]?.promotion_id ?? null;
    },
  };
}
