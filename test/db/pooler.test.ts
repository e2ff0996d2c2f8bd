import { Socket } from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { type Database, openDatabase } from '../../src/db/database.js';
import { isDatabaseUnavailable, isKnownUndone } from '../../src/db/errors.js';
import { inspectDatabase } from '../../src/db/inspection.js';
import { migrateToLatest, rollBackAll } from '../../src/db/migrate.js';
import { openExisting, openUpToDate, reachServer } from '../../src/db/open.js';
import { createDialer } from '../../src/db/server/dial.js';
import { lookAtServer } from '../../src/db/server/look.js';
import { ServerError } from '../../src/db/server/trouble.js';
import { runDoctor } from '../../src/doctor/doctor.js';
import { createLogger } from '../../src/log.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { PATIENCE } from '../support/patience.js';
import { describeWithPgbouncer, type Pgbouncer, startPgbouncer } from '../support/pgbouncer.js';
import { insertPromotions } from '../support/rows.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { TLS_FOLDER } from '../support/guarded-server.js';

const log = createLogger('silent');
const LEASE = { owner: 'promoter', durationMs: 60_000 };

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}

describeWithPgbouncer('behind PgBouncer in transaction mode', () => {
  let database: TestDatabase;
  let rows: RowStore;
  let bouncer: Pgbouncer;
  let closing: (() => Promise<void>)[];

  beforeEach(async () => {
    database = await createTestDatabase();
    rows = createRowStore(database.url);
    closing = [];
  });
  afterEach(async () => {
    for (const close of closing.toReversed()) await close();
    await bouncer.close();
    await rows.close();
    await database.drop();
  });

  const bounce = async (settings: Readonly<Record<string, string | number>> = {}, target = database) => {
    bouncer = await startPgbouncer(target.url, settings);
  };
  function open(options: Parameters<typeof openDatabase>[1] = {}): Database {
    const db = openDatabase(bouncer.url, { patience: PATIENCE, ...options });
    closing.push(() => db.close());
    return db;
  }
  const choice = (directUrl: string | null = null, url = bouncer.url) => ({ kind: 'server', url, directUrl }) as const;
  const found = () => errorOf(lookAtServer(bouncer.url, 'DATABASE_URL'));

  test('it is noticed, whether it refuses startup options or ignores them, and by session as well', async () => {
    await bounce();
    expect(await lookAtServer(bouncer.url, 'DATABASE_URL')).toMatchObject({ isPooled: true });
    await open().checkWrites();
    await bouncer.close();
    await bounce({ ignore_startup_parameters: 'options', pool_mode: 'session' });
    await open().checkWrites();
    expect(await reachServer(choice(), false)).toMatchObject({ isPooled: true, directUrl: null });
  });

  test.each([1, 2])(
    'with %i connections to PostgreSQL, two replicas of five do all at once, nothing prepared',
    async (size) => {
      await bounce({ default_pool_size: size });
      await insertPromotions(rows, 8);
      await rows.query(`update console_flag_promotions set checkpoint = 'INTENT'`);
      const replicas = [open(), open()];
      const work = replicas.flatMap((db, index) => [
        ...Array.from({ length: 10 }, () => db.promoting.claimNext({ ...LEASE, owner: `promoter ${index}` })),
        ...Array.from({ length: 10 }, () => db.now()),
        ...Array.from({ length: 10 }, (_, one) =>
          db.operators.enrol({ slackUserId: `U${index}${one}`, role: 'engineer', sealedSecret: 'sealed' }),
        ),
      ]);
      await Promise.all(work);
      const claimed = await rows.query(`select from console_flag_promotions where lease_owner is not null`);
      expect(claimed).toHaveLength(8);
      expect(await replicas[0]?.audit.verify()).toMatchObject({ intact: true });
    },
  );

  test('a statement that waits too long is cancelled on the server, and changes nothing', async () => {
    await bounce();
    const [id] = await insertPromotions(rows, 1);
    await rows.query(`update console_flag_promotions set checkpoint = 'INTENT'`);
    const db = open({ silentAfterMs: 500 });
    await db.promoting.claimNext(LEASE);
    const locker = new pg.Client({ connectionString: database.url });
    await locker.connect();
    closing.push(() => locker.end());
    await locker.query('begin');
    await locker.query('select 1 from console_flag_promotions for update');
    const error = await errorOf(db.promoting.renew(id ?? '', LEASE));
    expect(error).toMatchObject({ code: '57014' });
    expect(isDatabaseUnavailable(error)).toBe(true);
    expect(isKnownUndone(error)).toBe(true);
    const waiting = await rows.query(
      `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    );
    expect(waiting).toEqual([]);
    await locker.query('rollback');
    expect(await db.promoting.renew(id ?? '', LEASE)).toBe(true);
  });

  test('a statement has 10 s, and a migration as long as it takes', async () => {
    await bounce();
    const waits = async (silentAfterMs?: null) => {
      const how = { applicationName: 'test', ...(silentAfterMs === undefined ? {} : { silentAfterMs }) };
      const client = await createDialer(bouncer.url, how).open();
      const { stream } = client.connection;
      await client.end();
      return stream instanceof Socket ? stream.timeout : undefined;
    };
    expect(await waits()).toBe(10_000);
    expect(await waits(null)).toBe(0);
  });

  test('over TLS as well', async () => {
    await bounce({
      client_tls_sslmode: 'require',
      client_tls_cert_file: 'localhost.pem',
      client_tls_key_file: 'key.pem',
    });
    expect(await found()).toMatchObject({ trouble: { kind: 'tls_required' } });
    const url = `${bouncer.url.replace('127.0.0.1', 'localhost')}?sslmode=verify-full&sslrootcert=${path.join(TLS_FOLDER, 'ca.pem')}`;
    expect(await lookAtServer(url, 'DATABASE_URL')).toMatchObject({ isPooled: true });
    const db = openDatabase(url, { silentAfterMs: 500 });
    closing.push(() => db.close());
    const locker = new pg.Client({ connectionString: database.url });
    await locker.connect();
    closing.push(() => locker.end());
    await locker.query('begin');
    await locker.query('lock table flag_promotions.maintenance');
    expect(await errorOf(db.checkWrites())).toMatchObject({ code: '57014' });
  });

  test('one that was killed is connected to anew', async () => {
    await bounce();
    const db = open();
    await db.checkWrites();
    await bouncer.kill();
    await errorOf(db.checkWrites());
    await bouncer.start();
    await eventually(() => db.checkWrites());
  });

  test('notifications come over the direct address, and without it none are waited for', async () => {
    await bounce();
    const polling = await openExisting(choice(), log);
    closing.push(polling.close);
    expect(polling.db.isNotified).toBe(false);
    const deaf = polling.db.listenForDue(
      () => undefined,
      (error) => {
        throw error;
      },
    );
    expect(deaf.isListening()).toBe(false);
    await deaf.close();

    const told = await openExisting(choice(database.url), log);
    closing.push(told.close);
    expect(told.db.isNotified).toBe(true);
    let heard = 0;
    const listener = told.db.listenForDue(
      () => {
        heard += 1;
      },
      () => undefined,
    );
    closing.push(() => listener.close());
    await eventually(async () => expect(listener.isListening()).toBe(true));
    const before = heard;
    await rows.query('notify flag_promotions_due');
    await eventually(async () => expect(heard).toBe(before + 1));
  });

  test('migrations run through it with two connections, and with one they say what they need and change nothing', async () => {
    const empty = await createEmptyDatabase();
    closing.push(() => empty.drop());
    await bounce({ default_pool_size: 1 }, empty);
    const error = await errorOf(openUpToDate(choice(), log));
    expect(error).toMatchObject({ name: 'ServerError', trouble: { kind: 'pooler_small' } });
    const store = createRowStore(empty.url);
    closing.push(() => store.close());
    const schemas = () => store.query(`select from pg_namespace where nspname = 'flag_promotions'`);
    expect(await schemas()).toEqual([]);
    // The same, through PostgreSQL's own address.
    await (await openUpToDate(choice(empty.url), log)).close();
    expect(await schemas()).toHaveLength(1);
    await bouncer.close();
    await bounce({}, empty);
    await rollBackAll(bouncer.url);
    expect(await migrateToLatest(bouncer.url)).not.toHaveLength(0);
    // The next client gets the same sessions, with what was set in them.
    const set = `select name from pg_settings where source = 'session' and name ~ '_timeout$|^tcp_'`;
    const others = [new pg.Client(bouncer.url), new pg.Client(bouncer.url)];
    closing.push(...others.map((one) => () => one.end()));
    for (const other of others) await other.connect();
    for (const other of others) await other.query('begin');
    for (const other of others) expect((await other.query(set)).rows).toEqual([]);
    for (const other of others) await other.query('commit');
    expect(await inspectDatabase(bouncer.url)).toMatchObject({ missingMigrations: [], isReadOnly: false });
  });

  test('a direct address that leads to another database is refused; one that leads to a pooler is none', async () => {
    await bounce();
    const other = await createTestDatabase();
    closing.push(() => other.drop());
    expect(await errorOf(reachServer(choice(other.url), false))).toMatchObject({
      setting: 'DATABASE_DIRECT_URL',
      trouble: { kind: 'other_database' },
    });
    expect(await reachServer(choice(bouncer.url), false)).toMatchObject({ directUrl: null });
    expect(await reachServer(choice(bouncer.url, database.url), false)).toMatchObject({
      isPooled: false,
      directUrl: null,
    });
    expect(await errorOf(reachServer(choice('postgres://u:p@127.0.0.1:9/name'), false))).toMatchObject({
      setting: 'DATABASE_DIRECT_URL',
      trouble: { kind: 'refused' },
    });
  });

  test('doctor notes it, and what would make it better', async () => {
    await bounce();
    const found = async (direct?: string) => {
      const environment = {
        DATABASE_URL: bouncer.url,
        ...(direct === undefined ? {} : { DATABASE_DIRECT_URL: direct }),
      };
      const checks = await runDoctor(environment, () => new Date());
      return checks.filter(({ subject }) => /^(?:pooler|database|DATABASE_DIRECT_URL)$/u.test(subject));
    };
    const unset = { subject: 'DATABASE_DIRECT_URL', status: 'ok' };
    const answers = { subject: 'database', status: 'ok' };
    expect(await found()).toMatchObject([
      { subject: 'pooler', status: 'note', says: expect.stringContaining('set DATABASE_DIRECT_URL') },
      unset,
      answers,
    ]);
    expect(await found(database.url)).toMatchObject([unset, answers, { subject: 'pooler', status: 'ok' }]);
    const toFix = { subject: 'DATABASE_DIRECT_URL', status: 'fix' };
    expect(await found(bouncer.url)).toMatchObject([
      { ...toFix, says: expect.stringContaining('leads to a pooler as well') },
      { status: 'ok' },
      answers,
    ]);
    expect(await found('postgres://u:p@127.0.0.1:9/name')).toMatchObject([
      { ...toFix, says: expect.stringContaining('Nothing listens at the address in DATABASE_DIRECT_URL') },
      { status: 'ok' },
    ]);
  });

  test.each([
    [{ pool_mode: 'statement' }, {}, 'pooler_statements', undefined],
    [{ max_client_conn: 0 }, {}, 'pooler_full', true],
    [{}, { password: 'wrong' }, 'password_wrong', undefined],
    [{}, { username: 'nobody' }, 'password_wrong', undefined],
    [{}, { pathname: '/no_such_database' }, 'no_database', undefined],
  ])('%j and %j: %s', async (settings, change, kind, mayPass) => {
    await bounce(settings);
    const url = Object.assign(new URL(bouncer.url), change);
    const error = await errorOf(lookAtServer(url.href, 'DATABASE_URL'));
    if (!(error instanceof ServerError)) throw error;
    expect(error.trouble).toMatchObject({ kind });
    expect(error.trouble.mayPass).toBe(mayPass);
  });

  test('one that has no server behind it says so', async () => {
    bouncer = await startPgbouncer(Object.assign(new URL(database.url), { port: '9' }).href);
    expect(await found()).toMatchObject({
      trouble: { kind: expect.stringMatching(/pooler_cut_off|fell_silent/u), mayPass: true },
    });
  });
});
