import * as z from 'zod';
import { isOperator } from '../operators/operator.js';
import type { CompletionRequest } from '../promotions/completion.js';
import type { Evidence } from '../promotions/evidence.js';
import type { Promotion, RowChanged } from '../promotions/promotion.js';
import { decideResolution, type ResolutionRefusal, type ResolutionRequest } from '../promotions/resolution.js';
import { requestAlertUpdate } from './alerts.js';
import { appendAuditEvent, WATCHDOG } from './audit.js';
import { lockToDecide, neverAccepted, type TypedCode } from './codes.js';
import { type CompletionOutcome, completeTogether } from './completion.js';
import { type Knex, runPrepared } from './connection.js';
import { showThatItEnded } from './ending.js';
import { CLOCK, fromNow, mayTryAgain, presentOf } from './leases.js';
import { type PromotionOverview, overviewOf } from './overview.js';
import { queueReplies } from './queueing.js';
import { lockOperator } from './operators.js';
import { recordIfRefused, recordRefusal } from './refusals.js';
import { type WrittenResolution, writeResolution } from './resolution.js';
import {
  countRow,
  ENDED_AT,
  IS_OURS,
  idRow,
  joined,
  PROMOTION_COLUMNS,
  parseRows,
  promotionRow,
  rowCount,
  STUCK,
  STUCK_CLOCK,
  storable,
} from './rows.js';

export type ResolutionOutcome = ({ readonly kind: 'resolved' } & WrittenResolution) | ResolutionRefusal | RowChanged;

export type RcaLinkOutcome =
  | { readonly kind: 'linked'; readonly promotion: Promotion; readonly previousUrl: string | null }
  | { readonly kind: 'unchanged'; readonly promotion: Promotion }
  /** Only with `onlyFirst`. */
  | { readonly kind: 'already_linked'; readonly promotion: Promotion }
  | { readonly kind: 'not_operator' }
  | { readonly kind: 'unknown_promotion' };

export interface Promotions {
  find(id: string): Promise<Promotion | null>;
  /** The same, with the database's clock. */
  findNow(id: string): Promise<{ readonly promotion: Promotion | null; readonly now: Date }>;
  overview(id: string): Promise<PromotionOverview | null>;
  /** A flag's newest promotion, in any state. */
  newestOf(flagKey: string): Promise<Promotion | null>;
  /**
   * A flag's newest promotion for each app and config var, newest first; a cancelled one only if there is no other.
   * `total`: how many such pairs there are.
   */
  ofEachApp(flagKey: string, limit: number): Promise<{ total: number; rows: readonly Promotion[] }>;
  /** The newest marked promotions, of one flag or all. */
  marked(flagKey: string | null, limit: number): Promise<readonly Promotion[]>;
  deployingOf(flagKey: string, limit: number): Promise<readonly Promotion[]>;
  /** Deploying promotions whose stuck clock started by `stuckBefore`, or that have a notice; the oldest first. */
  stuck(
    stuckBefore: Date,
    page: { offset: number; limit: number },
  ): Promise<{ total: number; rows: readonly Promotion[] }>;
  /** Deploying promotions that `stuck` leaves out, the oldest first. */
  withinTime(stuckBefore: Date, limit: number): Promise<readonly Promotion[]>;
  /** The newest first; `beforeId` continues after a page. */
  list(page: { beforeId: string | null; limit: number }): Promise<readonly Promotion[]>;
  /** The newest without an RCA, as far as the newest 500 alerts tell. */
  withoutRca(limit: number): Promise<readonly Promotion[]>;
  /** How many are deploying, and the oldest of them. */
  deploying(): Promise<{ total: number; oldest: Promotion | null }>;
  /** The last that a person resolved, the newest resolution first. */
  resolved(limit: number): Promise<readonly Promotion[]>;
  /** The promotion that ended last, as far as rows tell. */
  lastEnded(): Promise<Promotion | null>;
  /**
   * Resolves by hand in one transaction: lock, decision, state, time step, the alert's update, audit event. A refused
   * code leaves only its count and its audit event.
   */
  resolve(request: ResolutionRequest, at: Date, code: TypedCode): Promise<ResolutionOutcome>;
  /** Those that exist, in order of ids. */
  findManyNow(ids: readonly string[]): Promise<{ readonly promotions: readonly Promotion[]; readonly now: Date }>;
  /** See completeTogether. */
  completeTogether(request: CompletionRequest, at: Date, code: TypedCode): Promise<CompletionOutcome>;
  /** Which of the given promotions to ask Heroku about now, because Slack shows them; the longest waiting first. */
  dueForProof(ids: readonly string[], limit: number): Promise<readonly string[]>;
  /** Claims one, so that no replica asks again for that long; null if another has. */
  claimForProof(id: string, askAgainAfterMs: number): Promise<Promotion | null>;
  /**
   * Completes another system's promotion on Heroku's proof, without a person: one conditional UPDATE with its audit
   * event. False if no longer deploying, or a promoter's to finish.
   */
  autoComplete(promotionId: string, proof: Evidence, note: string, at: Date): Promise<boolean>;
  /** Records the address of an RCA; the audit log keeps a replaced one. `onlyFirst`: replaces none. */
  linkRca(link: {
    promotionId: string;
    url: string;
    operatorId: string;
    at: Date;
    onlyFirst?: boolean;
  }): Promise<RcaLinkOutcome>;
}

