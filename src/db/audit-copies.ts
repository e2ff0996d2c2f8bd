import * as z from 'zod';
import type { Knex } from './connection.js';
import { parseRows } from './rows.js';
import { anyId } from './stored-audit.js';

/** Events that were written twice, by id. */
export interface Copies {
  /** It has the same UUID as an earlier one. */
  isLater(id: string): boolean;
  /** It has the same UUID as another one. */
  isDoubled(id: string): boolean;
}

const indexRow = z.object({ holds: z.boolean() });
const copyRow = z.object({ id: anyId, is_later: z.boolean() });
/** Named in full, more would help nobody. */
const MOST = 1_000;

/**
 * While the unique index stands, there are none: then this costs one look. Its owner may have dropped it; then one pass
 * over the log finds them, however long that takes. Call it inside a transaction.
 */
export async function findCopies(trx: Knex): Promise<Copies> {
  const index = await trx.raw(
    `select exists (select from pg_index i
       where i.indexrelid = to_regclass('flag_promotions.audit_log_event')
         and i.indrelid = to_regclass('flag_promotions.audit_log') and i.indisunique and i.indisvalid) as holds`,
  );
  const later = new Map<string, boolean>();
  if (parseRows(index, indexRow)[0]?.holds !== true) {
    await trx.raw('set local statement_timeout = 0');
    const found = await trx.raw(
      `with doubled as (
         select event, min(id) as first from flag_promotions.audit_log where event is not null
          group by event having count(*) > 1)
       select e.id, e.id > d.first as is_later from doubled d join flag_promotions.audit_log e on e.event = d.event
        order by e.id limit ?`,
      [MOST],
    );
    for (const { id, is_later } of parseRows(found, copyRow)) later.set(id, is_later);
  }
  return { isLater: (id) => later.get(id) === true, isDoubled: (id) => later.has(id) };
}
