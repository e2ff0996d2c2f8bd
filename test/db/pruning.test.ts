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

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

const RCA = 'https://docs.example.com/rca';
/** Long after everything here, by the database's clock. */
const LATER = new Date(Date.now() + 24 * 3_600_000);
const TOLD = ['flag_promotions.alerts', 'flag_promotions.messages'] as const;
let posts = 0;

/** A promotion that alerted and ended with an RCA, and whose messages are all final. */
async function settled(columns: Readonly<Record<string, unknown>> = { rca_url: RCA }): Promise<string> {
  posts += 1;
  const id = await insertPromotion(stored.rows, { flag_key: `flag_${posts}` });
  await stored.rows.query(
    `insert into flag_promotions.messages (kind, subject, promotion_id, state, channel, message_ts, shown_as)
      values ('progress', $1::text, $1::bigint, 'posted', $2, $3, 'deployed')`,
    [id, CHANNEL, `${posts}.9`],
  );
  const alertId = await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: `${posts}.1` });
  const values = { state: 'deployed', deployed_at: NOW, ...columns };
  const names = Object.keys(values);
  await stored.rows.query(
    `update console_flag_promotions set ${names.map((name, n) => `${name} = $${n + 2}`).join(', ')} where id = $1`,
    [id, ...Object.values(values)],
  );
  await stored.db.alerts.close(id);
  await stored.db.rcaDebts.settle(alertId);
  await stored.rows.query(
    `update flag_promotions.messages set shown = wanted, state = 'posted' where promotion_id = ${id}`,
  );
  return id;
}
const change = (sql: string, id: string, of = 'true') =>
  stored.rows.query(`update ${sql} where promotion_id = $1 and ${of}`, [id]);
const told = async (id: string) =>
  Promise.all(
    TOLD.map(async (table) => (await stored.rows.query(`select 1 from ${table} where promotion_id = $1`, [id])).length),
  );
const prunable = () => stored.db.pruning.prunable(LATER, 100);

