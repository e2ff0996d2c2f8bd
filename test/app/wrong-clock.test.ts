import type { RunningApp } from '../../src/app.js';
import { createTestClock } from '../support/clock.js';
import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/* A replica whose clock is hours ahead delays nothing: stored times are by the database's clock. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const AHEAD = 6 * HOUR;

let bed: TestBed;
let wrong: RunningApp;
afterEach(() => bed.close());

/** An app, and a replica ahead of it. `takesClicks`: that replica gets people's clicks in Slack. */
async function start(startAt: string, { takesClicks = false, quiet = '' } = {}) {
  bed = await startTestBed({
    startAt,
    rateLimit: false,
    environment: ({ channels }) => ({ ALERT_ROUTES: `*=${channels.alerts},mention=none${quiet}` }),
  });
  wrong = await bed.replica({ clock: createTestClock(new Date(bed.clock.now().getTime() + AHEAD)) });
  if (takesClicks) bed.slack.connectHttp(`http://127.0.0.1:${wrong.port}/slack/events`);
}
const kris = () => bed.slack.people.superadmin;
const inMs = async (column: string, table: string) => {
  const [row] = await bed.rows.query<{ ms: number | null }>(
    `select extract(epoch from ${column} - flag_promotions.clock())::float * 1000 as ms from ${table} where ${column} is not null`,
  );
  return row?.ms ?? Number.NaN;
};
const posted = async () => (await bed.slack.messages(bed.slack.channels.alerts)).length;

test('one HTTP 500 does not keep a critical back for longer than the next attempt waits', async () => {
  await start('2026-05-10T04:30:00Z');
  await bed.rows.insertDeploying();
  bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'status', status: 500 });
  await wrong.tick();
  expect(await posted()).toBe(0);
  expect(await inMs('next_attempt_at', 'flag_promotions.messages')).toBeLessThan(10 * MINUTE);
  await bed.clock.advance(10 * MINUTE);
  await bed.app.tick();
  expect(await posted()).toBe(1);
});

test('a promotion that is not yet stuck raises no alert', async () => {
  await start('2026-05-09T10:30:00Z');
  await bed.rows.insertDeploying();
  await wrong.tick();
  expect(await posted()).toBe(0);
});

test('a warning of the quiet hours waits for their end, and no longer', async () => {
  await start('2026-05-09T23:30:00Z', { quiet: ',quiet=22:00-07:00@UTC' });
  await bed.rows.insertDeploying();
  await wrong.tick();
  await bed.clock.set('2026-05-10T04:00:00Z');
  await bed.app.tick();
  // By its own clock it is 10:00 there.
  await wrong.tick();
  expect(await bed.rows.query('select not_before from flag_promotions.messages')).toEqual([
    { not_before: new Date('2026-05-10T07:00:00Z') },
  ]);
  expect(await posted()).toBe(0);
  await bed.rows.query(`update console_flag_promotions set promoted_at = promoted_at + interval '6 hours'`);
  await bed.clock.set('2026-05-10T07:00:00Z');
  await bed.app.tick();
  expect(await posted()).toBe(1);
});

test('a message that it leased and left is taken over after the lease', async () => {
  await start('2026-05-10T04:30:00Z');
  await bed.rows.insertDeploying();
  bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'delay', ms: 1_000 });
  const ticking = wrong.tick();
  await eventually(async () => expect(await inMs('lease_until', 'flag_promotions.messages')).toBeGreaterThan(0));
  expect(await inMs('lease_until', 'flag_promotions.messages')).toBeLessThan(MINUTE);
  await ticking;
});

describe('a click or command under a wrong clock', () => {
  test('acknowledging and snoozing keep a critical quiet for as long as they say', async () => {
    await start('2026-05-10T04:30:00Z', { takesClicks: true });
    const promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
    await kris().click(await bed.alert(), 'acknowledge');
    await eventually(async () =>
      expect(await bed.db.attention.of(promotionId)).toMatchObject({ ownership: { owner: kris().id } }),
    );
    expect(Math.abs(await inMs('confirmed_at', 'flag_promotions.attention'))).toBeLessThan(MINUTE);
    await kris().click(await bed.alert(), 'alert_menu', { value: `snooze_1h:${promotionId}` });
    await eventually(async () =>
      expect(await bed.db.attention.of(promotionId)).toMatchObject({ snooze: { by: kris().id } }),
    );
    expect(await inMs('snoozed_until', 'flag_promotions.attention')).toBeLessThan(HOUR + MINUTE);
    await bed.clock.advance(HOUR + MINUTE);
    await bed.app.tick();
    expect((await bed.db.attention.of(promotionId))?.snooze).toBeNull();
    // The owner is asked by the database's clock, whichever replica asks.
    await bed.clock.advance(46 * MINUTE);
    await wrong.tick();
    expect(Math.abs(await inMs('asked_at', 'flag_promotions.attention'))).toBeLessThan(MINUTE);
  });

  test('a promotion is stuck as soon as it should be', async () => {
    await start('2026-05-10T04:30:00Z', { takesClicks: true });
    await bed.db.transitions.mark(
      { flagKey: 'dark_mode', herokuApp: APP, configVar: 'FLAG_DARK_MODE', targetValue: 'true' },
      kris().id,
      bed.clock.now(),
    );
    await kris().command('promote dark_mode');
    await kris().waitForModal();
    // The authenticator's current code: by the replica's own clock it would be wrong.
    await kris().submit({ code: bed.code(kris().id) });
    await eventually(async () =>
      expect(Math.abs(await inMs('promoted_at', 'console_flag_promotions'))).toBeLessThan(MINUTE),
    );
  });

  test('wrong codes lock somebody for as long as they say', async () => {
    await start('2026-05-10T04:30:00Z', { takesClicks: true });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    for (let guess = 0; guess < 5; guess += 1) {
      await kris().click(await bed.alert(), 'mark_completed');
      await kris().waitForModal((view) => JSON.stringify(view.blocks).includes('true'));
      await kris().submit({ code: bed.code(kris().id, 100 + guess) });
    }
    const left = await inMs('locked_until', 'flag_promotions.operators');
    expect(left).toBeGreaterThan(14 * MINUTE);
    expect(left).toBeLessThan(15 * MINUTE + 1);
  });
});

