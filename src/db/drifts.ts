import * as z from 'zod';
import { isOperator } from '../operators/operator.js';
import {
  type AcceptOutcome,
  type AcceptRequest,
  type Drift,
  type DriftLook,
  type DriftToTell,
  nextDriftStep,
  type ComparedPromotion,
} from '../promotions/drift.js';
import type { Promotion } from '../promotions/promotion.js';
import { appendAuditEvent, WATCHDOG } from './audit.js';
import { type Knex, runPrepared } from './connection.js';
import { configVarOf } from './console/columns.js';
import { DRIFT_COLUMNS, driftOf, driftRow, requestDriftUpdates } from './drift-rows.js';
import { standsAlone } from './follow-ups.js';
import { CLOCK, fromNow, isReached, presentOf } from './leases.js';
import { lockOperator } from './operators.js';
import { lockPromotion } from './promotions.js';
import { recordRefusal } from './refusals.js';
import { idColumn, PROMOTION_COLUMNS, parseRows, promotionRow, rowCount, type Sql } from './rows.js';

/** If already known. */
interface DueDriftLook {
  readonly herokuApp: string;
  /** null: this is the first look. */
  readonly seenRelease: number | null;
}

/** Compares what is deployed with Heroku: one app at a time, by one replica; each drift is told once. */
export interface Drifts {
  /** Whether it is time to look for apps with something deployed, and there is one. */
  mustFindApps(): Promise<boolean>;
  /** Finds the apps with something deployed, at most once in `everyMs`. A new one is due at once. */
  findApps(everyMs: number): Promise<void>;
  /** The longest waiting first. */
  due(limit: number): Promise<readonly DueDriftLook[]>;
  /** Leases an app; null if another replica has it. */
  claim(herokuApp: string, owner: string): Promise<DueDriftLook | null>;
  /** The newest deployed promotion of each config var, unless one is under way for it. `isUnderWay`: one is for some. */
  watched(
    herokuApp: string,
  ): Promise<{ readonly compared: readonly ComparedPromotion[]; readonly isUnderWay: boolean }>;
  /** Records what was found. False if a later promotion counts by now: nothing was written. */
  record(promotion: Promotion, look: DriftLook, isFirst: boolean): Promise<boolean>;
  /** Ends an app's look. `seenRelease` null: keep the last one. */
  done(herokuApp: string, owner: string, waitMs: number, seenRelease: number | null): Promise<void>;
  /** Drifts that are in no message yet. */
  untold(limit: number): Promise<readonly DriftToTell[]>;
  /** Queues one drift's message: in its progress thread, if there is one. */
  tell(promotionId: string): Promise<void>;
  /** Queues one message for several in a channel, or extends the last day's. */
  tellTogether(channel: string, promotionIds: readonly string[]): Promise<void>;
  /** Whether a channel has had a group of drifts within a day. */
  hasGroup(channel: string): Promise<boolean>;
  of(promotionId: string): Promise<Drift | null>;
  ofGroup(groupId: string): Promise<readonly { readonly drift: Drift; readonly promotion: Promotion }[]>;
  accept(request: AcceptRequest, at: Date): Promise<AcceptOutcome>;
}

/** The row for finding the apps: no app has an empty name. */
const WHICH_APPS = '';
/** A look's lease. */
const LOOK_WITHIN_MS = 60_000;
/** How many of an app's config vars are watched, at most. */
const MOST_OF_AN_APP = 500;
/** The advisory lock's class for transactions that queue a group. */
const GROUPING = 7_003;

const lookRow = z
  .object({ heroku_app: z.string(), seen_release: z.number().nullable() })
  .transform((row): DueDriftLook => ({ herokuApp: row.heroku_app, seenRelease: row.seen_release }));
const recordedRow = z.object({
  recorded_at: z.string().nullable(),
  // Another system's row may have failed at `infinity`, which is no date.
  also_ours: z.object({ value: z.string().nullable(), until: z.coerce.date() }).nullable().catch(null),
  is_under_way: z.boolean(),
});
const untoldRow = z
  .object({ promotion_id: idColumn, heroku_app: z.string(), is_first: z.boolean() })
  .transform(
    (row): DriftToTell => ({ promotionId: row.promotion_id, herokuApp: row.heroku_app, isFirst: row.is_first }),
  );
