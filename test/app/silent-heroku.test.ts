import { setTimeout as sleep } from 'node:timers/promises';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** People resolve by hand when Heroku is down: an alert must not wait for an answer that doesn't come. */
describe('while Heroku does not answer', () => {
  let bed: TestBed;
  afterEach(() => bed.close());

  const hasButtons = async () => JSON.stringify((await bed.alert()).raw).includes('mark_completed');

  test('an alert shows the end that came while it was being updated', async () => {
    bed = await startTestBed({
      startAt: '2026-05-10T05:00:00Z',
      rateLimit: false,
      databaseClockStands: true,
      patience: 1,
    });
    const { superadmin } = bed.slack.people;
    bed.heroku.faults.add({ fault: { kind: 'hang' } });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('didn’t answer'));
    await bed.clock.advance(5 * 60_000 + 1);
    const asked = bed.heroku.requests.length;
    const ticking = bed.app.tick();
    await eventually(async () => expect(bed.heroku.requests.length).toBeGreaterThan(asked));
    // The tick waits for Heroku, three seconds long.
    await sleep(200);
    await superadmin.submit({ code: bed.code(superadmin.id) });
    await ticking;
    await eventually(async () => expect(await hasButtons()).toBe(false));
  });

  test('an alert shows at the next tick that the console ended the row, though Heroku is not asked again yet', async () => {
    bed = await startTestBed({
      startAt: '2026-05-10T05:00:00Z',
      rateLimit: false,
      databaseClockStands: true,
      environment: { DRIFT_EVERY: 'off' },
    });
    bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    await bed.clock.advance(60_000);
    await bed.app.tick();
    const asked = bed.heroku.requests.length;
    await bed.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = '2026-05-10T05:01:10Z'`);
    await bed.clock.advance(60_000);
    await bed.app.tick();
    expect(await hasButtons()).toBe(false);
    expect(bed.heroku.requests).toHaveLength(asked);
  });

  test('Heroku’s late answer is added within five minutes, and kept fresh by two requests: the value, and the dynos', async () => {
    bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z', rateLimit: false, databaseClockStands: true });
    const answersAgain = bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    await bed.clock.advance(60_000);
    await bed.app.tick();
    answersAgain();
    const text = async () => JSON.stringify((await bed.alert()).raw);
    await bed.clock.advance(4 * 60_000);
    await bed.app.tick();
    expect(await text()).toContain('didn’t answer');
    await bed.clock.advance(60_000);
    await bed.app.tick();
    expect(await text()).not.toContain('didn’t answer');
    const asked = bed.heroku.requests.length;
    await bed.clock.advance(10 * 60_000);
    await bed.app.tick();
    expect(bed.heroku.requests).toHaveLength(asked + 2);
  });

  test('the message with the buttons is called critical at the tick at which it becomes that', async () => {
    bed = await startTestBed({ startAt: '2026-05-09T20:00:00Z', rateLimit: false, databaseClockStands: true });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
    await bed.clock.set('2026-05-10T04:27:30Z');
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'acknowledge');
    await superadmin.waitForEphemeral();
    await eventually(async () => expect(JSON.stringify((await bed.alert()).raw)).toContain('on it since'));
    await bed.clock.advance(60_000);
    await bed.app.tick();
    await bed.clock.advance(60_000);
    await bed.app.tick();
    const [root] = await bed.slack.messages(bed.slack.channels.alerts);
    expect(root?.text).toContain('CRITICAL');
  });
});