describe('after the database’s clock was set back by hours', () => {
  const MESSAGES = 'flag_promotions.messages';
  const LOOKS = '(select max(due_at) as due_at from flag_promotions.drift_looks) l';
  /** As if it had been that far ahead when these were stored. */
  const storedAhead = (table: string, ...columns: readonly string[]) =>
    bed.rows.query(
      `update ${table} set ${columns.map((column) => `${column} = ${column} + interval '6 hours'`).join(', ')}`,
    );

  test('a failed message is tried again within a minute, and is owed from now', async () => {
    await start('2026-05-10T04:30:00Z');
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'status', status: 500 });
    await bed.app.tick();
    await storedAhead(MESSAGES, 'next_attempt_at', 'owed_since');
    await bed.app.tick();
    expect(await inMs('owed_since', MESSAGES)).toBeLessThanOrEqual(0);
    await bed.clock.advance(MINUTE);
    await bed.app.tick();
    expect(await posted()).toBe(1);
  });

  test('a leased message is delivered once any holder’s lease would have ended, and not before', async () => {
    await start('2026-05-10T04:30:00Z');
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'status', status: 500 });
    await bed.app.tick();
    await bed.rows.query(
      `update ${MESSAGES} set lease_owner = 'gone', lease_until = flag_promotions.clock() + interval '6 hours', next_attempt_at = null`,
    );
    await bed.app.tick();
    expect(await inMs('lease_until', MESSAGES)).toBeGreaterThan(0);
    expect(await posted()).toBe(0);
    await bed.clock.advance(MINUTE);
    await bed.app.tick();
    expect(await posted()).toBe(1);
  });

  test('leases, slots and looks last no longer than without that, also after one hour', async () => {
    await start('2026-05-10T04:30:00Z');
    const id = await bed.rows.insertDeploying();
    const deployed = await bed.rows.insertDeploying({ flagKey: 'deployed', app: 'raxx-staging' });
    await bed.rows.query(`update console_flag_promotions set state = 'deployed' where id = $1`, [deployed]);
    await bed.app.tick();
    expect(await posted()).toBe(1);
    await bed.rows.query(
      'insert into flag_promotions.held_up (promotion_id, since) values ($1, flag_promotions.clock())',
      [id],
    );
    await bed.clock.set('2026-05-10T03:30:00Z');
    await bed.rows.query(
      `update console_flag_promotions set checkpoint = 'INTENT', lease_owner = 'gone',
              lease_until = flag_promotions.clock() + interval '1 hour 20 s' where id = $1`,
      [id],
    );
    // Slots go by the server's own clock.
    await bed.rows.query(`update flag_promotions.channel_slots set free_at = clock_timestamp() + interval '1 hour'`);
    await bed.rows.insertDeploying({ flagKey: 'another', promotedAt: '2026-05-08T04:28:00Z' });
    await bed.app.tick();
    expect({
      lease: (await inMs('lease_until', 'console_flag_promotions')) < MINUTE,
      slot: (await posted()) === 2,
      evidence: (await inMs('evidence_due_at', 'flag_promotions.alerts')) < HOUR,
      drift: (await inMs('due_at', LOOKS)) <= HOUR,
      heldUp: (await inMs('since', 'flag_promotions.held_up')) <= 0,
      tick: (await inMs('completed_at', 'flag_promotions.maintenance')) <= 0,
    }).toEqual({ lease: true, slot: true, evidence: true, drift: true, heldUp: true, tick: true });
  });

  test('a promotion is taken up again, and what waits for its end still waits', async () => {
    await start('2026-05-10T04:30:00Z');
    const id = await bed.rows.insertDeploying();
    await bed.app.tick();
    await bed.rows.query(
      `update console_flag_promotions set checkpoint = 'INTENT', lease_owner = 'gone', lease_until = flag_promotions.clock() + interval '6 hours',
              next_attempt_at = flag_promotions.clock() + interval '6 hours' where id = $1`,
      [id],
    );
    await bed.rows.query(`update ${MESSAGES} set wanted = wanted + 1, next_attempt_at = 'infinity'`);
    await bed.app.tick();
    expect(await inMs('lease_until', 'console_flag_promotions')).toBeLessThan(MINUTE);
    expect(await inMs('next_attempt_at', 'console_flag_promotions')).toBeLessThan(MINUTE);
    expect(await bed.rows.query(`select 1 from ${MESSAGES} where next_attempt_at = 'infinity'`)).toHaveLength(1);
  });
});