const groupRow = z.object({ id: idColumn });
const mustRow = z.object({ must: z.boolean() });

const mustFindApps: Sql = {
  sql: `(not exists (select 1 from flag_promotions.drift_looks l where l.heroku_app = ? and not ${isReached('l.due_at')})
         and (select p.heroku_app from {promotions} p where {p.state} = 'deployed' and p.heroku_app > '' order by p.heroku_app limit 1) is not null)`,
  values: [WHICH_APPS],
};

export const anyDrift: Sql = {
  sql: `${mustFindApps.sql}
        or exists (select 1 from flag_promotions.drift_looks l where ${isReached('l.due_at')} and l.heroku_app <> ?)
        or exists (select 1 from flag_promotions.drifts d where not d.is_told)`,
  values: [...mustFindApps.values, WHICH_APPS],
};

export function drifts(knex: Knex): Drifts {
  return {
    async mustFindApps() {
      const found = await knex.raw(`select ${mustFindApps.sql} as must`, [...mustFindApps.values]);
      return parseRows(found, mustRow)[0]?.must ?? false;
    },

    async findApps(everyMs) {
      const taken = await knex.raw(
        `insert into flag_promotions.drift_looks as l (heroku_app, due_at) values (?, ${fromNow()})
             on conflict (heroku_app) do update set due_at = excluded.due_at where ${isReached('l.due_at')}`,
        [WHICH_APPS, everyMs],
      );
      if (rowCount(taken) === 0) return;
      // Jumps through the index from name to name, however many rows each has.
      await knex.raw(
        `with recursive apps (name) as (
           (select p.heroku_app::text from {promotions} p where {p.state} = 'deployed' and p.heroku_app > ''
             order by p.heroku_app limit 1)
           union all
           select (select p.heroku_app::text from {promotions} p where {p.state} = 'deployed' and p.heroku_app > apps.name
                    order by p.heroku_app limit 1) from apps where apps.name is not null)
         insert into flag_promotions.drift_looks (heroku_app, due_at)
         select name, ${CLOCK} from apps where name is not null on conflict do nothing`,
      );
    },

    async due(limit) {
      const found = await knex.raw(
        `select l.heroku_app, l.seen_release from flag_promotions.drift_looks l
          where ${isReached('l.due_at')} and l.heroku_app <> ? order by l.due_at, l.heroku_app limit ?`,
        [WHICH_APPS, limit],
      );
      return parseRows(found, lookRow);
    },

    async claim(herokuApp, owner) {
      const claimed = await knex.raw(
        `update flag_promotions.drift_looks l set due_at = ${fromNow()}, lease_owner = ?
          where l.heroku_app = ? and ${isReached('l.due_at')} returning l.heroku_app, l.seen_release`,
        [LOOK_WITHIN_MS, owner, herokuApp],
      );
      return parseRows(claimed, lookRow)[0] ?? null;
    },

    async watched(herokuApp) {
      const found = await knex.raw(
        `with recursive vars (name, id) as (
           (select ${configVarOf('p')}::text, p.id from {promotions} p where p.heroku_app = ? and {p.state} = 'deployed'
             order by ${configVarOf('p')}, p.id desc limit 1)
           union all
           select n.name, n.id from vars cross join lateral (
             select ${configVarOf('p')}::text as name, p.id from {promotions} p
              where p.heroku_app = ? and {p.state} = 'deployed' and ${configVarOf('p')} > vars.name
              order by ${configVarOf('p')}, p.id desc limit 1) n)
         select ${PROMOTION_COLUMNS}, (select d.release_id from flag_promotions.drifts d
                  where d.promotion_id = p.id and d.state <> 'over') as recorded_at,
                (select jsonb_build_object('until', coalesce({f.failed_at}, {f.updated_at}), 'value',
                          case when f.target_unset then null else coalesce(f.target_value::text, 'true') end)
                   from {promotions} f
                  where f.flag_key = p.flag_key and f.id > p.id and f.heroku_app = p.heroku_app and {f.state} = 'failed'
                    and ${configVarOf('f')} = ${configVarOf('p')}
                    and exists (select 1 from flag_promotions.audit_log e
                                 where e.promotion_id = f.id and e.action = 'console.flag.promotion.heroku_patching')
                  order by f.id desc limit 1) as also_ours,
                exists (select 1 from {promotions} a
                  where a.heroku_app = p.heroku_app
                    and ${configVarOf('a')} = ${configVarOf('p')}
                    and {a.state} = 'deploying') as is_under_way
           from {promotions} p
          where p.id = any(array(select id from vars limit ${MOST_OF_AN_APP}))
          order by p.id`,
        [herokuApp, herokuApp],
      );
      const promotions = parseRows(found, promotionRow);
      const rows = parseRows(found, recordedRow);
      const compared = rows.flatMap((row, index): ComparedPromotion[] => {
        const promotion = promotions[index];
        return promotion === undefined || row.is_under_way
          ? []
          : [{ promotion, recordedAt: row.recorded_at, alsoOurs: row.also_ours }];
      });
      return { compared, isUnderWay: rows.some((row) => row.is_under_way) };
    },

    record: (promotion, look, isFirst) =>
      knex.transaction(async (trx) => {
        const held = await lockPromotion(trx, promotion.id);
        // Another writer changed it, or a later promotion counts: the next look decides.
        if (held === null || held.targetValue !== promotion.targetValue || !(await standsAlone(trx, held)))
          return false;
        await recordWithin(trx, held, look, isFirst);
        return true;
      }),

    async done(herokuApp, owner, waitMs, seenRelease) {
      await knex.raw(
        `update flag_promotions.drift_looks
            set due_at = ${fromNow()}, lease_owner = null, seen_release = coalesce(?::integer, seen_release)
          where heroku_app = ? and lease_owner = ?`,
        [waitMs, seenRelease, herokuApp, owner],
      );
    },

    async untold(limit) {
      const found = await knex.raw(
        `select d.promotion_id, d.heroku_app, d.is_first from flag_promotions.drifts d
          where not d.is_told order by d.promotion_id limit ?`,
        [limit],
      );
      return parseRows(found, untoldRow);
    },

    tell: (promotionId) =>
      knex.transaction(async (trx) => {
        await lockPromotion(trx, promotionId);
        const told = await trx.raw(
          `update flag_promotions.drifts d set is_told = true, told_seq = d.seq
            where d.promotion_id = ?::bigint and not d.is_told returning d.seq`,
          [promotionId],
        );
        if (rowCount(told) === 0) return;
        await trx.raw(
          `insert into flag_promotions.messages (kind, subject, ordinal, promotion_id, root_id)
           select 'drifted', d.promotion_id::text, d.seq, d.promotion_id,
                  (select r.id from flag_promotions.messages r
                    where r.kind in ('progress', 'alert') and r.subject = d.promotion_id::text and r.state = 'posted'
                    order by r.kind desc limit 1)
             from flag_promotions.drifts d where d.promotion_id = ?::bigint and d.state = 'open'
           on conflict do nothing`,
          [promotionId],
        );
      }),

    tellTogether: (channel, promotionIds) =>
      knex.transaction(async (trx) => {
        await trx.raw('select pg_advisory_xact_lock(?)', [GROUPING]);
        for (const id of [...promotionIds].sort((a, b) => Number(BigInt(a) - BigInt(b)))) await lockPromotion(trx, id);
        const group = (await groupOf(trx, channel)) ?? (await newGroup(trx, channel));
        await trx.raw(
          `update flag_promotions.drifts d set is_told = true, told_seq = d.seq, group_id = ?::bigint
            where d.promotion_id = any(?::bigint[]) and not d.is_told`,
          [group, [...promotionIds]],
        );
        await trx.raw('update flag_promotions.messages set wanted = wanted + 1 where id = ?::bigint', [group]);
      }),

    hasGroup: async (channel) => (await groupOf(knex, channel)) !== null,

    of: (promotionId) => driftOf(knex, promotionId),

    async ofGroup(groupId) {
      const found = await knex.raw(
        `select ${PROMOTION_COLUMNS}, ${DRIFT_COLUMNS.replace('d.state', 'd.state as drift_state')}
           from flag_promotions.drifts d join {promotions} p on p.id = d.promotion_id
          where d.group_id = ?::bigint order by p.id`,
        [groupId],
      );
      const promotions = parseRows(found, promotionRow);
      const states = parseRows(
        found,
        z
          .looseObject({ drift_state: z.string() })
          .transform((row) => driftRow.parse({ ...row, state: row.drift_state })),
      );
      return states.flatMap((drift, index) => {
        const promotion = promotions[index];
        return promotion === undefined ? [] : [{ drift, promotion }];
      });
    },

    accept: (request, at) => knex.transaction((trx) => acceptWithin(trx, request, at)),
  };
}

