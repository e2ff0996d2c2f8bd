import { createHash } from 'node:crypto';
import pg from 'pg';
import { migrations } from '../../migrations/index.js';
import type { BenchServer } from './server.js';

/*
 * Tables as after years: nearly everything deployed, a few in a hundred failed or cancelled, twenty stuck. At every
 * size the last 30 days hold the same 10,000 promotions, so that questions about them have the same answer. The newest
 * tenth, and at least those, have this app's events and messages, and one in a hundred an alert; older rows are the
 * console's.
 */

export const STUCK = 20;
/** The flag that `show` is asked for, in every table. */
export const SHOWN_FLAG = 'flag_77';
const FLAGS = 5_000;
/** In the last 30 days, in every table. */
export const RECENT = 10_000;
const RECENT_EVERY_S = 259;
/** Between older ones. */
const EVERY_S = 20;

/** A database with this many promotions; kept between runs, and rebuilt if the schema or the data differ. */
export async function databaseWith(server: BenchServer, rows: number, say: (line: string) => void): Promise<string> {
  const name = `bench_rows_${rows}`;
  const kept = await server.keep(name);
  if (!kept.isNew && (await filledAs(kept.url)) === fingerprint(rows)) {
    await freshenStuck(kept.url);
    return kept.url;
  }
  say(`filling a table with ${rows.toLocaleString('en')} promotions`);
  const url = await server.fresh(name, 'migrated');
  await server.durable(false);
  try {
    await fill(url, rows);
  } finally {
    await server.durable(true);
  }
  return url;
}

/** Of the data, the day and the schema: tomorrow's last 30 days are others. */
function fingerprint(rows: number): string {
  const filling = createHash('sha256').update(fill.toString()).digest('hex').slice(0, 12);
  const day = new Date().toISOString().slice(0, 10);
  return `${rows} rows of ${day}, filling ${filling}, ${migrations.map(({ name }) => name).join(' ')}`;
}

async function filledAs(url: string): Promise<string> {
  return withClient(url, async (client) => {
    const found = await client.query<{ as: string | null }>(
      `select shobj_description(oid, 'pg_database') as "as" from pg_database where datname = current_database()`,
    );
    return found.rows[0]?.as ?? '';
  });
}

async function fill(url: string, rows: number): Promise<void> {
  const recent = Math.max(RECENT, Math.ceil(rows / 10));
  await withClient(url, async (client) => {
    await client.query(`set maintenance_work_mem = '512MB'; set synchronous_commit = off`);
    const tables = [
      'console_flag_promotions',
      'flag_promotions.audit_log',
      'flag_promotions.messages',
      'flag_promotions.alerts',
    ];
    const indexes = await client.query<{ name: string; definition: string }>(
      `select schemaname || '.' || indexname as name, indexdef as definition from pg_indexes i
        where (schemaname || '.' || tablename)::regclass = any($1::text[]::regclass[])
          and not exists (select 1 from pg_constraint where conname = i.indexname)`,
      [tables],
    );
    // Rebuilding them takes a fraction of updating them row by row.
    for (const { name } of indexes.rows) await client.query(`drop index ${name}`);
    await client.query(
      `insert into console_flag_promotions
         (flag_key, heroku_app, config_var, state, marked_by, marked_at, promoted_by, promoted_at, deployed_at, failed_at, created_at)
       select 'flag_' || n % ${FLAGS}, 'app-' || n % 50, 'FLAG_' || n % ${FLAGS},
              case when n % 100 < 96 then 'deployed' when n % 100 < 98 then 'failed' else 'cancelled' end,
              'U0KRIS', at, 'U0KRIS', at, case when n % 100 < 96 then at + interval '1 minute' end,
              case when n % 100 in (96, 97) then at + interval '1 minute' end, at
         from generate_series(1, $1::bigint) n,
              lateral (select now() - interval '1 hour' - least($1::bigint - n, ${RECENT}) * interval '${RECENT_EVERY_S} seconds'
                              - greatest($1::bigint - n - ${RECENT}, 0) * interval '${EVERY_S} seconds' as at) t`,
      [rows],
    );
    await client.query(`
      alter table flag_promotions.audit_log disable trigger user;
      insert into flag_promotions.audit_log (id, at, action, actor, promotion_id, prev_hash, hash)
        select n, now() - interval '3 days', 'console.flag.promotion.deployed', 'promoter', ${rows - recent} + n,
               repeat('0', 64), repeat('0', 64)
          from generate_series(1, ${recent}) n;
      alter table flag_promotions.audit_head disable trigger user;
      update flag_promotions.audit_head set last_id = ${recent};
      alter table flag_promotions.audit_head enable trigger user;
      select setval(pg_get_serial_sequence('flag_promotions.audit_log', 'id'), ${recent});
      alter table flag_promotions.audit_log enable trigger user;
      insert into flag_promotions.messages
             (kind, subject, promotion_id, state, channel, message_ts, shown_as, wanted, shown, posted_at, created_at, updated_at)
        select 'progress', id::text, id, 'posted', 'C0ALERTS', id || '.2', 'deployed', 4, 4, promoted_at, promoted_at, promoted_at
          from console_flag_promotions where id > ${rows - recent};
      insert into flag_promotions.messages
             (kind, subject, promotion_id, state, channel, message_ts, shown_as, wanted, shown, posted_at, created_at, updated_at)
        select 'alert', id::text, id, 'posted', 'C0ALERTS', id || '.1', 'critical', 1, 1, at, at, at
          from console_flag_promotions, lateral (select promoted_at + interval '12 hours' as at) t
         where id > ${rows - recent} and id % 100 = 0;
      insert into flag_promotions.alerts (promotion_id, severity, is_rca_reminder_done, opened_at, closed_at)
        select promotion_id, 'critical', true, posted_at, posted_at + interval '1 hour'
          from flag_promotions.messages where kind = 'alert' order by promotion_id;
      insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at)
        select 'stuck_' || n, 'app', 'FLAG_STUCK_' || n, 'deploying', now() from generate_series(1, ${STUCK}) n;`);
    for (const { definition } of indexes.rows) await client.query(definition);
    await client.query('vacuum analyze');
    await client.query(`comment on database ${client.database} is '${fingerprint(rows)}'`);
  });
  await freshenStuck(url);
}

/** Stuck for 13 hours, and alerted already: a run days later must not find criticals to alert. */
async function freshenStuck(url: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`
      update console_flag_promotions set promoted_at = now() - interval '13 hours' where state = 'deploying';
      delete from flag_promotions.alerts where promotion_id in (select id from console_flag_promotions where state = 'deploying');
      delete from flag_promotions.messages where promotion_id in (select id from console_flag_promotions where state = 'deploying');
      insert into flag_promotions.alerts (promotion_id, severity)
        select id, 'warning' from console_flag_promotions where state = 'deploying';
      insert into flag_promotions.messages (kind, subject, promotion_id, state, channel, message_ts, shown_as, posted_at)
        select 'alert', id::text, id, 'posted', 'C0ALERTS', id || '.3', 'warning', now()
          from console_flag_promotions where state = 'deploying';`);
  });
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
