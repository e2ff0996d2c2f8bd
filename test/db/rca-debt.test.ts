import {
  CHANNEL,
  enrol,
  insertPromotion,
  NOW,
  openAlert,
  postAlert,
  type Stored,
  startStored,
} from '../support/rows.js';

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

const root = (ts: string) => ({ channel: CHANNEL, ts });
let posts = 0;

/** A promotion that alerted and that another system ended; the watchdog has noticed. */
async function ended(columns: Readonly<Record<string, unknown>> = {}, severity: 'warning' | 'critical' = 'critical') {
  posts += 1;
  const id = await insertPromotion(stored.rows, { flag_key: `flag_${posts}` });
  const alertId = await postAlert(stored, id, severity, root(`${posts}.1`));
  const values = { state: 'deployed', deployed_at: NOW, ...columns };
  const names = Object.keys(values);
  await stored.rows.query(
    `update console_flag_promotions set ${names.map((name, n) => `${name} = $${n + 2}`).join(', ')} where id = $1`,
    [id, ...Object.values(values)],
  );
  await stored.db.alerts.close(id);
  return { id, alertId };
}

const unsettled = async () => (await stored.db.rcaDebts.unsettled(100)).map(({ alertId }) => alertId);
const reminders = () =>
  stored.rows.query(`select promotion_id, state from flag_promotions.messages where kind = 'rca_reminder' order by id`);

describe('unsettled', () => {
  test('are closed criticals, the oldest first, and nothing else', async () => {
    const first = await ended();
    const second = await ended({ state: 'failed', failed_at: NOW });
    await ended({}, 'warning');
    await postAlert(stored, await insertPromotion(stored.rows, { flag_key: 'open' }), 'critical', root('999.1'));
    expect(await unsettled()).toEqual([first.alertId, second.alertId]);
    expect(await stored.db.rcaDebts.unsettled(1)).toMatchObject([
      { alertId: first.alertId, wasPosted: true, promotion: { id: first.id, state: 'deployed', rcaUrl: null } },
    ]);
  });

  test('one that was never posted is known as such', async () => {
    const id = await insertPromotion(stored.rows);
    await openAlert(stored, id, 'critical');
    await stored.rows.query(`update console_flag_promotions set state = 'failed', failed_at = $1`, [NOW]);
    await stored.db.alerts.close(id);
    expect(await stored.db.rcaDebts.unsettled(1)).toMatchObject([{ wasPosted: false, promotion: { id } }]);
  });

  test('are so no longer once they were settled', async () => {
    const { alertId } = await ended();
    await stored.db.rcaDebts.settle(alertId);
    expect(await unsettled()).toEqual([]);
    expect(await reminders()).toEqual([]);
  });
});

describe('reminding', () => {
  test('queues one reply and settles, however many replicas do it at once', async () => {
    const { id, alertId } = await ended();
    const replicas = [stored.db, stored.replica(), stored.replica()];
    await Promise.all(Array.from({ length: 9 }, (_, n) => replicas[n % 3]?.rcaDebts.remind(id, alertId)));
    expect(await reminders()).toEqual([{ promotion_id: id, state: 'pending' }]);
    expect(await unsettled()).toEqual([]);
  });

  test('does nothing if the alert was opened anew meanwhile', async () => {
    const { id, alertId } = await ended();
    await stored.rows.query(`update console_flag_promotions set state = 'deploying' where id = $1`, [id]);
    await openAlert(stored, id, 'critical');
    await stored.db.rcaDebts.remind(id, alertId);
    expect(await reminders()).toEqual([]);
  });

  test('and linking an RCA at the same time end well, in whatever order', async () => {
    const kris = await enrol(stored.db, 'U0KRIS');
    const debts = await Promise.all(Array.from({ length: 8 }, () => ended()));
    const url = 'https://docs.example/rca';
    await Promise.all(
      debts.flatMap(({ id, alertId }) => [
        stored.db.rcaDebts.remind(id, alertId),
        stored.replica().promotions.linkRca({ promotionId: id, url, operatorId: kris.id, at: NOW }),
      ]),
    );
    expect(await unsettled()).toEqual([]);
    expect(await reminders()).toHaveLength(debts.length);
  });
});

describe('what is owed', () => {
  test('is what alerted, ended, and has no RCA; the newest first', async () => {
    expect(await stored.db.rcaDebts.owed(10)).toEqual({ rows: [], total: 0, isAtLeast: false });
    const warned = await ended({}, 'warning');
    const critical = await ended();
    await ended({ rca_url: 'https://docs.example/rca' });
    await postAlert(stored, await insertPromotion(stored.rows, { flag_key: 'open' }), 'warning', root('999.1'));
    await insertPromotion(stored.rows, { flag_key: 'quiet', state: 'deployed', deployed_at: NOW });
    const owed = await stored.db.rcaDebts.owed(10);
    expect(owed).toMatchObject({ total: 2, isAtLeast: false });
    expect(owed.rows.map(({ id }) => id)).toEqual([critical.id, warned.id]);
    // Counts all, however few are asked for.
    expect(await stored.db.rcaDebts.owed(1)).toMatchObject({ total: 2, rows: { length: 1 } });
  });

  test('counts a promotion once, whatever it alerted, and not what was never posted', async () => {
    const { id } = await ended();
    await stored.rows.query(
      `insert into flag_promotions.alerts (promotion_id, severity, closed_at) values ($1, 'warning', now())`,
      [id],
    );
    const unposted = await insertPromotion(stored.rows, { flag_key: 'unposted' });
    await openAlert(stored, unposted, 'critical');
    await stored.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [unposted]);
    expect(await stored.db.rcaDebts.owed(10)).toMatchObject({ total: 1, rows: [{ id }] });
  });

  test('tells if older alerts were not looked through', async () => {
    await stored.rows.query(`
      with made as (
        insert into console_flag_promotions (flag_key, heroku_app, config_var, state, deployed_at)
          select 'flag', 'app', 'FLAG', 'deployed', now() from generate_series(1, 501) returning id),
      told as (
        insert into flag_promotions.messages (kind, subject, promotion_id, state, channel, message_ts)
          select 'alert', id::text, id, 'posted', 'C0ALERTS', id || '.1' from made)
      insert into flag_promotions.alerts (promotion_id, severity, closed_at) select id, 'critical', now() from made`);
    expect(await stored.db.rcaDebts.owed(3)).toMatchObject({ total: 500, isAtLeast: true, rows: { length: 3 } });
    await stored.rows.query(
      'delete from flag_promotions.alerts where id = (select min(id) from flag_promotions.alerts)',
    );
    expect(await stored.db.rcaDebts.owed(3)).toMatchObject({ total: 500, isAtLeast: false });
  });
});
