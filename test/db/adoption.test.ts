import pg from 'pg';
import { migrations } from '../../migrations/index.js';
import { openDatabase } from '../../src/db/database.js';
import { migrateToLatest, rollBackAll } from '../../src/db/migrate.js';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';

/** The table as a console might have made it: other types, no zone, its own columns and index, odd states. */
const CONSOLE_TABLE = `
  create table console_flag_promotions (
    id serial primary key,
    flag_key varchar(200) not null,
    heroku_app varchar(100) not null,
    state varchar(20) not null,
    marked_at timestamp without time zone,
    promoted_by varchar(100),
    promoted_at timestamp without time zone,
    deployed_at timestamp without time zone,
    ticket text
  );
  create index consoles_own on console_flag_promotions (ticket);
  insert into console_flag_promotions (flag_key, heroku_app, state, marked_at, promoted_by, promoted_at, deployed_at, ticket) values
    ('console_heroku_log_drain_alerting', 'raxx-console-prod', 'deploying', '2026-05-07 00:00', 'kris@raxx.example', '2026-05-09 04:28', null, 'OPS-1'),
    ('other_flag', 'raxx-console-prod', 'deployed', '2026-05-01 00:00', 'kris@raxx.example', '2026-05-01 10:00', '2026-05-01 10:01', null),
    ('third_flag', 'raxx-web', 'rolled_back', null, null, null, null, 'OPS-3');
`;

