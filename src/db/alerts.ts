import * as z from 'zod';
import type { Alert } from '../promotions/alert.js';
import type { AlertToOpen, Gathered, IndividualAlerts } from '../promotions/detection.js';
import { isKnownState } from '../promotions/promotion.js';
import type { StuckPromotion } from '../promotions/stuck-promotion.js';
import { endSnoozesOfWarnings } from './attention-rows.js';
import { appendAuditEvent, appendAuditEvents, type NewAuditEvent, WATCHDOG } from './audit.js';
import type { Knex } from './connection.js';
import { ROWS_ARE_HIDDEN, SEES_ALL_ROWS } from './console/access.js';
import { ConsoleTableError } from './console/refusal.js';
import { showThatItEnded } from './ending.js';
import { CLOCK, isFree, isReached, presentOf } from './leases.js';
import { NOWHERE } from './messages.js';
import { queueReplies, requestUpdates, WITH_BUTTONS } from './queueing.js';
import {
  ALERT_COLUMNS,
  alertRow,
  count,
  countRow,
  idColumn,
  idRow,
  PROMOTION_COLUMNS,
  parseManyRows,
  parseRows,
  promotionIdRow,
  promotionRow,
  rowCount,
  STATE,
  STUCK,
  STUCK_CLOCK,
  stateRow,
} from './rows.js';

interface Detected extends Gathered {
  readonly deploying: number;
}

/** The alerts' facts. Their messages are in the outbox. */
export interface Alerts {
  /** `stuckBefore`: promotions whose stuck clock started by then. */
  gather(stuckBefore: Date): Promise<Detected>;
  /**
   * Opens an alert with its audit event and message, unless it is open or the promotion ended. `at`: the database's
   * clock. `notBefore`: the earliest time to post.
   */
  open(alert: AlertToOpen, at: Date, notBefore: Date | null): Promise<boolean>;
  individualAlerts(): Promise<readonly IndividualAlerts[]>;
  /** Queues a critical's repetition, once. */
  repeat(promotionId: string, ordinal: number): Promise<void>;
  /**
   * Closes the open alerts of promotions that ended or are gone, all or none, and updates their messages. Skips locked
   * rows: one forgotten session mustn't hold up the others.
   */
  close(...promotionIds: string[]): Promise<void>;
  /** The same for one that somebody looks at: waits for its lock. */
  closeOf(promotionId: string): Promise<void>;
  ofPromotion(promotionId: string): Promise<readonly Alert[]>;
}

const IS_OPEN = 'a.closed_at is null';

const endedRow = z.object({
  id: idColumn,
  state: z
    .string()
    .nullable()
    .transform((state) => state ?? ''),
});

const heldRow = stateRow.extend({ is_free: z.boolean() });

const toldRow = z.object({
  promotion_id: idColumn,
  critical_told_at: z.date().nullable(),
  last_repeat: count,
  repeat_pending: z.boolean(),
});
const individualRow = z
  .object({ heroku_app: z.string(), waits: z.boolean(), n: count })
  .transform((row): IndividualAlerts => ({ herokuApp: row.heroku_app, waits: row.waits, count: row.n }));

/** SQL: when people were told of a critical, and how often it was repeated. Parameter: promotion ids. */
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

const IS_SHOWN_AS_DEPLOYING = `(exists (select 1 from flag_promotions.alerts a where a.promotion_id = p.id and ${IS_OPEN})
  or exists (select 1 from flag_promotions.messages m where m.promotion_id = p.id and m.kind = 'progress'
        and m.state = 'posted' and m.shown_as = 'deploying' and m.wanted <= m.shown))`;

/** SQL: the last hour's individual alerts, and those waiting for the end of the quiet hours, by Heroku app. */
const INDIVIDUAL = `
  with individual as (
    select m.promotion_id, false as waits from flag_promotions.messages m
     where m.kind = 'alert' and m.state = 'posted' and m.posted_at > (select ${CLOCK} - interval '1 hour')
    union all
    select m.promotion_id, coalesce(not ${isReached('m.not_before')}, false) from flag_promotions.messages m
     where m.kind = 'alert' and m.state = 'pending')
  select coalesce((select p.heroku_app::text from {promotions} p where p.id = i.promotion_id), '') as heroku_app, waits, count(*) as n
    from individual i group by 1, 2`;

