import * as z from 'zod';
import type { Alert, MessageRef } from '../promotions/alert.js';
import type { AlertWork } from '../promotions/delivery.js';
import type { Gathered, OwnMessages } from '../promotions/detection.js';
import type { Destination } from '../promotions/routing.js';
import type { Severity } from '../promotions/stuck.js';
import { endAttention, endSnoozesOfWarnings } from './attention-rows.js';
import { appendAuditEvent, WATCHDOG } from './audit.js';
import type { Knex } from './connection.js';
import { type Lease, leasedRows, NO_FAILURE, type Postponement, waited } from './leases.js';
import { requestProgressRepaint } from './progress.js';
import {
  ALERT_COLUMNS,
  alertRow,
  count,
  countRow,
  idColumn,
  idRow,
  PROMOTION_COLUMNS,
  parseRows,
  promotionIdRow,
  promotionRow,
  rowCount,
  STUCK,
  STUCK_CLOCK,
  stateRow,
} from './rows.js';
import { requestSummaryRepaint } from './summaries.js';

export interface ClaimedAlert extends AlertWork {
  /** How many deliveries were begun before this one. */
  readonly attemptsBefore: number;
}

/** What a message shows of an alert: when Heroku is to be asked again for what it lacks; null where it lacks nothing. */
interface ShownEvidence {
  readonly evidenceDueAt: Date | null;
}

export interface PostedAlert extends ShownEvidence {
  readonly message: MessageRef;
  /** The root that it was posted under; null where it is itself one. */
  readonly threadTs: string | null;
  readonly at: Date;
}

export interface PaintedAlert extends ShownEvidence {
  /** The last request to repaint that it fulfils. */
  readonly upTo: number;
}

export interface Detected extends Gathered {
  readonly deploying: number;
}

/** The alerts' table: everything the watchdog has to say, and how far it has been said. */
export interface Alerts {
  /** What the watchdog looks at. `stuckBefore`: promotions whose stuck clock started by then. */
  gather(stuckBefore: Date): Promise<Detected>;
  /**
   * Opens an alert with its audit event, unless the promotion ended meanwhile or the alert is open already. `heldUntil`:
   * it is not posted before.
   */
  open(promotionId: string, severity: Severity, at: Date, heldUntil?: Date | null): Promise<boolean>;
  /**
   * Closes the open alerts of promotions that ended, and has that shown; all or none. What somebody has locked is left to a
   * later call: one forgotten session is not to hold up the others.
   */
  close(...promotionIds: string[]): Promise<void>;
  /** The same of one that somebody looks at: waits for whoever has it locked. */
  closeOf(promotionId: string): Promise<void>;
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
  /** Each is fenced by the lease: false where it was lost, and nothing was written. Before a root is posted: where. */
  recordDestination(id: string, lease: Lease, to: Destination): Promise<boolean>;
  recordPosted(id: string, lease: Lease, message: PostedAlert): Promise<boolean>;
  recordPainted(id: string, lease: Lease, painted: PaintedAlert): Promise<boolean>;
  /** Closes an alert that was never posted. */
  withdraw(id: string, lease: Lease): Promise<boolean>;
  /** Its message was deleted in Slack: it has to be posted anew. */
  forgetMessage(id: string, lease: Lease): Promise<boolean>;
  release(id: string, lease: Lease, postponement: Postponement | null): Promise<void>;
  ofPromotion(promotionId: string): Promise<readonly Alert[]>;
  /** The promotion whose conversation a message belongs to, by the thread's root. */
  promotionOfThread(thread: MessageRef): Promise<string | null>;
}

/** Something is to be said. What a summary tells is the summary's to deliver. */
const UNSAID = `((a.state = 'pending' or a.repaint_wanted > a.repaint_done) and a.summary_id is null)`;
/** The same, or Heroku is to be asked again; one parameter, the app's present. */
const DUE = `(${UNSAID} or (a.evidence_due_at is not null and a.evidence_due_at <= ?))`;
/** It waits for the end of the quiet hours: nobody has tried to post it. */
const HELD = `(a.state = 'pending' and a.attempts = 0 and a.next_attempt_at is not null)`;
/** Ends the lease and clears the traces of earlier failures. */
const SETTLED = `lease_owner = null, lease_until = null, ${NO_FAILURE}`;

