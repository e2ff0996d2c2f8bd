import * as z from 'zod';
import type { Alert, MessageRef } from '../promotions/alert.js';
import type { Promotion } from '../promotions/promotion.js';
import type { Knex } from './connection.js';
import { free, HELD_UNTIL, type Lease, type Postponement, waited } from './leases.js';
import {
  ALERT_COLUMNS,
  alertRow,
  count,
  idColumn,
  idRow,
  PROMOTION_COLUMNS,
  parseRows,
  promotionRow,
  rowCount,
} from './rows.js';

export type ReplyKind = z.output<typeof replyKind>;

/** A message in the thread of a promotion's alert: a row before it is a message. */
export interface Reply {
  readonly id: string;
  readonly promotionId: string;
  readonly kind: ReplyKind;
  /** `repeat`: its number; `resolved`, `rca_reminder`: 0; else the id of the audit event that it tells of. */
  readonly ordinal: string;
  readonly createdAt: Date;
  /** Where it stands in Slack; null before it was posted. */
  readonly message: MessageRef | null;
  /** Up to which request to paint it again it is to be painted. */
  readonly repaintWanted: number;
}

export interface ClaimedReply {
  readonly reply: Reply;
  readonly promotion: Promotion;
  readonly alerts: readonly Alert[];
  readonly attemptsBefore: number;
}

export interface Replies {
  /** Queues the repetition of a critical, unless it is queued already. */
  queueRepeat(promotionId: string, ordinal: number): Promise<void>;
  /** Replies to deliver or to paint again, oldest first, that nobody is working on. `now` is the app's clock. */
  due(now: Date, limit: number): Promise<readonly string[]>;
  pendingOf(promotionId: string): Promise<readonly string[]>;
  /** What was queued for a promotion's thread, and when it was posted; oldest first. */
  ofPromotion(promotionId: string): Promise<readonly { readonly kind: ReplyKind; readonly postedAt: Date | null }[]>;
  /** Takes the lease; null where another holds it, nothing is to be done, or it has to wait still. `now` is the app's clock. */
  claim(id: string, lease: Lease, now: Date): Promise<ClaimedReply | null>;
  /** Fenced by the lease: false where it was lost, and nothing was written. `shown`: up to which request to paint it. */
  recordPosted(id: string, lease: Lease, message: MessageRef, at: Date, shown?: number): Promise<boolean>;
  recordPainted(id: string, lease: Lease, upTo: number): Promise<boolean>;
  /** It is no longer wanted, or has no thread to go to. */
  withdraw(id: string, lease: Lease): Promise<boolean>;
  release(id: string, lease: Lease, postponement: Postponement | null): Promise<void>;
}

const replyKind = z.enum([
  'repeat',
  'resolved',
  'rca_linked',
  'rca_reminder',
  'owner_asked',
  'owner_lost',
  'handed_over',
  'taken_over',
  'snooze_ended',
]);

const replyRow = z
  .object({
    id: idColumn,
    promotion_id: idColumn,
    kind: replyKind,
    ordinal: idColumn,
    channel: z.string().nullable(),
    message_ts: z.string().nullable(),
    repaint_wanted: count,
    attempts: count,
    created_at: z.date(),
  })
  .transform((row) => ({
    attempts: row.attempts,
    reply: {
      id: row.id,
      promotionId: row.promotion_id,
      kind: row.kind,
      ordinal: row.ordinal,
      createdAt: row.created_at,
      message: row.channel === null || row.message_ts === null ? null : { channel: row.channel, ts: row.message_ts },
      repaintWanted: row.repaint_wanted,
    } satisfies Reply,
  }));

const DUE = `(r.state = 'pending' or (r.state = 'posted' and r.repaint_wanted > r.repaint_done))`;
const READY = `${DUE} and ${free('r')} and ${waited('r')}`;
const SETTLED = `attempts = 0, next_attempt_at = null, last_error = null`;

export function replies(knex: Knex): Replies {
  async function ids(sql: string, values: readonly (string | number | Date)[]): Promise<readonly string[]> {
    return parseRows(await knex.raw(sql, [...values]), idRow).map((row) => row.id);
  }
  async function fenced(
    id: string,
    lease: Lease,
    assignments: string,
    values: readonly (string | number | Date | null)[],
  ) {
    const updated = await knex.raw(
      `update flag_promotions.replies set lease_owner = null, lease_until = null, updated_at = now(), ${assignments}
        where id = ? and lease_owner = ?`,
      [...values, id, lease.owner],
    );
    return rowCount(updated) === 1;
  }
  return {
    async queueRepeat(promotionId, ordinal) {
      await knex.raw(
        `insert into flag_promotions.replies (promotion_id, kind, ordinal) values (?, 'repeat', ?) on conflict do nothing`,
        [promotionId, ordinal],
      );
    },
    due: (now, limit) =>
      ids(
        `select r.id from flag_promotions.replies r
          where ${READY} order by r.id limit ?`,
        [now, limit],
      ),
    pendingOf: (promotionId) =>
      ids(`select r.id from flag_promotions.replies r where r.promotion_id = ? and ${DUE} order by r.id`, [
        promotionId,
      ]),
    async ofPromotion(promotionId) {
      const found = await knex.raw(
        `select kind, posted_at from flag_promotions.replies where promotion_id = ? order by id`,
        [promotionId],
      );
      const row = z
        .object({ kind: replyKind, posted_at: z.date().nullable() })
        .transform(({ kind, posted_at: postedAt }) => ({ kind, postedAt }));
      return parseRows(found, row);
    },
    async claim(id, lease, now) {
      const [claimed] = parseRows(
        await knex.raw(
          `update flag_promotions.replies r
              set lease_owner = ?, ${HELD_UNTIL}, attempts = attempts + 1
            where r.id = ? and ${READY}
            returning r.id, r.promotion_id, r.kind, r.ordinal, r.channel, r.message_ts, r.repaint_wanted, r.attempts, r.created_at`,
          [lease.owner, lease.durationMs, id, now],
        ),
        replyRow,
      );
      if (claimed === undefined) return null;
      const { promotionId } = claimed.reply;
      const [promotion] = parseRows(
        await knex.raw(`select ${PROMOTION_COLUMNS} from console_flag_promotions p where p.id = ?`, [promotionId]),
        promotionRow,
      );
      if (promotion === undefined) return null;
      const alerts = parseRows(
        await knex.raw(`select ${ALERT_COLUMNS} from flag_promotions.alerts a where a.promotion_id = ? order by a.id`, [
          promotionId,
        ]),
        alertRow,
      );
      return { reply: claimed.reply, promotion, alerts, attemptsBefore: claimed.attempts - 1 };
    },
    recordPosted: (id, lease, message, at, shown) =>
      fenced(
        id,
        lease,
        `state = 'posted', channel = ?, message_ts = ?, posted_at = ?, repaint_done = coalesce(?, repaint_done), ${SETTLED}`,
        [message.channel, message.ts, at, shown ?? null],
      ),
    recordPainted: (id, lease, upTo) => fenced(id, lease, `repaint_done = ?, ${SETTLED}`, [upTo]),
    withdraw: (id, lease) => fenced(id, lease, `state = 'closed'`, []),
    async release(id, lease, postponement) {
      await fenced(id, lease, `next_attempt_at = ?, last_error = ?`, [
        postponement?.nextAttemptAt ?? null,
        postponement?.lastError ?? null,
      ]);
    },
  };
}
