import * as z from 'zod';
import { worstSeverity } from '../promotions/alert.js';
import type { AlertsToGroup, AlertToOpen } from '../promotions/detection.js';
import type { GroupFacts, GroupMember, GroupWithCriticals, NameCriticals } from '../promotions/group.js';
import { SEVERITIES } from '../promotions/stuck.js';
import { forgetEarlierLives, insertAlerts } from './alerts.js';
import { attentionsOf, endSnoozesOfWarnings } from './attention-rows.js';
import { appendAuditEvents, WATCHDOG } from './audit.js';
import type { Knex } from './connection.js';
import { CLOCK, isFree, isReached } from './leases.js';
import {
  count,
  idColumn,
  idRow,
  PROMOTION_COLUMNS,
  parseManyRows,
  parseRows,
  promotionRow,
  STUCK_CLOCK,
} from './rows.js';

/** Groups: one message for many alerts, an outbox row that they reference. */
export interface Groups {
  /**
   * Opens grouped alerts with their audit events, all or none, in the channel's group of the last hour or a new one.
   * `at`: by the database's clock.
   */
  open(together: AlertsToGroup, at: Date): Promise<void>;
  withCriticals(): Promise<readonly GroupWithCriticals[]>;
  /** Queues the reply that names criticals, unless another replica did. */
  nameCriticals(action: NameCriticals): Promise<void>;
  facts(groupId: string): Promise<GroupFacts>;
  /** Its open promotions, the oldest first. */
  members(
    groupId: string,
    page: { offset: number; limit: number },
  ): Promise<{ readonly total: number; readonly rows: readonly GroupMember[] }>;
  namedIn(messageId: string): Promise<readonly GroupMember[]>;
}

const severitiesRow = z
  .object({ severities: z.array(z.enum(SEVERITIES)) })
  .transform((row) => worstSeverity(row.severities.map((severity) => ({ severity }))));
const totalRow = z.object({ total: count });
const groupOf = z.object({ id: idColumn, is_free: z.boolean(), group_id: idColumn.nullable() });
const openRow = z.object({ id: idColumn, severity: z.string() });

const namingRow = z
  .object({
    group_id: idColumn,
    namings: count,
    promotion_id: idColumn,
    heroku_app: z.string(),
    named_at: z.date().nullable(),
    is_naming_pending: z.boolean(),
  })
  .transform((row) => ({
    groupId: row.group_id,
    namings: row.namings,
    critical: {
      promotionId: row.promotion_id,
      herokuApp: row.heroku_app,
      namedAt: row.named_at,
      isNamingPending: row.is_naming_pending,
    },
  }));

type Naming = z.output<typeof namingRow>;

const endedRow = z
  .object({ completed: count, failed: count, otherwise: count })
  .transform(({ completed, failed, otherwise }) => ({ completed, failed, endedOtherwise: otherwise }));

/** SQL: a group of the last hour can be joined, or one that waits for the same end of the quiet hours. */
const IS_JOINABLE = `g.kind = 'group' and g.subject = ? and g.state <> 'closed'
  and (case when g.state = 'pending' and not ${isReached('g.not_before')} then g.not_before end) is not distinct from ?::timestamptz
  and (coalesce(not ${isReached('g.not_before')}, false) or g.posted_at is null or g.posted_at > ${CLOCK} - interval '1 hour')
  and (g.state = 'pending' or exists (select 1 from flag_promotions.alerts a where a.group_id = g.id and a.closed_at is null))`;

