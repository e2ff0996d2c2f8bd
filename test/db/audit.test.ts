import { createAuditKeys } from '../../src/audit/keys.js';
import { shortSeal } from '../../src/audit/seal.js';
import type { AuditLog, NewAuditEvent } from '../../src/db/audit.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { createSealer, type Sealer } from '../../src/jobs/sealer.js';
import { realTimers } from '../../src/jobs/timers.js';
import { createLogger } from '../../src/log.js';
import { whileHolding } from '../support/locks.js';
import { CHAIN_ANEW } from '../support/chained-audit.js';
import { AUDIT_KEYS, everything, NOW, type Stored, startStored } from '../support/rows.js';

let stored: Stored;
const others: Database[] = [];
beforeEach(async () => {
  stored = await startStored();
});
afterEach(async () => {
  await Promise.all(others.splice(0).map((db) => db.close()));
  await stored.close();
});

function event(changes: Partial<NewAuditEvent> = {}): NewAuditEvent {
  return {
    at: NOW,
    action: 'console.flag.promotion.denied',
    actor: 'U0KRIS',
    promotionId: null,
    detail: { attempted: 'completed' },
    ...changes,
  };
}
async function append(count: number, log: AuditLog = stored.db.audit): Promise<void> {
  for (let n = 1; n <= count; n += 1) await log.append(event({ actor: `U${n}`, detail: { n } }));
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const verify = (db: Database = stored.db) => db.audit.verify();

const log = createLogger('fatal', { write: () => undefined });
function sealerOf(db: Database, heard: { refused?: number[]; takesAnyKey?: boolean } = {}): Sealer {
  return createSealer({
    seals: db.seals,
    timers: realTimers(() => performance.now()),
    log,
    takesAnyKey: heard.takesAnyKey ?? false,
    onShown: () => undefined,
    onSealed: () => undefined,
    onRefused: (events) => void heard.refused?.push(events),
  });
}
const seal = (db: Database = stored.db) => sealerOf(db).seal();
const newest = async (): Promise<string> => {
  const [row] = await stored.rows.query<{ number: string; hash: string }>(
    'select number, hash from flag_promotions.audit_seals order by number desc limit 1',
  );
  return row === undefined ? 'none' : shortSeal(row);
};
/** With other keys; the first one writes. */
function under(...keys: readonly string[]): Database {
  const db = openDatabase(stored.url, {
    maxConnections: 2,
    auditKeys: createAuditKeys(keys.map((text) => Buffer.alloc(32, text))),
  });
  others.push(db);
  return db;
}

/** What a superuser of the database can do after disabling the triggers. */
const TRIGGERED = ['audit_log', 'audit_head', 'audit_seals'];
async function tamper(...statements: readonly string[]): Promise<void> {
  for (const table of TRIGGERED) {
    await stored.rows.query(`alter table flag_promotions.${table} disable trigger user`);
  }
  for (const sql of statements) await stored.rows.query(sql);
  for (const table of TRIGGERED) await stored.rows.query(`alter table flag_promotions.${table} enable trigger user`);
}

describe('the log', () => {
  test('is intact when it is empty', async () => {
    expect(await verify()).toEqual({ intact: true, events: 0, unsealed: 0, seal: null });
  });

  test('is intact after 50 writers at once over three replicas that all seal, and at every moment while they do', async () => {
    const replicas = [stored.db, stored.replica(), stored.replica()];
    const writing = Promise.all(
      upTo(50).map((n) => (replicas[n % 3] ?? stored.db).audit.append(event({ actor: `U${n}`, detail: { n } }))),
    );
    const sealing = Promise.all(replicas.map((db) => seal(db)));
    const verdicts = [await verify(), await verify(), await verify()];
    await Promise.all([writing, sealing]);
    expect(verdicts.map(({ intact }) => intact)).toEqual([true, true, true]);
    expect(await verify()).toMatchObject({ intact: true, events: 50 });
    await Promise.all(replicas.map((db) => seal(db)));
    expect(await verify()).toMatchObject({ intact: true, events: 50, unsealed: 0 });
    const sealed = await stored.rows.query('select unnest(event_ids) as id from flag_promotions.audit_seals');
    expect(new Set(sealed.map(({ id }) => id)).size).toBe(50);
    expect(sealed).toHaveLength(50);
  });

  test('lets nobody who appends wait for another one', async () => {
    const open = `insert into flag_promotions.audit_log (at, action, actor) values (now(), 'a', 'b')`;
    // If one had to wait, this would never end.
    await whileHolding(stored, open, () => append(3));
    expect(await stored.rows.query('select 1 from flag_promotions.audit_log')).toHaveLength(4);
  });

  test('seals what commits late in a later seal, and forgets what was rolled back', async () => {
    await append(1);
    await stored.rows.query(`do $$ begin
      insert into flag_promotions.audit_log (at, action, actor) values (now(), 'a', 'b');
      raise exception 'no';
    exception when others then null; end $$`);
    await append(1);
    await seal();
    expect(await verify()).toMatchObject({ intact: true, events: 2, unsealed: 0 });
    // As one that took its number before the others, and committed after them.
    await append(1);
    await tamper('update flag_promotions.audit_log set id = 2 where id = 4');
    await seal();
    expect(await verify()).toMatchObject({ intact: true, events: 3, unsealed: 0, seal: { number: '2' } });
  });

  test('says how many events are not sealed yet', async () => {
    await append(2);
    await seal();
    await append(3);
    expect(await verify()).toMatchObject({ intact: true, events: 5, unsealed: 3, seal: { number: '1' } });
  });

  test('seals more than a page', async () => {
    const appendOne = (n: number) =>
      stored.db.audit.append(event({ detail: { n, nested: { b: [1.5, null], a: 'é' } } }));
    const numbers = upTo(1_100);
    // A few at once: a connection is waited for no longer than 2.5 s.
    while (numbers.length > 0) await Promise.all(numbers.splice(0, 50).map(appendOne));
    await seal();
    expect(await verify()).toMatchObject({ intact: true, events: 1_100, unsealed: 0 });
  });
});

describe('a statement that would rewrite the log', () => {
  test.each([
    `update flag_promotions.audit_log set actor = 'U0EVE' where id = 2`,
    'update flag_promotions.audit_log set mac = mac where id = 1',
    'delete from flag_promotions.audit_log where id = 3',
    'truncate flag_promotions.audit_log',
    'truncate flag_promotions.audit_log, flag_promotions.audit_head cascade',
    `with gone as (delete from flag_promotions.audit_log returning *) select * from gone`,
    `merge into flag_promotions.audit_log l using (select 1) s on l.id = 2 when matched then delete`,
    'update flag_promotions.audit_seals set number = number',
    'delete from flag_promotions.audit_seals',
    'truncate flag_promotions.audit_seals',
    'update flag_promotions.audit_head set last_id = 0',
    'delete from flag_promotions.audit_head',
    `insert into flag_promotions.audit_head (last_id, last_hash) values (1, 'x')`,
  ])('is refused: %s', async (sql) => {
    await append(3);
    await seal();
    const before = await everything(stored.rows);
    // Before PostgreSQL 15 there is no MERGE, which is a syntax error.
    const code = sql.startsWith('merge') ? /^42(?:501|601)$/u : /^42501$/u;
    await expect(stored.rows.query(sql)).rejects.toMatchObject({ code: expect.stringMatching(code) });
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('of an event whose UUID is there already is refused', async () => {
    await append(1);
    await expect(
      stored.rows.query(`insert into flag_promotions.audit_log (at, action, actor, detail, event, open, key, mac)
        select at, action, actor, detail, event, open, key, mac from flag_promotions.audit_log`),
    ).rejects.toMatchObject({ code: '23505' });
  });
});

const FORGED = `insert into flag_promotions.audit_log (at, action, actor, detail) values (now(), 'console.flag.promotion.ops_complete', 'U0EVE', '{}')`;
const swap = (column: string) =>
  `update flag_promotions.audit_log a set ${column} = b.${column} from flag_promotions.audit_log b
    where (a.id, b.id) in ((3, 5), (5, 3))`;

describe.each([
  ['sealed', true],
  ['not sealed yet', false],
])('of events that are %s, verifying finds what a superuser did:', (_state, isSealed) => {
  beforeEach(async () => {
    await append(4);
    if (isSealed) await seal();
    for (const n of [5, 6, 7]) await stored.db.audit.append(event({ actor: `U${n}`, detail: { n } }));
    if (isSealed) await seal();
  });

  test.each([
    ['a changed detail', [`update flag_promotions.audit_log set detail = '{"n": 33}' where id = 3`], '3'],
    ['an added key', [`update flag_promotions.audit_log set detail = detail || '{"x": null}' where id = 3`], '3'],
    ['a changed time', [`update flag_promotions.audit_log set at = at + interval '1 microsecond' where id = 4`], '4'],
    ['a changed actor', [`update flag_promotions.audit_log set actor = 'U0EVE' where id = 1`], '1'],
    ['a changed action', [`update flag_promotions.audit_log set action = action || ' ' where id = 7`], '7'],
    ['another promotion', [`update flag_promotions.audit_log set promotion_id = 1 where id = 2`], '2'],
    ['a changed MAC', [`update flag_promotions.audit_log set mac = repeat('a', 43) where id = 2`], '2'],
    ['a MAC taken away', [`update flag_promotions.audit_log set mac = null where id = 2`], '2'],
    [
      'an event made one of the version before',
      [`update flag_promotions.audit_log set event = null, open = null, key = null, mac = null where id = 2`],
      '2',
    ],
    ['a part said to be open', [`update flag_promotions.audit_log set open = 'at' where id = 6`], '6'],
    ['two contents swapped', [swap('detail')], '3'],
    ['an event inserted', [FORGED], '8'],
    [
      'an event inserted far ahead',
      [`insert into flag_promotions.audit_log (id, at, action, actor) values (99999, now(), 'a', 'b')`],
      '99999',
    ],
    [
      'an event inserted with the MAC of another',
      [
        `insert into flag_promotions.audit_log (at, action, actor, detail, event, open, key, mac)
          select at, action, 'U0EVE', detail, gen_random_uuid(), open, key, mac from flag_promotions.audit_log where id = 3`,
      ],
      '8',
    ],
    [
      'a whole event copied',
      [
        'drop index flag_promotions.audit_log_event',
        `insert into flag_promotions.audit_log (at, action, actor, promotion_id, detail, event, open, key, mac)
          select at, action, actor, promotion_id, detail, event, open, key, mac from flag_promotions.audit_log where id = 7`,
      ],
      isSealed ? '8' : '7',
    ],
  ])('%s', async (_what, statements, firstBrokenId) => {
    await tamper(...statements);
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId, reason: expect.any(String) });
    // No seal covers it up.
    await seal().catch(() => undefined);
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId });
  });

  test.each(['0', '-5', '-9223372036854775808'])('an event put before the first, as number %s', async (id) => {
    await tamper(`insert into flag_promotions.audit_log (id, at, action, actor) values (${id}, now(), 'a', 'b')`);
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId: id, events: 0 });
  });
});

