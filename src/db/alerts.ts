import * as z from 'zod';
import type { Alert } from '../promotions/alert.js';
import type { AlertToOpen, Gathered, IndividualAlerts } from '../promotions/detection.js';
import type { MessageKind } from '../promotions/messages.js';
import { endAttention, endSnoozesOfWarnings } from './attention-rows.js';
import { appendAuditEvent, WATCHDOG } from './audit.js';
import type { Knex } from './connection.js';
import { CLOCK, isReached } from './leases.js';
import { NOWHERE, queueReplies, requestUpdates } from './messages.js';
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

export interface Detected extends Gathered {
  readonly deploying: number;
}

/** What is stuck: facts alone. What is said of it is the outbox's. */
export interface Alerts {
  /** What the watchdog looks at. `stuckBefore`: promotions whose stuck clock started by then. */
  gather(stuckBefore: Date): Promise<Detected>;
  /**
   * Opens an alert with its audit event and its message, unless the promotion ended meanwhile or the alert is open
   * already. `at`: by the database's clock. `notBefore`: its message isn't posted before.
   */
  open(alert: AlertToOpen, at: Date, notBefore: Date | null): Promise<boolean>;
  /** Queues the repetition of a critical, unless it is queued already. */
  repeat(promotionId: string, ordinal: number): Promise<void>;
  /**
   * Closes the open alerts of promotions that ended, and has that shown; all or none. What somebody has locked is left to a
   * later call: one forgotten session mustn't hold up the others.
   */
  close(...promotionIds: string[]): Promise<void>;
  /** The same for one that somebody looks at: waits for whoever has it locked. */
  closeOf(promotionId: string): Promise<void>;
  ofPromotion(promotionId: string): Promise<readonly Alert[]>;
}

const IS_OPEN = 'a.closed_at is null';

const toldRow = z.object({
  promotion_id: idColumn,
  critical_told_at: z.date().nullable(),
  last_repeat: count,
  repeat_pending: z.boolean(),
});
const individualRow = z
  .object({ heroku_app: z.string(), waits: z.boolean(), n: count })
  .transform((row): IndividualAlerts => ({ herokuApp: row.heroku_app, waits: row.waits, count: row.n }));

/** When people were told that a promotion is critical, and how often that was repeated. One parameter, their ids. */
const TOLD = `
  select s.promotion_id,
         coalesce((select n.posted_at from flag_promotions.alerts a join flag_promotions.messages n on n.id = a.named_in
                    where a.promotion_id = s.promotion_id and a.severity = 'critical'),
                  (select e.posted_at from flag_promotions.messages e where e.kind = 'escalation' and e.subject = s.promotion_id::text),
                  (select r.posted_at from flag_promotions.messages r where r.kind = 'alert' and r.subject = s.promotion_id::text
                      and (r.shown_as = 'critical' or not exists (select 1 from flag_promotions.messages e
                                       where e.kind = 'escalation' and e.subject = s.promotion_id::text)))) as critical_told_at,
         coalesce((select max(m.ordinal) from flag_promotions.messages m
                    where m.kind = 'repeat' and m.subject = s.promotion_id::text), 0) as last_repeat,
         exists (select 1 from flag_promotions.messages m
                  where m.kind = 'repeat' and m.subject = s.promotion_id::text and m.state = 'pending') as repeat_pending
    from unnest(?::bigint[]) as s (promotion_id)`;

/** Whether Slack still shows the promotion `p` as if it were deploying. */
const IS_SHOWN_AS_DEPLOYING = `(exists (select 1 from flag_promotions.alerts a where a.promotion_id = p.id and ${IS_OPEN})
  or exists (select 1 from flag_promotions.messages m where m.promotion_id = p.id and m.kind = 'progress'
        and m.state = 'posted' and m.shown_as = 'deploying' and m.wanted <= m.shown))`;

/** The individual alerts of the last hour, and those that wait for the end of the quiet hours, by Heroku app. */
const INDIVIDUAL = `
  with individual as (
    select m.promotion_id, false as waits from flag_promotions.messages m
     where m.kind = 'alert' and m.state = 'posted' and m.posted_at > (select ${CLOCK} - interval '1 hour')
    union all
    select m.promotion_id, coalesce(not ${isReached('m.not_before')}, false) from flag_promotions.messages m
     where m.kind = 'alert' and m.state = 'pending')
  select coalesce((select p.heroku_app::text from console_flag_promotions p where p.id = i.promotion_id), '') as heroku_app, waits, count(*) as n
    from individual i group by 1, 2`;