describe('the schema', () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeEach(async () => {
    database = await createEmptyDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterEach(async () => {
    await client.end();
    await database.drop();
  });

  const rows = async (sql: string) => (await client.query<Record<string, unknown>>(sql)).rows;
  /** The console's table: columns with types and defaults, indexes, constraints. */
  const shape = async () => ({
    columns: await rows(
      `select column_name, data_type, is_nullable, column_default from information_schema.columns
        where table_name = 'console_flag_promotions' order by column_name`,
    ),
    indexes: await rows(`select indexdef from pg_indexes where tablename = 'console_flag_promotions' order by 1`),
    constraints: await rows(
      `select conname, pg_get_constraintdef(oid) from pg_constraint
        where conrelid = 'console_flag_promotions'::regclass and contype <> 'n' order by 1`,
    ),
  });
  const ORIGINAL_COLUMNS =
    'id, flag_key, heroku_app, state, marked_at::text, promoted_by, promoted_at::text, deployed_at::text, ticket';
  const originalRows = () => rows(`select ${ORIGINAL_COLUMNS} from console_flag_promotions order by id`);

  test('adopts a table that the console made: adds what is missing, changes no row, and takes back only that', async () => {
    await client.query(CONSOLE_TABLE);
    const before = { shape: await shape(), rows: await originalRows() };

    await migrateToLatest(database.url);
    expect(await originalRows()).toEqual(before.rows);
    const adopted = await shape();
    const names = adopted.columns.map((column) => column['column_name']);
    expect(names).toEqual(
      expect.arrayContaining([
        'checkpoint',
        'config_var',
        'rca_url',
        'resolved_by',
        'lease_owner',
        'created_at',
        'ticket',
      ]),
    );
    expect(JSON.stringify(adopted.indexes)).toContain('flag_promotions_one_active');

    await rollBackAll(database.url);
    expect(await shape()).toEqual(before.shape);
    expect(await originalRows()).toEqual(before.rows);
  });

  test('reads the rows of an adopted table: times without a zone in the database’s, and the config var by convention', async () => {
    await client.query(CONSOLE_TABLE);
    await migrateToLatest(database.url);
    const db = openDatabase(database.url);
    try {
      expect(await db.promotions.find('1')).toMatchObject({
        configVar: 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING',
        targetValue: 'true',
        state: 'deploying',
        promotedAt: new Date('2026-05-09T04:28:00Z'),
      });
      expect(await db.promotions.find('3')).toMatchObject({ state: 'rolled_back', promotedAt: null });
      const page = await db.promotions.stuck(new Date('2026-05-09T16:28:00Z'), { offset: 0, limit: 5 });
      expect(page.rows.map(({ id }) => id)).toEqual(['1']);
      expect(await db.promotions.list({ beforeId: null, limit: 10 })).toHaveLength(3);
      const detected = await db.alerts.gather(new Date('2026-05-09T16:28:00Z'));
      expect(detected.stuck.map(({ promotion }) => promotion.id)).toEqual(['1']);
      expect(await db.alerts.open({ promotionId: '1', severity: 'warning' }, new Date(), null)).toBe(true);
    } finally {
      await db.close();
    }
  });

  test('refuses a table with two active rows for one config var, names them, and changes nothing', async () => {
    await client.query(CONSOLE_TABLE);
    await client.query(
      `insert into console_flag_promotions (flag_key, heroku_app, state) values ('console_heroku_log_drain_alerting', 'raxx-console-prod', 'marked')`,
    );
    const before = { shape: await shape(), rows: await originalRows() };
    await expect(migrateToLatest(database.url)).rejects.toThrow(
      'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING on raxx-console-prod (rows 1, 4)',
    );
    expect({ shape: await shape(), rows: await originalRows() }).toEqual(before);
  });

  test('refuses a table of that name that is no promotion queue', async () => {
    await client.query('create table console_flag_promotions (name text)');
    await expect(migrateToLatest(database.url)).rejects.toThrow('has no column id, flag_key, heroku_app, state');
  });

  test('is created if there is none, goes back without a trace, and comes again', async () => {
    const tables = () =>
      rows(
        `select schemaname || '.' || tablename as name from pg_tables
          where schemaname in ('public', 'flag_promotions') and tablename not in ('migrations', 'migrations_lock') order by 1`,
      );
    const functions = () =>
      rows(
        `select proname from pg_proc where pronamespace in (select oid from pg_namespace where nspname in ('public', 'flag_promotions')) order by 1`,
      );
    expect(await migrateToLatest(database.url)).toHaveLength(migrations.length);
    expect((await tables()).map(({ name }) => name)).toEqual([
      'flag_promotions.alerts',
      'flag_promotions.attention',
      'flag_promotions.audit_head',
      'flag_promotions.audit_log',
      'flag_promotions.audit_seals',
      'flag_promotions.audit_witnesses',
      'flag_promotions.channel_slots',
      'flag_promotions.denials',
      'flag_promotions.drift_looks',
      'flag_promotions.drifts',
      'flag_promotions.drills',
      'flag_promotions.enrolments',
      'flag_promotions.held_up',
      'flag_promotions.heroku_requests',
      'flag_promotions.installation',
      'flag_promotions.looks',
      'flag_promotions.maintenance',
      'flag_promotions.memberships',
      'flag_promotions.messages',
      'flag_promotions.operators',
      'flag_promotions.recovery_codes',
      'flag_promotions.taken_requests',
      'flag_promotions.verifications',
      'public.console_flag_promotions',
    ]);
    expect(await migrateToLatest(database.url)).toHaveLength(0);
    await rollBackAll(database.url);
    expect(await tables()).toEqual([]);
    expect(await functions()).toEqual([]);
    expect(await migrateToLatest(database.url)).toHaveLength(migrations.length);
  });

  test('is migrated by several replicas at once', async () => {
    const ran = await Promise.all(Array.from({ length: 5 }, () => migrateToLatest(database.url)));
    expect(ran.map((names) => names.length).sort()).toEqual([0, 0, 0, 0, migrations.length]);
  });

  test('allows one active promotion per app and config var, and states of its own only', async () => {
    await migrateToLatest(database.url);
    const insert = (state: string) =>
      client.query(
        `insert into console_flag_promotions (flag_key, heroku_app, config_var, state) values ('f', 'app', 'FLAG_F', $1)`,
        [state],
      );
    await insert('deploying');
    await expect(insert('marked')).rejects.toThrow('flag_promotions_one_active');
    await client.query(`update console_flag_promotions set state = 'deployed'`);
    await insert('marked');
    await expect(insert('nonsense')).rejects.toThrow('console_flag_promotions_state');
  });
});
