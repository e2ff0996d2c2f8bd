import { setTimeout as sleep } from 'node:timers/promises';
import { waiting, whileHolding } from '../support/locks.js';
import {
  CHANNEL,
  enrol,
  insertPromotion,
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
    `insert into flag_promotion_summaries (state, channel, message_ts, route, posted_at)
      select 'posted', $1, n || '.1', $1, now() from generate_series(1, $2::integer) n returning id`,
    [CHANNEL, count],
  );
  return inserted.map(({ id }) => id);
}

/** A promotion whose warning a summary tells of. */
async function toldIn(summaryId: string, flagKey: string, state = 'deploying'): Promise<string> {
  const id = await insertPromotion(stored.rows, { flag_key: flagKey, state });
  await stored.rows.query(
    `insert into flag_promotion_alerts (promotion_id, severity, state, summary_id, channel, thread_ts, posted_at)
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
      `select 1 from flag_promotion_summaries where id = ${older} for update`,
      () => stored.replica().alerts.close(...ended),
      () => stored.db.summaries.openAlerts({ channel: CHANNEL, heldUntil: null, alerts }, NOW),
    );
    const told = await stored.rows.query(
      `select promotion_id as id, severity, summary_id from flag_promotion_alerts where state <> 'closed' order by id`,
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
    await heldUp(`update flag_promotion_summaries set ended_at = now() where id = ${ending}`, () =>
      stored.db.summaries.openAlerts({ channel: CHANNEL, heldUntil: null, alerts }, NOW),
    );
    const told = await stored.rows.query(
      `select s.id <> $1 as another, s.repaint_wanted - s.repaint_done as behind
         from flag_promotion_alerts a join flag_promotion_summaries s on s.id = a.summary_id`,
      [ending],
    );
    expect(told).toEqual([{ another: true, behind: 1 }]);
  });
});

test('of several summaries, whoever waits for the first has none of the others yet, however they are stored', async () => {
  const told = await summaries(3);
  const ended = await Promise.all(told.map((id, n) => toldIn(id, `ended_${n}`, 'deployed')));
  const [first = '', ...others] = told;
  // What is painted is written anew behind the others: whoever reads from end to end meets the first of them last.
  await stored.rows.query('update flag_promotion_summaries set repaint_done = repaint_wanted where id = $1', [first]);
  let free: unknown;
  let closing: Promise<void> = Promise.resolve();
  await whileHolding(stored, `select 1 from flag_promotion_summaries where id = ${first} for update`, async () => {
    closing = stored.db.alerts.close(...ended);
    await waiting(stored, 1);
    free = await stored.rows.query('select id from flag_promotion_summaries order by id for update skip locked');
  });
  await closing;
  expect(free).toEqual(others.map((id) => ({ id })));
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
  await rows.query('delete from flag_promotion_alerts where promotion_id <> $1', [id]);
  await rows.query('vacuum flag_promotion_alerts');
  await rows.query('update flag_promotion_alerts set repaint_wanted = repaint_wanted + 1 where id = $1', [warning]);
  const lease = { owner: 'mine', durationMs: 60_000 };
  await db.alerts.claim(warning, lease, NOW);
  // As the delivery of the repetition does.
  await heldUp(
    'select 1 from flag_promotion_replies for update',
    () => db.alerts.forgetMessage(warning, lease),
    () => stored.replica().promotions.resolve(submission(id, kris), NOW, typed(kris.code())),
  );
  const alerts = await rows.query('select severity, state from flag_promotion_alerts order by id');
  expect(alerts).toEqual([
    { severity: 'warning', state: 'closed' },
    { severity: 'critical', state: 'closed' },
  ]);
});