describe('of what is sealed, verifying also finds', () => {
  beforeEach(async () => {
    await append(4);
    await seal();
    await append(3);
    await seal();
  });

  test.each([
    ['a changed number’s form', [`update flag_promotions.audit_log set detail = '{"n": 3.0}' where id = 3`], '3'],
    ['a removed event', ['delete from flag_promotions.audit_log where id = 4'], '4'],
    ['the first removed', ['delete from flag_promotions.audit_log where id = 1'], '1'],
    ['the last removed', ['delete from flag_promotions.audit_log where id = 7'], '7'],
    ['all removed', ['delete from flag_promotions.audit_log'], '1'],
    [
      'two events swapped whole',
      [
        'update flag_promotions.audit_log set id = -id where id in (3, 5)',
        'update flag_promotions.audit_log set id = case id when -3 then 5 else 3 end where id < 0',
      ],
      '3',
    ],
    ['a seal removed', ['delete from flag_promotions.audit_seals where number = 1'], '5'],
    ['a seal’s hash changed', [`update flag_promotions.audit_seals set hash = repeat('a', 64) where number = 1`], '1'],
    [
      'a seal that lists fewer events',
      [
        'update flag_promotions.audit_seals set event_ids = event_ids[1:2], event_hashes = substring(event_hashes for 64) where number = 2',
      ],
      '5',
    ],
    [
      'a seal with another time',
      [`update flag_promotions.audit_seals set at = at - interval '1 hour' where number = 2`],
      '5',
    ],
    [
      'seals in another order',
      [
        'update flag_promotions.audit_seals set number = -number',
        'update flag_promotions.audit_seals set number = number + 3',
      ],
      '5',
    ],
    ['a head from nowhere', [`update flag_promotions.audit_head set last_id = 2, last_hash = repeat('a', 64)`], '1'],
    [
      'a second head',
      [
        `insert into flag_promotions.audit_head (only_row, last_id, last_hash) select only_row, last_id, last_hash from flag_promotions.audit_head`,
      ],
      '0',
    ],
    ['no head', ['delete from flag_promotions.audit_head'], '0'],
  ])('%s', async (_what, statements, firstBrokenId) => {
    await tamper(...statements);
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId });
  });

  test('a chain computed anew, which nobody can sign', async () => {
    const kept = await newest();
    // The owner of the database removes an event and has another key seal the rest.
    await tamper('delete from flag_promotions.audit_seals', 'delete from flag_promotions.audit_log where id = 3');
    await tamper('update flag_promotions.audit_log set event = null, open = null, key = null, mac = null');
    await tamper('alter table flag_promotions.audit_log disable trigger user');
    const owner = under('owner');
    await owner.audit.append(event({ actor: 'U0EVE' }));
    await seal(owner);
    expect(await newest()).not.toBe(kept);
    expect(await verify()).toMatchObject({ intact: false });
    const says = (await verify()).intact ? [] : await verify();
    expect(JSON.stringify(says)).toContain('signed with a key that TOTP_ENCRYPTION_KEY does not give');
    // And the app doesn't go on after it.
    await append(1);
    await expect(seal()).rejects.toThrow('is not one of this app');
  });

  test('a missing tail, if a seal of it was kept elsewhere', async () => {
    const kept = await newest();
    const [number = '', hash = ''] = kept.split(':');
    const expected = () => stored.db.audit.verify({ expect: { number, hash } });
    expect(await expected()).toMatchObject({ intact: true });
    await tamper(
      'delete from flag_promotions.audit_log where id > 4',
      'delete from flag_promotions.audit_seals where number > 1',
    );
    expect(await verify()).toMatchObject({ intact: true, events: 4 });
    expect(await expected()).toMatchObject({
      intact: false,
      firstBrokenId: '5',
      reason: 'the log ends with seal 1: seal 2 is missing',
    });
    // Other events take their place, properly sealed.
    await append(2);
    await seal();
    expect(await verify()).toMatchObject({ intact: true, events: 6 });
    expect(await expected()).toMatchObject({
      intact: false,
      reason: expect.stringMatching(/^seal 2 is [\da-f]{64}, not/u),
    });
  });
});

