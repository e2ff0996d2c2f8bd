import { APP, CONFIG_VAR, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/**
 * The incident of 2026-05-07 to 05-11, as it would have gone with the watchdog: the flag was promoted on 05-09 at
 * 04:28, Heroku applied the change, and the write after it was lost.
 */
describe('the incident of 2026-05-09', () => {
  let bed: TestBed;
  let promotionId: string;

  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-09T04:28:31Z', databaseClockStands: true, vars: {} });
    changeIsTaken();
    promotionId = await bed.rows.insertDeploying({ promotedAt: '2026-05-09T04:28:00Z' });
  });
  afterEach(() => bed.close());

  const changeIsTaken = () =>
    bed.heroku.seedRelease({
      app: APP,
      at: new Date('2026-05-09T04:28:31Z'),
      user: 'kris@raxx.example',
      description: `Set ${CONFIG_VAR} config vars`,
      vars: { [CONFIG_VAR]: 'true' },
    });
  async function tickAt(at: string) {
    await bed.clock.set(at);
    await bed.app.tick();
  }
  const channel = () => bed.slack.messages(bed.slack.channels.alerts);

  test('is noticed after 15 minutes, alerts at 12 h and 24 h to the minute, is completed by an operator, and gets its RCA', async () => {
    const { superadmin } = bed.slack.people;

    await tickAt('2026-05-09T04:42:00Z');
    expect(await channel()).toHaveLength(0);

    await tickAt('2026-05-09T04:43:00Z');
    const [notice] = await channel();
    expect(notice?.text).toContain('*Notice* `');
    expect(notice?.text).toContain('stuck 15 min. It IS live: press Mark completed.');
    expect(JSON.stringify(notice?.blocks)).toContain('mark_completed');

    await tickAt('2026-05-09T16:27:00Z');
    const thread = () => bed.slack.thread(bed.slack.channels.alerts, notice?.ts ?? '');
    expect(await channel()).toHaveLength(1);
    expect(await thread()).toHaveLength(0);

    await tickAt('2026-05-09T16:28:00Z');
    const [warning] = await channel();
    expect(warning?.ts).toBe(notice?.ts);
    expect(warning?.text).toContain('*Warning* `');
    expect(warning?.text).toContain('It IS live: press Mark completed.');
    // Nobody notices an updated message in Slack.
    expect((await thread()).map((message) => message.text)).toEqual([expect.stringContaining('*Warning* `')]);

    await tickAt('2026-05-10T04:27:00Z');
    expect(await thread()).toHaveLength(1);

    await tickAt('2026-05-10T04:28:00Z');
    const [root, broadcast] = await channel();
    expect(root?.ts).toBe(warning?.ts);
    const [, escalation, ...further] = await thread();
    expect(further).toEqual([]);
    expect(escalation?.text).toContain('*CRITICAL*');
    expect(escalation?.text).toContain('stuck 1 d. It IS live: press Mark completed.');
    expect(JSON.stringify(escalation?.blocks)).toContain('mark_completed');
    expect(broadcast?.ts).toBe(escalation?.ts);

    // The next tick updates the root at the latest.
    await tickAt('2026-05-10T04:29:00Z');
    const [critical] = await channel();
    expect(critical?.text).toContain('*CRITICAL*');

    if (critical === undefined) throw new Error('The alert is gone.');
    await superadmin.click(critical, 'mark_completed');
    await superadmin.waitForModal();
    const submitted = await superadmin.submit({
      code: bed.code(superadmin.id),
      note: 'The flag is live; only the write was lost.',
      rca_url: 'https://docs.raxx.example/rca/2026-05-11',
    });
    expect(submitted.kind).toBe('closed');

    const [row] = await bed.rows.query(
      `select state, resolved_by, rca_url, deployed_at, resolution_note from console_flag_promotions where id = $1`,
      [promotionId],
    );
    expect(row).toEqual({
      state: 'deployed',
      resolved_by: superadmin.id,
      rca_url: 'https://docs.raxx.example/rca/2026-05-11',
      deployed_at: bed.clock.now(),
      resolution_note: 'The flag is live; only the write was lost.',
    });
    const audit = await bed.rows.query<{ action: string; actor: string }>(
      `select action, actor from flag_promotions.audit_log where promotion_id = $1 order by id`,
      [promotionId],
    );
    expect(audit).toEqual([
      { action: 'console.flag.promotion.stuck_notice', actor: 'watchdog' },
      { action: 'console.flag.promotion.stuck_warning', actor: 'watchdog' },
      { action: 'console.flag.promotion.stuck_critical', actor: 'watchdog' },
      { action: 'console.flag.promotion.ops_complete', actor: superadmin.id },
      { action: 'console.flag.promotion.rca_linked', actor: superadmin.id },
    ]);

    await eventually(async () => {
      const [resolved] = await channel();
      expect(resolved?.text).toContain('*completed*');
      expect(resolved?.text).toContain(`<@${superadmin.id}>`);
      expect(JSON.stringify(resolved)).not.toContain('mark_completed');
      expect(JSON.stringify(resolved)).toContain('https://docs.raxx.example/rca/2026-05-11');
      const replies = await bed.slack.thread(bed.slack.channels.alerts, resolved?.ts ?? '');
      expect(replies).toHaveLength(3);
      // The thread says the same, without pinging the person who did it.
      expect(replies[2]?.text).toContain('*completed*');
      expect(replies[2]?.text).not.toContain(`<@${superadmin.id}>`);
      expect(replies[2]?.text).toContain(superadmin.name);
      expect(JSON.stringify(replies)).not.toContain('mark_completed');
    });
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true, events: 5 });
  });

  test('a day without notices alerts as before', async () => {
    await bed.close();
    bed = await startTestBed({
      startAt: '2026-05-09T04:28:31Z',
      databaseClockStands: true,
      environment: { NOTICE_AFTER: 'off' },
      vars: {},
    });
    changeIsTaken();
    await bed.rows.insertDeploying({ promotedAt: '2026-05-09T04:28:00Z' });
    await tickAt('2026-05-09T16:27:00Z');
    expect(await channel()).toHaveLength(0);
    await tickAt('2026-05-09T16:28:00Z');
    expect((await channel()).map(({ text }) => text)).toEqual([expect.stringContaining('*Warning* `')]);
  });

  test('found first at 30 h is critical alone', async () => {
    await tickAt('2026-05-10T10:28:00Z');
    const messages = await channel();
    expect(messages).toHaveLength(1);
    expect(messages[0]?.text).toContain('*CRITICAL*');
    expect(await bed.rows.query('select severity from flag_promotions.alerts')).toEqual([{ severity: 'critical' }]);
    expect(await bed.rows.query('select kind, state from flag_promotions.messages')).toEqual([
      { kind: 'alert', state: 'posted' },
    ]);
  });

  test('an open critical is repeated in its thread every 24 h, shown in the channel, and no more after it ended', async () => {
    await tickAt('2026-05-10T04:28:00Z');
    const [root] = await channel();
    const thread = () => bed.slack.thread(bed.slack.channels.alerts, root?.ts ?? '');
    await tickAt('2026-05-11T04:27:00Z');
    expect(await thread()).toHaveLength(0);
    await tickAt('2026-05-11T04:28:00Z');
    await tickAt('2026-05-11T04:29:00Z');
    expect((await thread()).map((message) => message.text)).toEqual([expect.stringContaining('still stuck')]);
    expect(JSON.stringify(await thread())).toContain('mark_completed');
    expect(await channel()).toHaveLength(2);

    await bed.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = '2026-05-11T14:21:43Z'`);
    await tickAt('2026-05-11T14:22:00Z');
    await tickAt('2026-05-12T04:28:00Z');
    expect((await thread()).map((message) => message.text)).toEqual([
      expect.stringContaining('ended as *completed* without an operator'),
      expect.stringContaining('ended as *completed* without an operator'),
    ]);
    expect(JSON.stringify(await thread())).not.toContain('mark_completed');
    const [ended] = await channel();
    expect(ended?.text).toContain('ended as *completed* without an operator');
    expect(JSON.stringify(ended)).not.toContain('mark_completed');
  });

  test('a value that is not live is said to be so, and completing it takes an explicit confirmation', async () => {
    await bed.close();
    bed = await startTestBed({
      startAt: '2026-05-09T04:28:31Z',
      databaseClockStands: true,
      vars: { [CONFIG_VAR]: 'false' },
    });
    await bed.rows.insertDeploying({ promotedAt: '2026-05-09T04:28:00Z' });
    const { superadmin } = bed.slack.people;
    await tickAt('2026-05-10T04:28:00Z');
    const [alert] = await channel();
    expect(alert?.text).toContain('It is NOT live: press Mark failed.');
    if (alert === undefined) throw new Error('No alert was posted.');
    await superadmin.click(alert, 'mark_completed');
    const modal = await superadmin.waitForModal();
    expect(JSON.stringify(modal.blocks)).toContain('Heroku says that it *is not live*');
    // Slack's client would not send the form without the tick.
    const withoutTick = await superadmin.submit({ code: bed.code(superadmin.id) });
    expect(withoutTick.kind).not.toBe('closed');
    const confirmed = await superadmin.submit({ code: bed.code(superadmin.id), confirmation: ['confirmed'] });
    expect(confirmed.kind).toBe('closed');
    const [event] = await bed.rows.query<{ detail: { contradiction_confirmed: boolean } }>(
      `select detail from flag_promotions.audit_log where action = 'console.flag.promotion.ops_complete'`,
    );
    expect(event?.detail.contradiction_confirmed).toBe(true);
  });
});
