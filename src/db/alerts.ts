import { z } from 'zod';
import type { Alert, MessageRef } from '../promotions/alert.js';
import type { AlertWork } from '../promotions/delivery.js';
import type { StuckPromotion } from '../promotions/detection.js';
import type { Severity } from '../promotions/stuck.js';
import { appendAuditEvent, WATCHDOG } from './audit.js';
import type { Knex } from './connection.js';
import {
  ALERT_COLUMNS,
  alertRow,
  count,
  idColumn,
  PROMOTION_COLUMNS,
  parseRows,
  promotionRow,
  rowCount,
  STUCK,
  STUCK_CLOCK,
} from './rows.js';

/** Who holds a row while delivering it, and for how long at most (milliseconds, on the database's clock). */
export interface Lease {
  readonly owner: string;
  readonly durationMs: number;
}

/** What is known about an attempt that did not succeed, for the next one and for people who look. */
export interface Postponement {
  readonly nextAttemptAt: Date;
  readonly lastError: string;
}

export interface ClaimedAlert extends AlertWork {
  /** How many deliveries were begun before this one. */
  readonly attemptsBefore: number;
}

export interface Detected {
  readonly stuck: readonly StuckPromotion[];
  /** Promotions that are no longer deploying although an alert of theirs is open. */
  readonly endedPromotionIds: readonly string[];
  readonly deploying: number;
}

/** The alerts' table: everything the watchdog has to say, and how far it has been said. */
export interface Alerts {
  /** What the watchdog looks at. `stuckBefore`: promotions whose stuck clock started by then. */
  gather(stuckBefore: Date): Promise<Detected>;
  /** Opens an alert with its audit event, unless the promotion ended meanwhile or the alert is open already. */
  open(promotionId: string, severity: Severity, at: Date): Promise<boolean>;
  /** Closes the open alerts of a promotion that ended, and has that shown. */
  close(promotionId: string): Promise<void>;
  /** Alerts to deliver, then those to repaint, oldest first, that nobody is working on. `now` is the app's clock. */
  due(now: Date, limit: number): Promise<readonly string[]>;
  /** The alerts of one promotion that have something to deliver. */
  pendingOf(promotionId: string): Promise<readonly string[]>;
  /**
   * Takes the lease; null where another holds it, nothing is to be done, or a post has to wait still: a request whose
   * outcome nobody learned may be on its way. `now` is the app's clock. Each claim counts as an attempt.
   */
  claim(id: string, lease: Lease, now: Date): Promise<ClaimedAlert | null>;
  /** The claimed work as it stands now; null where the lease was lost. */
  reread(id: string, lease: Lease): Promise<AlertWork | null>;
  /** Fenced by the lease: false where it was lost, and nothing was written. */
  recordPosted(id: string, lease: Lease, message: MessageRef, threadTs: string | null, at: Date): Promise<boolean>;
  recordPainted(id: string, lease: Lease, upTo: number): Promise<boolean>;
  /** Its message lacks what was not known in time. */
  wantRepaint(id: string, lease: Lease): Promise<boolean>;
  /** Closes an alert that was never posted. */
  withdraw(id: string, lease: Lease): Promise<boolean>;
  /** Its message was deleted in Slack: it has to be posted anew. */
  forgetMessage(id: string, lease: Lease): Promise<boolean>;
  release(id: string, lease: Lease, postponement: Postponement | null): Promise<void>;
  ofPromotion(promotionId: string): Promise<readonly Alert[]>;
  /** The promotion whose conversation a message belongs to, by the thread's root. */
  promotionOfThread(thread: MessageRef): Promise<string | null>;
}

const DUE = `(a.state = 'pending' or a.repaint_wanted > a.repaint_done)`;
const FREE = `(a.lease_until is null or a.lease_until <= clock_timestamp())`;
/** Ends the lease and clears the traces of earlier failures. */
const SETTLED = `lease_owner = null, lease_until = null, attempts = 0, next_attempt_at = null, last_error = null, updated_at = now()`;

