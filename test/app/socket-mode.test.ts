import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** Connection attempts are half a minute apart at most. */
const IN_THE_END_MS = 90_000;
jest.setTimeout(2 * IN_THE_END_MS);

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

  test('an app that finds Slack down comes up all the same, says so, and connects once it can', async () => {
    bed.slack.faults.add({ method: 'apps.connections.open', kind: 'status', status: 500 });
    const replica = await bed.replica();
    const readyz = async () => {
      const answer = await fetch(`http://127.0.0.1:${replica.port}/readyz`);
      return { status: answer.status, text: await answer.text() };
    };
    expect(await readyz()).toEqual({ status: 503, text: expect.stringContaining('not connected in Socket Mode') });
    bed.slack.faults.clear();
    await eventually(async () => expect((await readyz()).status).toBe(200), IN_THE_END_MS);
  });

  test('a Slack that allows no connection for an hour is asked again all the same, and soon', async () => {
    bed.slack.faults.add({ method: 'apps.connections.open', kind: 'rate_limited', retryAfterSeconds: 3_600, times: 1 });
    const replica = await bed.replica();
    const readyz = async () => (await fetch(`http://127.0.0.1:${replica.port}/readyz`)).status;
    expect(await readyz()).toBe(503);
    await eventually(async () => expect(await readyz()).toBe(200), IN_THE_END_MS);
  });

  test('a connection that is lost is made again, even if Slack answers 500 at first', async () => {
    const { superadmin } = bed.slack.people;
    bed.slack.faults.add({ method: 'apps.connections.open', kind: 'status', status: 500, times: 1 });
    bed.slack.socketMode.drop();
    await eventually(async () => expect((await fetch(`${bed.baseUrl}/readyz`)).status).toBe(503));
    await eventually(async () => expect((await fetch(`${bed.baseUrl}/readyz`)).status).toBe(200), IN_THE_END_MS);
    await superadmin.command('help');
    expect((await superadmin.waitForEphemeral()).text).toContain('what is stuck');
  });
});
