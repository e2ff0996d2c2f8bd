import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { connect } from '../../src/db/connection.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded-postgres.js';
import { isDatabaseUnavailable, isKnownUndone } from '../../src/db/errors.js';
import { inspectDatabase } from '../../src/db/inspection.js';
import { createOwnDatabase, fastTemporaryFolder, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { startRewritingProxy } from '../support/rewriting-proxy.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

/* A pool keeps only connections to a primary that accepts writes. */

const LEASE = { owner: 'promoter', durationMs: 60_000 };
/** What a promoter does all the time: so no connection idles until it is closed. */
const poll = (db: Database) => db.promoting.claimNext(LEASE);

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}

describe('a provider’s read-only guard', () => {
  let database: TestDatabase;
  let db: Database;
  /** Connected before, so it may write. */
  let admin: pg.Client;

  beforeEach(async () => {
    database = await createOwnDatabase();
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    await admin.query(`do $$ begin
      execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`);
    db = openDatabase(database.url, { maxConnections: 2 });
  });
  afterEach(async () => {
    await db.close();
    await admin.end();
    await database.drop();
  });
  const lift = () =>
    admin.query(`do $$ begin
      execute format('alter database %I reset default_transaction_read_only', current_database()); end $$`);

  test('is said to be an outage in which nothing was changed; reading goes on', async () => {
    const error = await errorOf(poll(db));
    expect(error).toMatchObject({ code: '25006' });
    expect(isDatabaseUnavailable(error)).toBe(true);
    expect(isKnownUndone(error)).toBe(true);
    await expect(db.maintenance.last()).resolves.toBeNull();
  });

  test('ends for connections opened meanwhile as well, in a transaction or not', async () => {
    const open = db.operators.enrol({ slackUserId: 'U0KRIS', role: 'superadmin', sealedSecret: 'sealed' });
    const errors = await Promise.all([errorOf(poll(db)), errorOf(open)]);
    expect(errors).toMatchObject([{ code: '25006' }, { code: '25006' }]);
    await lift();
    await expect(poll(db)).resolves.toMatchObject({ promotion: null });
    await expect(db.checkWrites()).resolves.toBeUndefined();
    await Promise.all([poll(db), poll(db), poll(db)]);
  });

  test('shows in the check of writes, before maintenance ever ran too', async () => {
    expect(await errorOf(db.checkWrites())).toMatchObject({ code: '25006' });
    await lift();
    await db.maintenance.record({ deploying: 2, stuck: 1 });
    const recorded = await db.maintenance.last();
    expect(recorded).toMatchObject({ deploying: 2, stuck: 1 });
    await db.checkWrites();
    expect(await db.maintenance.last()).toEqual(recorded);
  });
});

test.each(['25006', '57P01', '57P03', '57P05', '08006', '08P01'])(
  'a connection that answers %s, and stays open behind a proxy, is used no more',
  async (code) => {
    const database = await createOwnDatabase();
    const proxy = await startRewritingProxy(database.url, [[/22012/gu, code]]);
    const knex = connect(proxy.url, { maxConnections: 1, isPooled: false, console: null });
    const session = async () => (await knex.raw('select pg_backend_pid() as pid')).rows[0].pid;
    try {
      const first = await session();
      expect(await session()).toBe(first);
      expect(await errorOf(knex.raw('select 1 / 0'))).toMatchObject({ code });
      expect(await session()).not.toBe(first);
    } finally {
      await knex.destroy();
      await proxy.close();
      await database.drop();
    }
  },
);

test('rights taken from INSERT alone show in the check of writes', async () => {
  const database = await createOwnDatabase();
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  const role = `guarded_${process.pid}_${Date.now()}`;
  const url = new URL(database.url);
  url.username = role;
  url.password = 'guarded';
  await admin.query(`create role ${role} login password 'guarded'`);
  await admin.query(`grant usage on schema flag_promotions to ${role}`);
  await admin.query(`grant select on flag_promotions.installation to ${role}`);
  await admin.query(`grant select, update, delete on flag_promotions.maintenance to ${role}`);
  const db = openDatabase(url.href);
  try {
    expect(await errorOf(db.checkWrites())).toMatchObject({ code: '42501' });
    await admin.query(`grant insert on flag_promotions.maintenance to ${role}`);
    await db.checkWrites();
  } finally {
    await db.close();
    await admin.query(`drop owned by ${role}`);
    await admin.query(`drop role ${role}`);
    await admin.end();
    await database.drop();
  }
});

test('a server that fell silent fails what waits for it, and gets a new connection', async () => {
  const database = await createOwnDatabase();
  const url = new URL(database.url);
  const wire = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  url.hostname = '127.0.0.1';
  url.port = String(wire.port);
  const db = openDatabase(url.href, { maxConnections: 1, silentAfterMs: 500 });
  try {
    await poll(db);
    wire.freeze();
    const error = await errorOf(poll(db));
    expect(isDatabaseUnavailable(error)).toBe(true);
    expect(isKnownUndone(error)).toBe(false);
    await eventually(async () => expect(await poll(db)).toMatchObject({ promotion: null }));
  } finally {
    await db.close();
    await wire.close();
    await database.drop();
  }
});

test('a standby is refused, and taken once it is promoted', async () => {
  const folder = await mkdtemp(path.join(await fastTemporaryFolder(), `flag-promotions-test-${process.pid}-`));
  const dataDir = path.join(folder, 'data');
  const start = (): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ dataDir, create: true, settings: { fsync: 'off' } });
  await (await start()).stop();
  await writeFile(path.join(dataDir, 'postgres', 'standby.signal'), '');
  const server = await start();
  const db = openDatabase(server.connectionString);
  const admin = new pg.Client({ connectionString: server.connectionString });
  try {
    await admin.connect();
    const error = await errorOf(db.now());
    expect(error).toMatchObject({ name: 'StandbyError' });
    expect(isDatabaseUnavailable(error)).toBe(true);
    expect(isKnownUndone(error)).toBe(true);
    expect(await inspectDatabase(server.connectionString)).toMatchObject({ isReadOnly: true });
    // Before PostgreSQL 14 the server doesn't report it by itself.
    const wire = await startRewritingProxy(server.connectionString, [[/in_hot_standby/gu, 'in_old_standby']]);
    const old = openDatabase(wire.url, { isPooled: false });
    expect(await errorOf(old.now())).toMatchObject({ name: 'StandbyError' });
    await old.close();
    await wire.close();
    await admin.query('select pg_promote()');
    // There is no schema here: PostgreSQL itself answers.
    await eventually(async () => expect(await errorOf(db.now())).toMatchObject({ code: '3F000' }));
  } finally {
    await admin.end();
    await db.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
