import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const HOSTILE = `<!channel> *bold* \`code\` <https://evil.example|docs> ${'‮'}${'x'.repeat(10_000)}`;

/** The stand-in checks every payload against Slack's limits and markup, and refuses what Slack would. */
describe('rows full of what must not be interpreted', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z' });
    await bed.rows.insertDeploying({ flagKey: HOSTILE, configVar: HOSTILE, promotedBy: HOSTILE });
    await bed.app.tick();
  });
  afterEach(() => bed.close());

  test('are alerted, listed, shown and resolved like any other', async () => {
    const { superadmin } = bed.slack.people;
    const [alert] = await bed.slack.messages(bed.slack.channels.alerts);
    if (alert === undefined) throw new Error('No alert was posted.');
    expect(alert.text).toContain('`&lt;!channel&gt; *bold* ˋcodeˋ &lt;https://evil.example|docs&gt;');
    expect(alert.text).toContain('…`');

    for (const [index, text] of ['stuck', 'list', 'show 1'].entries()) {
      await superadmin.command(text);
      await eventually(async () => expect(superadmin.ephemerals()).toHaveLength(index + 1));
      expect(JSON.stringify(superadmin.ephemerals()[index])).toContain('&lt;!channel&gt;');
    }
    await superadmin.click(alert, 'mark_failed');
    await superadmin.waitForModal();
    const outcome = await superadmin.submit({ code: bed.code(superadmin.id), note: HOSTILE.slice(0, 1_000) });
    expect(outcome.kind).toBe('closed');
    await eventually(async () => {
      const [resolved] = await bed.slack.messages(bed.slack.channels.alerts);
      expect(JSON.stringify(resolved)).toContain('*failed*');
      expect(await bed.slack.thread(bed.slack.channels.alerts, alert.ts)).toHaveLength(1);
    });
    // A message can be visible before its call was answered.
    await eventually(async () => {
      const refused = bed.slack.calls.filter((call) => call.answer?.['ok'] === false || call.answer === null);
      expect(refused).toEqual([]);
    });
  });

  test('an unknown promotion gets a clear answer', async () => {
    const { superadmin } = bed.slack.people;
    const [alert] = await bed.slack.messages(bed.slack.channels.alerts);
    if (alert === undefined) throw new Error('No alert was posted.');
    await bed.rows.query('delete from console_flag_promotions');
    await superadmin.click(alert, 'mark_completed');
    expect((await superadmin.waitForEphemeral()).text).toContain('no longer in the database');
  });
});
