import { z } from 'zod';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const DAY = 24 * 3_600_000;

let bed: TestBed;
let promotionId: string;
beforeEach(async () => {
  bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z', rateLimit: false });
  promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
});
afterEach(() => bed.close());

const thread = async () =>
  (await bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts)).map(({ text }) => text);
const reminders = async () => (await thread()).filter((text) => text.includes('has no RCA yet'));
const end = (id = promotionId) =>
  bed.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = $2 where id = $1`, [
    id,
    bed.clock.now(),
  ]);
async function tickAfter(ms: number): Promise<void> {
  await bed.clock.advance(ms);
  await bed.app.tick();
}
const link = (url: string) =>
  bed.db.promotions.linkRca({ promotionId, url, operatorId: bed.slack.people.superadmin.id, at: bed.clock.now() });

describe('the reminder', () => {
  test('comes once, three days after the end, in the thread, and mentions nobody', async () => {
    await end();
    await tickAfter(60_000);
    await tickAfter(3 * DAY - 120_000);
    expect(await reminders()).toEqual([]);
    await tickAfter(60_000);
    expect(await reminders()).toEqual([expect.stringContaining(`/flag-promotions rca draft ${promotionId}`)]);
    const channelBefore = (await bed.slack.messages(bed.slack.channels.alerts)).length;
    await tickAfter(60_000);
    await tickAfter(30 * DAY);
    expect(await reminders()).toHaveLength(1);
    expect((await reminders())[0]).not.toMatch(/<(?:@|!(?!date))/u);
    expect(await bed.slack.messages(bed.slack.channels.alerts)).toHaveLength(channelBefore);
  });

  test('comes once from three replicas that tick together', async () => {
    const others = await Promise.all([bed.replica(), bed.replica()]);
    await end();
    await tickAfter(60_000);
    await bed.clock.advance(3 * DAY);
    await Promise.all([bed.app, ...others].map((app) => app.tick()));
    await bed.app.tick();
    expect(await reminders()).toHaveLength(1);
  });

  test('comes once if Slack’s answer to it got lost', async () => {
    await end();
    await tickAfter(60_000);
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_after' });
    await tickAfter(3 * DAY);
    await tickAfter(3_600_000);
    expect(await reminders()).toHaveLength(1);
  });

  test('does not come if the RCA was linked in time', async () => {
    await end();
    await tickAfter(2 * DAY);
    await link('https://docs.raxx.example/rca');
    await tickAfter(2 * DAY);
    await tickAfter(60_000);
    expect(await reminders()).toEqual([]);
    expect(await bed.rows.query(`select 1 from flag_promotions.alerts where not is_rca_reminder_done`)).toEqual([]);
  });

  test('is withdrawn if the RCA was linked while Slack was away', async () => {
    await end();
    await tickAfter(60_000);
    bed.slack.faults.add({ method: '*', kind: 'status', status: 503 });
    await tickAfter(3 * DAY);
    expect(
      await bed.rows.query(`select kind, state from flag_promotions.messages where kind = 'rca_reminder'`),
    ).toEqual([{ kind: 'rca_reminder', state: 'pending' }]);
    await link('https://docs.raxx.example/rca');
    bed.slack.faults.clear();
    await tickAfter(DAY);
    expect(await reminders()).toEqual([]);
    expect(await bed.rows.query(`select state from flag_promotions.messages where kind = 'rca_reminder'`)).toEqual([
      { state: 'closed' },
    ]);
  });

  test('is for criticals: a warning alone is not followed up', async () => {
    const id = await bed.rows.insertDeploying({ flagKey: 'warned_only', promotedAt: '2026-05-09T16:30:00Z' });
    await tickAfter(0);
    await end(id);
    await link('https://docs.raxx.example/rca');
    await end();
    await tickAfter(60_000);
    await tickAfter(4 * DAY);
    expect(await bed.rows.query(`select 1 from flag_promotions.messages where kind = 'rca_reminder'`)).toEqual([]);
  });

  test('is told in the draft', async () => {
    await end();
    await tickAfter(60_000);
    await tickAfter(3 * DAY);
    const { superadmin } = bed.slack.people;
    await superadmin.command(`rca draft ${promotionId}`);
    await superadmin.waitForEphemeral(({ text }) => text.includes('is in the alert’s thread'));
    const shared = (await bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts)).at(-1);
    const [file] = z.array(z.object({ id: z.string() })).parse(shared?.raw['files']);
    expect(bed.slack.fileContent(file?.id ?? '')).toContain('a reminder of the missing RCA was posted in the thread');
  });
});

describe('what is missing', () => {
  const answerTo = async (command: string, words: string) => {
    const { engineer } = bed.slack.people;
    await engineer.command(command);
    return engineer.waitForEphemeral((message) => JSON.stringify(message).includes(words));
  };

  test('is listed at the end of `stuck`, once it ended, until it has its RCA', async () => {
    const stuck = await answerTo('stuck', '1 promotion is stuck');
    expect(JSON.stringify(stuck)).not.toContain('RCA is missing');
    await end();
    await tickAfter(60_000);
    const nothing = await answerTo('stuck', 'Nothing is stuck');
    expect(JSON.stringify(nothing.blocks.at(-1))).toContain(
      `1 RCA is missing: \`console_heroku_log_drain_alerting\` (${promotionId}). Link or draft: \`/flag-promotions rca\``,
    );
    await bed.rows.insertDeploying({ flagKey: 'another' });
    const both = await answerTo('stuck', 'another');
    expect(JSON.stringify(both.blocks.at(-1))).toContain('RCA is missing');
    const figures = await answerTo('stats', 'Promotions of the last');
    expect(JSON.stringify(figures.blocks.at(-1))).toContain('`console_heroku_log_drain_alerting`');
    await link('https://docs.raxx.example/rca');
    await eventually(async () => {
      await bed.slack.people.engineer.command('stuck');
      expect(JSON.stringify(bed.slack.people.engineer.ephemerals().at(-1))).not.toContain('RCA is missing');
    });
  });

  test('is listed by `rca`, with the way to link or draft each', async () => {
    await answerTo('rca', 'No RCA is missing');
    await end();
    await tickAfter(60_000);
    const list = await answerTo('rca', '1 missing RCA');
    expect(JSON.stringify(list)).toContain(`promotion ${promotionId}`);
    const { superadmin } = bed.slack.people;
    await superadmin.command('rca');
    const own = await superadmin.waitForEphemeral();
    await superadmin.click(own, 'open_rca');
    expect(JSON.stringify((await superadmin.waitForModal()).blocks)).toContain('draft_rca');
  });
});
