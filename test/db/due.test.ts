import { createServer } from 'node:net';
import pg from 'pg';
import { type Database, openDatabase } from '../../src/db/database.js';
import { type DueListener, listenForDue } from '../../src/db/due.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { accepted } from '../support/rows.js';

describe('being told that a promotion is due', () => {
  let database: TestDatabase;
  let db: Database;
  let sql: pg.Client;
  let listener: DueListener | undefined;
  let told: number;
  const troubles: unknown[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    db = openDatabase(database.url);
    sql = new pg.Client({ connectionString: database.url });
    await sql.connect();
    told = 0;
    troubles.length = 0;
    listener = db.listenForDue(
      () => {
        told += 1;
      },
      (error) => troubles.push(error),
    );
    // Once for what was announced before anybody listened.
    await eventually(async () => expect(told).toBe(1));
  });
  afterEach(async () => {
    await listener?.close();
    await sql.end();
    await db.close();
    await database.drop();
  });

  const listening = async () =>
    (
      await sql.query<{ pid: number }>(
        `select pid from pg_stat_activity where application_name = 'flag-promotions-listener' and datname = current_database()`,
      )
    ).rows.map(({ pid }) => pid);

  test('happens when the announcing transaction commits, and not before', async () => {
    await sql.query('begin');
    await sql.query(`select pg_notify('flag_promotions_due', '')`);
    await sql.query('rollback');
    await sql.query(`notify something_else`);
    expect(told).toBe(1);
    await sql.query(`notify flag_promotions_due`);
    await eventually(async () => expect(told).toBe(2));
  });

  test('is what promoting does, and marking does not', async () => {
    await db.operators.enrol({ slackUserId: 'U0KRIS', role: 'superadmin', sealedSecret: 'sealed' });
    const now = new Date('2026-05-09T04:28:00Z');
    const asked = { flagKey: 'dark_mode', herokuApp: 'app', configVar: 'FLAG_DARK_MODE', targetValue: 'true' };
    const marked = await db.transitions.mark(asked, 'U0KRIS', now);
    const promotionId = marked.kind === 'marked' ? marked.promotion.id : '';
    await sql.query('select 1');
    expect(told).toBe(1);
    const request = {
      promotionId,
      transition: 'promote',
      operatorId: 'U0KRIS',
      shown: null,
      reread: null,
      isAsShown: () => true,
      takesSecondPerson: () => false,
    } as const;
    const outcome = await db.transitions.carryOut(request, now, accepted(1));
    expect(outcome.kind).toBe('done');
    await eventually(async () => expect(told).toBe(2));
  });

  test('is what postponing does, so that every promoter learns until when it may rest', async () => {
    const lease = { owner: 'mine', durationMs: 60_000 };
    await sql.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, checkpoint)
       values ('dark_mode', 'app', 'FLAG_DARK_MODE', 'deploying', 'INTENT')`,
    );
    const { promotion } = await db.promoting.claimNext(lease);
    expect(told).toBe(1);
    await db.promoting.postpone(promotion?.id ?? '', lease, { waitMs: 2_000, lastError: null });
    await eventually(async () => expect(told).toBe(2));
  });

  test('knows whether it would hear of one, and announces nothing by that', async () => {
    await eventually(async () => expect(listener?.isListening()).toBe(true));
    expect(told).toBe(1);
    await listener?.close();
    expect(listener?.isListening()).toBe(false);
  });

  test('goes on after the connection was cut, with one look at what was missed', async () => {
    await eventually(async () => expect(listener?.isListening()).toBe(true));
    const [pid] = await listening();
    await sql.query('select pg_terminate_backend($1)', [pid]);
    await eventually(async () => expect(told).toBe(2));
    expect(troubles).toHaveLength(1);
    await eventually(async () => expect(listener?.isListening()).toBe(true));
    await sql.query(`notify flag_promotions_due`);
    await eventually(async () => expect(told).toBe(3));
  });

  test('ends with its connection', async () => {
    await listener?.close();
    listener = undefined;
    await eventually(async () => expect(await listening()).toEqual([]));
    await sql.query(`notify flag_promotions_due`);
    expect(told).toBe(1);
    expect(troubles).toEqual([]);
  });
});

/** The server's messages in a listener's session (https://www.postgresql.org/docs/18/protocol-message-formats.html). */
const message = (type: string, body: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body, 'latin1')]);
};
const READY = message('Z', 'I');
const FAILURE = message('E', 'SFATAL\0C57P01\0Mterminating\0\0');

test('being told goes on although a connection fails twice in one breath', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', '\0\0\0\0'), READY]));
      socket.once('data', () => {
        socket.write(Buffer.concat([message('C', 'LISTEN\0'), READY]));
        setTimeout(() => socket.write(Buffer.concat([FAILURE, FAILURE])), 50);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const troubles: unknown[] = [];
  let told = 0;
  const heard: boolean[] = [];
  const listener = listenForDue(
    `postgres://someone@127.0.0.1:${port}/any`,
    () => {
      told += 1;
    },
    (error) => {
      heard.push(listener.isListening());
      troubles.push(error);
    },
  );
  try {
    await eventually(async () => expect(told).toBeGreaterThanOrEqual(2));
    // It accepted LISTEN and delivered nothing, as a pooler may.
    expect(heard).not.toContain(true);
    expect(connections).toBeGreaterThanOrEqual(2);
    expect(troubles[0]).toMatchObject({ code: '57P01' });
  } finally {
    await listener.close();
    await new Promise((resolve) => server.close(resolve));
  }
});
