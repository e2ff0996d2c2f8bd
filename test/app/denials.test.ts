import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const HOUR = 60 * 60_000;

/** What people without permission can write into the audit log. */
describe('refusals for want of a right', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-09T17:00:00Z', rateLimit: false, databaseClockStands: true });
    await bed.rows.insertDeploying();
    await bed.app.tick();
  });
  afterEach(() => bed.close());

  const audited = () =>
    bed.rows.query<{ action: string; actor: string; detail: Record<string, unknown> }>(
      `select action, actor, detail from flag_promotions.audit_log where action like '%denied%' order by id`,
    );
  const counted = () =>
    bed.rows.query(
      `select e.actor as who, e.detail ->> 'attempted' as attempted, e.detail ->> 'reason' as reason, d.times
         from flag_promotions.denials d join flag_promotions.audit_log e on e.id = d.event_id order by 1, 2, 3`,
    );

  test('three hundred clicks leave one event and a counter, and the next hour says how many there were', async () => {
    const { engineer } = bed.slack.people;
    const alert = await bed.alert();
    const who = engineer.id;
    // Four at once and no more: a click is answered at once and refused afterwards.
    for (let clicked = 4; clicked <= 300; clicked += 4) {
      await Promise.all(Array.from({ length: 4 }, () => engineer.click(alert, 'mark_completed')));
      await eventually(async () =>
        expect(await counted()).toEqual([{ who, attempted: 'completed', reason: 'not_superadmin', times: clicked }]),
      );
    }
    expect(engineer.ephemerals()[0]?.text).toContain('Only a superadmin can resolve this.');
    expect(await audited()).toMatchObject([
      { actor: who, detail: { attempted: 'completed', reason: 'not_superadmin' } },
    ]);
    const metrics = await (await fetch(`${bed.baseUrl}/metrics`)).text();
    expect(metrics).toContain('flag_promotions_denied_total{reason="not_superadmin"} 300');

    await bed.clock.advance(HOUR);
    await bed.app.tick();
    await bed.app.tick();
    expect(await counted()).toEqual([]);
    expect((await audited()).slice(1)).toMatchObject([
      {
        action: 'console.flag.promotion.denied_again',
        actor: who,
        detail: { attempted: 'completed', reason: 'not_superadmin', times: 300, since: expect.any(String) },
      },
    ]);
    // What happens once an hour is audited each time, and counted again.
    await engineer.click(alert, 'mark_completed');
    await eventually(async () => expect(await audited()).toHaveLength(3));
    await bed.clock.advance(HOUR);
    await engineer.click(alert, 'mark_completed');
    await eventually(async () => expect(await audited()).toHaveLength(4));
    expect((await audited()).map(({ action }) => action.replace('console.flag.promotion.', ''))).toEqual([
      'denied',
      'denied_again',
      'denied',
      'denied',
    ]);
    expect((await bed.db.audit.verify()).intact).toBe(true);
  });

  test('codes that are no guess, and what is typed while locked, leave one event an hour and a counter', async () => {
    const { superadmin } = bed.slack.people;
    await bed.enrol(superadmin.id);
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal((view) => view.raw['submit'] !== null);
    const refused = async () =>
      bed.rows.query(
        `select e.detail ->> 'reason' as reason, count(*)::int as events, sum(coalesce(d.times, 1))::int as times
           from flag_promotions.audit_log e left join flag_promotions.denials d on d.event_id = e.id
          where e.action = 'console.flag.promotion.totp_rejected' group by 1 order by 1`,
      );
    for (let n = 0; n < 20; n += 1) await superadmin.submit({ code: `no code ${n}` });
    await eventually(async () => expect(await refused()).toEqual([{ reason: 'malformed', events: 1, times: 20 }]));
    for (let n = 0; n < 25; n += 1) await superadmin.submit({ code: '000000' });
    await eventually(async () =>
      expect(await refused()).toEqual([
        { reason: 'locked', events: 1, times: 20 },
        { reason: 'malformed', events: 1, times: 20 },
        { reason: 'wrong', events: 5, times: 5 },
      ]),
    );
  });

  test('a greeting is refused nothing', async () => {
    const { engineer } = bed.slack.people;
    const { ts: threadTs } = await bed.alert();
    await engineer.say(`<@${bed.slack.botUserId}> hello`);
    await engineer.waitForEphemeral(({ text }) => text.includes('in an alert’s thread'));
    await engineer.say(`<@${bed.slack.botUserId}> hello`, { threadTs });
    await engineer.waitForEphemeral(({ text }) => text.includes('with the link of the RCA'));
    expect(await audited()).toEqual([]);
    await engineer.say(`<@${bed.slack.botUserId}> <https://docs.raxx.example/rca/1>`, { threadTs });
    await eventually(async () => expect(await audited()).toMatchObject([{ detail: { attempted: 'rca_linked' } }]));
  });

  test('each kind has its own event', async () => {
    const { engineer } = bed.slack.people;
    const alert = await bed.alert();
    for (const button of ['mark_completed', 'mark_failed', 'acknowledge', 'mark_completed', 'acknowledge']) {
      await engineer.click(alert, button);
    }
    await engineer.command('operators add');
    await eventually(async () => expect(await counted()).toHaveLength(4));
    await eventually(async () =>
      expect((await audited()).map(({ detail }) => detail['attempted']).toSorted()).toEqual(
        ['completed', 'failed', 'operators add', 'take'].toSorted(),
      ),
    );
  });

  test('so has what any operator may do without a code, and a drill', async () => {
    const { engineer } = bed.slack.people;
    for (const typed of ['mark', 'rca flag', 'drill page', 'drill end']) await engineer.command(typed);
    // As the messages about figures, a drift and a drill have them.
    const elements = ['stats_chart', 'accept_drift', 'drill_completed'].map((id) => ({
      type: 'button',
      action_id: id,
      value: '1',
      text: { type: 'plain_text', text: id },
    }));
    await fetch(`${bed.slack.apiUrl}chat.postMessage`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bed.slack.botToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        channel: bed.slack.channels.alerts,
        text: 'Buttons',
        blocks: [{ type: 'actions', elements }],
      }),
    });
    const shown = (await bed.slack.messages(bed.slack.channels.alerts)).find(({ text }) => text === 'Buttons');
    if (shown === undefined) throw new Error('Nothing was posted.');
    for (const { action_id: id } of elements) await engineer.click(shown, id);
    const by = { who: engineer.id, times: 1 };
    await eventually(async () =>
      expect(await counted()).toEqual([
        { ...by, attempted: 'accept_drift', reason: 'not_operator' },
        { ...by, attempted: 'drill', reason: 'not_superadmin', times: 2 },
        { ...by, attempted: 'drill page', reason: 'not_superadmin' },
        { ...by, attempted: 'mark', reason: 'not_operator' },
        { ...by, attempted: 'rca_linked', reason: 'not_operator' },
        { ...by, attempted: 'stats', reason: 'not_operator' },
      ]),
    );
  });

  test('an external user’s click leaves an event with their workspace, and all others a counter', async () => {
    const { externalUser } = bed.slack.people;
    const alert = await bed.alert();
    for (let n = 0; n < 5; n += 1) await externalUser.click(alert, n % 2 === 0 ? 'mark_completed' : 'open_rca');
    await externalUser.command('stuck');
    await eventually(async () => expect(await counted()).toMatchObject([{ who: externalUser.id, times: 6 }]));
    expect(await audited()).toMatchObject([
      {
        actor: externalUser.id,
        detail: { reason: 'external_user', attempted: 'use the app', team: expect.any(String) },
      },
    ]);
  });
});
