import { z } from 'zod';
import type { Alert, MessageRef } from '../promotions/alert.js';
import type { Promotion } from '../promotions/promotion.js';
import type { Knex } from './connection.js';
import { free, type Lease, type Postponement, waited } from './leases.js';
import {
  ALERT_COLUMNS,
  alertRow,
  count,
  idColumn,
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
  /** `repeat`: its number; `rca_linked`: the id of the audit event; else 0. */
  readonly ordinal: string;
  readonly createdAt: Date;
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
  /** Replies to deliver, oldest first, that nobody is working on. `now` is the app's clock. */
  due(now: Date, limit: number): Promise<readonly string[]>;
  pendingOf(promotionId: string): Promise<readonly string[]>;
  /** What was queued for a promotion's thread, and when it was posted; oldest first. */
  ofPromotion(promotionId: string): Promise<readonly { readonly kind: ReplyKind; readonly postedAt: Date | null }[]>;
  /** Takes the lease; null where another holds it, it is delivered, or has to wait still. `now` is the app's clock. */
  claim(id: string, lease: Lease, now: Date): Promise<ClaimedReply | null>;
  /** Fenced by the lease: false where it was lost, and nothing was written. */
  recordPosted(id: string, lease: Lease, message: MessageRef, at: Date): Promise<boolean>;
  /** It is no longer wanted, or has no thread to go to. */
  withdraw(id: string, lease: Lease): Promise<boolean>;
  release(id: string, lease: Lease, postponement: Postponement | null): Promise<void>;
}

const replyKind = z.enum(['repeat', 'resolved', 'rca_linked', 'rca_reminder']);

const replyRow = z
  .object({
    id: idColumn,
    promotion_id: idColumn,
    kind: replyKind,
    ordinal: idColumn,
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
    } satisfies Reply,
  }));

const READY = `r.state = 'pending' and ${free('r')} and ${waited('r')}`;

export function replies(knex: Knex): Replies {
  async function ids(sql: string, values: readonly (string | number | Date)[]): Promise<readonly string[]> {
    return parseRows(await knex.raw(sql, [...values]), z.object({ id: idColumn })).map((row) => row.id);
  }
  async function fenced(id: string, lease: Lease, assignments: string, values: readonly (string | Date | null)[]) {
    const updated = await knex.raw(
      `update flag_promotion_replies set lease_owner = null, lease_until = null, updated_at = now(), ${assignments}
        where id = ? and lease_owner = ? and state = 'pending'`,
      [...values, id, lease.owner],
    );
    return rowCount(updated) === 1;
  }
  return {
    async queueRepeat(promotionId, ordinal) {
      await knex.raw(
        `insert into flag_promotion_replies (promotion_id, kind, ordinal) values (?, 'repeat', ?) on conflict do nothing`,
        [promotionId, ordinal],
      );
    },
    due: (now, limit) =>
      ids(
        `select r.id from flag_promotion_replies r
          where ${READY} order by r.id limit ?`,
        [now, limit],
      ),
    pendingOf: (promotionId) =>
      ids(`select r.id from flag_promotion_replies r where r.promotion_id = ? and r.state = 'pending' order by r.id`, [
        promotionId,
      ]),
    async ofPromotion(promotionId) {
      const found = await knex.raw(
        `select kind, posted_at from flag_promotion_replies where promotion_id = ? order by id`,
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
          `update flag_promotion_replies r
              set lease_owner = ?, lease_until = clock_timestamp() + ? * interval '1 millisecond', attempts = attempts + 1
            where r.id = ? and ${READY}
            returning r.id, r.promotion_id, r.kind, r.ordinal, r.attempts, r.created_at`,
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
        await knex.raw(`select ${ALERT_COLUMNS} from flag_promotion_alerts a where a.promotion_id = ? order by a.id`, [
          promotionId,
        ]),
        alertRow,
      );
      return { reply: claimed.reply, promotion, alerts, attemptsBefore: claimed.attempts - 1 };
    },
    recordPosted: (id, lease, message, at) =>
      fenced(id, lease, `state = 'posted', channel = ?, message_ts = ?, posted_at = ?, last_error = null`, [
        message.channel,
        message.ts,
        at,
      ]),
    withdraw: (id, lease) => fenced(id, lease, `state = 'closed'`, []),
    async release(id, lease, postponement) {
      await fenced(id, lease, `next_attempt_at = ?, last_error = ?`, [
        postponement?.nextAttemptAt ?? null,
        postponement?.lastError ?? null,
      ]);
    },
  };
}
