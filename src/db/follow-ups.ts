import { configVarOf } from './console/columns.js';
import * as z from 'zod';
import {
  decideFollowUp,
  type FollowUp,
  type FollowUpDecision,
  type FollowUpRefusal,
  type FollowUpRequest,
  type Standing,
} from '../promotions/follow-up.js';
import type { AuditAction } from '../promotions/audit-actions.js';
import { isRevertible, type Since } from '../promotions/progress.js';
import { INTENT } from '../promotions/promoting.js';
import type { Promotion, RowChanged } from '../promotions/promotion.js';
import { setBackOf } from '../promotions/set-back.js';
import { appendAuditEvents } from './audit.js';
import { authorisedTarget } from './authorised.js';
import { IS_SPENT, lockToDecide, neverAccepted, recoveryCodeEvents, spending, type TypedCode } from './codes.js';
import type { Knex } from './connection.js';
import { baseOf } from './console/indexes.js';
import { makeDue } from './due.js';
import { takenBy } from './errors.js';
import type { Part } from './parts.js';
import { acceptedRelease } from './progress.js';
import { requestUpdates } from './queueing.js';
import { recordIfRefused } from './refusals.js';
import { idRow, PROMOTION_COLUMNS, parseRows, promotionRow, STATE, stateRow } from './rows.js';

export type FollowUpOutcome =
  /** `started` is under way on commit; `from` is the promotion it follows. */
  { readonly kind: 'started'; readonly started: Promotion; readonly from: Promotion } | FollowUpRefusal | RowChanged;

/** Promotions that follow a deployed one: reverts, and setting a value again. */
export interface FollowUps {
  /** With the others of its app and config var. */
  standing(promotionId: string): Promise<Standing | null>;
  /** A flag's newest deployed promotion for each app and config var, newest first, among recent ones. */
  deployedOf(flagKey: string, limit: number): Promise<readonly Promotion[]>;
  /**
   * Starts a follow-up in one transaction: locks, decision, time step, the new promotion under way, both audit events.
   * Promoters are notified on commit.
   */
  start(request: FollowUpRequest, at: Date, code: TypedCode): Promise<FollowUpOutcome>;
}

const DONE: Readonly<Record<FollowUp, AuditAction>> = {
  revert: 'console.flag.promotion.reverted',
  set_again: 'console.flag.promotion.set_again',
};

/** SQL: same app and config var (two parameters), spelled as in the index of deployed ones. */
const SAME_VARIABLE = `p.heroku_app = ? and ${configVarOf('p')} = ?`;
/** How many are searched for one of each app. */
const LOOKED_THROUGH = 1_000;

const besideRow = promotionRow.and(z.object({ is_newest: z.boolean() }));
const followedRow = z.object({
  action: z.string(),
  actor: z.string(),
  detail: z
    .object({ by: z.string().regex(/^-?\d{1,18}$/u), reverts: z.string(), sets_back: z.string() })
    .partial()
    .catch({}),
});

export function followUps(knex: Knex): FollowUps {
  return {
    standing: (promotionId) => readStanding(knex, promotionId),

    async deployedOf(flagKey, limit) {
      const found = await knex.raw(
        `select * from (
           select distinct on (d.heroku_app, d.config_var) d.* from (
             select ${PROMOTION_COLUMNS} from {promotions} p
              where p.flag_key = ? and {p.state} = 'deployed' order by p.id desc limit ${LOOKED_THROUGH}) d
            order by d.heroku_app, d.config_var, d.id desc) newest
          order by newest.id desc limit ?`,
        [flagKey, limit],
      );
      return parseRows(found, promotionRow);
    },

    async start(request, at, code) {
      try {
        return await knex.transaction((trx) => startWithin(trx, request, at, code));
      } catch (error) {
        if (error instanceof Overtaken || (await wasOvertaken(knex, request, error))) return { kind: 'row_changed' };
        throw error;
      }
    },
  };
}

