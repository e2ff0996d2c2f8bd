import { z } from 'zod';
import type { AuditLog, NewAuditEvent } from '../../src/db/audit.js';
import { everything, NOW, type Stored, startStored } from '../support/rows.js';

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

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
const idsNow = async () =>
  (await stored.rows.query<{ id: string }>('select id from flag_promotions.audit_log order by id')).map(({ id }) =>
    Number(id),
  );
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const verify = () => stored.db.audit.verify();
/** What a superuser of the database can do, who first puts the triggers out of the way. */
async function tamper(...statements: readonly string[]): Promise<void> {
  await stored.rows.query('alter table flag_promotions.audit_log disable trigger user');
  for (const sql of statements) await stored.rows.query(sql);
  await stored.rows.query('alter table flag_promotions.audit_log enable trigger user');
}

describe('the log', () => {
  test('is intact when it is empty', async () => {
    expect(await verify()).toEqual({ intact: true, events: 0, headHash: '0'.repeat(64) });
  });

  test('is intact after 50 writers at once over three replicas, and at every moment while they write', async () => {
    const replicas = [stored.db, stored.replica(), stored.replica()];
    const writing = Promise.all(
      upTo(50).map((n) => (replicas[n % 3] ?? stored.db).audit.append(event({ actor: `U${n}`, detail: { n } }))),
    );
    const verdicts = [await verify(), await verify(), await verify()];
    await writing;
    expect(verdicts.map(({ intact }) => intact)).toEqual([true, true, true]);
    expect(await verify()).toMatchObject({ intact: true, events: 50 });
    expect(await idsNow()).toEqual(upTo(50));
    const actors = await stored.rows.query('select distinct actor from flag_promotions.audit_log');
    expect(actors).toHaveLength(50);
  });

  test('takes the same work for an event however many came since the oldest snapshot', async () => {
    /** Blocks that an event touches, of as many in one transaction, whose own snapshot keeps every version of the head. */
    const blocksEach = async (events: number): Promise<number> => {
      const explained = await stored.rows.query(
        `explain (analyze, buffers, format json, timing off)
           insert into flag_promotions.audit_log (at, action, actor) select now(), 'a', 'b' from generate_series(1, ${events})`,
      );
      const plans = z.array(z.object({ Plan: z.object({ 'Shared Hit Blocks': z.number() }) }));
      const [plan] = plans.parse(explained[0]?.['QUERY PLAN']);
      return (plan?.Plan['Shared Hit Blocks'] ?? Number.NaN) / events;
    };
    const few = await blocksEach(500);
    expect((await blocksEach(4_000)) / few).toBeLessThan(2);
  });

  test('has no gap where a transaction was rolled back', async () => {
    await append(2);
    await stored.rows.query(`do $$ begin
      insert into flag_promotions.audit_log (at, action, actor) values (now(), 'a', 'b');
      raise exception 'no';
    exception when others then null; end $$`);
    await append(1);
    expect(await idsNow()).toEqual([1, 2, 3]);
    expect(await verify()).toMatchObject({ intact: true, events: 3 });
  });

  test('gives out ids and hashes itself, whatever an insert claims', async () => {
    await append(1);
    await stored.rows.query(
      `insert into flag_promotions.audit_log (id, at, action, actor, prev_hash, hash) values (99, now(), 'a', 'b', 'forged', 'forged')`,
    );
    expect(await idsNow()).toEqual([1, 2]);
    expect(await verify()).toMatchObject({ intact: true, events: 2 });
  });

  test('is longer than one page of the verification', async () => {
    await stored.rows.query(`do $$ begin for n in 1..5100 loop
      insert into flag_promotions.audit_log (at, action, actor, detail) values (now(), 'a', 'U' || n, jsonb_build_object('n', n));
      if n % 50 = 0 then commit; end if;
    end loop; end $$`);
    expect(await verify()).toMatchObject({ intact: true, events: 5_100 });
    await tamper(`update flag_promotions.audit_log set actor = 'U0EVE' where id = 5001`);
    expect(await verify()).toMatchObject({ intact: false, events: 5_000, firstBrokenId: '5001' });
  });

  test('is the same whatever the settings of the session that writes', async () => {
    await stored.rows.query(`do $$ begin
      perform set_config('TimeZone', 'Asia/Kolkata', true), set_config('DateStyle', 'German', true),
              set_config('extra_float_digits', '0', true);
      insert into flag_promotions.audit_log (at, action, actor, detail)
        values ('2026-03-29 01:59:59.999999+01', 'a', 'b', '{"half": 0.5}');
    end $$`);
    expect(await verify()).toMatchObject({ intact: true, events: 1 });
    expect((await stored.db.audit.find('1'))?.at).toEqual(new Date('2026-03-29T00:59:59.999Z'));
  });

  const details: readonly (readonly [string, Record<string, unknown>])[] = [
    ['text of every kind', { text: 'ünï ☃ 👩‍👩‍👧 \u202e "quoted" \\ \n\t  \ufeff', 'kéy 🔑': '' }],
    [
      'large, small and negative numbers',
      { a: 1e21, b: Number.MAX_SAFE_INTEGER, c: -1e-7, d: 1.7976931348623157e308, e: 5e-324 },
    ],
    ['keys that are out of order, and empty', { z: 1, a: 2, '': 3, Z: 4, aa: 5, '10': 6, '9': 7 }],
    ['nulls and emptiness, nested', { a: null, b: [null, [], {}, [[null]]], c: { d: { e: null } } }],
    ['what looks like SQL or a placeholder', { sql: `'; drop table x; --`, mark: '? ?? :name $1 \\?' }],
    ['ten thousand characters', { text: 'x'.repeat(10_000) }],
  ];
  test.each(details)('keeps and verifies %s', async (_what, detail) => {
    await stored.db.audit.append(event({ detail }));
    expect((await stored.db.audit.find('1'))?.detail).toEqual(JSON.parse(JSON.stringify(detail)));
    expect(await verify()).toMatchObject({ intact: true, events: 1 });
  });
});

