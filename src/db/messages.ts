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
import { GROUP_PAGES, OF_REPLACED, type NewMessage, queueMessages } from './queueing.js';
import { count, idColumn, idRow, parseRows, promotionIdRow, refusedRoute, rowCount, type Value } from './rows.js';

/** What a message shows after a post or update. Times are milliseconds from now; null: none. */
export interface ShownMark {
  /** The last update request that this fulfils. */
  readonly version: number;
  readonly as: string | null;
  readonly restMs: number | null;
}

export interface FailedDelivery extends Omit<Postponement, 'waitMs'> {
  /** How long to wait before the next attempt, in milliseconds; null: until its promotion ends or the app restarts. */
  readonly waitMs: number | null;
  /** Nothing can have arrived there, so forget the destination. */
  readonly arrivedNowhere?: boolean;
}

/** The result of a lease's last write. `owed`: a commit requested an update meanwhile. */
export type LastWrite = 'lost' | 'done' | 'owed';

/**
 * The outbox of all messages. A row is queued in the transaction that it announces. Its deliverer leases it, and the
 * lease fences each write (false or `lost`: nothing was written). A write after which nothing is owed releases the
 * lease.
 */
export interface Messages {
  /** Owed messages that may be delivered now: criticals, then new ones, then updates; each the oldest first. */
  due(limit: number, kinds?: readonly string[]): Promise<readonly string[]>;
  /** Owed messages about one promotion and the one it replaces, roots before replies. */
  owedAbout(promotionId: string): Promise<readonly string[]>;
  /** Leases it and counts an attempt; null if it is leased, not owed, or has to wait. */
  claim(id: string, lease: Lease): Promise<OutboxMessage | null>;
  /** Before a post: where it goes. */
  recordDestination(id: string, lease: Lease, to: Destination): Promise<boolean>;
  /**
   * Records a post and releases the lease. `at` null: in its thread, as a file. `shown` null: unknown, so update it
   * next.
   */
  recordPosted(id: string, lease: Lease, at: MessageRef | null, shown: ShownMark | null): Promise<LastWrite>;
  /** Records an update and releases the lease. */
  recordShown(id: string, lease: Lease, shown: ShownMark): Promise<LastWrite>;
  /**
   * Closes it for posts and updates, and releases the lease. `version`: the last update request seen; false if one came
   * since.
   */
  close(id: string, lease: Lease, version: number): Promise<boolean>;
  /**
   * It was deleted in Slack, or can't be changed there: queues it again, without its thread's escalations and
   * repetitions. Releases the lease. `to` null: wherever its kind sends it.
   */
  recordGone(id: string, lease: Lease, to: Destination | null): Promise<boolean>;
  /** Releases the lease after no write; `failure` null: nothing failed. */
  release(id: string, lease: Lease, failure: FailedDelivery | null): Promise<void>;
  /** Requests an update: what it shows may have changed, or somebody deleted it. */
  requestUpdate(id: string): Promise<void>;
  find(id: string): Promise<OutboxMessage | null>;
  newest(kind: MessageKind, subject: string): Promise<OutboxMessage | null>;
  /** A promotion's messages and when they were posted, the oldest first. */
  aboutPromotion(promotionId: string): Promise<readonly OutboxMessage[]>;
  /** Queues messages, unique by kind and subject; a queued one stays as it is. */
  queue(...messages: readonly NewMessage[]): Promise<void>;
  /** The promotion that a message's thread is about, by the thread's root. */
  promotionOfThread(thread: MessageRef): Promise<string | null>;
}

const UNPOSTED = `m.state = 'pending'`;
/** SQL: it has to be posted or updated, though perhaps not yet. */
export const OWED = `(${UNPOSTED} or (m.state = 'posted' and m.wanted > m.shown))`;
/** A reply waits for its root. */
const HAS_ITS_ROOT = `(m.root_id is null or not ${UNPOSTED}
  or (select r.state from flag_promotions.messages r where r.id = m.root_id) <> 'pending')`;
