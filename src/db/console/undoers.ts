import * as z from 'zod';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { ConsoleTableError } from './refusal.js';

const ownerRow = z.object({ owner: z.string(), may: z.boolean() });

/**
 * Before anything is undone: only a table's owner can. `oids`: the tables outside the app's own schema that lose
 * something.
 * @throws ConsoleTableError if the asking role lacks the rights of an owner
 */
export async function refuseOthersTables(ask: Ask, oids: readonly string[] = []): Promise<void> {
  const found = await ask(
    `select distinct quote_ident(pg_get_userbyid(c.relowner)) as owner, pg_has_role(c.relowner, 'USAGE') as may
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and (n.nspname = 'flag_promotions' or c.oid = any($1::oid[]))
      order by 1`,
    [[...oids]],
  );
  const rows = parseRows(found, ownerRow);
  if (rows.every(({ may }) => may)) return;
  const owners = rows.map(({ owner }) => owner);
  const [owner] = owners;
  throw new ConsoleTableError(
    owners.length === 1
      ? `Only ${owner} can undo the migrations, because the tables are theirs. Run this as ${owner}. Nothing was changed.`
      : `Only a role with the rights of ${owners.join(' and ')} can undo the migrations, because the tables are theirs. Run this as such a role, or as a superuser. Nothing was changed.`,
  );
}
