import { INTENT } from '../promotions/promoting.js';
import type { Promotion } from '../promotions/promotion.js';
import { setBackOf } from '../promotions/set-back.js';
import { targetOf } from './audit.js';
import type { Knex } from './connection.js';
import { makeDue } from './due.js';
import { acceptedRelease } from './progress.js';
import { PROMOTION_COLUMNS } from './rows.js';

/**
 * Inside the transaction that resolved a promotion as failed: a promotion of its own, back to what was there before, under
 * way as it commits. `authorised`: the code that resolved the first one showed this too. Null where nobody knows what
 * was there, or it was there before: nothing was written.
 */
export async function promoteBack(
  trx: Knex.Transaction,
  failed: Promotion,
  authorised: { readonly operatorId: string; readonly at: Date },
): Promise<Promotion | null> {
  const setBack = setBackOf(failed, await acceptedRelease(trx, failed.id));
  if (setBack.kind !== 'known') return null;
  const { operatorId, at } = authorised;
  const back = await makeDue(trx, {
    change: {
      sql: `insert into {promotions} as p
              (flag_key, heroku_app, config_var, target_value, target_unset, state, checkpoint, marked_by, marked_at, promoted_by, promoted_at)
            values (?, ?, ?, ?, ?, {'deploying'}, ?, ?, ?::timestamptz, ?, ?::timestamptz) returning ${PROMOTION_COLUMNS}`,
      values: [
        failed.flagKey,
        failed.herokuApp,
        failed.configVar,
        setBack.value ?? '',
        setBack.value === null,
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
        detail: {
          from: null,
          to: 'deploying',
          ...targetOf({ ...failed, targetValue: setBack.value }),
          sets_back: failed.id,
        },
      },
    ],
  });
  if (back === null) throw new Error('The promotion that sets the value back was not inserted.');
  return back;
}