export function alerts(knex: Knex): Alerts {
  async function closeEnded(promotionIds: readonly string[], locked: 'skip locked' | '' = ''): Promise<void> {
    await knex.transaction(async (trx) => {
      // The promotion first, as every transaction locks: somebody may be reopening it, or linking its RCA.
      const held = await trx.raw(
        `select p.id from console_flag_promotions p
          where p.id = any(?::bigint[]) and p.state <> 'deploying' and ${IS_SHOWN_AS_DEPLOYING}
          order by p.id for no key update of p ${locked}`,
        [[...promotionIds]],
      );
      const ended = parseRows(held, idRow).map(({ id }) => id);
      if (ended.length > 0) await showThatItEnded(trx, ...ended);
    });
  }

  return {
    async ofPromotion(promotionId) {
      const found = await knex.raw(
        `select ${ALERT_COLUMNS} from flag_promotions.alerts a where a.promotion_id = ? order by a.id`,
        [promotionId],
      );
      return parseRows(found, alertRow);
    },

    async gather(stuckBefore) {
      const stuck = parseRows(
        await knex.raw(
          `select ${PROMOTION_COLUMNS} from console_flag_promotions p where ${STUCK} order by ${STUCK_CLOCK}, p.id`,
          [stuckBefore],
        ),
        promotionRow,
      );
      const ids = stuck.map(({ id }) => id);
      const alertRows = parseRows(
        await knex.raw(
          `select ${ALERT_COLUMNS} from flag_promotions.alerts a where a.promotion_id = any(?::bigint[]) order by a.id`,
          [ids],
        ),
        alertRow,
      );
      const told = new Map(parseRows(await knex.raw(TOLD, [ids]), toldRow).map((row) => [row.promotion_id, row]));
      const alertsOf = new Map<string, Alert[]>();
      for (const alert of alertRows) {
        alertsOf.set(alert.promotionId, [...(alertsOf.get(alert.promotionId) ?? []), alert]);
      }
      const isCritical = (id: string) =>
        (alertsOf.get(id) ?? []).some(({ severity, closedAt }) => severity === 'critical' && closedAt === null);
      const [deploying] = parseRows(
        await knex.raw(`select count(*) as n from console_flag_promotions where state = 'deploying'`),
        countRow,
      );
      return {
        stuck: stuck.map((promotion) => ({
          promotion,
          alerts: alertsOf.get(promotion.id) ?? [],
          criticalToldAt: isCritical(promotion.id) ? (told.get(promotion.id)?.critical_told_at ?? null) : null,
          lastRepeat: told.get(promotion.id)?.last_repeat ?? 0,
          repeatPending: told.get(promotion.id)?.repeat_pending ?? false,
        })),
        endedPromotionIds: await endedUnnoticed(),
        individualAlerts: parseRows(await knex.raw(INDIVIDUAL), individualRow),
        deploying: deploying?.n ?? 0,
      };
    },

    async open({ promotionId, severity }, at, notBefore) {
      return knex.transaction(async (trx) => {
        // Locked, so that a resolution and the opening of an alert happen one after the other.
        const held = await trx.raw(
          `select state::text as state from console_flag_promotions where id = ? for no key update`,
          [promotionId],
        );
        if (parseRows(held, stateRow)[0]?.state !== 'deploying') return false;
        await forgetEarlierLives(trx, [promotionId]);
        const inserted = await trx.raw(
          `insert into flag_promotions.alerts (promotion_id, severity, opened_at) values (?, ?, ?) on conflict do nothing`,
          [promotionId, severity, at],
        );
        if (rowCount(inserted) === 0) return false;
        await queueAlert(trx, promotionId, notBefore, severity === 'critical');
        if (severity === 'critical') {
          await queueEscalation(trx, promotionId);
          await endSnoozesOfWarnings(trx, [promotionId], at);
        }
        await appendAuditEvent(trx, {
          at,
          action: `console.flag.promotion.stuck_${severity}`,
          actor: WATCHDOG,
          promotionId,
          detail: notBefore === null ? {} : { not_before: notBefore },
        });
        return true;
      });
    },

    repeat: (promotionId, ordinal) =>
      queueReplies(knex, [promotionId], 'repeat', { ordinal: String(ordinal), isUrgent: true, goesWithRoot: true }),

    close: (...promotionIds) => closeEnded(promotionIds, 'skip locked'),
    closeOf: (promotionId) => closeEnded([promotionId]),
  };

  /** What another system ended: its alert is open, or its progress shows it as under way. */
  async function endedUnnoticed(): Promise<readonly string[]> {
    const found = await knex.raw(
      `select a.promotion_id from flag_promotions.alerts a
        where ${IS_OPEN} and (select p.state from console_flag_promotions p where p.id = a.promotion_id) <> 'deploying'
       union
       select m.promotion_id from flag_promotions.messages m
        where m.kind = 'progress' and m.state = 'posted' and m.shown_as = 'deploying' and m.wanted <= m.shown
          and (select p.state from console_flag_promotions p where p.id = m.promotion_id) <> 'deploying'
        order by 1`,
    );
    return parseRows(found, promotionIdRow).map((row) => row.promotion_id);
  }
}

