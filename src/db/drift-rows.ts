import * as z from 'zod';
import type { Drift } from '../promotions/drift.js';
import type { Knex } from './connection.js';
import { idColumn, parseRows } from './rows.js';

const presentable = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('unset') }),
  z.object({ kind: z.literal('plain'), value: z.string() }),
  z.object({ kind: z.literal('masked') }),
]);
const change = z.object({ version: z.number(), by: z.string(), at: z.coerce.date() });
export const driftRow = z
  .object({
    promotion_id: idColumn,
    state: z.enum(['open', 'accepted', 'over']),
    seq: z.number(),
    told_seq: z.number().nullable(),
    value: presentable,
    change: change.nullable(),
    accepted_by: z.string().nullable(),
  })
  .transform(
    (row): Drift => ({
      promotionId: row.promotion_id,
      state: row.state,
      seq: row.seq,
      toldSeq: row.told_seq,
      value: row.value,
      change: row.change,
      acceptedBy: row.accepted_by,
    }),
  );
/** A drift's select list, under the alias `d`. */
export const DRIFT_COLUMNS = 'd.promotion_id, d.state, d.seq, d.told_seq, d.value, d.change, d.accepted_by';

export async function driftOf(runner: Knex, promotionId: string): Promise<Drift | null> {
  const found = await runner.raw(
    `select ${DRIFT_COLUMNS} from flag_promotions.drifts d where d.promotion_id = ?::bigint`,
    [promotionId],
  );
  return parseRows(found, driftRow)[0] ?? null;
}

/** Of its own message, and of the group that includes it. */
export async function requestDriftUpdates(trx: Knex, promotionId: string): Promise<void> {
  await trx.raw(
    `with held as (
       select m.id from flag_promotions.messages m
        where m.id = any(array(
          select t.id from flag_promotions.messages t where t.promotion_id = ?::bigint and t.kind = 'drifted'
           union all
          select d.group_id from flag_promotions.drifts d where d.promotion_id = ?::bigint))
        order by m.id for no key update)
     update flag_promotions.messages m set wanted = m.wanted + 1 from held where m.id = held.id`,
    [promotionId, promotionId],
  );
}
