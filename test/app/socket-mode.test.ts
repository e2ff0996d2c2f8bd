import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

describe('in Socket Mode', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z', socketMode: true });
    await bed.rows.insertDeploying();
    await bed.app.tick();
  });
  afterEach(() => bed.close());

  test('commands, clicks, submissions and mentions work without a public address, and probes are answered', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.command('stuck');
    const list = await superadmin.waitForEphemeral();
    expect(list.text).toContain('1 promotion is stuck');
    await superadmin.click(list, 'mark_completed');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    const [alert] = await bed.slack.messages(bed.slack.channels.alerts);
    await superadmin.say(`<@${bed.slack.botUserId}> <https://docs.example.com/rca>`, { threadTs: alert?.ts ?? '' });
    await superadmin.waitForEphemeral((message) => message.text.includes('Linked as the RCA'));
    await eventually(async () => {
      const [painted] = await bed.slack.messages(bed.slack.channels.alerts);
      expect(painted?.text).toContain('*completed*');
    });
    expect((await fetch(`${bed.baseUrl}/readyz`)).status).toBe(200);
    expect((await fetch(`${bed.baseUrl}/slack/events`, { method: 'POST' })).status).toBe(404);
  });
});