const nowRow = z.object({ now: z.date() });

/** SQL: Slack shows that the promotion `p` is stuck, in its own message or a group's. */
export const IS_TOLD = `coalesce(
  (select m.message_ts from flag_promotions.messages m where m.kind = 'alert' and m.subject = p.id::text and m.ordinal = 0),
  (select max(m.message_ts) from flag_promotions.alerts a join flag_promotions.messages m on m.id = a.group_id
    where a.promotion_id = p.id)) is not null`;
/** SQL: another system promotes `p`, not our promoter. */
const EXTERNAL = `${IS_OURS} is not true`;
const MAY_BE_PROVEN = `{p.state} = 'deploying' and ${EXTERNAL} and ${mayTryAgain('p')}`;

export function promotions(knex: Knex): Promotions {
  async function select(
    rest: string,
    values: readonly (string | number | Date | string[])[] = [],
  ): Promise<readonly Promotion[]> {
    const found = await knex.raw(`select ${PROMOTION_COLUMNS} from {promotions} p ${rest}`, [...values]);
    return parseRows(found, promotionRow);
  }
  const first = async (rest: string, values: readonly (string | number | Date)[] = []) =>
    (await select(rest, values))[0] ?? null;

  return {
    find: (id) => first('where p.id = ?::bigint', [id]),
    async findNow(id) {
      const found = await knex.raw(
        `select ${CLOCK} as now, ${PROMOTION_COLUMNS} from (values (1)) as one left join {promotions} p on p.id = ?::bigint`,
        [id],
      );
      const [at] = parseRows(found, nowRow);
      const [promotion = null] = parseRows(found, joined('id', promotionRow));
      if (at === undefined) throw new Error('The clock had no row.');
      return { promotion, now: at.now };
    },
    overview: (id) => overviewOf(knex, id),
    newestOf: (flagKey) => first('where p.flag_key = ? and p.id is not null order by p.id desc limit 1', [flagKey]),
    async ofEachApp(flagKey, limit) {
      const found = await knex.raw(
        `with newest as (
           select distinct on (p.heroku_app, p.config_var) p.id from {promotions} p where p.flag_key = ? and p.id is not null
            order by p.heroku_app, p.config_var, coalesce({p.state}, '') = 'cancelled', p.id desc)
         select ${PROMOTION_COLUMNS}, (select count(*) from newest) as n from {promotions} p
          where p.id = any(array(select n.id from newest n order by n.id desc limit ?)) order by p.id desc`,
        [flagKey, limit],
      );
      return { total: parseRows(found, countRow)[0]?.n ?? 0, rows: parseRows(found, promotionRow) };
    },
    marked: (flagKey, limit) =>
      flagKey === null
        ? select(`where {p.state} = 'marked' order by p.id desc limit ?`, [limit])
        : select(`where {p.state} = 'marked' and p.flag_key = ? order by p.id desc limit ?`, [flagKey, limit]),
    deployingOf: (flagKey, limit) =>
      select(`where {p.state} = 'deploying' and p.flag_key = ? order by p.id desc limit ?`, [flagKey, limit]),
    async stuck(stuckBefore, { offset, limit }) {
      const condition = `where ${STUCK}`;
      const counted = await knex.raw(`select count(*) as n from {promotions} p ${condition}`, [stuckBefore]);
      const rows = await select(`${condition} order by ${STUCK_CLOCK}, p.id offset ? limit ?`, [
        stuckBefore,
        offset,
        limit,
      ]);
      return { total: parseRows(counted, countRow)[0]?.n ?? 0, rows };
    },
    withinTime: (stuckBefore, limit) =>
      select(`where {p.state} = 'deploying' and not (${STUCK}) order by ${STUCK_CLOCK}, p.id limit ?`, [
        stuckBefore,
        limit,
      ]),
    list: ({ beforeId, limit }) =>
      beforeId === null
        ? select('where p.id is not null order by p.id desc limit ?', [limit])
        : select('where p.id < ?::bigint order by p.id desc limit ?', [beforeId, limit]),
    // Through the alerts, which are few: without an alert no RCA is owed.
    withoutRca: (limit) =>
      select(
        `where p.rca_url is null and p.id in (select promotion_id from flag_promotions.alerts order by id desc limit 500)
         order by p.id desc limit ?`,
        [limit],
      ),
    async deploying() {
      const counted = await knex.raw(`select count(*) as n from {promotions} p where {p.state} = 'deploying'`);
      const oldest = await first(`where {p.state} = 'deploying' order by ${STUCK_CLOCK}, p.id limit 1`);
      return { total: parseRows(counted, countRow)[0]?.n ?? 0, oldest };
    },
    resolved: (limit) =>
      select(
        `join (
           select a.promotion_id, a.id from flag_promotions.audit_log a
            where a.action in ('console.flag.promotion.ops_complete', 'console.flag.promotion.ops_failed')
            order by a.id desc limit ?) newest on newest.promotion_id = p.id
         order by newest.id desc`,
        [limit],
      ),
    lastEnded: () =>
      first(`where {p.state} in ('deployed', 'failed') order by ${ENDED_AT} desc nulls last, p.id desc limit 1`),

    async resolve(asked, at, code) {
      const request = { ...asked, note: asked.note === null ? null : storable(asked.note) };
      return knex.transaction(async (trx) => {
        const { promotion: held, person } = await lockToDecide(trx, request.promotionId, request.operatorId, code);
        const decision = decideResolution(request, { promotion: held, operator: person?.operator ?? null }, () =>
          person === null ? neverAccepted() : code.check(person.authenticator),
        );
        if (decision.kind === 'resolve') {
          return { kind: 'resolved', ...(await writeResolution(trx, request, at, decision)) };
        }
        await recordIfRefused(trx, { ...asked, attempted: asked.action, at }, held, decision);
        return decision;
      });
    },

    async findManyNow(ids) {
      const promotions = await select('where p.id = any(?::bigint[]) order by p.id', [[...ids]]);
      return { promotions, now: await presentOf(knex) };
    },

    completeTogether: (request, at, code) => completeTogether(knex, request, at, code),

    async dueForProof(ids, limit) {
      const found = await knex.raw(
        `select p.id::bigint from {promotions} p where p.id = any(?::bigint[]) and ${MAY_BE_PROVEN} and ${IS_TOLD}
          order by p.next_attempt_at nulls first, p.id limit ?`,
        [[...ids], limit],
      );
      return parseRows(found, idRow).map(({ id }) => id);
    },

    async claimForProof(id, askAgainAfterMs) {
      // Not `updated_at`: nothing about the promotion changed.
      const claimed = await knex.raw(
        `update {promotions} p set next_attempt_at = ${fromNow()} where p.id = ?::bigint and ${MAY_BE_PROVEN}
          returning ${PROMOTION_COLUMNS}`,
        [askAgainAfterMs, id],
      );
      return parseRows(claimed, promotionRow)[0] ?? null;
    },

    async autoComplete(promotionId, proof, note, at) {
      return knex.transaction(async (trx) => {
        const updated = await trx.raw(
          `update {promotions} p
              set state = {'deployed'}, deployed_at = ?::timestamptz, resolution_note = ?, updated_at = now()
            where p.id = ? and {p.state} = 'deploying' and ${EXTERNAL}`,
          [at, note, promotionId],
        );
        if (rowCount(updated) !== 1) return false;
        await showThatItEnded(trx, promotionId);
        await appendAuditEvent(trx, {
          at,
          action: 'console.flag.promotion.recovered',
          actor: WATCHDOG,
          promotionId,
          detail: { from: 'deploying', to: 'deployed', evidence: proof },
        });
        return true;
      });
    },

    async linkRca({ promotionId, url, operatorId, at, onlyFirst = false }) {
      return knex.transaction(async (trx) => {
        const promotion = await lockPromotion(trx, promotionId);
        if (!isOperator(await lockOperator(trx, operatorId))) {
          const asked = { at, operatorId, promotionId: promotion?.id ?? null, attempted: 'rca_linked' };
          await recordRefusal(trx, asked, { kind: 'not_operator' });
          return { kind: 'not_operator' };
        }
        if (promotion === null) return { kind: 'unknown_promotion' };
        if (promotion.rcaUrl === url) return { kind: 'unchanged', promotion };
        if (onlyFirst && promotion.rcaUrl !== null) return { kind: 'already_linked', promotion };
        await requestAlertUpdate(trx, promotionId);
        await writeRcaUrl(trx, promotion, url, operatorId, at);
        return { kind: 'linked', promotion: { ...promotion, rcaUrl: url }, previousUrl: promotion.rcaUrl };
      });
    },
  };
}

export async function lockPromotion(trx: Knex.Transaction, id: string): Promise<Promotion | null> {
  const found = await runPrepared(trx, {
    sql: `select ${PROMOTION_COLUMNS} from {promotions} p where p.id = ?::bigint for update`,
    values: [id],
  });
  return parseRows(found, promotionRow)[0] ?? null;
}

async function writeRcaUrl(
  trx: Knex.Transaction,
  promotion: Promotion,
  url: string,
  operatorId: string,
  at: Date,
): Promise<void> {
  const updated = await trx.raw(
    // Not `updated_at`: for a row that another system ended, it is the only record of when.
    `update {promotions} set rca_url = ? where id = ? and rca_url is not distinct from ?`,
    [url, promotion.id, promotion.rcaUrl],
  );
  if (rowCount(updated) !== 1) throw new Error('The RCA of a promotion changed while the row was locked.');
  const eventId = await appendAuditEvent(trx, {
    at,
    action: 'console.flag.promotion.rca_linked',
    actor: operatorId,
    promotionId: promotion.id,
    detail: { url, previous_url: promotion.rcaUrl },
  });
  await queueReplies(trx, [promotion.id], 'rca_linked', { ordinal: eventId });
}
