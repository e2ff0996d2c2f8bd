import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const ORIGIN = 'https://flag-promotions.example.com';

/** The console's table may use any ids: up to the largest bigint, or from the smallest. */
describe.each(['9223372036854775807', '1000000000000000000', '0', '-9223372036854775808'])('promotion %s', (id) => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({
      startAt: '2026-05-10T05:00:00Z',
      rateLimit: false,
      environment: { PUBLIC_URL: ORIGIN, STUCK_CRITICAL_AFTER: '48h' },
    });
    await bed.rows.insertDeploying({ id });
    await bed.app.tick();
  });
  afterEach(() => bed.close());

  const kris = () => bed.slack.people.superadmin;
  const attention = async () => (await bed.rows.query('select * from flag_promotions.attention'))[0];
  async function told(act: () => Promise<unknown>): Promise<string> {
    const before = kris().ephemerals().length;
    await act();
    await eventually(async () => expect(kris().ephemerals().length).toBeGreaterThan(before));
    return JSON.stringify(kris().ephemerals().at(-1));
  }

  test('has buttons that work: I’m on it, the menu, Open RCA, Mark completed', async () => {
    expect(await told(async () => kris().click(await bed.alert(), 'acknowledge'))).toContain('on it');
    expect(await attention()).toMatchObject({ promotion_id: id, owner: kris().id });
    await kris().click(await bed.alert(), 'alert_menu', { value: `snooze_1h:${id}` });
    await eventually(async () => expect(await attention()).toMatchObject({ snoozed_until: expect.any(Date) }));

    await kris().click(await bed.alert(), 'open_rca');
    await kris().waitForModal();
    expect((await kris().submit({ rca_url: 'https://docs.raxx.example/rca' })).kind).toBe('closed');

    await kris().click(await bed.alert(), 'mark_completed');
    await kris().waitForModal();
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await eventually(async () => expect((await bed.alert()).text).toContain('*completed*'));
    expect(await bed.rows.query('select id, state, rca_url from console_flag_promotions')).toEqual([
      { id, state: 'deployed', rca_url: 'https://docs.raxx.example/rca' },
    ]);
  });

  test('is listed with buttons that work, shown by its id, and previewed', async () => {
    expect(await told(() => kris().command(`show ${id}`))).toContain(`${ORIGIN}/promotions/${id}|`);
    expect(await told(() => kris().command('list'))).toContain('console_heroku_log_drain_alerting');
    expect((await fetch(`${bed.baseUrl}/promotions/${id}`)).status).toBe(200);
    const ts = await kris().say(`${ORIGIN}/promotions/${id}`);
    await eventually(async () => {
      const message = (await bed.slack.everything(bed.slack.channels.alerts)).find((one) => one.ts === ts);
      expect(JSON.stringify(message?.attachments)).toContain('deploying');
    });
    await kris().command('stuck');
    const list = await kris().waitForEphemeral(({ text }) => text.includes('1 promotion is stuck'));
    await kris().click(list, 'mark_failed');
    await kris().waitForModal();
    const outcome = await kris().submit({
      code: bed.code(kris().id),
      note: 'It never came up.',
      confirmation: ['confirmed'],
    });
    expect(outcome.kind).toBe('closed');
    expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'failed' }]);
  });
});

test('the list behind a group, and a list’s next page, work for every id', async () => {
  const bed = await startTestBed({
    startAt: '2026-05-10T05:00:00Z',
    rateLimit: false,
    environment: { ALERT_MESSAGES_PER_HOUR: '1' },
  });
  try {
    const { superadmin } = bed.slack.people;
    const largest = 9_223_372_036_854_775_807n;
    for (let n = 0n; n < 12n; n += 1n)
      await bed.rows.insertDeploying({ id: String(largest - n), flagKey: `flag_${n}` });
    await bed.rows.query(`alter table flag_promotions.messages alter column id restart with ${largest - 100n}`);
    await bed.app.tick();
    const messages = await bed.slack.messages(bed.slack.channels.alerts);
    const group = messages.find((message) => JSON.stringify(message).includes('group_page'));
    if (group === undefined) throw new Error('No group was posted.');
    await superadmin.click(group, 'group_page');
    const first = await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes('mark_completed'));
    expect(JSON.stringify(first)).toContain('flag_');
    await superadmin.command('list');
    const listed = await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes('list_page'));
    await superadmin.click(listed, 'list_page');
    await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes(String(largest - 11n)));
  } finally {
    await bed.close();
  }
});
