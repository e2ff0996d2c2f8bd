import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/* What comes later than a person does, or than Slack waits. */

describe('evidence that comes after the form was answered', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z' });
  });
  afterEach(() => bed.close());

  const kris = () => bed.slack.people.superadmin;
  const shown = () => JSON.stringify(kris().modal()?.blocks);
  const answersTo = (method: string) =>
    bed.slack.calls
      .filter((call) => call.method === method && call.answer !== null)
      .map((call) => JSON.stringify(call.answer));

  /** Opens a form for which Heroku is too slow, and has the promotion end before it is submitted. */
  async function endedMeanwhile(open: () => Promise<unknown>, end: string): Promise<void> {
    bed.heroku.faults.add({ fault: { kind: 'delay', ms: 1_500 } });
    await open();
    await kris().waitForModal((view) => JSON.stringify(view.blocks).includes('is being asked'));
    await bed.rows.query(end);
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('updated');
  }

  test('a resolution keeps saying that somebody else was faster', async () => {
    await bed.rows.insertDeploying();
    await bed.app.tick();
    await endedMeanwhile(
      async () => kris().click(await bed.alert(), 'mark_completed'),
      `update console_flag_promotions
          set state = 'deployed', deployed_at = '2026-05-10T04:59:00Z', resolved_by = 'U0OTHERONE'`,
    );
    expect(shown()).toContain('resolved before you');
    await eventually(async () => expect(answersTo('views.update')).toHaveLength(1), 15_000);
    expect(shown()).toContain('resolved before you');
    expect(answersTo('views.update')).toEqual([expect.stringContaining('hash_conflict')]);
  });

  test('so does promoting', async () => {
    await kris().command(`mark dark_mode ${APP}`);
    await kris().waitForEphemeral();
    await endedMeanwhile(
      () => kris().command('promote dark_mode'),
      `update console_flag_promotions set state = 'cancelled', resolved_by = 'U0OTHERONE'`,
    );
    expect(shown()).toContain('only what is marked can be promoted');
    await eventually(async () => expect(answersTo('views.update')).toHaveLength(1), 15_000);
    expect(shown()).toContain('only what is marked can be promoted');
  });
});