export function groups(knex: Knex): Groups {
  async function select(rest: string, values: readonly (string | number)[]): Promise<readonly GroupMember[]> {
    const found = await knex.raw(
      `select ${PROMOTION_COLUMNS}, array(select c.severity from flag_promotions.alerts c
                where c.promotion_id = p.id and c.closed_at is null) as severities
         from {promotions} p ${rest}`,
      [...values],
    );
    const severities = await parseManyRows(found, severitiesRow);
    const promotions = await parseManyRows(found, promotionRow);
    const attentions = await attentionsOf(
      knex,
      promotions.map(({ id }) => id),
    );
    return promotions.map(
      (promotion, index): GroupMember => ({
        promotion,
        severity: severities[index] ?? 'warning',
        attention: attentions.get(promotion.id) ?? null,
      }),
    );
  }
  // By each id: the planner would overestimate a join and scan the whole table.
  const OPEN_OF_GROUP = `where p.id = any(array(
    select a.promotion_id from flag_promotions.alerts a where a.group_id = ?::bigint and a.closed_at is null)) order by ${STUCK_CLOCK}, p.id`;

  return {
    open: (together, at) => knex.transaction((trx) => openGrouped(trx, together, at)),

    async withCriticals() {
      const found = await knex.raw(
        `select a.group_id, a.promotion_id,
                coalesce((select max(n.ordinal) from flag_promotions.messages n
                  where n.kind = 'group_criticals' and n.subject = a.group_id::text), 0) as namings,
                coalesce((select p.heroku_app::text from {promotions} p where p.id = a.promotion_id), '') as heroku_app,
                n.posted_at as named_at, coalesce(n.state = 'pending', false) as is_naming_pending
           from flag_promotions.alerts a left join flag_promotions.messages n on n.id = a.named_in
          where a.group_id is not null and a.severity = 'critical' and a.closed_at is null
          order by a.group_id, a.id`,
      );
      const byGroup = new Map<string, GroupWithCriticals & { readonly criticals: Naming['critical'][] }>();
      for (const { groupId, namings, critical } of await parseManyRows(found, namingRow)) {
        const group = byGroup.get(groupId) ?? { groupId, namings, criticals: [] };
        group.criticals.push(critical);
        byGroup.set(groupId, group);
      }
      return [...byGroup.values()];
    },

    async nameCriticals({ groupId, ordinal, promotionIds }) {
      await knex.transaction(async (trx) => {
        // Lock order: messages before alerts.
        await trx.raw('select 1 from flag_promotions.messages where id = ?::bigint for no key update', [groupId]);
        const queued = await trx.raw(
          `insert into flag_promotions.messages (kind, subject, ordinal, root_id, is_urgent, goes_with_root)
           values ('group_criticals', ?, ?, ?::bigint, true, true) on conflict do nothing returning id`,
          [groupId, ordinal, groupId],
        );
        const [naming] = parseRows(queued, idRow);
        if (naming === undefined) return;
        await trx.raw(
          `update flag_promotions.alerts set named_in = ?
            where promotion_id = any(?::bigint[]) and group_id = ?::bigint and severity = 'critical' and closed_at is null`,
          [naming.id, [...promotionIds], groupId],
        );
      });
    },

    async facts(groupId) {
      const ended = await knex.raw(
        `select count(*) filter (where state = 'deployed') as completed, count(*) filter (where state = 'failed') as failed,
                count(*) filter (where coalesce(state, '') not in ('deployed', 'failed')) as otherwise
           from (select (select {p.state} from {promotions} p where p.id = a.promotion_id) as state
                   from flag_promotions.alerts a where a.group_id = ?::bigint
                  group by a.promotion_id having bool_and(a.closed_at is not null)) ended`,
        [groupId],
      );
      const [counts] = parseRows(ended, endedRow);
      if (counts === undefined) throw new Error('An aggregate had no row.');
      return { ...counts, open: await select(OPEN_OF_GROUP, [groupId]) };
    },

    async members(groupId, { offset, limit }) {
      const counted = await knex.raw(
        `select count(distinct promotion_id) as total from flag_promotions.alerts where group_id = ?::bigint and closed_at is null`,
        [groupId],
      );
      const rows = await select(`${OPEN_OF_GROUP} offset ? limit ?`, [groupId, offset, limit]);
      return { total: parseRows(counted, totalRow)[0]?.total ?? 0, rows };
    },

    namedIn: (messageId) =>
      select(
        `where {p.state} = 'deploying' and p.id = any(array(
           select a.promotion_id from flag_promotions.alerts a where a.named_in = ?::bigint and a.closed_at is null))
         order by ${STUCK_CLOCK}, p.id`,
        [messageId],
      ),
  };
}

async function openGrouped(trx: Knex.Transaction, together: AlertsToGroup, at: Date): Promise<void> {
  // Serialised, so that two transactions can't both find no group and begin one.
  await trx.raw(`select pg_advisory_xact_lock(hashtext('flag_promotions.groups'))`);
  const wanted = await stillToOpen(trx, together.alerts);
  if (wanted.length === 0) return;
  const joined = wanted.every(({ groupId }) => groupId !== null) ? null : await joinOrBegin(trx, together);
  const groupIds = wanted.map(({ groupId }) => groupId ?? joined ?? '');
  const ids = wanted.map(({ alert }) => alert.promotionId);
  // A group with a critical is posted before warnings; the reply naming the critical follows.
  const urgent = groupIds.filter((_, index) => wanted[index]?.alert.severity === 'critical');
  await trx.raw(
    `with held as (select id from flag_promotions.messages where id = any(?::bigint[]) order by id for no key update)
     update flag_promotions.messages m set wanted = m.wanted + 1, is_urgent = m.is_urgent or m.id = any(?::bigint[])
       from held where m.id = held.id`,
    [[...new Set(groupIds)], urgent],
  );
  await forgetEarlierLives(trx, ids);
  await insertAlerts(
    trx,
    wanted.map(({ alert }, index) => ({ ...alert, groupId: groupIds[index] ?? null })),
    at,
  );
  await followGraver(
    trx,
    wanted.map(({ alert }) => alert),
  );
  const criticals = wanted.filter(({ alert }) => alert.severity === 'critical').map(({ alert }) => alert.promotionId);
  await endSnoozesOfWarnings(trx, criticals, at);
  await appendAuditEvents(
    trx,
    wanted.map(({ alert: { promotionId, severity } }) => ({
      at,
      action: `console.flag.promotion.stuck_${severity}` as const,
      actor: WATCHDOG,
      promotionId,
      detail: together.notBefore === null ? {} : { not_before: together.notBefore },
    })),
  );
}