/** As if it had never been in Slack. */
const UNPOSTED = `channel = null, message_ts = null, thread_ts = null, posted_at = null`;

/** A promotion's state, which stays as it is until the end of the transaction; null where there is none. */
async function stateOf(trx: Knex.Transaction, promotionId: string): Promise<string | null> {
  const held = await trx.raw(`select state::text as state from console_flag_promotions where id = ? for share`, [
    promotionId,
  ]);
  return parseRows(held, z.object({ state: z.string() }))[0]?.state ?? null;
}

export function alerts(knex: Knex): Alerts {
  /** A write that only the holder of the lease may make. */
  async function fenced(runner: Knex, id: string, lease: Lease, assignments: string, values: readonly Value[]) {
    const updated = await runner.raw(
      `update flag_promotion_alerts set ${assignments} where id = ? and lease_owner = ?`,
      [...values, id, lease.owner],
    );
    return rowCount(updated) === 1;
  }

  async function workOn(id: string): Promise<AlertWork | null> {
    const [alert] = parseRows(
      await knex.raw(`select ${ALERT_COLUMNS} from flag_promotion_alerts a where a.id = ?`, [id]),
      alertRow,
    );
    if (alert === undefined) return null;
    const [promotion] = parseRows(
      await knex.raw(`select ${PROMOTION_COLUMNS} from console_flag_promotions p where p.id = ?`, [alert.promotionId]),
      promotionRow,
    );
    if (promotion === undefined) return null;
    return { alert, promotion, alerts: await ofPromotion(alert.promotionId) };
  }

  async function ofPromotion(promotionId: string): Promise<readonly Alert[]> {
    const found = await knex.raw(
      `select ${ALERT_COLUMNS} from flag_promotion_alerts a where a.promotion_id = ? order by a.id`,
      [promotionId],
    );
    return parseRows(found, alertRow);
  }

  return {
    ofPromotion,

    async gather(stuckBefore) {
      const stuckRows = parseRows(
        await knex.raw(
          `select ${PROMOTION_COLUMNS} from console_flag_promotions p
            where ${STUCK} order by ${STUCK_CLOCK}, p.id`,
          [stuckBefore],
        ),
        promotionRow,
      );
      const stuckIds = stuckRows.map((promotion) => promotion.id);
      const stuckAlerts = parseRows(
        await knex.raw(
          `select ${ALERT_COLUMNS} from flag_promotion_alerts a where a.promotion_id = any(?::bigint[]) order by a.id`,
          [stuckIds],
        ),
        alertRow,
      );
      const repeats = parseRows(
        await knex.raw(
          `select promotion_id, max(ordinal) as last, bool_or(state = 'pending') as pending
             from flag_promotion_replies where promotion_id = any(?::bigint[]) and kind = 'repeat' group by promotion_id`,
          [stuckIds],
        ),
        z.object({ promotion_id: idColumn, last: count, pending: z.boolean() }),
      );
      const ended = parseRows(
        await knex.raw(
          `select distinct a.promotion_id
             from flag_promotion_alerts a join console_flag_promotions p on p.id = a.promotion_id
            where a.state in ('pending', 'posted') and (a.state = 'posted' or a.attempts = 0) and p.state <> 'deploying'`,
        ),
        z.object({ promotion_id: idColumn }),
      );
      const [deploying] = parseRows(
        await knex.raw(`select count(*) as n from console_flag_promotions where state = 'deploying'`),
        z.object({ n: count }),
      );
      const alertsById = new Map<string, Alert[]>();
      for (const alert of stuckAlerts) {
        alertsById.set(alert.promotionId, [...(alertsById.get(alert.promotionId) ?? []), alert]);
      }
      const repeatsById = new Map(repeats.map((repeat) => [repeat.promotion_id, repeat]));
      return {
        stuck: stuckRows.map((promotion) => ({
          promotion,
          alerts: alertsById.get(promotion.id) ?? [],
          lastRepeat: repeatsById.get(promotion.id)?.last ?? 0,
          repeatPending: repeatsById.get(promotion.id)?.pending ?? false,
        })),
        endedPromotionIds: ended.map((row) => row.promotion_id),
        deploying: deploying?.n ?? 0,
      };
    },

    async open(promotionId, severity, at) {
      return knex.transaction(async (trx) => {
        // Locked, so that a resolution and the opening of an alert happen one after the other.
        if ((await stateOf(trx, promotionId)) !== 'deploying') return false;
        // What is closed belongs to an earlier life of this row, which somebody set back to deploying by hand.
        await trx.raw(`delete from flag_promotion_alerts where promotion_id = ? and state = 'closed'`, [promotionId]);
        await trx.raw(
          `delete from flag_promotion_replies r where r.promotion_id = ?
              and not exists (select 1 from flag_promotion_alerts a where a.promotion_id = r.promotion_id)`,
          [promotionId],
        );
        const inserted = await trx.raw(
          `insert into flag_promotion_alerts (promotion_id, severity) values (?, ?) on conflict (promotion_id, severity) do nothing`,
          [promotionId, severity],
        );
        if (rowCount(inserted) === 0) return false;
        if (severity === 'critical') {
          // A warning that nobody has seen yet would only delay the critical.
          await trx.raw(
            `update flag_promotion_alerts set state = 'closed', updated_at = now()
              where promotion_id = ? and severity = 'warning' and state = 'pending' and attempts = 0`,
            [promotionId],
          );
        }
        await appendAuditEvent(trx, {
          at,
          action: `console.flag.promotion.stuck_${severity}`,
          actor: WATCHDOG,
          promotionId,
          detail: {},
        });
        return true;
      });
    },

    async close(promotionId) {
      await knex.transaction(async (trx) => {
        // The promotion first, as every transaction locks: somebody may be setting it back to deploying, or linking its RCA.
        if ((await stateOf(trx, promotionId)) === 'deploying') return;
        await showThatItEnded(trx, promotionId);
      });
    },

    async due(now, limit) {
      const found = await knex.raw(
        `select a.id from flag_promotion_alerts a
          where ${DUE} and ${FREE} and (a.next_attempt_at is null or a.next_attempt_at <= ?)
          order by a.state = 'pending' desc, a.id limit ?`,
        [now, limit],
      );
      return parseRows(found, z.object({ id: idColumn })).map((row) => row.id);
    },

    async pendingOf(promotionId) {
      const found = await knex.raw(
        `select a.id from flag_promotion_alerts a where a.promotion_id = ? and ${DUE} order by a.id`,
        [promotionId],
      );
      return parseRows(found, z.object({ id: idColumn })).map((row) => row.id);
    },

    async claim(id, lease, now) {
      const claimed = parseRows(
        await knex.raw(
          `update flag_promotion_alerts a
              set lease_owner = ?, lease_until = clock_timestamp() + ? * interval '1 millisecond', attempts = attempts + 1
            where a.id = ? and ${DUE} and ${FREE}
              and (a.state <> 'pending' or a.next_attempt_at is null or a.next_attempt_at <= ?)
            returning a.attempts`,
          [lease.owner, lease.durationMs, id, now],
        ),
        z.object({ attempts: count }),
      );
      const work = claimed[0] === undefined ? null : await workOn(id);
      return work === null ? null : { ...work, attemptsBefore: (claimed[0]?.attempts ?? 1) - 1 };
    },

    async reread(id, lease) {
      const held = await fenced(knex, id, lease, `lease_until = clock_timestamp() + ? * interval '1 millisecond'`, [
        lease.durationMs,
      ]);
      return held ? workOn(id) : null;
    },

    async recordPosted(id, lease, message, threadTs, at) {
      return knex.transaction(async (trx) => {
        const written = await fenced(
          trx,
          id,
          lease,
          `state = 'posted', channel = ?, message_ts = ?, thread_ts = ?, posted_at = ?, attempts = 0, last_error = null, next_attempt_at = null, updated_at = now()`,
          [message.channel, message.ts, threadTs, at],
        );
        if (written && threadTs !== null) {
          // The root has to show the graver severity.
          await trx.raw(
            `update flag_promotion_alerts set repaint_wanted = repaint_wanted + 1
              where channel = ? and message_ts = ? and thread_ts is null`,
            [message.channel, threadTs],
          );
        }
        return written;
      });
    },

    recordPainted: (id, lease, upTo) =>
      fenced(
        knex,
        id,
        lease,
        `repaint_done = ?, attempts = 0, last_error = null, next_attempt_at = null, updated_at = now()`,
        [upTo],
      ),

    wantRepaint: (id, lease) => fenced(knex, id, lease, 'repaint_wanted = repaint_wanted + 1', []),

    withdraw: (id, lease) => fenced(knex, id, lease, `state = 'closed', ${SETTLED}`, []),

    async forgetMessage(id, lease) {
      return knex.transaction(async (trx) => {
        const inItsThread = await trx.raw(
          `update flag_promotion_alerts c
              set state = 'pending', ${UNPOSTED}, repaint_done = c.repaint_wanted, attempts = 0, next_attempt_at = null, last_error = null, updated_at = now()
             from flag_promotion_alerts a
            where a.id = ? and a.lease_owner = ? and c.promotion_id = a.promotion_id and c.thread_ts = a.message_ts and c.state = 'posted'`,
          [id, lease.owner],
        );
        if (rowCount(inItsThread) === 0)
          return fenced(
            trx,
            id,
            lease,
            `state = 'pending', ${UNPOSTED}, repaint_done = repaint_wanted, ${SETTLED}`,
            [],
          );
        // The critical in its thread takes over: it is posted as a root, and its repeats are counted from there.
        await trx.raw(
          `delete from flag_promotion_replies r using flag_promotion_alerts a
            where a.id = ? and a.lease_owner = ? and r.promotion_id = a.promotion_id and r.kind = 'repeat'`,
          [id, lease.owner],
        );
        return fenced(trx, id, lease, `state = 'closed', ${UNPOSTED}, repaint_done = repaint_wanted, ${SETTLED}`, []);
      });
    },

    async release(id, lease, postponement) {
      await fenced(
        knex,
        id,
        lease,
        `lease_owner = null, lease_until = null, next_attempt_at = ?, last_error = ?, updated_at = now()`,
        [postponement?.nextAttemptAt ?? null, postponement?.lastError ?? null],
      );
    },

    async promotionOfThread(thread) {
      const found = await knex.raw(
        `select promotion_id from flag_promotion_alerts where channel = ? and message_ts = ? and thread_ts is null`,
        [thread.channel, thread.ts],
      );
      return parseRows(found, z.object({ promotion_id: idColumn }))[0]?.promotion_id ?? null;
    },
  };
}