describe('a statement that would rewrite the log', () => {
  test.each([
    `update flag_promotions.audit_log set actor = 'U0EVE' where id = 2`,
    'update flag_promotions.audit_log set hash = hash where id = 1',
    'delete from flag_promotions.audit_log where id = 3',
    'truncate flag_promotions.audit_log',
    'truncate flag_promotions.audit_log, flag_promotions.audit_head cascade',
    `with gone as (delete from flag_promotions.audit_log returning *) select * from gone`,
    `merge into flag_promotions.audit_log l using (select 1) s on l.id = 2 when matched then delete`,
  ])('is refused: %s', async (sql) => {
    await append(3);
    const before = await everything(stored.rows);
    // Before PostgreSQL 15 there is no MERGE, which is a syntax error.
    const code = sql.startsWith('merge') ? /^42(?:501|601)$/u : /^42501$/u;
    await expect(stored.rows.query(sql)).rejects.toMatchObject({ code: expect.stringMatching(code) });
    expect(await everything(stored.rows)).toEqual(before);
  });

  // Triggers of rows see no row here; nothing is done, and that is what counts.
  test.each([
    'update flag_promotions.audit_log set actor = $$x$$ where false',
    'delete from flag_promotions.audit_log where id = 99',
  ])('and matches nothing, does nothing: %s', async (sql) => {
    await append(3);
    const before = await everything(stored.rows);
    await stored.rows.query(sql);
    expect(await everything(stored.rows)).toEqual(before);
  });
});

