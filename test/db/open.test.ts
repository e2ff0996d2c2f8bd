import { NoDatabaseError } from '../../src/db/errors.js';
import { MIGRATION_NAMES, MIGRATIONS_TABLE, migrateToLatest } from '../../src/db/migrate.js';
import { describeDatabase, openExisting, openUpToDate } from '../../src/db/open.js';
import { createLogger } from '../../src/log.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.js';
import { createRowStore } from '../support/row-store.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const log = createLogger('silent');

describe('a database', () => {
  let database: TestDatabase;

  afterEach(() => database.drop());

  const choice = () => ({ kind: 'server', url: database.url, directUrl: null }) as const;

  test('without a schema is refused, and gets one from start alone', async () => {
    database = await createEmptyDatabase();
    await expect(openExisting(choice(), log)).rejects.toThrow(NoDatabaseError);
    await expect(openExisting(choice(), log)).rejects.toThrow(/has no schema yet\. Run: flag-promotions migrate$/u);
    await (await openUpToDate(choice(), log)).close();
    const opened = await openExisting(choice(), log);
    expect(await opened.db.audit.verify()).toMatchObject({ intact: true });
    await opened.close();
  });

  test('with an older schema is refused, and left as it is; with a newer one it is taken', async () => {
    database = await createTestDatabase();
    const rows = createRowStore(database.url);
    const newest = MIGRATION_NAMES.at(-1) ?? '';
    await rows.query(`update ${MIGRATIONS_TABLE} set name = 'of-a-newer-version' where name = $1`, [newest]);
    await expect(openExisting(choice(), log)).rejects.toThrow(
      /lacks 1 of this version’s migrations\. Run: flag-promotions migrate$/u,
    );
    await rows.query(`insert into ${MIGRATIONS_TABLE} (name, batch, migration_time) values ($1, 9, now())`, [newest]);
    await rows.close();
    await (await openExisting(choice(), log)).close();
  });

  test('that takes seconds to let a connection in is waited for by what nobody tries again', async () => {
    database = await createTestDatabase();
    const { hostname: host, port } = new URL(database.url);
    const busy = await startTcpProxy({ host, port: Number(port) }, { lateMs: 3_000 });
    const url = Object.assign(new URL(database.url), { port: String(busy.port) }).href;
    await migrateToLatest(url);
    const opened = await openExisting({ kind: 'server', url, directUrl: null }, log);
    expect(await opened.db.audit.verify()).toMatchObject({ intact: true });
    await opened.close();
    await busy.close();
  });

  test('that does not answer is a fault of its own', async () => {
    database = await createTestDatabase();
    const away = Object.assign(new URL(database.url), { port: '9' }).href;
    const refused = { name: 'ServerError', trouble: { kind: 'refused', mayPass: true } };
    await expect(openExisting({ kind: 'server', url: away, directUrl: null }, log)).rejects.toMatchObject(refused);
  });
});

test.each([
  ['postgres://user:secret@db.example/console', 'console on db.example:5432'],
  [
    'postgres://user:secret@db.example:6000/console?sslmode=verify-full&sslrootcert=/no/such/file',
    'console on db.example:6000',
  ],
  ['postgres://user:%zz@db.example/console', 'console on db.example:5432'],
  ['postgres:///console?host=/run/postgresql', 'console on /run/postgresql:5432'],
  ['postgres://user@/console?host=/run/postgresql', 'console on /run/postgresql:5432'],
  ['postgres://user:secret@:6000/console?host=/run/postgresql', 'console on /run/postgresql:6000'],
  ['postgres://user@%2Frun%2Fpostgresql/console', 'console on /run/postgresql:5432'],
  ['postgresql://user@[2001:db8::1]:6000/console', 'console on [2001:db8::1]:6000'],
])('%s is called %s', (url, description) => {
  expect(describeDatabase({ kind: 'server', url, directUrl: null })).toBe(description);
});

test('the embedded one is called by its folder', () => {
  expect(describeDatabase({ kind: 'embedded', dataDir: '/data' })).toBe('embedded, in /data/postgres');
});