/**
 * The promotion's message: queued with its first alert; a graver one is posted at once, or has it updated. One that was closed
 * is queued anew: its promotion had ended, and somebody set it back to deploying before that was noticed.
 */
async function queueAlert(trx: Knex, promotionId: string, notBefore: Date | null, isUrgent: boolean): Promise<void> {
  await trx.raw(
    `insert into flag_promotions.messages as m (kind, subject, promotion_id, not_before, is_urgent) values ('alert', ?, ?, ?, ?)
      on conflict (kind, subject, ordinal) do update
        set wanted = m.wanted + 1, not_before = null, is_urgent = m.is_urgent or excluded.is_urgent`,
    [promotionId, promotionId, notBefore, isUrgent],
  );
  await trx.raw(
    `update flag_promotions.messages set state = 'pending', ${NOWHERE}, shown_as = null
      where kind = 'alert' and subject = ? and state = 'closed'`,
    [promotionId],
  );
}

/** Only where people may have seen the milder alert: else the message itself is critical as it is posted. */
async function queueEscalation(trx: Knex, promotionId: string): Promise<void> {
  await queueReplies(trx, [promotionId], 'escalation', { isUrgent: true, goesWithRoot: true });
}

/** Alerts that are closed belong to an earlier life of a row, which somebody set back to deploying by hand. */
export async function forgetEarlierLives(trx: Knex, promotionIds: readonly string[]): Promise<void> {
  await trx.raw(`delete from flag_promotions.alerts where promotion_id = any(?::bigint[]) and closed_at is not null`, [
    [...promotionIds],
  ]);
  await trx.raw(
    `with held as (
       select m.id from flag_promotions.messages m
        where m.kind <> 'progress' and m.promotion_id = any(array(
          select p.id from unnest(?::bigint[]) as p (id)
           where (select a.id from flag_promotions.alerts a where a.promotion_id = p.id limit 1) is null))
        order by m.id for update)
     delete from flag_promotions.messages m using held where m.id = held.id`,
    [[...promotionIds]],
  );
}

/** A condition: something was alerted about the promotion `p`, or somebody looks after it. */
export const ALERTED = `(exists (select 1 from flag_promotions.alerts a where a.promotion_id = p.id)
  or exists (select 1 from flag_promotions.attention t where t.promotion_id = p.id))`;

/** Inside the transaction that ended promotions, or that noticed their end: closes their alerts and has it shown. */
export async function showThatItEnded(trx: Knex.Transaction, ...promotionIds: string[]): Promise<void> {
  await endAlerting(trx, promotionIds, ['alert', 'progress']);
}

/** The same without the progress message, which the caller has updated. */
export async function endAlerting(
  trx: Knex.Transaction,
  promotionIds: readonly string[],
  updated: readonly MessageKind[] = ['alert'],
): Promise<void> {
  await endAttention(trx, ...promotionIds);
  await requestUpdates(trx, promotionIds, updated);
  await trx.raw(
    `update flag_promotions.alerts a set closed_at = ${CLOCK} where a.promotion_id = any(?::bigint[]) and ${IS_OPEN}`,
    [[...promotionIds]],
  );
  // One that was begun stays pending: Slack may hold its message, which has to be found and updated first.
  await trx.raw(
    `update flag_promotions.messages set state = 'closed', updated_at = ${CLOCK}
      where promotion_id = any(?::bigint[]) and kind = 'alert' and state = 'pending' and attempts = 0`,
    [[...promotionIds]],
  );
  // In a group's thread only what a person did is said: hundreds may end by themselves at once.
  const told = await trx.raw(
    `select p.id from console_flag_promotions p where p.id = any(?::bigint[]) and (p.resolved_by is not null
        or not exists (select 1 from flag_promotions.alerts a where a.promotion_id = p.id and a.group_id is not null))`,
    [[...promotionIds]],
  );
  await queueReplies(
    trx,
    parseRows(told, idRow).map(({ id }) => id),
    'resolved',
  );
}

/** Inside a transaction that changed what a promotion's alert, or the group that tells of it, shows. */
export async function requestAlertUpdate(trx: Knex, ...promotionIds: string[]): Promise<void> {
  await requestUpdates(trx, promotionIds, ['alert']);
}
