import type { Promotion } from '../promotions/promotion.js';
import { setBackOf } from '../promotions/set-back.js';
import type { Knex } from './connection.js';
import { startFrom } from './follow-ups.js';
import { acceptedRelease } from './progress.js';

/**
 * Inside the transaction that resolved a promotion as failed: starts one back to the value before, under way on commit,
 * authorised by the same code. Null, nothing written, if that value is unknown or the same.
 */
export async function promoteBack(
  trx: Knex.Transaction,
  failed: Promotion,
  authorised: { readonly operatorId: string; readonly at: Date },
): Promise<Promotion | null> {
  const setBack = setBackOf(failed, await acceptedRelease(trx, failed.id));
  if (setBack.kind !== 'known') return null;
  const back = await startFrom(trx, failed, setBack.value, { ...authorised, detail: { sets_back: failed.id } });
  if (back === null) throw new Error('The promotion that reverts it was not inserted.');
  return back;
}
