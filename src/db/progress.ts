import * as z from 'zod';
import type { AcceptedRelease } from '../promotions/progress.js';
import type { Knex } from './connection.js';
import { CLOCK } from './leases.js';
import { parseRows } from './rows.js';

/* What only the progress message shows: the Heroku release of a change, and drift. */

const acceptedRow = z
  .object({
    at: z.date(),
    detail: z.object({ release_version: z.number().int(), release_created_at: z.coerce.date() }).partial().catch({}),
  })
  .transform(
    ({ at, detail }): AcceptedRelease => ({
      at,
      version: detail.release_version ?? null,
      createdAt: detail.release_created_at ?? null,
    }),
  );

/** The Heroku release with a promotion's change, from the audit log. */
export async function acceptedRelease(knex: Knex, promotionId: string): Promise<AcceptedRelease | null> {
  const found = await knex.raw(
    `select at, detail from flag_promotions.audit_log
      where promotion_id = ? and action = 'console.flag.promotion.heroku_patched' order by id desc limit 1`,
    [promotionId],
  );
  return parseRows(found, acceptedRow)[0] ?? null;
}

/** Inside the transaction of a look that found another value: queues a message even if there was none. */
export async function noteDrift(trx: Knex.Transaction, promotionId: string): Promise<void> {
  await trx.raw(
    `insert into flag_promotions.messages as m (kind, subject, promotion_id, detail)
     select 'progress', p.id::text, p.id,
            jsonb_build_object('flag_key', p.flag_key, 'heroku_app', p.heroku_app, 'drift_noticed_at', ${CLOCK})
       from {promotions} p where p.id = ?
      on conflict (kind, subject, ordinal) do update set detail = m.detail || excluded.detail, wanted = m.wanted + 1
      where m.detail ->> 'drift_noticed_at' is null`,
    [promotionId],
  );
}