describe('while the app goes on sealing, a superuser', () => {
  let sealer: Sealer;
  beforeEach(async () => {
    sealer = sealerOf(stored.db);
    await append(4);
    await sealer.seal();
    await append(3);
    await sealer.seal();
  });

  test('who makes the log look like one just upgraded gets no event without a MAC sealed', async () => {
    await tamper(
      'update flag_promotions.audit_head set last_id = 1',
      'alter table flag_promotions.audit_seals add column kept timestamptz',
      'update flag_promotions.audit_seals set kept = at, at = now() where number = 1',
      FORGED,
    );
    await append(1);
    await sealer.seal();
    await tamper(
      'update flag_promotions.audit_head set last_id = 0',
      'update flag_promotions.audit_seals set at = kept where number = 1',
      'alter table flag_promotions.audit_seals drop column kept',
    );
    expect(sealer.refused()).toEqual(['8']);
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId: '8', reason: 'the app did not write it' });
  });

  test('who rewrites all of it as a chain from before the seals gets no first seal over it', async () => {
    await tamper(
      'delete from flag_promotions.audit_seals',
      `update flag_promotions.audit_log set actor = 'U0EVE', event = null, open = null, key = null, mac = null`,
      CHAIN_ANEW,
    );
    await expect(sealer.seal()).rejects.toThrow('is gone from the audit log');
    await append(1);
    await expect(sealer.seal()).rejects.toThrow('is gone from the audit log');
    expect(await newest()).toBe('none');
  });

  test('who has the newest seal claim more than it covers keeps no event from being sealed unnoticed', async () => {
    await tamper('update flag_promotions.audit_seals set through = 1000 where number = 2');
    await append(1);
    await expect(sealer.seal()).rejects.toThrow('seal 2 is not one of this app');
  });

  test('who cuts off its end and has another replica seal what follows is found out by this one', async () => {
    await tamper(
      'delete from flag_promotions.audit_log where id > 4',
      'delete from flag_promotions.audit_seals where number > 1',
    );
    for (let count = 0; count < 2; count += 1) {
      await append(1);
      await seal(stored.replica());
    }
    expect(await newest()).toMatch(/^3:/u);
    await expect(sealer.seal()).rejects.toThrow(/^seal 2:[\da-f]{12}, which this process has seen, is gone/u);
  });
});