async function groupOf(runner: Knex, channel: string): Promise<string | null> {
  const found = await runner.raw(
    `select g.id from flag_promotions.messages g where g.kind = 'drift_group' and g.subject = ? and g.state <> 'closed'
        and (g.posted_at is null or g.posted_at > ${CLOCK} - interval '1 day') order by g.ordinal desc limit 1`,
    [channel],
  );
  return parseRows(found, groupRow)[0]?.id ?? null;
}

async function newGroup(trx: Knex.Transaction, channel: string): Promise<string> {
  const made = await trx.raw(
    `insert into flag_promotions.messages (kind, subject, ordinal)
     select 'drift_group', ?, coalesce(max(g.ordinal) + 1, 0) from flag_promotions.messages g
      where g.kind = 'drift_group' and g.subject = ? returning id`,
    [channel, channel],
  );
  const id = parseRows(made, groupRow)[0]?.id;
  if (id === undefined) throw new Error('The message about several drifts was not queued.');
  return id;
}

async function recordWithin(
  trx: Knex.Transaction,
  promotion: Promotion,
  look: DriftLook,
  isFirst: boolean,
): Promise<void> {
  const stored = await driftOf(trx, promotion.id);
  const step = nextDriftStep(look, stored);
  if (step.kind === 'nothing') return;
  await requestDriftUpdates(trx, promotion.id);
  if (step.kind === 'end' || look.kind === 'holds') {
    await trx.raw(`update flag_promotions.drifts set state = 'over', is_told = true where promotion_id = ?::bigint`, [
      promotion.id,
    ]);
    return;
  }
  const { value, releaseId, change: by } = look;
  await trx.raw(
    `insert into flag_promotions.drifts as d (promotion_id, heroku_app, value, release_id, change, is_first)
     values (?::bigint, ?, ?::jsonb, ?, ?::jsonb, ?)
         on conflict (promotion_id) do update
        set state = 'open', seq = d.seq + 1, value = excluded.value, release_id = excluded.release_id, change = excluded.change,
            accepted_by = null, found_at = ${CLOCK}, is_first = false,
            is_told = d.is_told and not ?, group_id = case when ? then null else d.group_id end`,
    [
      promotion.id,
      promotion.herokuApp,
      JSON.stringify(value),
      releaseId,
      by === null ? null : JSON.stringify(by),
      isFirst,
      step.tell,
      step.tell,
    ],
  );
  await appendAuditEvent(trx, {
    at: await presentOf(trx),
    action: 'console.flag.promotion.drifted',
    actor: WATCHDOG,
    promotionId: promotion.id,
    detail: { value, release_version: by?.version ?? null, by: by?.by ?? null },
  });
}

