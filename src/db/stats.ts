import * as z from 'zod';
import type { AppStats, DayStats, PeriodStats, PromotionStats, Spread } from '../promotions/stats.js';
import type { Knex } from './connection.js';
import { count, parseRows } from './rows.js';

export interface Stats {
  /** Statistics of the promotions promoted since `since`. One that took `stuckAfterMs` counts as stuck. */
  of(period: { since: Date; until: Date; stuckAfterMs: number }): Promise<PeriodStats>;
}

/** How many apps are listed separately. */
const APPS_TOLD = 10;

/*
 * The period's promotions, by the index on `promoted_at` (infinity counts as no time). The audit log says when pruned
 * alerts opened. Both are read once and joined: a look-up each would read 100,000 blocks of a busy month.
 */
const PROMOTED = `
  with opened as (
    select promotion_id, min(opened_at) as at from flag_promotions.alerts
     where opened_at >= cast(:since as timestamptz) group by promotion_id
  ), recorded as (
    select promotion_id, min(at) as at from flag_promotions.audit_log
     where action in ('console.flag.promotion.stuck_warning', 'console.flag.promotion.stuck_critical')
       and at >= cast(:since as timestamptz) group by promotion_id
  ), promoted as (
    select p.heroku_app::text as app, {p.state} as state, {p.promoted_at} as began,
           case when {p.state} = 'deployed' then {p.deployed_at} when {p.state} = 'failed' then {p.failed_at} end as ended,
           coalesce(opened.at, case when {p.state} <> 'deploying' then recorded.at end) as alerted
      from {promotions} p
      left join opened on opened.promotion_id = p.id
      left join recorded on recorded.promotion_id = p.id
     where {p.promoted_at} >= cast(:since as timestamptz)
       and {p.promoted_at} <= cast(:until as timestamptz)
       and {p.state} in ('deploying', 'deployed', 'failed')
  ), measured as (
    select app, state, began, alerted,
           case when isfinite(ended) then ended end as ended,
           alerted is not null
             or coalesce(case when isfinite(ended) then ended end, cast(:until as timestamptz)) - began >= cast(:stuckAfterMs as double precision) * interval '1 millisecond' as stuck
      from promoted
  )`;

const spread = (milliseconds: string, where: string, name: string) =>
  [50, 95]
    .map(
      (percent) =>
        `percentile_cont(${percent / 100}) within group (order by extract(epoch from ${milliseconds}) * 1000) filter (where ${where}) as ${name}_${percent}`,
    )
    .join(', ');

const span = z.coerce.number().nonnegative().transform(Math.round).nullable().catch(null);

const statsRow = z
  .object({
    app: z.string().nullable(),
    apps: count,
    promotions: count,
    stuck: count,
    failed: count,
    deploying: count,
    lasted_50: span,
    lasted_95: span,
    detected_50: span,
    detected_95: span,
    resolved_50: span,
    resolved_95: span,
  })
  .transform((row): { app: string | null; apps: number; stats: PromotionStats } => ({
    app: row.app,
    apps: row.apps,
    stats: {
      promotions: row.promotions,
      stuck: row.stuck,
      failed: row.failed,
      deploying: row.deploying,
      inDeploying: spreadOf(row.lasted_50, row.lasted_95),
      toDetect: spreadOf(row.detected_50, row.detected_95),
      toResolve: spreadOf(row.resolved_50, row.resolved_95),
    },
  }));

const dayRow = z
  .object({ day: z.string(), deployed: count, failed: count, stuck: count, deploying: count })
  .transform((row): DayStats => row);

export function stats(knex: Knex): Stats {
  return {
    async of({ since, until, stuckAfterMs }) {
      const values = { since, until, stuckAfterMs };
      const found = await knex.raw(
        `${PROMOTED}
         select case when grouping(app) = 0 then app end as app, count(*) over () - 1 as apps, count(*) as promotions,
                count(*) filter (where stuck) as stuck, count(*) filter (where state = 'failed') as failed,
                count(*) filter (where state = 'deploying') as deploying,
                ${spread('ended - began', 'ended is not null', 'lasted')},
                ${spread('alerted - began', 'alerted is not null', 'detected')},
                ${spread('ended - alerted', 'ended is not null and alerted is not null', 'resolved')}
           from measured group by grouping sets ((), (app))
          order by grouping(app) desc, count(*) desc, app limit ${APPS_TOLD + 1}`,
        values,
      );
      const [all, ...apps] = parseRows(found, statsRow);
      const days = await knex.raw(
        `${PROMOTED}
         select to_char(began at time zone 'UTC', 'YYYY-MM-DD') as day,
                count(*) filter (where stuck) as stuck,
                count(*) filter (where not stuck and state = 'deployed') as deployed,
                count(*) filter (where not stuck and state = 'failed') as failed,
                count(*) filter (where not stuck and state = 'deploying') as deploying
           from measured group by 1 order by 1`,
        values,
      );
      if (all === undefined) throw new Error('An aggregate without groups has one row.');
      return {
        since,
        until,
        all: all.stats,
        byApp: apps.map(({ app, stats: measured }): AppStats => ({ herokuApp: app ?? '', ...measured })),
        furtherApps: Math.max(0, all.apps - apps.length),
        byDay: parseRows(days, dayRow),
      };
    },
  };
}

function spreadOf(medianMs: number | null, p95Ms: number | null): Spread | null {
  return medianMs === null || p95Ms === null ? null : { medianMs, p95Ms };
}