export function alerts(knex: Knex): Alerts {
  async function closeEnded(promotionIds: readonly string[], locked: 'skip locked' | '' = ''): Promise<void> {
    await knex.transaction(async (trx) => {
      // Lock order: promotion first. Somebody may be reopening it, or linking its RCA.
      const held = await trx.raw(
        `select p.id::bigint, ${STATE} from {promotions} p
          where p.id = any(?::bigint[]) and {p.state} is distinct from 'deploying' and ${IS_SHOWN_AS_DEPLOYING}
          order by p.id for no key update of p ${locked}`,
        [[...promotionIds]],
      );
      const ended = parseRows(held, endedRow);
      const gone = await trx.raw(
        `select p.id from unnest(?::bigint[]) as p (id)
          where not exists (select 1 from {promotions} c where c.id = p.id) and ${IS_SHOWN_AS_DEPLOYING}`,
        [[...promotionIds]],
      );
      const at = await presentOf(trx);
      const vanished = await showThatItVanished(trx, parseRows(gone, idRow), at);
      const closed = ended.length === 0 ? [] : await showThatItEnded(trx, ...ended.map(({ id }) => id));
      const unknown = ended.filter(({ id, state }) => !isKnownState(state) && closed.includes(id));
      await appendAuditEvents(trx, [
        ...vanished,
        ...unknown.map(({ id, state }) => ({
          at,
          action: 'console.flag.promotion.state_unknown' as const,
          actor: WATCHDOG,
          promotionId: id,
          detail: { from: 'deploying', to: state },
        })),
      ]);
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
      const found = await knex.raw(
        `select count(*) as n, ${SEES_ALL_ROWS} as sees_all from {promotions} p where {p.state} = 'deploying'`,
      );
      const [deploying] = parseRows(found, countRow.extend({ sees_all: z.boolean() }));
      // Hidden rows would look deleted, and their alerts would close.
      if (deploying?.sees_all !== true) throw new ConsoleTableError(ROWS_ARE_HIDDEN);
      const stuck: StuckPromotion[] = [];
      for (let page: Page | null = FIRST_PAGE; page !== null; ) {
        const read = await stuckOf(knex, stuckBefore, page);
        stuck.push(...read.stuck);
        page = read.next;
      }
      return {
        stuck,
        endedPromotionIds: await endedUnnoticed(),
        individualAlerts: await individualAlerts(),
        deploying: deploying.n,
      };
    },

    individualAlerts,

    async open({ promotionId, severity, unlessLeased = false }, at, notBefore) {
      return knex.transaction(async (trx) => {
        // Orders a resolution and an alert's opening.
        const held = await trx.raw(
          `select coalesce({p.state}, '') as state, ${isFree('p')} as is_free from {promotions} p where p.id = ? for no key update`,
          [promotionId],
        );
        const [row] = parseRows(held, heldRow);
        if (row?.state !== 'deploying' || (unlessLeased && !row.is_free)) return false;
        await forgetEarlierLives(trx, [promotionId]);
        if ((await insertAlerts(trx, [{ promotionId, severity, groupId: null }], at)) === 0) return false;
        await queueAlert(trx, promotionId, notBefore, severity === 'critical');
        await tellGraver(trx, { promotionId, severity }, at, notBefore);
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

  async function individualAlerts(): Promise<readonly IndividualAlerts[]> {
    return parseRows(await knex.raw(INDIVIDUAL), individualRow);
  }

  /** Promotions that another system ended or deleted, although Slack still shows them as open or under way. */
  async function endedUnnoticed(): Promise<readonly string[]> {
    const found = await knex.raw(
      `select a.promotion_id from flag_promotions.alerts a
        where ${IS_OPEN}
          and (select {p.state} from {promotions} p where p.id = a.promotion_id) is distinct from 'deploying'
       union
       select m.promotion_id from flag_promotions.messages m
        where m.kind = 'progress' and m.state = 'posted' and m.shown_as = 'deploying' and m.wanted <= m.shown
          and (select {p.state} from {promotions} p where p.id = m.promotion_id) is distinct from 'deploying'
        order by 1`,
    );
    return (await parseManyRows(found, promotionIdRow)).map((row) => row.promotion_id);
  }
}

/** A page is read within milliseconds; a larger one would block the event loop. */
const PAGE = 2_000;
/** The last row read: its stuck clock (UTC, as PostgreSQL writes it) and its id. */
type Page = readonly [clock: string, id: string];
const FIRST_PAGE: Page = ['-infinity', String(-(2n ** 63n))];
const pageRow = z.object({ clock: z.string() });

async function stuckOf(
  knex: Knex,
  stuckBefore: Date,
  [clock, id]: Page,
): Promise<{ readonly stuck: readonly StuckPromotion[]; readonly next: Page | null }> {
  const found = await knex.raw(
    `select ${PROMOTION_COLUMNS}, (${STUCK_CLOCK} at time zone 'UTC')::text as clock from {promotions} p
      where ${STUCK} and (${STUCK_CLOCK}, p.id) > (?::text::timestamp at time zone 'UTC', ?::bigint)
      order by ${STUCK_CLOCK}, p.id limit ${PAGE}`,
    [stuckBefore, clock, id],
  );
  const promotions = await parseManyRows(found, promotionRow);
  if (promotions.length === 0) return { stuck: [], next: null };
  const ids = promotions.map((promotion) => promotion.id);
  const alertRows = await parseManyRows(
    await knex.raw(
      `select ${ALERT_COLUMNS} from flag_promotions.alerts a where a.promotion_id = any(?::bigint[]) order by a.id`,
      [ids],
    ),
    alertRow,
  );
  const told = new Map(
    (await parseManyRows(await knex.raw(TOLD, [ids]), toldRow)).map((row) => [row.promotion_id, row]),
  );
  const alertsOf = new Map<string, Alert[]>();
  for (const alert of alertRows) {
    alertsOf.set(alert.promotionId, [...(alertsOf.get(alert.promotionId) ?? []), alert]);
  }
  const stuck = promotions.map((promotion): StuckPromotion => {
    const alerts = alertsOf.get(promotion.id) ?? [];
    const isCritical = alerts.some(({ severity, closedAt }) => severity === 'critical' && closedAt === null);
    const row = told.get(promotion.id);
    return {
      promotion,
      alerts,
      criticalToldAt: isCritical ? (row?.critical_told_at ?? null) : null,
      lastRepeat: row?.last_repeat ?? 0,
      repeatPending: row?.repeat_pending ?? false,
    };
  });
  const last = promotions.at(-1);
  const lastClock = parseRows(found, pageRow).at(-1)?.clock;
  const isMore = promotions.length === PAGE && last !== undefined && lastClock !== undefined;
  return { stuck, next: isMore ? [lastClock, last.id] : null };
}

/**
 * Opens alerts with copies of their facts, in a transaction that locked the promotions; answers how many are new. One
 * after a milder alert copies its evidence, due at once: people are mentioned again.
 */
export async function insertAlerts(
  trx: Knex.Transaction,
  alerts: readonly Pick<Alert, 'promotionId' | 'severity' | 'groupId'>[],
  at: Date,
): Promise<number> {
  const inserted = await trx.raw(
    `insert into flag_promotions.alerts (promotion_id, severity, group_id, opened_at, flag_key, heroku_app,
                                         evidence, evidence_of, evidence_checked_at, told_verdict, evidence_due_at)
     select n.promotion_id, n.severity, nullif(n.group_id, '')::bigint, ?::timestamptz,
            coalesce(p.flag_key::text, ''), coalesce(p.heroku_app::text, ''),
            w.evidence, w.evidence_of, w.evidence_checked_at, w.told_verdict,
            case when w.evidence_due_at is not null then ${CLOCK} end
       from unnest(?::bigint[], ?::text[], ?::text[]) as n (promotion_id, severity, group_id)
      cross join lateral (select c.flag_key, c.heroku_app from {promotions} c where c.id = n.promotion_id) p
       left join lateral (
         select m.evidence, m.evidence_of, m.evidence_checked_at, m.told_verdict, m.evidence_due_at
           from flag_promotions.alerts m
          where m.promotion_id = n.promotion_id and m.severity <> n.severity and m.closed_at is null
          order by m.id desc limit 1) w on true
     on conflict do nothing`,
    [
      at,
      alerts.map(({ promotionId }) => promotionId),
      alerts.map(({ severity }) => severity),
      alerts.map(({ groupId }) => groupId ?? ''),
    ],
  );
  return rowCount(inserted);
}

/**
 * Queues the promotion's message; a graver alert makes it urgent, or updates it. A closed one is queued again, since
 * the promotion was reopened by hand. A posted one never waits: it must show a resolution at once.
 */
async function queueAlert(trx: Knex, promotionId: string, notBefore: Date | null, isUrgent: boolean): Promise<void> {
  await trx.raw(
    `insert into flag_promotions.messages as m (kind, subject, promotion_id, not_before, is_urgent) values ('alert', ?, ?, ?, ?)
      on conflict (kind, subject, ordinal) do update
        set wanted = m.wanted + 1, not_before = case when m.state <> 'posted' then excluded.not_before end, is_urgent = m.is_urgent or excluded.is_urgent`,
    [promotionId, promotionId, notBefore, isUrgent],
  );
  await trx.raw(
    `update flag_promotions.messages set state = 'pending', ${NOWHERE}, shown_as = null
      where kind = 'alert' and subject = ? and state = 'closed'`,
    [promotionId],
  );
}

/** Only if people may have seen the milder alert; otherwise the message shows the graver severity itself. */
async function tellGraver(
  trx: Knex.Transaction,
  { promotionId, severity }: AlertToOpen,
  at: Date,
  notBefore: Date | null,
): Promise<void> {
  switch (severity) {
    case 'notice':
      return;
    case 'warning':
      return queueReplies(trx, [promotionId], 'warned', { goesWithRoot: true, notBefore });
    case 'critical':
      await queueReplies(trx, [promotionId], 'escalation', { isUrgent: true, goesWithRoot: true });
      return endSnoozesOfWarnings(trx, [promotionId], at);
  }
}

/**
 * Closed alerts belong to an earlier run of a row that was set to deploying again by hand. Its pager and webhook
 * messages stay: an incident at a pager has to end.
 */
export async function forgetEarlierLives(trx: Knex, promotionIds: readonly string[]): Promise<void> {
  await trx.raw(`delete from flag_promotions.alerts where promotion_id = any(?::bigint[]) and closed_at is not null`, [
    [...promotionIds],
  ]);
  await trx.raw(
    `with held as (
       select m.id from flag_promotions.messages m
        where m.kind not in ('progress', 'page', 'webhook') and m.promotion_id = any(array(
          select p.id from unnest(?::bigint[]) as p (id)
           where (select a.id from flag_promotions.alerts a where a.promotion_id = p.id limit 1) is null))
        order by m.id for update)
     delete from flag_promotions.messages m using held where m.id = held.id`,
    [[...promotionIds]],
  );
}

/** Inside the transaction that noticed deleted promotions: updates their messages, answers what to record. */
async function showThatItVanished(
  trx: Knex.Transaction,
  gone: readonly { readonly id: string }[],
  at: Date,
): Promise<readonly NewAuditEvent[]> {
  if (gone.length === 0) return [];
  const ids = gone.map(({ id }) => id);
  const closed = await showThatItEnded(trx, ...ids);
  const marked = await trx.raw(
    `update flag_promotions.alerts a set vanished_at = ${CLOCK}, is_rca_reminder_done = true
      where a.promotion_id = any(?::bigint[]) and a.vanished_at is null returning ${ALERT_COLUMNS}`,
    [[...closed]],
  );
  const vanished = new Map(parseRows(marked, alertRow).map((alert) => [alert.promotionId, alert]));
  return [...vanished.values()].map(({ promotionId, flagKey, herokuApp }) => ({
    at,
    action: 'console.flag.promotion.vanished' as const,
    actor: WATCHDOG,
    promotionId,
    detail: { flag_key: flagKey, heroku_app: herokuApp },
  }));
}

export async function requestAlertUpdate(trx: Knex, ...promotionIds: string[]): Promise<void> {
  await requestUpdates(trx, promotionIds, [...WITH_BUTTONS, 'page']);
}