describe('verifying finds what a superuser did', () => {
  beforeEach(() => append(7));

  const swap = (column: string) =>
    `update flag_promotions.audit_log a set ${column} = b.${column} from flag_promotions.audit_log b
      where (a.id, b.id) in ((3, 5), (5, 3))`;
  test.each([
    ['a changed detail', [`update flag_promotions.audit_log set detail = '{"n": 33}' where id = 3`], '3'],
    ['an added key', [`update flag_promotions.audit_log set detail = detail || '{"x": null}' where id = 3`], '3'],
    ['a changed number’s form', [`update flag_promotions.audit_log set detail = '{"n": 3.0}' where id = 3`], '3'],
    ['a changed time', [`update flag_promotions.audit_log set at = at + interval '1 microsecond' where id = 4`], '4'],
    ['a changed actor', [`update flag_promotions.audit_log set actor = 'U0EVE' where id = 1`], '1'],
    ['a changed action', [`update flag_promotions.audit_log set action = action || ' ' where id = 7`], '7'],
    ['another promotion', [`update flag_promotions.audit_log set promotion_id = 1 where id = 2`], '2'],
    ['a changed hash', [`update flag_promotions.audit_log set hash = repeat('a', 64) where id = 2`], '2'],
    ['a changed link', [`update flag_promotions.audit_log set prev_hash = repeat('a', 64) where id = 2`], '2'],
    [
      'a changed actor under a hash computed anew, at the event after it',
      [
        `update flag_promotions.audit_log set actor = 'U0EVE' where id = 3`,
        `update flag_promotions.audit_log e set hash = encode(sha256(convert_to(flag_promotions.audit_canonical(e), 'UTF8')), 'hex') where id = 3`,
      ],
      '4',
    ],
    [
      'the last event, changed under a hash computed anew',
      [
        `update flag_promotions.audit_log set actor = 'U0EVE' where id = 7`,
        `update flag_promotions.audit_log e set hash = encode(sha256(convert_to(flag_promotions.audit_canonical(e), 'UTF8')), 'hex') where id = 7`,
      ],
      '7',
    ],
    ['a removed event', ['delete from flag_promotions.audit_log where id = 4'], '4'],
    ['the first removed', ['delete from flag_promotions.audit_log where id = 1'], '1'],
    ['the last removed', ['delete from flag_promotions.audit_log where id = 7'], '7'],
    ['all removed', ['delete from flag_promotions.audit_log'], '1'],
    ['two removed', ['delete from flag_promotions.audit_log where id in (3, 6)'], '3'],
    [
      'one removed and the rest moved up',
      [
        'delete from flag_promotions.audit_log where id = 4',
        'update flag_promotions.audit_log set id = id - 1 where id > 4',
      ],
      '4',
    ],
    ['two contents swapped', [swap('detail')], '3'],
    [
      'two events swapped whole',
      [
        'update flag_promotions.audit_log set id = -id where id in (3, 5)',
        'update flag_promotions.audit_log set id = case id when -3 then 5 else 3 end where id < 0',
      ],
      '3',
    ],
    [
      'an event inserted past the trigger',
      [
        `insert into flag_promotions.audit_log values (8, now(), 'a', 'b', null, '{}', repeat('a', 64), repeat('b', 64))`,
      ],
      '8',
    ],
  ])('%s', async (_what, statements, firstBrokenId) => {
    await tamper(...statements);
    expect(await verify()).toMatchObject({
      intact: false,
      firstBrokenId,
      events: Number(firstBrokenId) - 1,
      reason: expect.any(String),
    });
  });

  test.each(['0', '-5', '-9223372036854775808'])('an event put before the first, as number %s', async (id) => {
    await tamper(
      `insert into flag_promotions.audit_log values (${id}, now(), 'a', 'b', null, '{}', repeat('a', 64), repeat('b', 64))`,
    );
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId: id, events: 0 });
  });

  test('an event well chained, past the trigger and so past the head', async () => {
    await tamper(
      `insert into flag_promotions.audit_log select 8, now(), 'a', 'b', null, '{}', hash, '' from flag_promotions.audit_log where id = 7`,
      `update flag_promotions.audit_log e set hash = encode(sha256(convert_to(flag_promotions.audit_canonical(e), 'UTF8')), 'hex') where id = 8`,
    );
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId: '8', events: 7 });
  });

  test('a duplicate of the last event, which its trigger chained, is an event like any other', async () => {
    await stored.rows.query(
      'insert into flag_promotions.audit_log (at, action, actor, detail) select at, action, actor, detail from flag_promotions.audit_log where id = 7',
    );
    expect(await verify()).toMatchObject({ intact: true, events: 8 });
  });

  test('a head that was set back', async () => {
    await stored.rows.query('update flag_promotions.audit_head set last_id = 6');
    expect(await verify()).toMatchObject({ intact: false });
  });

  test('a head that is gone', async () => {
    await stored.rows.query('delete from flag_promotions.audit_head');
    expect(await verify()).toMatchObject({ intact: false });
  });

  test('a second head', async () => {
    await stored.rows.query(
      'insert into flag_promotions.audit_head select true, last_id, last_hash from flag_promotions.audit_head',
    );
    expect(await verify()).toMatchObject({ intact: false, reason: 'the chain has more than one head' });
  });

  test('a function that no longer covers the actor, at the first event it wrote', async () => {
    await stored.rows.query(`create or replace function flag_promotions.audit_canonical(event flag_promotions.audit_log) returns text
      language sql stable as $$ select jsonb_build_array(event.prev_hash, event.id, event.at, event.action)::text $$`);
    await append(2);
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId: '8', events: 7 });
  });

  test('a trigger that was taken away, at the first event it missed', async () => {
    await stored.rows.query('alter table flag_promotions.audit_log disable trigger audit_log_chain');
    await stored.rows.query(
      `insert into flag_promotions.audit_log (id, at, action, actor, prev_hash, hash)
        select 8, now(), 'a', 'b', last_hash, repeat('c', 64) from flag_promotions.audit_head`,
    );
    expect(await verify()).toMatchObject({ intact: false, firstBrokenId: '8' });
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