/**
 * The alerts still to open, each with the group that has its promotion. One that a resolution locked is left to the
 * next tick. A critical doesn't wait with the quiet hours' warnings.
 */
async function stillToOpen(
  trx: Knex.Transaction,
  alerts: readonly AlertToOpen[],
): Promise<readonly { readonly alert: AlertToOpen; readonly groupId: string | null }[]> {
  const ids = alerts.map(({ promotionId }) => promotionId);
  const found = await trx.raw(
    `select p.id, ${isFree('p')} as is_free, (select a.group_id from flag_promotions.alerts a join flag_promotions.messages g on g.id = a.group_id
                    where a.promotion_id = p.id and a.closed_at is null
                      and (g.state = 'posted' or (g.state = 'pending' and (g.not_before is null or ${isReached('g.not_before')})))
                    limit 1) as group_id
       from {promotions} p
      where p.id = any(?::bigint[]) and {p.state} = 'deploying' order by p.id for no key update of p skip locked`,
    [ids],
  );
  const rows = parseRows(found, groupOf);
  const groupOfPromotion = new Map(rows.map((row) => [row.id, row.group_id]));
  const leased = new Set(rows.filter((row) => !row.is_free).map((row) => row.id));
  const open = parseRows(
    await trx.raw(
      `select promotion_id as id, severity from flag_promotions.alerts where promotion_id = any(?::bigint[]) and closed_at is null`,
      [ids],
    ),
    openRow,
  );
  return alerts
    .filter(
      ({ promotionId, severity, unlessLeased = false }) =>
        groupOfPromotion.has(promotionId) &&
        !(unlessLeased && leased.has(promotionId)) &&
        !open.some((row) => row.id === promotionId && row.severity === severity),
    )
    .map((alert) => ({ alert, groupId: groupOfPromotion.get(alert.promotionId) ?? null }));
}

/** A milder alert waiting in another group moves along: a promotion appears in one message. */
async function followGraver(trx: Knex.Transaction, opened: readonly AlertToOpen[]): Promise<void> {
  await trx.raw(
    `update flag_promotions.alerts m set group_id = g.group_id
       from unnest(?::bigint[], ?::text[]) as o (promotion_id, severity)
       join flag_promotions.alerts g on g.promotion_id = o.promotion_id and g.severity = o.severity and g.closed_at is null
      where m.promotion_id = o.promotion_id and m.severity <> o.severity and m.closed_at is null
        and m.group_id is distinct from g.group_id`,
    [opened.map(({ promotionId }) => promotionId), opened.map(({ severity }) => severity)],
  );
}

async function joinOrBegin(
  trx: Knex.Transaction,
  { channel, notBefore }: Pick<AlertsToGroup, 'channel' | 'notBefore'>,
): Promise<string> {
  const found = await trx.raw(
    `select g.id from flag_promotions.messages g where ${IS_JOINABLE} order by g.ordinal desc limit 1`,
    [channel, notBefore],
  );
  const [joinable] = parseRows(found, idRow);
  if (joinable !== undefined) return joinable.id;
  const begun = await trx.raw(
    `insert into flag_promotions.messages (kind, subject, ordinal, not_before)
     select 'group', ?, coalesce(max(ordinal), 0) + 1, ? from flag_promotions.messages where kind = 'group' and subject = ?
     returning id`,
    [channel, notBefore, channel],
  );
  const [row] = parseRows(begun, idRow);
  if (row === undefined) throw new Error('An insert had no row.');
  return row.id;
}

/** Inside a transaction that leaves a promotion without an owner: a grouped critical is named again. */
export async function nameAgain(trx: Knex.Transaction, promotionId: string): Promise<void> {
  await trx.raw(
    `update flag_promotions.alerts set named_in = null
      where promotion_id = ? and group_id is not null and severity = 'critical' and closed_at is null`,
    [promotionId],
  );
}
