import * as z from 'zod';
import { inTurns } from './in-turns.js';
import { type Evidence, verdictOf } from '../promotions/evidence.js';
import { type RefreshedPromotion, subjectOfEvidence } from '../promotions/evidence-refresh.js';
import type { Promotion } from '../promotions/promotion.js';
import type { Severity } from '../promotions/stuck.js';
import { appendAuditEvents, WATCHDOG } from './audit.js';
import type { Knex } from './connection.js';
import { evidenceState } from './evidence-state.js';
import { CLOCK, isReached, presentOf } from './leases.js';
import { queueReplies, requestUpdates, WITH_BUTTONS } from './queueing.js';
import { idColumn, PROMOTION_COLUMNS, parseManyRows, parseRows, promotionRow } from './rows.js';

/** With due evidence; the promotions are all that have stored evidence. */
interface DueEvidence {
  readonly herokuApp: string;
  readonly promotionIds: readonly string[];
}

export interface NewEvidence {
  readonly promotion: Promotion;
  readonly evidence: Evidence;
  /** When to ask Heroku again, in milliseconds; null: as the claim set it. */
  readonly againAfterMs: number | null;
}

/** Heroku's last answers about the promotions of open alerts. */
export interface EvidenceRecords {
  /** By promotion id, only evidence about the row as it is now. */
  of(promotions: readonly Promotion[]): Promise<ReadonlyMap<string, Evidence>>;
  /** By app: open criticals first, then the longest waiting. None before an alert's first post stored its evidence. */
  due(): Promise<readonly DueEvidence[]>;
  /**
   * Claims an app's question: none of its alerts is due again for `everyMs`, so one replica asks once for all. Empty if
   * another replica has it.
   */
  claim(
    promotionIds: readonly string[],
    everyMs: Readonly<Record<Severity, number>>,
  ): Promise<readonly RefreshedPromotion[]>;
  /**
   * Stores the answers. `announce`: updates the messages. A changed verdict is recorded, and told in an individual
   * alert's thread.
   */
  store(found: readonly NewEvidence[], options: { readonly announce: boolean }): Promise<void>;
  /** Asks Heroku nothing for a while. */
  postpone(waitMs: number): Promise<void>;
}

const storedRow = z.object({
  promotion_id: idColumn,
  evidence: evidenceState.nullable(),
  evidence_of: z.string().nullable(),
});
const dueRow = z
  .object({ heroku_app: z.string(), promotion_ids: z.array(idColumn) })
  .transform((row): DueEvidence => ({ herokuApp: row.heroku_app, promotionIds: row.promotion_ids }));
const claimableRow = storedRow.extend({ is_due: z.boolean(), is_grouped: z.boolean(), is_critical: z.boolean() });
const writtenRow = z.object({
  promotion_id: idColumn,
  before: z.string().nullable(),
  after: z.string().nullable(),
  is_grouped: z.boolean(),
});

export function evidenceRecords(knex: Knex): EvidenceRecords {
  return {
    async of(promotions) {
      const found = await knex.raw(
        `select distinct on (a.promotion_id) a.promotion_id, a.evidence, a.evidence_of from flag_promotions.alerts a
          where a.promotion_id = any(?::bigint[]) and a.closed_at is null and a.evidence is not null
          order by a.promotion_id, a.evidence_checked_at desc`,
        [promotions.map(({ id }) => id)],
      );
      return aboutTheRows(promotions, await parseManyRows(found, storedRow));
    },

    async due() {
      const found = await knex.raw(
        `select heroku_app, array_agg(distinct promotion_id) as promotion_ids from (
           select (select p.heroku_app::text from {promotions} p
                    where p.id = a.promotion_id and {p.state} = 'deploying') as heroku_app, a.promotion_id, a.evidence_due_at, a.severity
             from flag_promotions.alerts a where a.closed_at is null and a.evidence_due_at is not null) open
          where heroku_app is not null group by heroku_app
         having ${isReached('min(evidence_due_at)')} order by bool_or(severity = 'critical') desc, min(evidence_due_at), heroku_app`,
      );
      return parseRows(found, dueRow);
    },

    async claim(promotionIds, everyMs) {
      const claimed = await knex.transaction(async (trx) => {
        // Whoever waited here for another replica sees its write: nothing is due any more.
        const held = await trx.raw(
          `select a.promotion_id, a.evidence, a.evidence_of, a.group_id is not null as is_grouped,
                  a.severity = 'critical' as is_critical, ${isReached('a.evidence_due_at')} as is_due
             from flag_promotions.alerts a
            where a.promotion_id = any(?::bigint[]) and a.closed_at is null and a.evidence_due_at is not null
            order by a.id for no key update`,
          [[...promotionIds]],
        );
        const rows = await parseManyRows(held, claimableRow);
        if (!rows.some((row) => row.is_due)) return [];
        await trx.raw(
          `update flag_promotions.alerts a
              set evidence_due_at = ${CLOCK} + interval '1 millisecond' * case when exists (
                select 1 from flag_promotions.alerts c
                 where c.promotion_id = a.promotion_id and c.severity = 'critical' and c.closed_at is null)
                then ?::double precision else ?::double precision end
            where a.promotion_id = any(?::bigint[]) and a.closed_at is null and a.evidence_due_at is not null`,
          [everyMs.critical, everyMs.warning, [...promotionIds]],
        );
        return rows;
      });
      if (claimed.length === 0) return [];
      const found = await knex.raw(
        `select ${PROMOTION_COLUMNS} from {promotions} p where p.id = any(?::bigint[]) and {p.state} = 'deploying'
          order by p.id`,
        [[...new Set(claimed.map((row) => row.promotion_id))]],
      );
      const promotions = await parseManyRows(found, promotionRow);
      const stored = await aboutTheRows(promotions, claimed);
      const grouped = new Set(claimed.filter((row) => row.is_grouped).map((row) => row.promotion_id));
      const critical = new Set(claimed.filter((row) => row.is_critical).map((row) => row.promotion_id));
      return promotions.map((promotion) => ({
        promotion,
        stored: stored.get(promotion.id) ?? null,
        isGrouped: grouped.has(promotion.id),
        isCritical: critical.has(promotion.id),
      }));
    },

    async store(found, { announce }) {
      for (let from = 0; from < found.length; from += STORED_AT_ONCE) {
        const some = found.slice(from, from + STORED_AT_ONCE);
        await knex.transaction((trx) => storeWithin(trx, some, announce));
      }
    },

    async postpone(waitMs) {
      await knex.raw(
        `with held as (
           select a.id from flag_promotions.alerts a where a.closed_at is null and a.evidence_due_at is not null
            order by a.id for no key update)
         update flag_promotions.alerts a
            set evidence_due_at = greatest(a.evidence_due_at, ${CLOCK} + ?::double precision * interval '1 millisecond')
           from held where a.id = held.id`,
        [waitMs],
      );
    },
  };
}

