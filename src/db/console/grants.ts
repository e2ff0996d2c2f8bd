import * as z from 'zod';
import { parseRows } from '../rows.js';
import { judgeAccess } from './access.js';
import type { Ask } from './ask.js';
import type { Inspected } from './ensure.js';
import { readJudged, readParties } from './judged.js';
import { judgeOwnTables } from './rights.js';

/** Rights that the app's role lacks and the asking role can grant, on what it owns. */
export async function grantsFor(ask: Ask, inspected: Inspected, role: string): Promise<readonly string[]> {
  const table = inspected.kind === 'missing' ? { oid: null, schema: inspected.schema } : inspected.facts.table;
  const findings = [...(await judgeOwnTables(ask, await readParties(ask, table, role)))];
  if (inspected.kind === 'there' && (await isOwner(ask, inspected.facts.table.oid))) {
    findings.push(...(await judgeAccess(ask, await readJudged(ask, inspected.facts.table, inspected.dialect, role))));
  }
  // Policies are left to the owner to decide.
  return findings.flatMap(({ sql, by }) =>
    by === 'table owner' || by === 'app schema owner' ? sql.filter((statement) => statement.startsWith('grant ')) : [],
  );
}

async function isOwner(ask: Ask, oid: string): Promise<boolean> {
  const found = await ask(`select pg_has_role(relowner, 'USAGE') as yes from pg_class where oid = $1::oid`, [oid]);
  return parseRows(found, z.object({ yes: z.boolean() }))[0]?.yes === true;
}