/** SQL: nobody leases the row `alias`, and at most an earlier failure holds it back. */
const isFreeNow = (alias: string) =>
  `${isFree(alias)} and (${alias}.not_before is null or ${isReached(`${alias}.not_before`)})`;
/** SQL: its root is posted, or due and so delivered first in the same round. */
const COMES_AFTER_ITS_ROOT = `(${HAS_ITS_ROOT} or (select ${isFreeNow('r')} and ${mayTryAgain('r')}
  from flag_promotions.messages r where r.id = m.root_id))`;

/** The fence of every leased write. Two parameters: the message's id and the owner. */
const LEASED = 'id = ?::bigint and lease_owner = ?';

/** Clears the traces of earlier failures. */
const NO_FAILURE = `attempts = 0, next_attempt_at = null, last_error = null, updated_at = ${CLOCK}`;
/** What a lease's last write also sets. */
export const DONE = `lease_owner = null, lease_until = null, ${NO_FAILURE}`;
/** An earlier attempt failed so recently that it may still take effect. */
const UNSETTLED = `coalesce(next_attempt_at > ${CLOCK}, false)`;
/**
 * The same after an update, which doesn't wait for an earlier one. That may still take effect and show an old state, so
 * the message is updated once more.
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
/** The table's row `m`, or another of its shape, joined with its root. */
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
             union all select a.group_id from flag_promotions.alerts a where a.promotion_id = ?::bigint
             union all ${OF_REPLACED('array[?::bigint]')}
             union all ${GROUP_PAGES('a.promotion_id = ?::bigint')}))
          order by m.root_id is not null, m.id`,
        [promotionId, promotionId, promotionId, promotionId],
      );
      return parseRows(found, idRow).map(({ id }) => id);
    },

    async claim(id, lease) {
      // An update needn't wait after a failure: nothing can be posted twice, and a person may have clicked.
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

    recordGone: (id, lease, to) =>
      knex.transaction(async (trx) => {
        const written = await fenced(
          trx,
          id,
          lease,
          // What can't be changed may still be there: it was posted before `created_at`, so no search finds it.
          `state = 'pending', message_ts = null, posted_at = null, channel = ?, refused_channel = ?, refused_because = ?,
           created_at = now(), shown = wanted, shown_as = null, ${DONE}`,
          [to?.channel ?? null, to?.refused?.channel ?? null, to?.refused?.because ?? null],
        );
        // Its thread went with it: the new root mentions people, and repetitions count from there.
        if (written)
          await trx.raw(`delete from flag_promotions.messages where root_id = ?::bigint and goes_with_root`, [id]);
        return written;
      }),

    async release(id, lease, failure) {
      // If nothing failed, Slack can't have more than the row says.
      await fenced(
        knex,
        id,
        lease,
        failure === null
          ? `lease_owner = null, lease_until = null, attempts = greatest(attempts - 1, 0)`
          : `lease_owner = null, lease_until = null, next_attempt_at = coalesce(${fromNow()}, 'infinity'), last_error = ?,
             channel = case when ?::boolean then null else channel end, updated_at = ${CLOCK}`,
        failure === null ? [] : [failure.waitMs, failure.lastError, failure.arrivedNowhere === true],
      );
    },

    newest: async (kind, subject) =>
      (await select('where m.kind = ? and m.subject = ? order by m.ordinal desc limit 1', [kind, subject]))[0] ?? null,

    aboutPromotion: (promotionId) => select('where m.promotion_id = ?::bigint order by m.id', [promotionId]),

    queue: (...queued) => knex.transaction((trx) => queueMessages(trx, ...queued)),

    async promotionOfThread({ channel, ts }) {
      const found = await knex.raw(
        `select m.promotion_id from flag_promotions.messages m
          where m.channel = ? and m.message_ts = ? and m.kind in ('alert', 'warned', 'escalation')`,
        [channel, ts],
      );
      return parseRows(found, promotionIdRow)[0]?.promotion_id ?? null;
    },
  };
}
