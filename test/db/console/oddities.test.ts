import { describeOddities, describeOddStates } from '../../../src/db/console/describe.js';
import { openDatabase } from '../../../src/db/database.js';
import { inspectDatabase } from '../../../src/db/inspection.js';
import { migrateToLatest } from '../../../src/db/migrate.js';
import { severityDue } from '../../../src/promotions/stuck.js';
import { sinceWhen, stuckFor } from '../../../src/views/headline.js';
import { insertPromotion, NOW, type Stored, startStored } from '../../support/rows.js';

/* Rows as another system may leave them: impossible starts, and states unknown here. */

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

const HOUR = 3_600_000;
const THRESHOLDS = {
  noticeAfterMs: HOUR / 4,
  warningAfterMs: 12 * HOUR,
  criticalAfterMs: 24 * HOUR,
  repeatCriticalEveryMs: 24 * HOUR,
};
/** By the database's clock, which runs on from NOW. */
const fromNow = (interval: string) => `flag_promotions.clock() + interval '${interval}'`;

/** Its times, whether it is stuck, and since when according to the alert. */
const STARTS = [
  ['none at all', { promoted_at: 'null', marked_at: 'null', created_at: 'null' }, /^_nobody knows when_$/u],
  ['minus infinity', { promoted_at: `'-infinity'` }, /^_nobody knows when_ \(recorded: `-infinity`\)$/u],
  ['infinity', { promoted_at: `'infinity'` }, /^_nobody knows when_ \(recorded: `infinity`\)$/u],
  [
    'a day ahead',
    { promoted_at: fromNow('1 day') },
    /^_nobody knows when_ \(recorded: 2026-05-11 06:\d\d UTC, in the future\)$/u,
  ],
  [
    'beyond what JavaScript can tell',
    { promoted_at: `'290000-01-01'` },
    /^_nobody knows when_ \(recorded: `infinity`\)$/u,
  ],
  ['ahead if it was marked', { promoted_at: 'null', marked_at: fromNow('1 hour') }, /in the future\)$/u],
  ['before Christ', { promoted_at: `'0044-03-15 BC'` }, /^<!date\^-/u],
  ['five minutes ahead, as a clock may be', { promoted_at: fromNow('5 minutes') }, null],
  ['an hour ago', { promoted_at: fromNow('-1 hour') }, null],
] as const;

test.each(STARTS)('a start that is %s', async (_what, times, says) => {
  const id = await insertPromotion(stored.rows);
  const ordinary = await insertPromotion(stored.rows, { flag_key: 'ordinary' });
  await stored.rows.query(`update console_flag_promotions set promoted_at = ${fromNow('-30 minutes')} where id = $1`, [
    ordinary,
  ]);
  await stored.rows.query(`alter table console_flag_promotions alter column created_at drop not null`);
  const assignments = Object.entries(times).map(([name, value]) => `${name} = ${value}`);
  await stored.rows.query(`update console_flag_promotions set ${assignments.join(', ')} where id = $1`, [id]);

  const cutoff = new Date(NOW.getTime() - THRESHOLDS.warningAfterMs);
  const { stuck } = await stored.db.alerts.gather(cutoff);
  const { total } = await stored.db.promotions.stuck(cutoff, { offset: 0, limit: 5 });
  expect(stuck.map(({ promotion }) => promotion.id)).toEqual(says === null ? [] : [id]);
  expect(total).toBe(stuck.length);
  const promotion = await stored.db.promotions.find(id);
  if (promotion === null) throw new Error('It is gone.');
  expect(severityDue(promotion, NOW, THRESHOLDS)).toBe(says === null ? null : 'critical');
  if (says === null) return;
  expect(sinceWhen(promotion)).toMatch(says);
  // The row itself says a span of two thousand years.
  const isKnown = says.source.includes('date');
  expect(stuckFor(promotion, NOW) === null).toBe(!isKnown);
  const { promotions } = await inspectDatabase(stored.url);
  expect(promotions.oddities).toEqual(
    isKnown ? [] : [expect.stringContaining(`Deploying since nobody knows when: promotion ${id} (`)],
  );
});

test('promotions under way that a promoter should have taken up are owed, whatever their start', async () => {
  const id = await insertPromotion(stored.rows);
  await stored.rows.query(
    `update console_flag_promotions set checkpoint = 'INTENT', promoted_at = 'infinity' where id = $1`,
    [id],
  );
  expect(await stored.db.overdue({ afterMs: 120_000, promoting: true })).toMatchObject({ promotions: 1 });
});

test('states that nobody knows are counted and named, by an index of them alone, and never alert', async () => {
  await stored.rows.query(
    'alter table console_flag_promotions drop constraint console_flag_promotions_state, alter column state drop not null',
  );
  for (const [n, state] of ['in_progress', 'in_progress', 'Rolled Back', 'DEPLOYING', null].entries()) {
    await insertPromotion(stored.rows, { flag_key: `flag_${n}` });
    await stored.rows.query(`update console_flag_promotions set state = $1 where flag_key = $2`, [state, `flag_${n}`]);
  }
  expect(await stored.db.oddStates()).toEqual({
    states: [
      { word: 'in_progress', count: 2 },
      { word: 'Rolled Back', count: 1 },
      { word: null, count: 1 },
    ],
    withoutId: 0,
    total: 4,
    isAtLeast: false,
  });
  const cutoff = new Date(NOW.getTime() - THRESHOLDS.warningAfterMs);
  const { stuck } = await stored.db.alerts.gather(cutoff);
  expect(stuck.map(({ promotion }) => promotion.flagKey)).toEqual(['flag_3']);
  const { promotions } = await inspectDatabase(stored.url);
  expect(promotions.oddities).toEqual([
    'Unknown states: in_progress (2), Rolled Back (1), none at all (1). They never alert. Name the ones that are ours in STATE_MAP, such as in_progress=deploying.',
  ]);
});