type Value = string | number | Date | null;

/** Inside the transaction that ended a promotion, or that noticed its end: closes its alerts and has it shown. */
export async function showThatItEnded(trx: Knex.Transaction, promotionId: string): Promise<void> {
  // One that was begun stays pending: Slack may hold its message, which has to be found and painted first.
  await trx.raw(
    `with progress as (
       update flag_promotion_progress set repaint_wanted = repaint_wanted + 1 where promotion_id = :promotionId
     ), alerts as (
       update flag_promotion_alerts
          set state = 'closed', updated_at = now(),
              repaint_wanted = repaint_wanted + case when state = 'posted' and thread_ts is null then 1 else 0 end
        where promotion_id = :promotionId and (state = 'posted' or (state = 'pending' and attempts = 0))
     )
     insert into flag_promotion_replies (promotion_id, kind)
       select :promotionId, 'resolved' where exists (
         select 1 from flag_promotion_alerts where promotion_id = :promotionId and message_ts is not null
       ) on conflict do nothing`,
    { promotionId },
  );
}

/** Inside a transaction that changed what the promotion's message shows. */
export async function requestRepaint(trx: Knex.Transaction, promotionId: string): Promise<void> {
  await trx.raw(
    `update flag_promotion_alerts set repaint_wanted = repaint_wanted + 1
      where promotion_id = ? and message_ts is not null and thread_ts is null`,
    [promotionId],
  );
}
