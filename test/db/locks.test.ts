import { setTimeout as sleep } from 'node:timers/promises';
import { waiting, whileHolding } from '../support/locks.js';
import {
  CHANNEL,
  enrol,
  insertPromotion,
  insertPromotions,
  NOW,
  postAlert,
  type Stored,
  startStored,
  submission,
  typed,
} from '../support/rows.js';

/* Of transactions that are at the same rows, one waits for the other, and never each for the other. */

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

/** Starts both while the first waits for whoever holds what `sql` locks, then lets them go on; both have to succeed. */
async function heldUp(
  sql: string,
  first: () => Promise<unknown>,
  second: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  let both: Promise<readonly PromiseSettledResult<unknown>[]> = Promise.resolve([]);
  await whileHolding(stored, sql, async () => {
    const started = first();
    await waiting(stored, 1);
    both = Promise.allSettled([started, second()]);
    // Whether the second gets to wait or gets through is its own affair.
    await sleep(200);
  });
  expect((await both).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
}

/** Summaries that are told, in this order. */
async function summaries(count: number): Promise<readonly string[]> {
  const inserted = await stored.rows.query<{ id: string }>(
    `insert into flag_promotions.summaries (state, channel, message_ts, route, posted_at)
      select 'posted', $1, n || '.1', $1, now() from generate_series(1, $2::integer) n returning id`,
    [CHANNEL, count],
  );
  return inserted.map(({ id }) => id);
}

/** A promotion whose warning a summary tells of. */
async function toldIn(summaryId: string, flagKey: string, state = 'deploying'): Promise<string> {
  const id = await insertPromotion(stored.rows, { flag_key: flagKey, state });
  await stored.rows.query(
    `insert into flag_promotions.alerts (promotion_id, severity, state, summary_id, channel, thread_ts, posted_at)
      values ($1, 'warning', 'posted', $2, $3, '1.1', now())`,
    [id, summaryId, CHANNEL],
  );
  return id;
}

describe('alerts that end together and alerts that are opened together', () => {
  test('in the same summaries, of which one is joined, do not lock each other out', async () => {
    const [older = '', newest = ''] = await summaries(2);
    const warned = await toldIn(older, 'warned');
    const fresh = await insertPromotion(stored.rows, { flag_key: 'fresh' });
    const ended = [await toldIn(older, 'first', 'deployed'), await toldIn(newest, 'second', 'deployed')];
    const alerts = [
      { promotionId: warned, severity: 'critical' as const },
      { promotionId: fresh, severity: 'warning' as const },
    ];
    // As the delivery of a painting does.
    await heldUp(
      `select 1 from flag_promotions.summaries where id = ${older} for update`,
      () => stored.replica().alerts.close(...ended),
      () => stored.db.summaries.openAlerts({ channel: CHANNEL, heldUntil: null, alerts }, NOW),
    );
    const told = await stored.rows.query(
      `select promotion_id as id, severity, summary_id from flag_promotions.alerts where state <> 'closed' order by id`,
    );
    expect(told).toEqual([
      { id: warned, severity: 'warning', summary_id: older },
      { id: warned, severity: 'critical', summary_id: older },
      { id: fresh, severity: 'warning', summary_id: newest },
    ]);
  });

  test('join no summary that ends at that moment, but begin another', async () => {
    const [ending = ''] = await summaries(1);
    const fresh = await insertPromotion(stored.rows, { flag_key: 'fresh' });
    const alerts = [{ promotionId: fresh, severity: 'warning' as const }];
    await heldUp(`update flag_promotions.summaries set ended_at = now() where id = ${ending}`, () =>
      stored.db.summaries.openAlerts({ channel: CHANNEL, heldUntil: null, alerts }, NOW),
    );
    const told = await stored.rows.query(
      `select s.id <> $1 as another, s.repaint_wanted - s.repaint_done as behind
         from flag_promotions.alerts a join flag_promotions.summaries s on s.id = a.summary_id`,
      [ending],
    );
    expect(told).toEqual([{ another: true, behind: 1 }]);
  });
});

/**
 * Does `work` while somebody holds the first of some rows, and expects that it has none of the others as long as it waits:
 * two that go by one order never wait for each other.
 */
async function goesByTheOrder(table: string, ids: readonly string[], work: () => Promise<unknown>): Promise<void> {
  const [first = '', ...others] = ids;
  // What is written anew stands behind the others: whoever reads from end to end, or by an index, meets the first of them last.
  await stored.rows.query(`update ${table} set created_at = created_at - interval '1 second' where id = $1`, [first]);
  let free: unknown;
  let working: Promise<unknown> = Promise.resolve();
  await whileHolding(stored, `select 1 from ${table} where id = ${first} for update`, async () => {
    working = work();
    await waiting(stored, 1);
    free = await stored.rows.query(`select id from ${table} order by id for update skip locked`);
  });
  await working;
  expect(free).toEqual(others.map((id) => ({ id })));
}

test('summaries are locked by their ids, however they are stored', async () => {
  const told = await summaries(3);
  const ended = await Promise.all(told.map((id, n) => toldIn(id, `ended_${n}`, 'deployed')));
  await goesByTheOrder('flag_promotions.summaries', told, () => stored.db.alerts.close(...ended));
});

describe('the warnings that wait in a summary are locked by their ids, however they are stored,', () => {
  let warned: readonly string[];
  let alertIds: readonly string[];
  const open = (severity: 'warning' | 'critical', heldUntil: Date | null) =>
    stored.db.summaries.openAlerts(
      { channel: CHANNEL, heldUntil, alerts: warned.map((promotionId) => ({ promotionId, severity })) },
      NOW,
    );
  beforeEach(async () => {
    // The newest promotion is alerted first.
    warned = (await insertPromotions(stored.rows, 3)).toReversed();
    await open('warning', new Date(NOW.getTime() + 1));
    const opened = await stored.rows.query<{ id: string }>('select id from flag_promotions.alerts order by id');
    alertIds = opened.map(({ id }) => id);
  });

  test('by whoever opens their criticals', async () => {
    await goesByTheOrder('flag_promotions.alerts', alertIds, () => open('critical', null));
  });

  test('by whoever posts the summary', async () => {
    const { summaries: told } = stored.db;
    const lease = { owner: 'mine', durationMs: 60_000 };
    const later = new Date(NOW.getTime() + 2);
    const [id = ''] = await told.due(later, 10);
    const work = await told.claim(id, lease, later);
    const shown = { upTo: 1, through: work?.facts.through ?? '' };
    await goesByTheOrder('flag_promotions.alerts', alertIds, () =>
      told.recordPosted(id, lease, { channel: CHANNEL, ts: '1.1' }, shown, later),
    );
    const states = await stored.rows.query('select distinct state, thread_ts from flag_promotions.alerts');
    expect(states).toEqual([{ state: 'posted', thread_ts: '1.1' }]);
  });
});

test('forgetting a message that was deleted and resolving its promotion do not lock each other out', async () => {
  const { db, rows } = stored;
  const kris = await enrol(db, 'U0KRIS');
  // Where alerts of others were pruned there is room: the next version of the warning goes there, or behind its critical.
  for (let n = 0; n < 5; n += 1) {
    const other = await insertPromotion(rows, { flag_key: `other_${n}` });
    await postAlert(stored, other, 'critical', { channel: CHANNEL, ts: `9.${n}` });
  }
  const id = await insertPromotion(rows);
  const warning = await postAlert(stored, id, 'warning', { channel: CHANNEL, ts: '1.1' });
  await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '1.2' }, '1.1');
  await db.replies.queueRepeat(id, 1);
  await rows.query('delete from flag_promotions.alerts where promotion_id <> $1', [id]);
  await rows.query('vacuum flag_promotions.alerts');
  await rows.query('update flag_promotions.alerts set repaint_wanted = repaint_wanted + 1 where id = $1', [warning]);
  const lease = { owner: 'mine', durationMs: 60_000 };
  await db.alerts.claim(warning, lease, NOW);
  // As the delivery of the repetition does.
  await heldUp(
    'select 1 from flag_promotions.replies for update',
    () => db.alerts.forgetMessage(warning, lease),
    () => stored.replica().promotions.resolve(submission(id, kris), NOW, typed(kris.code())),
  );
  const alerts = await rows.query('select severity, state from flag_promotions.alerts order by id');
  expect(alerts).toEqual([
    { severity: 'warning', state: 'closed' },
    { severity: 'critical', state: 'closed' },
  ]);
});