/** Large enough that thousands are soon stored, small enough to delay neither this process nor a resolution. */
const STORED_AT_ONCE = 200;

async function storeWithin(trx: Knex.Transaction, found: readonly NewEvidence[], announce: boolean): Promise<void> {
  const ids = found.map(({ promotion }) => promotion.id);
  // Lock order: messages before alerts.
  if (announce) await requestUpdates(trx, ids, WITH_BUTTONS);
  const changed = await writeEvidence(trx, found);
  if (changed.length === 0) return;
  const at = await presentOf(trx);
  const events = await appendAuditEvents(
    trx,
    changed.map(({ promotionId, from, to, evidence }) => ({
      at,
      action: 'console.flag.promotion.verdict_changed' as const,
      actor: WATCHDOG,
      promotionId,
      detail: { from, to, evidence },
    })),
  );
  for (const [index, { promotionId, isGrouped }] of changed.entries()) {
    // Hundreds may change at once; their group counts them.
    if (!isGrouped)
      await queueReplies(trx, [promotionId], 'verdict_changed', {
        ordinal: events[index] ?? '0',
        goesWithRoot: true,
      });
  }
}

/** Stored evidence, without what the console's changes made untrue. */
async function aboutTheRows(
  promotions: readonly Promotion[],
  rows: readonly z.output<typeof storedRow>[],
): Promise<ReadonlyMap<string, Evidence>> {
  const byId = new Map(promotions.map((promotion) => [promotion.id, promotion]));
  const found = new Map<string, Evidence>();
  await inTurns(rows, ({ promotion_id: id, evidence, evidence_of: subject }) => {
    const promotion = byId.get(id);
    if (promotion === undefined || evidence === null) return;
    if (subject === subjectOfEvidence(promotion)) found.set(id, evidence);
  });
  return found;
}

interface ChangedVerdict {
  readonly promotionId: string;
  readonly from: string;
  readonly to: string;
  readonly evidence: Evidence;
  readonly isGrouped: boolean;
}

/** Writes evidence to the open alerts; answers where people were told another verdict. Unknown counts as none. */
async function writeEvidence(trx: Knex.Transaction, found: readonly NewEvidence[]): Promise<readonly ChangedVerdict[]> {
  const written = await trx.raw(
    `with found as (
       select * from unnest(?::bigint[], ?::text[], ?::text[], ?::text[], ?::double precision[], ?::text[], ?::text[])
         as f (promotion_id, evidence, evidence_of, verdict, again_ms, flag_key, heroku_app)),
     held as (
       select a.id, a.told_verdict from flag_promotions.alerts a
        where a.promotion_id = any(?::bigint[]) and a.closed_at is null order by a.id for no key update)
     update flag_promotions.alerts a
        set evidence = f.evidence::jsonb, evidence_of = f.evidence_of, evidence_checked_at = ${CLOCK},
            told_verdict = coalesce(nullif(f.verdict, 'unknown'), a.told_verdict),
            flag_key = f.flag_key, heroku_app = f.heroku_app,
            evidence_due_at = case when f.again_ms < 0 then a.evidence_due_at
                                   else ${CLOCK} + f.again_ms * interval '1 millisecond' end
       from found f, held
      where a.id = held.id and a.promotion_id = f.promotion_id
     returning a.promotion_id, held.told_verdict as before, a.told_verdict as after, a.group_id is not null as is_grouped`,
    [
      found.map(({ promotion }) => promotion.id),
      found.map(({ evidence }) => JSON.stringify(evidence)),
      found.map(({ promotion }) => subjectOfEvidence(promotion)),
      found.map(({ evidence }) => verdictOf(evidence)),
      found.map(({ againAfterMs }) => againAfterMs ?? -1),
      found.map(({ promotion }) => promotion.flagKey),
      found.map(({ promotion }) => promotion.herokuApp),
      found.map(({ promotion }) => promotion.id),
    ],
  );
  const rows = parseRows(written, writtenRow);
  return found.flatMap(({ promotion: { id }, evidence }): ChangedVerdict[] => {
    const own = rows.filter((row) => row.promotion_id === id);
    const changed = own.find(({ before, after }) => before !== null && before !== after);
    if (changed === undefined || changed.before === null || changed.after === null) return [];
    const isGrouped = own.some((row) => row.is_grouped);
    return [{ promotionId: id, from: changed.before, to: changed.after, evidence, isGrouped }];
  });
}