describe('what was told of a promotion that came to rest', () => {
  test('is removed: alerts and messages; the promotion and its audit events stay', async () => {
    const id = await settled();
    const events = await stored.db.audit.ofPromotion(id, 100);
    expect(await told(id)).toEqual([1, 3]);
    expect(await prunable()).toEqual([id]);
    expect(await stored.db.pruning.prune(id, LATER)).toBe(true);
    expect(await told(id)).toEqual([0, 0]);
    expect(await stored.db.promotions.find(id)).toMatchObject({ state: 'deployed', rcaUrl: RCA });
    expect(await stored.db.audit.ofPromotion(id, 100)).toEqual(events);
    expect(events).toHaveLength(1);
    expect(await prunable()).toEqual([]);
  });

  test('is not said anew: what ended then queues nothing', async () => {
    const id = await settled();
    await stored.db.pruning.prune(id, LATER);
    await stored.db.alerts.close(id);
    expect(await told(id)).toEqual([0, 0]);
  });

  test('stays if it came to rest later than asked for', async () => {
    const id = await settled();
    const before = new Date(NOW.getTime() - 3_600_000);
    expect(await stored.db.pruning.prunable(before, 100)).toEqual([]);
    expect(await stored.db.pruning.prune(id, before)).toBe(false);
    expect(await told(id)).toEqual([1, 3]);
  });

  test.each<[string, (id: string) => Promise<unknown>]>([
    ['an alert that is open', (id) => change('flag_promotions.alerts set closed_at = null', id)],
    [
      'a message that is to be updated',
      (id) => change('flag_promotions.messages set wanted = 9', id, `kind = 'alert'`),
    ],
    ['a reminder that is not done', (id) => change('flag_promotions.alerts set is_rca_reminder_done = false', id)],
    ['a reply that waits', (id) => change(`flag_promotions.messages set state = 'pending'`, id, `kind = 'resolved'`)],
    [
      'a reply that was said a moment ago',
      (id) => change(`flag_promotions.messages set updated_at = now() + interval '2 days'`, id, `kind = 'resolved'`),
    ],
    [
      'a progress message that is to be updated',
      (id) => change('flag_promotions.messages set wanted = 9', id, `kind = 'progress'`),
    ],
    [
      'a progress message that shows the wrong state',
      (id) => change(`flag_promotions.messages set shown_as = 'deploying'`, id, `kind = 'progress'`),
    ],
    [
      'a row that was set back to deploying',
      (id) => stored.rows.query(`update console_flag_promotions set state = 'deploying' where id = $1`, [id]),
    ],
    [
      'an RCA that is owed',
      (id) => stored.rows.query('update console_flag_promotions set rca_url = null where id = $1', [id]),
    ],
  ])('stays, all of it, for %s', async (_what, keep) => {
    const id = await settled();
    await keep(id);
    expect(await prunable()).toEqual([]);
    expect(await stored.db.pruning.prune(id, LATER)).toBe(false);
    expect(await told(id)).toEqual([1, 3]);
  });

  test('goes, although its RCA is owed, once the list of debts no longer shows it', async () => {
    const id = await settled({ rca_url: null });
    await stored.rows.query(
      `with made as (
         insert into console_flag_promotions (flag_key, heroku_app, config_var, state, deployed_at)
           select 'newer_' || n, 'app', 'FLAG_' || n, 'deployed', now() from generate_series(1, 500) n returning id)
       insert into flag_promotions.alerts (promotion_id, severity, closed_at) select id, 'warning', now() from made`,
    );
    expect((await stored.db.rcaDebts.owed(600)).rows.map((row) => row.id)).not.toContain(id);
    expect(await prunable()).toEqual([id]);
  });

  test('is measured all the same: when it was noticed stands in the audit log', async () => {
    const id = await settled();
    const stats = () =>
      stored.db.stats.of({ since: new Date('2026-05-01T00:00:00Z'), until: NOW, stuckAfterMs: 365 * 24 * 3_600_000 });
    const before = await stats();
    expect(before.all).toMatchObject({ stuck: 1, toDetect: { medianMs: expect.any(Number) } });
    await stored.db.pruning.prune(id, LATER);
    expect(await stats()).toEqual(before);
  });

  test('does not come back if an RCA is linked later', async () => {
    const id = await settled();
    const kris = await enrol(stored.db, 'U0KRIS');
    await stored.db.pruning.prune(id, LATER);
    expect(
      await stored.db.promotions.linkRca({ promotionId: id, url: `${RCA}/2`, operatorId: kris.id, at: NOW }),
    ).toMatchObject({
      kind: 'linked',
    });
    // There is no thread to say it in.
    expect(await told(id)).toEqual([0, 0]);
  });
});

test('a promotion that never alerted loses its progress message alone, and a marked one nothing', async () => {
  const quiet = await insertPromotion(stored.rows, { flag_key: 'quiet', state: 'deployed', deployed_at: NOW });
  await stored.rows.query(
    `insert into flag_promotions.messages (kind, subject, promotion_id, state, shown_as)
      values ('progress', $1::text, $1::bigint, 'posted', 'deployed')`,
    [quiet],
  );
  await insertPromotion(stored.rows, { flag_key: 'marked', state: 'marked' });
  expect(await prunable()).toEqual([quiet]);
  expect(await stored.db.pruning.prunable(LATER, 0)).toEqual([]);
});

test('a resolution that is under way is not cut short', async () => {
  const kris = await enrol(stored.db, 'U0KRIS');
  const id = await insertPromotion(stored.rows);
  await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '1.1' });
  await stored.db.promotions.resolve(submission(id, kris, { rcaUrl: RCA }), NOW, typed(kris.code()));
  // Its message still needs an update, and its reply a post.
  expect(await prunable()).toEqual([]);
  expect(await stored.db.pruning.prune(id, LATER)).toBe(false);
});