/** As if it had never been in Slack. */
const UNPOSTED = `channel = null, refused_channel = null, refused_because = null, message_ts = null, thread_ts = null, posted_at = null,
  evidence_due_at = null`;

const repeatRow = z.object({ promotion_id: idColumn, last: count, pending: z.boolean() });
const ownRow = z
  .object({ heroku_app: z.string(), held: z.boolean(), n: count })
  .transform((row): OwnMessages => ({ herokuApp: row.heroku_app, held: row.held, count: row.n }));

/**
 * A promotion's state, which stays as it is until the end of the transaction; null where there is none. Nobody else has it
 * meanwhile, because whoever opens alerts may remove several of an earlier life.
 */
async function stateOf(trx: Knex.Transaction, promotionId: string): Promise<string | null> {
  const held = await trx.raw(
    `select state::text as state from console_flag_promotions where id = ? for no key update`,
    [promotionId],
  );
  return parseRows(held, stateRow)[0]?.state ?? null;
}

export function alerts(knex: Knex): Alerts {
  const leased = leasedRows(knex, 'flag_promotions.alerts', 'a', 'id');
  /** A write that only the holder of the lease may make. */
  const { fenced } = leased;

  async function workOn(id: string): Promise<AlertWork | null> {
    const [alert] = parseRows(
      await knex.raw(`select ${ALERT_COLUMNS} from flag_promotions.alerts a where a.id = ?`, [id]),
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
      `select ${ALERT_COLUMNS} from flag_promotions.alerts a where a.promotion_id = ? order by a.id`,
      [promotionId],
    );
    return parseRows(found, alertRow);
  }

  async function closeEnded(promotionIds: readonly string[], locked: 'skip locked' | '' = ''): Promise<void> {
    await knex.transaction(async (trx) => {
      // The promotion first, as every transaction locks: somebody may be setting it back to deploying, or linking its RCA.
      const held = await trx.raw(
        `select p.id from console_flag_promotions p
          where p.id = any(?::bigint[]) and p.state <> 'deploying' order by p.id for no key update ${locked}`,
        [[...promotionIds]],
      );
      const ended = parseRows(held, idRow).map(({ id }) => id);
      if (ended.length > 0) await showThatItEnded(trx, ...ended);
    });
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
          `select ${ALERT_COLUMNS} from flag_promotions.alerts a where a.promotion_id = any(?::bigint[]) order by a.id`,
          [stuckIds],
        ),
        alertRow,
      );
      const repeats = parseRows(
        await knex.raw(
          `select promotion_id, max(ordinal) as last, bool_or(state = 'pending') as pending
             from flag_promotions.replies where promotion_id = any(?::bigint[]) and kind = 'repeat' group by promotion_id`,
          [stuckIds],
        ),
        repeatRow,
      );
      const ended = parseRows(
        await knex.raw(
          `select distinct a.promotion_id
             from flag_promotions.alerts a join console_flag_promotions p on p.id = a.promotion_id
            where a.state in ('pending', 'posted') and (a.state = 'posted' or a.attempts = 0) and p.state <> 'deploying'`,
        ),
        promotionIdRow,
      );
      // What was closed before anybody saw it has taken no message.
      const own = await knex.raw(
        `with own as (
           select promotion_id, false as held from flag_promotions.alerts a
            where summary_id is null and thread_ts is null and created_at > now() - interval '1 hour'
              and not ${HELD} and (state <> 'closed' or message_ts is not null)
           union all
           select promotion_id, true from flag_promotions.alerts a where ${HELD} and summary_id is null)
         select (select p.heroku_app from console_flag_promotions p where p.id = own.promotion_id) as heroku_app, held,
                count(*) as n from own group by 1, 2`,
      );
      const [deploying] = parseRows(
        await knex.raw(`select count(*) as n from console_flag_promotions where state = 'deploying'`),
        countRow,
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
        ownMessages: parseRows(own, ownRow),
        deploying: deploying?.n ?? 0,
      };
    },

    async open(promotionId, severity, at, heldUntil = null) {
      return knex.transaction(async (trx) => {
        // Locked, so that a resolution and the opening of an alert happen one after the other.
        if ((await stateOf(trx, promotionId)) !== 'deploying') return false;
        await forgetEarlierLives(trx, [promotionId]);
        const inserted = await trx.raw(
          `insert into flag_promotions.alerts (promotion_id, severity, next_attempt_at) values (?, ?, ?)
            on conflict (promotion_id, severity) do nothing`,
          [promotionId, severity, heldUntil],
        );
        if (rowCount(inserted) === 0) return false;
        if (severity === 'critical') {
          await closeUnsentWarnings(trx, [promotionId]);
          await endSnoozesOfWarnings(trx, [promotionId], at);
        }
        await appendAuditEvent(trx, {
          at,
          action: `console.flag.promotion.stuck_${severity}`,
          actor: WATCHDOG,
          promotionId,
          detail: heldUntil === null ? {} : { held_until: heldUntil },
        });
        return true;
      });
    },

    close: (...promotionIds) => closeEnded(promotionIds, 'skip locked'),
    closeOf: (promotionId) => closeEnded([promotionId]),

    due: (now, limit) => leased.due(DUE, `a.state = 'pending' desc, a.id`, now, limit, [now]),

    async pendingOf(promotionId) {
      const found = await knex.raw(
        `select a.id from flag_promotions.alerts a where a.promotion_id = ? and ${UNSAID} order by a.id`,
        [promotionId],
      );
      return parseRows(found, idRow).map((row) => row.id);
    },

    async claim(id, lease, now) {
      const ready = `${DUE} and (a.state <> 'pending' or ${waited('a')})`;
      const attemptsBefore = await leased.claim(id, lease, ready, [now, now]);
      const work = attemptsBefore === null ? null : await workOn(id);
      return work === null || attemptsBefore === null ? null : { ...work, attemptsBefore };
    },

    reread: async (id, lease) => ((await leased.renew(id, lease)) ? workOn(id) : null),

    recordDestination: (id, lease, { channel, refused }) =>
      fenced(knex, id, lease, 'channel = ?, refused_channel = ?, refused_because = ?, updated_at = now()', [
        channel,
        refused?.channel ?? null,
        refused?.because ?? null,
      ]),

    async recordPosted(id, lease, { message, threadTs, at, evidenceDueAt }) {
      return knex.transaction(async (trx) => {
        const written = await fenced(
          trx,
          id,
          lease,
          `state = 'posted', channel = ?, message_ts = ?, thread_ts = ?, posted_at = ?, evidence_due_at = ?, ${NO_FAILURE}`,
          [message.channel, message.ts, threadTs, at, evidenceDueAt],
        );
        if (written && threadTs !== null) {
          // The root has to show the graver severity.
          await trx.raw(
            `update flag_promotions.alerts set repaint_wanted = repaint_wanted + 1
              where channel = ? and message_ts = ? and thread_ts is null`,
            [message.channel, threadTs],
          );
        }
        return written;
      });
    },

    recordPainted: (id, lease, { upTo, evidenceDueAt }) =>
      fenced(knex, id, lease, `repaint_done = ?, evidence_due_at = ?, ${NO_FAILURE}`, [upTo, evidenceDueAt]),

    withdraw: (id, lease) => fenced(knex, id, lease, `state = 'closed', ${SETTLED}`, []),

    async forgetMessage(id, lease) {
      return knex.transaction(async (trx) => {
        // The promotion first, as every transaction locks that changes several of its alerts: somebody may be ending it.
        const held = await trx.raw(
          `select 1 from console_flag_promotions p
            where p.id = (select a.promotion_id from flag_promotions.alerts a where a.id = ? and a.lease_owner = ?)
            for no key update`,
          [id, lease.owner],
        );
        if (rowCount(held) === 0) return false;
        const inItsThread = await trx.raw(
          `update flag_promotions.alerts c
              set state = 'pending', ${UNPOSTED}, repaint_done = c.repaint_wanted, attempts = 0, next_attempt_at = null, last_error = null, updated_at = now()
             from flag_promotions.alerts a
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
          `delete from flag_promotions.replies r using flag_promotions.alerts a
            where a.id = ? and a.lease_owner = ? and r.promotion_id = a.promotion_id and r.kind = 'repeat'`,
          [id, lease.owner],
        );
        return fenced(trx, id, lease, `state = 'closed', ${UNPOSTED}, repaint_done = repaint_wanted, ${SETTLED}`, []);
      });
    },

    release: leased.release,

    async promotionOfThread(thread) {
      const found = await knex.raw(
        `select promotion_id from flag_promotions.alerts where channel = ? and message_ts = ? and thread_ts is null`,
        [thread.channel, thread.ts],
      );
      return parseRows(found, promotionIdRow)[0]?.promotion_id ?? null;
    },
  };
}

/** Of missing RCAs, a summary reminds once for all that it tells. */
const SETTLED_IN_SUMMARY = 'rca_settled = rca_settled or summary_id is not null';

/** What is closed belongs to an earlier life of a row, which somebody set back to deploying by hand. */
export async function forgetEarlierLives(trx: Knex.Transaction, promotionIds: readonly string[]): Promise<void> {
  await trx.raw(`delete from flag_promotions.alerts where promotion_id = any(?::bigint[]) and state = 'closed'`, [
    [...promotionIds],
  ]);
  await trx.raw(
    `delete from flag_promotions.replies r where r.promotion_id = any(?::bigint[])
        and not exists (select 1 from flag_promotions.alerts a where a.promotion_id = r.promotion_id)`,
    [[...promotionIds]],
  );
}

/**
 * A warning that nobody has seen yet would only delay the critical. No summary counts it: its promotion has not ended. In the
 * order in which a summary that waited for the end of the quiet hours marks its alerts posted, which it may be doing.
 */
export async function closeUnsentWarnings(trx: Knex.Transaction, promotionIds: readonly string[]): Promise<void> {
  await trx.raw(
    `with held as (
       select a.id from flag_promotions.alerts a
        where a.promotion_id = any(?::bigint[]) and a.severity = 'warning' and a.state = 'pending' and a.attempts = 0
        order by a.id for no key update)
     update flag_promotions.alerts a set state = 'closed', summary_id = null, updated_at = now() from held where a.id = held.id`,
    [[...promotionIds]],
  );
}

/** A condition: something was alerted about the promotion `p`, or somebody looks after it. */
export const ALERTED = `(exists (select 1 from flag_promotions.alerts a where a.promotion_id = p.id)
  or exists (select 1 from flag_promotions.attention t where t.promotion_id = p.id))`;

/** Inside the transaction that ended promotions, or that noticed their end: closes their alerts and has it shown. */
export async function showThatItEnded(trx: Knex.Transaction, ...promotionIds: string[]): Promise<void> {
  await requestProgressRepaint(trx, ...promotionIds);
  await endAlerting(trx, ...promotionIds);
}

/** The same without how it went, which is told apart from what was alerted about it. */
export async function endAlerting(trx: Knex.Transaction, ...promotionIds: string[]): Promise<void> {
  await endAttention(trx, ...promotionIds);
  await requestSummaryRepaint(trx, ...promotionIds);
  // One that was begun stays pending: Slack may hold its message, which has to be found and painted first.
  await trx.raw(
    `update flag_promotions.alerts set state = 'closed', ${SETTLED_IN_SUMMARY}, updated_at = now()
      where promotion_id = any(?::bigint[]) and state = 'pending' and attempts = 0`,
    [promotionIds],
  );
  await trx.raw(
    `update flag_promotions.alerts
        set state = 'closed', ${SETTLED_IN_SUMMARY}, updated_at = now(),
            repaint_wanted = repaint_wanted + case when thread_ts is null then 1 else 0 end
      where promotion_id = any(?::bigint[]) and state = 'posted'`,
    [promotionIds],
  );
  // In the thread of a summary only what a person did is said: hundreds may end by themselves at once.
  await trx.raw(
    `insert into flag_promotions.replies (promotion_id, kind)
      select p.id, 'resolved' from console_flag_promotions p where p.id = any(?::bigint[]) and exists (
        select 1 from flag_promotions.alerts a where a.promotion_id = p.id
           and (a.message_ts is not null or (a.thread_ts is not null and p.resolved_by is not null))
      ) on conflict do nothing`,
    [promotionIds],
  );
}

/** Inside a transaction that changed what the promotion's message, or the summary that tells of it, shows. */
export async function requestRepaint(trx: Knex.Transaction, promotionId: string): Promise<void> {
  await requestSummaryRepaint(trx, promotionId);
  await trx.raw(
    `update flag_promotions.alerts set repaint_wanted = repaint_wanted + 1
      where promotion_id = ? and message_ts is not null and thread_ts is null`,
    [promotionId],
  );
}