async function acceptWithin(trx: Knex.Transaction, request: AcceptRequest, at: Date): Promise<AcceptOutcome> {
  const { promotionId, operatorId, seq } = request;
  const promotion = await lockPromotion(trx, promotionId);
  if (!isOperator(await lockOperator(trx, operatorId))) {
    await recordRefusal(trx, { at, operatorId, promotionId, attempted: 'accept_drift' }, { kind: 'not_operator' });
    return { kind: 'not_operator' };
  }
  const drift = await driftOf(trx, promotionId);
  const counts = promotion !== null && (await standsAlone(trx, promotion));
  if (drift === null || drift.state !== 'open' || !counts) return { kind: 'not_open', drift };
  if (drift.seq !== seq) return { kind: 'changed', drift };
  await requestDriftUpdates(trx, promotionId);
  const updated = await runPrepared(trx, {
    sql: `update flag_promotions.drifts set state = 'accepted', accepted_by = ?, is_told = true
           where promotion_id = ?::bigint and state = 'open' and seq = ?`,
    values: [operatorId, promotionId, seq],
  });
  if (rowCount(updated) !== 1) return { kind: 'not_open', drift };
  await appendAuditEvent(trx, {
    at,
    action: 'console.flag.promotion.drift_accepted',
    actor: operatorId,
    promotionId,
    detail: { value: drift.value, release_version: drift.change?.version ?? null },
  });
  return { kind: 'accepted', drift: { ...drift, state: 'accepted', acceptedBy: operatorId } };
}