describe('the sealer', () => {
  test('names what the app did not write once, and seals the rest, however much it is', async () => {
    await append(2);
    await stored.rows.query(
      `insert into flag_promotions.audit_log (at, action, actor) select now(), 'a', 'b' from generate_series(1, 1200)`,
    );
    await append(2);
    const refused: number[] = [];
    const sealer = sealerOf(stored.db, { refused });
    await sealer.seal();
    await sealer.seal();
    expect(refused.reduce((sum, n) => sum + n, 0)).toBe(1_200);
    expect(sealer.refused()).toHaveLength(1_200);
    const sealed = await stored.rows.query('select unnest(event_ids)::int as id from flag_promotions.audit_seals');
    expect(sealed.map(({ id }) => id)).toEqual([1, 2, 1_203, 1_204]);
    await append(1);
    await sealer.seal();
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId: '3', unsealed: 0 });
  });

  test('isn’t led astray by an event far ahead of the others', async () => {
    await stored.rows.query(
      `insert into flag_promotions.audit_log (id, at, action, actor) values (${10 ** 15}, now(), 'a', 'b')`,
    );
    await append(2);
    await seal();
    await append(2);
    await seal();
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId: `${10 ** 15}`, events: 4, unsealed: 0 });
  });

  test('seals under a new key after the old one, and verifies once the old one is gone', async () => {
    const old = under('old');
    await append(2, old.audit);
    await seal(old);
    const both = under('new', 'old');
    await append(1, old.audit);
    await append(2, both.audit);
    await seal(both);
    expect(await verify(both)).toMatchObject({ intact: true, events: 5, unsealed: 0 });
    const alone = under('new');
    expect(await verify(alone)).toMatchObject({ intact: true, events: 5, unsealed: 0 });
    await append(1, alone.audit);
    await seal(alone);
    expect(await verify(alone)).toMatchObject({ intact: true, events: 6, unsealed: 0 });
    expect(await verify(old)).toMatchObject({ intact: false });
  });

  test('seals with a new key at once, so that the old one may go although nothing was written', async () => {
    const old = under('old');
    await append(1, old.audit);
    await seal(old);
    await seal(under('new', 'old'));
    const alone = under('new');
    await append(1, alone.audit);
    await seal(alone);
    expect(await verify(alone)).toMatchObject({ intact: true, events: 2, seal: { number: '3' } });
  });

  test('leaves an event under a key that it lacks to who has it', async () => {
    const both = under('new', 'old');
    await append(1, both.audit);
    await append(1, under('old').audit);
    await expect(seal(under('old'))).rejects.toThrow('another TOTP_ENCRYPTION_KEY');
    await seal(both);
    expect(await verify(both)).toMatchObject({ intact: true, events: 2, unsealed: 0 });
  });

  test('goes on after a lost key only if it is told to', async () => {
    const lost = under('lost');
    await append(2, lost.audit);
    await seal(lost);
    await append(1);
    await expect(seal()).rejects.toThrow('is not one of this app');
    await sealerOf(stored.db, { takesAnyKey: true }).seal();
    expect(await verify()).toMatchObject({ intact: true, events: 3, unsealed: 0 });
  });

  test('of two that write the same seal, one does', async () => {
    await append(3);
    const found = await stored.db.seals.findUnsealed();
    expect(found.unsealed.events).toHaveLength(3);
    await Promise.all([seal(), seal(stored.replica()), seal(stored.replica())]);
    expect(await newest()).toMatch(/^1:/u);
    expect(AUDIT_KEYS.publicKeys).toHaveLength(1);
  });
});

test('the history of a promotion is its newest events, the oldest of them first', async () => {
  for (const n of upTo(5)) await stored.db.audit.append(event({ promotionId: '7', detail: { n } }));
  await stored.db.audit.append(event({ promotionId: '8' }));
  await stored.db.audit.append(event());
  const history = await stored.db.audit.ofPromotion('7', 3);
  expect(history.map(({ detail }) => detail['n'])).toEqual([3, 4, 5]);
  expect(await stored.db.audit.ofPromotion('9', 3)).toEqual([]);
  expect(await stored.db.audit.find('99')).toBeNull();
});