async function readStanding(knex: Knex, promotionId: string): Promise<Standing | null> {
  const found = await knex.raw(`select ${PROMOTION_COLUMNS} from {promotions} p where p.id = ?::bigint`, [promotionId]);
  const [promotion] = parseRows(found, promotionRow);
  return promotion === undefined ? null : standingOf(knex, promotion);
}

/** Looks again, because the console's own unique index may have refused, and PostgreSQL names only one. */
async function wasOvertaken(knex: Knex, { promotionId }: FollowUpRequest, error: unknown): Promise<boolean> {
  const taken = takenBy(error);
  if (taken === null) return false;
  if (baseOf(taken) === 'one_active') return true;
  const standing = await readStanding(knex, promotionId);
  return standing === null || standing.active !== null || standing.newest?.id !== promotionId;
}

/** Another promotion of the same config var was faster: roll back, the code included. */
class Overtaken extends Error {}

async function startWithin(
  trx: Knex.Transaction,
  request: FollowUpRequest,
  at: Date,
  code: TypedCode,
): Promise<FollowUpOutcome> {
  const { promotion: held, person } = await lockToDecide(trx, request.promotionId, request.operatorId, code);
  const standing = held === null ? null : await standingOf(trx, held);
  const decision = decideFollowUp(request, { standing, operator: person?.operator ?? null }, () =>
    person === null ? neverAccepted() : code.check(person.authenticator),
  );
  if (decision.kind === 'do') return write(trx, request, at, decision);
  await recordIfRefused(trx, { ...request, at, attempted: request.followUp }, held, decision);
  return decision;
}

async function write(
  trx: Knex.Transaction,
  request: FollowUpRequest,
  at: Date,
  { promotion: from, value, check }: Extract<FollowUpDecision, { kind: 'do' }>,
): Promise<FollowUpOutcome> {
  const { operatorId, followUp, shown, reread } = request;
  // Its message loses the button.
  await requestUpdates(trx, [from.id], ['progress', 'crashed', 'drifted']);
  await requestGroupUpdate(trx, from.id);
  const started = await startFrom(trx, from, value, {
    operatorId,
    at,
    before: spending(operatorId, check),
    detail: {
      [followUp === 'revert' ? 'reverts' : 'sets_again']: from.id,
      evidence_shown: shown,
      evidence_reread: reread,
    },
  });
  if (started === null) throw new Overtaken();
  await appendAuditEvents(trx, [
    { at, action: DONE[followUp], actor: operatorId, promotionId: from.id, detail: { by: started.id } },
    ...recoveryCodeEvents({ operatorId, at, promotionId: started.id, for: followUp }, check),
  ]);
  // With the new row in place no other can become active, so any deployed before is visible now.
  const newest = await newestDeployed(trx, from);
  if (newest !== from.id) throw new Overtaken();
  return { kind: 'started', started, from };
}

/** The same for a group of drifts that includes this one. */
async function requestGroupUpdate(trx: Knex.Transaction, promotionId: string): Promise<void> {
  await trx.raw(
    `update flag_promotions.messages m set wanted = m.wanted + 1
      where m.id = (select d.group_id from flag_promotions.drifts d where d.promotion_id = ?::bigint)`,
    [promotionId],
  );
}

/**
 * Under way on commit; null if the code was used meanwhile.
 * @throws if another is active: see takenBy
 */
