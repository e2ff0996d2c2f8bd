import * as z from 'zod';
import { codeOf } from './embedded/errors.js';
import type { PrimaryClient } from './primary-client.js';
import { parseRows } from './rows.js';

/**
 * One that the address or PGOPTIONS names, else the database's own TimeZone, else that of all accounts, else the
 * session's: an account whose role has one can't read the server's.
 */
const DATABASE_ZONE = `select coalesce((select current_setting('TimeZone') from pg_settings where name = 'TimeZone' and source = 'client'), (
    select substr(entry, strpos(entry, '=') + 1)
      from pg_db_role_setting s, unnest(s.setconfig) as entry
     where s.setrole = 0 and lower(entry) like 'timezone=%'
       and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
     order by s.setdatabase desc limit 1), current_setting('TimeZone')) as zone`;
const zoneRow = z.object({ zone: z.string() });

/**
 * Makes sessions use the database's TimeZone, in which the console writes times without a zone: a role may have another,
 * and the one that migrates another than the one that runs. Asks once for each zone that sessions start with.
 */
export function createZoneSetter(): (client: PrimaryClient) => Promise<void> {
  const known = new Map<string, string>();
  return async (client) => {
    const own = client.timeZone;
    const zone = known.get(own) ?? (await databaseZone(client)) ?? own;
    known.set(own, zone);
    if (zone === own) return;
    try {
      await client.query(`select set_config('TimeZone', $1, false)`, [zone]);
    } catch (error) {
      // invalid_parameter_value: this version no longer knows the zone, and PostgreSQL ignores the setting, too.
      if (codeOf(error) !== '22023') throw error;
    }
  };
}

/** null: this account may not read it. */
async function databaseZone(client: PrimaryClient): Promise<string | null> {
  try {
    return parseRows(await client.query(DATABASE_ZONE), zoneRow)[0]?.zone ?? null;
  } catch (error) {
    // insufficient_privilege: catalogs may be closed to accounts.
    if (codeOf(error) === '42501') return null;
    throw error;
  }
}
