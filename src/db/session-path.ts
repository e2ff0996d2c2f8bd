import * as z from 'zod';
import type { PrimaryClient } from './primary-client.js';
import { parseRows } from './rows.js';

const pathRow = z.object({ path: z.string() });

const schemasOf = (path: string): readonly string[] => path.split(',').map((schema) => schema.trim());
const isCatalog = (schema: string): boolean => /^"?pg_catalog"?$/u.test(schema);

/**
 * The search path without pg_catalog, which PostgreSQL then searches first: after another schema, that one's functions,
 * types and operators would stand for its own in our SQL.
 */
const withoutCatalog = (path: string): string =>
  schemasOf(path)
    .filter((schema) => !isCatalog(schema))
    .join(', ');

/** Whether another schema's functions, types and operators can stand for PostgreSQL's own. */
const comesToCatalogLate = (path: string): boolean => schemasOf(path).findIndex(isCatalog) > 0;

/** Takes pg_catalog out of the search path. Asks once, if the server doesn't tell by itself. */
export function createPathSetter(): (client: PrimaryClient) => Promise<void> {
  let asked: string | null = null;
  return async (client) => {
    // A pooler would hand the session, with that path, to the console: see faultOfPooledPath.
    if (client.isPooled) return;
    const own = client.searchPath ?? asked ?? (await searchPath(client));
    asked = own;
    if (!schemasOf(own).some(isCatalog)) return;
    await client.query('select pg_catalog.set_config($1, $2, false)', ['search_path', withoutCatalog(own)]);
  };
}

/** Why a pooler's sessions with this path can't be used, with what to run; null if they can. The names are quoted. */
export function faultOfPooledPath(
  path: string,
  account: { readonly role: string; readonly database: string },
): string | null {
  if (!comesToCatalogLate(path)) return null;
  return `The account’s search path (${path}) comes to pg_catalog last, so other schemas’ functions would stand for PostgreSQL’s own, and behind a pooler the app can’t set another path. Nothing was changed. Have the pooler connect anew (RELOAD and RECONNECT, or a restart) after you run: alter role ${account.role} in database ${account.database} set search_path = ${withoutCatalog(path)}`;
}

async function searchPath(client: PrimaryClient): Promise<string> {
  const found = await client.query(`select pg_catalog.current_setting('search_path') as path`);
  return parseRows(found, pathRow)[0]?.path ?? '';
}
