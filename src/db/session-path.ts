import * as z from 'zod';
import type { PrimaryClient } from './primary-client.js';
import { parseRows } from './rows.js';

const pathRow = z.object({ path: z.string() });

/**
 * Takes pg_catalog out of the search path, which PostgreSQL then searches first: after another schema, that one's
 * functions, types and operators would stand for its own in our SQL. Asks once, if the server doesn't tell by itself.
 */
export function createPathSetter(): (client: PrimaryClient) => Promise<void> {
  let asked: string | null = null;
  return async (client) => {
    // A pooler would hand the session, with that path, to the console.
    if (client.isPooled) return;
    const own = client.searchPath ?? asked ?? (await searchPath(client));
    asked = own;
    const path = own.split(',').filter((schema) => !/^\s*"?pg_catalog"?\s*$/u.test(schema));
    if (path.length === own.split(',').length) return;
    await client.query('select pg_catalog.set_config($1, $2, false)', ['search_path', path.join(',').trim()]);
  };
}

async function searchPath(client: PrimaryClient): Promise<string> {
  const found = await client.query(`select pg_catalog.current_setting('search_path') as path`);
  return parseRows(found, pathRow)[0]?.path ?? '';
}
