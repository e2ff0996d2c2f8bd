import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import * as z from 'zod';
import { hashEvent } from '../../src/audit/event.js';
import { createAuditKeys } from '../../src/audit/keys.js';
import { GENESIS, signSeal } from '../../src/audit/seal.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { migrateToLatest, rollBackTo } from '../../src/db/migrate.js';
import { sealOnce } from '../../src/jobs/sealer.js';
import { realTimers } from '../../src/jobs/timers.js';
import { createLogger } from '../../src/log.js';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';

/** A log that a trigger chained, as versions before the seals kept it. */
describe('the audit log of an earlier version', () => {
  const BEFORE = '0027-pages';
  const KEYS = createAuditKeys([new Uint8Array(32)]);
  let database: TestDatabase;
  let client: pg.Client;
  let db: Database;

  beforeEach(async () => {
    database = await createEmptyDatabase();
    await migrateToLatest(database.url);
    await rollBackTo(database.url, BEFORE);
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await appendAsBefore(5);
    await migrateToLatest(database.url);
    db = openDatabase(database.url, { auditKeys: KEYS });
  });
  afterEach(async () => {
    await client.end();
    await db.close();
    await database.drop();
  });

  async function appendAsBefore(count: number): Promise<void> {
    await client.query(
      `insert into flag_promotions.audit_log (at, action, actor, detail)
        select now(), 'console.flag.promotion.denied', 'U' || n, jsonb_build_object('n', n, 'text', 'ünï ☃') from generate_series(1, ${count}) n`,
    );
  }
  const append = () =>
    db.audit.append({
      at: new Date(),
      action: 'console.flag.promotion.denied',
      actor: 'U0KRIS',
      promotionId: null,
      detail: {},
    });
  const timers = realTimers(() => performance.now());
  const seal = () => sealOnce({ seals: db.seals, timers, log: createLogger('silent'), takesAnyKey: false });
  const setClock = (ahead: string) =>
    client.query(
      `create or replace function flag_promotions.clock() returns timestamptz language sql volatile as 'select now() + interval ''${ahead}'''`,
    );
  async function tamper(...statements: readonly string[]): Promise<void> {
    for (const table of ['audit_log', 'audit_head']) {
      await client.query(`alter table flag_promotions.${table} disable trigger user`);
    }
    for (const sql of statements) await client.query(sql);
  }
  const rehash = (id: number) =>
    `update flag_promotions.audit_log e set hash = encode(sha256(convert_to(flag_promotions.audit_canonical(e), 'UTF8')), 'hex') where id = ${id};`;

  test('goes on after its head, which the first seal covers at once', async () => {
    expect(await db.audit.verify()).toMatchObject({ intact: true, events: 5, unsealed: 0, seal: null });
    await seal();
    expect(await db.audit.verify()).toMatchObject({ intact: true, events: 5, unsealed: 0, seal: { number: '1' } });
    await append();
    await seal();
    const { rows } = await client.query('select id from flag_promotions.audit_log order by id desc limit 1');
    expect(rows).toEqual([{ id: '6' }]);
    expect(await db.audit.verify()).toMatchObject({ intact: true, events: 6, unsealed: 0, seal: { number: '2' } });
  });

  test('takes what a process of that version still writes, for a while', async () => {
    await appendAsBefore(1);
    await seal();
    await appendAsBefore(1);
    await seal();
    expect(await db.audit.verify()).toMatchObject({ intact: true, events: 7, unsealed: 0 });
    await setClock('11 minutes');
    await appendAsBefore(1);
    await seal();
    expect(await db.audit.verify()).toMatchObject({ intact: false, firstBrokenId: '8' });
    // Nor later, by a first seal that looks newer.
    await tamper(
      'alter table flag_promotions.audit_seals disable trigger user',
      'create table kept as select at from flag_promotions.audit_seals where number = 1',
      'update flag_promotions.audit_seals set at = flag_promotions.clock() where number = 1',
    );
    await seal();
    await tamper('update flag_promotions.audit_seals set at = (select at from kept) where number = 1');
    expect(await db.audit.verify()).toMatchObject({ intact: false, firstBrokenId: '8' });
  });

  test('a clock that is set back does not open that while again', async () => {
    await seal();
    await setClock('11 minutes');
    await append();
    await seal();
    await setClock('1 minute');
    await appendAsBefore(1);
    await seal();
    expect(await db.audit.verify()).toMatchObject({ intact: false, firstBrokenId: '7' });
  });

  test.each([
    ['a changed detail', `update flag_promotions.audit_log set detail = '{}' where id = 3`, '3'],
    ['a removed event', 'delete from flag_promotions.audit_log where id = 2', '2'],
    ['a cut tail', 'delete from flag_promotions.audit_log where id >= 4', '4'],
    [
      'an event with its hash computed anew',
      `update flag_promotions.audit_log e set actor = 'x' where id = 3; ${rehash(3)}`,
      '4',
    ],
    [
      'the last one changed with the head',
      `update flag_promotions.audit_log e set actor = 'x' where id = 5; ${rehash(5)}
       update flag_promotions.audit_head set last_hash = (select hash from flag_promotions.audit_log where id = 5)`,
      '6',
    ],
  ])('tells %s, and where', async (_what, tampering, firstBrokenId) => {
    await append();
    await seal();
    await tamper(tampering);
    expect(await db.audit.verify()).toMatchObject({ intact: false, firstBrokenId });
  });

  describe('exported', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'audit-export-'));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    const lineOf = z.record(z.string(), z.unknown());
    async function exported(): Promise<z.output<typeof lineOf>[]> {
      const lines: z.output<typeof lineOf>[] = [];
      await db.audit.export(async (line) => void lines.push(lineOf.parse(JSON.parse(line))));
      return lines;
    }
    async function check(lines: readonly object[], ...more: readonly string[]): Promise<string> {
      const file = path.join(folder, 'export.jsonl');
      await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      const script = path.join(__dirname, '../../scripts/verify-audit-export.mjs');
      const { status, stdout } = spawnSync(process.execPath, [script, file, ...more], { encoding: 'utf8' });
      expect([status, stdout]).toEqual([stdout.startsWith('The export holds') ? 0 : 1, stdout]);
      return stdout;
    }

    test('holds under the key, but not without a seal, which nobody signed', async () => {
      const before = await exported();
      expect(await check(before)).toContain('The export holds: 5 events, no seal');
      expect(await check(before, KEYS.publicKey)).toContain('there is no seal: nobody vouches for its events');
      await append();
      await seal();
      expect(await check(await exported(), KEYS.publicKey)).toContain('The export holds: 6 events, newest seal 1:');
    });

    test('does not hold if an event of the chain was changed, and the next one’s line says it follows', async () => {
      await seal();
      const lines = await exported();
      const [changed, next] = lines.filter(({ id }) => id === '2' || id === '3');
      if (changed === undefined || next === undefined) throw new Error('There are too few events.');
      changed['canonical'] = String(changed['canonical']).replace('"U2"', '"U0EVE"');
      changed['hash'] = createHash('sha256').update(String(changed['canonical'])).digest('hex');
      next['prevHash'] = changed['hash'];
      expect(await check(lines, KEYS.publicKey)).toContain('event 3 does not follow the one before it');
    });

    test('does not hold if the chain goes on after the seal that covers it', async () => {
      await seal();
      const lines = await exported();
      const prevHash = lines.find(({ id }) => id === '5')?.['hash'];
      const canonical = JSON.stringify([prevHash, 6, '', 'a', 'U0EVE', null, {}]);
      const hash = createHash('sha256').update(canonical).digest('hex');
      const added = lines.toSpliced(-1, 0, { type: 'chained', id: '6', prevHash, hash, canonical });
      expect(await check(added, KEYS.publicKey)).toContain('event 6 comes after the first seal');
    });

    test('does not hold if an event was sealed twice, while the first one was away', async () => {
      await append();
      await seal();
      const columns = 'at, action, actor, promotion_id, detail, event, open, key, mac';
      await tamper(
        'create table kept as select * from flag_promotions.audit_log where id = 6',
        'delete from flag_promotions.audit_log where id = 6',
        `insert into flag_promotions.audit_log (${columns}) select ${columns} from kept`,
      );
      await seal();
      await tamper(
        'drop index flag_promotions.audit_log_event',
        'insert into flag_promotions.audit_log select * from kept',
      );
      expect(await check(await exported(), KEYS.publicKey)).toContain('event 7 is a copy of another one');
      expect(await db.audit.verify()).toMatchObject({
        intact: false,
        firstBrokenId: '7',
        reason: 'it is a copy of another event',
      });
    });

    test.each([
      ['never upgraded', false, 0, 'the app did not write event 2'],
      ['10 minutes after', true, 10, 'The export holds: 2 events'],
      ['11 minutes after', true, 11, 'the app did not write event 2'],
    ])(
      'holds with a sealed event without a MAC only if it is upgraded, and soon: %s',
      async (_when, isUpgraded, minutes, says) => {
        const canonical = JSON.stringify([GENESIS, 1, '', 'a', 'U0KRIS', null, {}]);
        const chain = createHash('sha256').update(canonical).digest('hex');
        const chained = isUpgraded ? [{ type: 'chained', id: '1', prevHash: GENESIS, hash: chain, canonical }] : [];
        const event = { id: '2', event: null, at: '2026-05-09T04:28:31.000000Z', action: 'a', actor: 'U0EVE' };
        const rest = { promotionId: null, detail: '{}', open: null, mac: null };
        const at = Date.UTC(2026, 4, 9, 4, 28, 31);
        const first = signSeal(KEYS, {
          number: '1',
          prevHash: isUpgraded ? chain : GENESIS,
          at: new Date(at).toISOString(),
          events: [],
          refused: [],
          through: '0',
          gaps: '[]',
        });
        const second = signSeal(KEYS, {
          ...first,
          number: '2',
          prevHash: first.hash,
          at: new Date(at + minutes * 60_000).toISOString(),
          events: [{ id: '2', hash: hashEvent({ ...event, ...rest }) }],
        });
        const lines = [
          { type: 'audit log', version: 1 },
          ...chained,
          { type: 'seal', ...first },
          { type: 'event', ...event, ...rest },
          { type: 'seal', ...second },
          { type: 'end', seals: 2 },
        ];
        expect(await check(lines, KEYS.publicKey)).toContain(says);
      },
    );
  });

  test('is a chain again if the schema goes back', async () => {
    for (let count = 0; count < 3; count += 1) await append();
    // An unused number.
    await client.query(`select nextval(pg_get_serial_sequence('flag_promotions.audit_log', 'id'))`);
    await append();
    await seal();
    await rollBackTo(database.url, BEFORE);
    await appendAsBefore(1);
    const { rows } = await client.query(
      `select id, hash = encode(sha256(convert_to(flag_promotions.audit_canonical(e), 'UTF8')), 'hex') as fits,
              prev_hash = lag(hash, 1, repeat('0', 64)) over (order by id) as follows
         from flag_promotions.audit_log e order by id`,
    );
    expect(rows).toEqual(Array.from({ length: 10 }, (_, n) => ({ id: `${n + 1}`, fits: true, follows: true })));
    await migrateToLatest(database.url);
    expect(await db.audit.verify()).toMatchObject({ intact: true, events: 10 });
  });
});