export async function startFrom(
  trx: Knex.Transaction,
  from: Promotion,
  value: string | null,
  by: {
    readonly operatorId: string;
    readonly at: Date;
    /** Parts that use the code up, if it wasn't yet. */
    readonly before?: readonly Part[];
    readonly detail: Readonly<Record<string, unknown>>;
  },
): Promise<Promotion | null> {
  const { operatorId, at, before, detail } = by;
  return makeDue(trx, {
    promotionId: null,
    ...(before === undefined ? {} : { before }),
    change: {
      sql: `insert into {promotions} as p
              (flag_key, heroku_app, config_var, target_value, target_unset, state, checkpoint, marked_by, marked_at, promoted_by, promoted_at)
            select ?, ?, ?, ?, ?::boolean, {'deploying'}, ?, ?, ?::timestamptz, ?, ?::timestamptz
             where ${before === undefined ? 'true' : IS_SPENT}
            returning ${PROMOTION_COLUMNS}`,
      values: [
        from.flagKey,
        from.herokuApp,
        from.configVar,
        value ?? '',
        value === null,
        INTENT,
        operatorId,
        at,
        operatorId,
        at,
      ],
    },
    events: [
      {
        at,
        action: 'console.flag.promotion.promoted',
        actor: operatorId,
        detail: { from: null, to: 'deploying', ...authorisedTarget(trx, { ...from, targetValue: value }), ...detail },
      },
    ],
  });
}

async function standingOf(runner: Knex, promotion: Promotion): Promise<Standing> {
  const events = parseRows(
    await runner.raw(
      `select a.action, a.actor, a.detail from flag_promotions.audit_log a
        where a.promotion_id = ? and a.action = any(?::text[]) order by a.id`,
      [promotion.id, [...Object.values(DONE), 'console.flag.promotion.promoted']],
    ),
    followedRow,
  );
  const followed = await followUpOf(runner, events);
  const begun = events.find(({ action }) => action === 'console.flag.promotion.promoted');
  return {
    promotion,
    ...(await beside(runner, promotion)),
    setBack: setBackOf(promotion, await acceptedRelease(runner, promotion.id)),
    followedBy: followed,
    reverts: begun?.detail.reverts ?? begun?.detail.sets_back ?? null,
  };
}

/** The last one; null if there is none, or it failed and so changed nothing. */
async function followUpOf(runner: Knex, events: readonly z.output<typeof followedRow>[]): Promise<Since['followedBy']> {
  const followed = events.findLast(({ detail }) => detail.by !== undefined);
  if (followed?.detail.by === undefined) return null;
  const { by } = followed.detail;
  const found = await runner.raw(`select ${STATE} from {promotions} p where p.id = ?::bigint`, [by]);
  const [row] = parseRows(found, stateRow);
  if (row?.state === 'failed' || row?.state === 'cancelled') return null;
  return {
    followUp: followed.action === DONE.revert ? 'revert' : 'set_again',
    promotionId: by,
    operatorId: followed.actor,
  };
}

/** A config var's newest deployed promotion, and the one marked or under way. */
async function beside(runner: Knex, { herokuApp, configVar }: Promotion): Promise<Pick<Standing, 'newest' | 'active'>> {
  const found = await runner.raw(
    `(select ${PROMOTION_COLUMNS}, true as is_newest from {promotions} p
       where ${SAME_VARIABLE} and {p.state} = 'deployed' order by p.id desc limit 1)
     union all
     (select ${PROMOTION_COLUMNS}, false from {promotions} p
       where ${SAME_VARIABLE} and {p.state} in ('marked', 'deploying') limit 1)`,
    [herokuApp, configVar, herokuApp, configVar],
  );
  const rows = parseRows(found, besideRow);
  return { newest: rows.find((row) => row.is_newest) ?? null, active: rows.find((row) => !row.is_newest) ?? null };
}

/** See isRevertible. */
export async function standsAlone(runner: Knex, promotion: Promotion): Promise<boolean> {
  return isRevertible({ promotion, since: { ...(await beside(runner, promotion)), followedBy: null } });
}

async function newestDeployed(runner: Knex, { herokuApp, configVar }: Promotion): Promise<string | null> {
  const found = await runner.raw(
    `select p.id::bigint from {promotions} p where ${SAME_VARIABLE} and {p.state} = 'deployed' order by p.id desc limit 1`,
    [herokuApp, configVar],
  );
  return parseRows(found, idRow)[0]?.id ?? null;
}