test('rows without an id are counted, and keep nobody from the others', async () => {
  const id = await insertPromotion(stored.rows);
  await stored.rows.query(
    `alter table console_flag_promotions drop constraint console_flag_promotions_pkey, drop constraint console_flag_promotions_state, alter column id drop identity, alter column id drop not null, alter column id set default 7`,
  );
  await migrateToLatest(stored.url);
  await stored.rows.query(
    `insert into console_flag_promotions (id, flag_key, heroku_app, config_var, state, promoted_at)
     select null, flag_key, 'app-' || n, config_var, s, promoted_at from console_flag_promotions,
            generate_series(1, 3) n, unnest(array['marked', 'deploying', 'deployed', 'in_progress']) s`,
  );
  const db = openDatabase(stored.url);
  const flagKey = (await db.promotions.find(id))?.flagKey ?? '';
  const only = [expect.objectContaining({ id })];
  expect((await db.alerts.gather(NOW)).stuck).toEqual([expect.objectContaining({ promotion: only[0] })]);
  expect(await db.promotions.deploying()).toEqual({ total: 1, oldest: only[0] });
  expect(await db.promotions.stuck(NOW, { offset: 0, limit: 5 })).toEqual({ total: 1, rows: only });
  expect(await db.promotions.withinTime(new Date(0), 5)).toEqual(only);
  expect(await db.promotions.list({ beforeId: null, limit: 5 })).toEqual(only);
  expect(await db.promotions.newestOf(flagKey)).toEqual(only[0]);
  expect(await db.promotions.ofEachApp(flagKey, 5)).toEqual({ total: 1, rows: only });
  expect(await db.promotions.deployingOf(flagKey, 5)).toEqual(only);
  expect(await db.promotions.marked(flagKey, 5)).toEqual([]);
  expect(await db.promotions.lastEnded()).toBeNull();
  expect(await db.followUps.deployedOf(flagKey, 5)).toEqual([]);

  expect(await db.oddStates()).toEqual({ states: [], withoutId: 12, total: 12, isAtLeast: false });
  const { promotions } = await inspectDatabase(stored.url);
  expect(promotions.oddities).toEqual(['12 rows have no id, and can’t alert or be shown. Give each row an id.']);
  await db.close();
});

test('rows without names keep neither the doctor nor the watchdog from the others', async () => {
  const id = await insertPromotion(stored.rows);
  await insertPromotion(stored.rows, { flag_key: 'nameless' });
  const nullable = ['flag_key', 'heroku_app', 'config_var', 'target_unset', 'attempts'];
  await stored.rows.query(
    `alter table console_flag_promotions ${nullable.map((name) => `alter column ${name} drop not null`).join(', ')}`,
  );
  await stored.rows.query(
    `update console_flag_promotions set ${nullable.map((name) => `${name} = null`).join(', ')} where id <> $1`,
    [id],
  );
  expect((await stored.db.alerts.gather(NOW)).stuck).toHaveLength(2);
  const { apps } = await inspectDatabase(stored.url);
  expect(apps).toHaveLength(1);
});

test('attempts that the console left empty are counted', async () => {
  const id = await insertPromotion(stored.rows);
  await stored.rows.query(`alter table console_flag_promotions alter column attempts drop not null`);
  await stored.rows.query(
    `update console_flag_promotions set checkpoint = 'PENDING_COMMIT:v42', attempts = null where id = $1`,
    [id],
  );
  expect(await stored.db.promoting.claimNext({ owner: 'x', durationMs: 9_000 })).toMatchObject({ attempts: 1 });
});

test('a state of another system’s is shown in its own words', async () => {
  const id = await insertPromotion(stored.rows);
  await stored.rows.query('alter table console_flag_promotions drop constraint console_flag_promotions_state');
  await stored.rows.query(`update console_flag_promotions set state = 'Rolled Back' where id = $1`, [id]);
  expect(await stored.db.promotions.find(id)).toMatchObject({ state: 'rolled back' });
});

test('each oddity of a table is one line, whatever stands in it', () => {
  const word = 'a\nb\u001B[31m'.padEnd(200, 'x');
  const [namesake, ...lines] = describeOddities({
    oddStates: [
      { word, count: 1_234 },
      { word: null, count: 1 },
      { word: ' x', count: 1 },
      ...Array.from({ length: 12 }, (_, n) => ({ word: `w${n}`, count: 1 })),
    ],
    namesakes: ['backup.console_flag_promotions'],
    timeHints: [{ column: '"startedAt"', ours: 'promoted_at', sql: 'update …;' }],
    oddStarts: [
      { id: '7', recorded: null },
      { id: '9', recorded: '2027-01-01 00:00:00+00' },
    ],
  });
  expect(lines).toHaveLength(3);
  expect(namesake).toBe(
    'There is also backup.console_flag_promotions. If the console uses that one, set CONSOLE_TABLE to it.',
  );
  expect(lines[0]).toMatch(
    /^Unknown states: a\?b\?\[31mx{32} \(1,234\), none at all \(1\), " x" \(1\), .* and 5 more\. /u,
  );
  expect(lines[0]).toMatch(/such as " x"=deploying\.$/u);
  expect(lines[1]).toBe('"startedAt" looks like promoted_at, which is empty. To copy it: update …;');
  expect(lines[2]).toBe(
    'Deploying since nobody knows when: promotions 7 (no start), 9 (2027-01-01 00:00:00+00). They alert at once.',
  );
  expect(describeOddStates([{ word: 'x', count: 50_000 }], true)).toBe('Unknown states: x (50,000 and more).');
});