describe('what was told of a promotion that came to rest', () => {
  const LONG_AGO = '2026-01-01T00:00:00Z';
  const BEFORE = new Date('2026-02-01T00:00:00Z');
  const ended = { state: 'deployed', deployed_at: LONG_AGO, rca_url: 'https://docs.example.com/rca' };
  const summary = () =>
    stored.rows.query<{ id: string; pruned_completed: number }>(
      'select id, pruned_completed from flag_promotions.summaries',
    );

  async function told(flagKey: string, summaryId: string | null): Promise<string> {
    const id = await insertPromotion(stored.rows, { ...ended, flag_key: flagKey });
    await stored.rows.query(
      `insert into flag_promotions.alerts (promotion_id, severity, state, summary_id, channel, message_ts, rca_settled, updated_at)
        values ($1, 'critical', 'closed', $2, $3, '1.1', true, $4)`,
      [id, summaryId, CHANNEL, LONG_AGO],
    );
    await stored.rows.query(
      `insert into flag_promotions.replies (promotion_id, kind, state, updated_at) values ($1, 'resolved', 'posted', $2)`,
      [id, LONG_AGO],
    );
    await stored.rows.query(
      `insert into flag_promotions.progress (promotion_id, state, shown_state, updated_at) values ($1, 'posted', 'deployed', $2)`,
      [id, LONG_AGO],
    );
    return id;
  }
  async function ofSummary(count: number): Promise<readonly string[]> {
    const [id = ''] = await summaries(1);
    await stored.rows.query('update flag_promotions.summaries set rca_settled = true, ended_at = $1, updated_at = $1', [
      LONG_AGO,
    ]);
    return Promise.all(Array.from({ length: count }, (_, n) => told(`told_${n}`, id)));
  }

  test('is counted once by its summary, where two replicas remove it at once', async () => {
    const [id = ''] = await ofSummary(1);
    await heldUp(
      'select 1 from flag_promotions.summaries for update',
      () => stored.db.pruning.prune(id, BEFORE),
      () => stored.replica().pruning.prune(id, BEFORE),
    );
    expect(await summary()).toMatchObject([{ pruned_completed: 1 }]);
    expect(await stored.rows.query('select 1 from flag_promotions.alerts')).toEqual([]);
  });

  test('so are many, by two ticks of the same second', async () => {
    await ofSummary(40);
    const tick = async ({ pruning }: Stored['db']) => {
      for (const id of await pruning.prunable(BEFORE, 100)) await pruning.prune(id, BEFORE);
    };
    await Promise.all([tick(stored.db), tick(stored.replica())]);
    expect(await summary()).toMatchObject([{ pruned_completed: 40 }]);
    expect(await stored.rows.query('select 1 from flag_promotions.alerts')).toEqual([]);
  });

  test('is removed while somebody clicks an old button of it, and neither locks the other out', async () => {
    const id = await told('clicked', null);
    // Between its replies and its progress message.
    await heldUp(
      'select 1 from flag_promotions.alerts for key share',
      () => stored.db.pruning.prune(id, BEFORE),
      () => stored.replica().alerts.closeOf(id),
    );
    for (const table of ['alerts', 'replies', 'progress']) {
      expect(await stored.rows.query(`select 1 from flag_promotions.${table}`)).toEqual([]);
    }
  });

  test('is left to the next tick where somebody has the promotion, and holds up no other', async () => {
    const id = await told('forgotten', null);
    await whileHolding(stored, `update console_flag_promotions set resolution_note = 'by hand'`, async () => {
      expect(await stored.db.pruning.prune(id, BEFORE)).toBe(false);
    });
    expect(await stored.db.pruning.prunable(BEFORE, 10)).toEqual([id]);
    expect(await stored.db.pruning.prune(id, BEFORE)).toBe(true);
  });
});
