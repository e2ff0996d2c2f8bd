import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { whileHolding } from '../support/locks.js';

/* What comes later than a person does, or than Slack waits. */

const RCA = 'https://docs.raxx.example/rca/2026-05-11';

describe('evidence that comes after the form was answered', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z' });
  });
  afterEach(() => bed.close());

  const kris = () => bed.slack.people.superadmin;
  const shown = () => JSON.stringify(kris().modal()?.blocks);
  const answersTo = (method: string) =>
    bed.slack.calls
      .filter((call) => call.method === method && call.answer !== null)
      .map((call) => JSON.stringify(call.answer));

  /** Opens a form while Heroku is too slow, ends the promotion before it is submitted, and lets Heroku answer then. */
  async function endedMeanwhile(open: () => Promise<unknown>, end: string): Promise<void> {
    let answer: () => void = () => undefined;
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    bed.heroku.faults.add({ times: 1, fault: { kind: 'hold', until } });
    await open();
    await kris().waitForModal((view) => JSON.stringify(view.blocks).includes('Checking Heroku'));
    await bed.rows.query(end);
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('updated');
    answer();
  }

  test('a resolution still says that somebody else was faster', async () => {
    await bed.rows.insertDeploying();
    await bed.app.tick();
    await endedMeanwhile(
      async () => kris().click(await bed.alert(), 'mark_completed'),
      `update console_flag_promotions
          set state = 'deployed', deployed_at = '2026-05-10T04:59:00Z', resolved_by = 'U0OTHERONE'`,
    );
    expect(shown()).toContain('resolved it before you');
    await eventually(async () => expect(answersTo('views.update')).toHaveLength(1));
    expect(shown()).toContain('resolved it before you');
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
    await eventually(async () => expect(answersTo('views.update')).toHaveLength(1));
    expect(shown()).toContain('only what is marked can be promoted');
  });
});

describe('a commit that takes longer than Slack waits', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z', patience: 1 });
    await bed.rows.insertDeploying();
    await bed.app.tick();
  });
  afterEach(() => bed.close());

  const kris = () => bed.slack.people.superadmin;
  const shown = () => JSON.stringify(kris().modal()?.blocks);
  const untilTold = (work: () => Promise<void>) =>
    whileHolding(
      { url: bed.environment['DATABASE_URL'] ?? '' },
      'select 1 from console_flag_promotions for update',
      work,
    );

  test('of an RCA turns the form into one that says so, and then what was linked', async () => {
    await kris().click(await bed.alert(), 'open_rca');
    await kris().waitForModal();
    await untilTold(async () => {
      expect((await kris().submit({ rca_url: RCA })).kind).toBe('updated');
      expect(shown()).toContain('Working on it');
    });
    await eventually(async () => expect(shown()).toContain('Linked as the RCA'));
    expect(await bed.rows.query('select rca_url from console_flag_promotions')).toEqual([{ rca_url: RCA }]);
    await eventually(async () => expect(JSON.stringify(await bed.alert())).toContain(`"url":"${RCA}"`));
  });

  test('shows the alert as ended at once, although Slack wants the form to wait; the form says so when it may', async () => {
    await kris().click(await bed.alert(), 'mark_completed');
    await kris().waitForModal();
    const code = bed.code(kris().id);
    // Longer than any of this takes: the form says so last.
    bed.slack.faults.add({ method: 'views.update', kind: 'rate_limited', retryAfterSeconds: 10, times: 1 });
    await untilTold(async () => expect((await kris().submit({ code })).kind).toBe('updated'));
    await eventually(async () => expect((await bed.alert()).text).toContain('*completed*'));
    expect(shown()).toContain('Working on it');
    await eventually(async () => expect(shown()).toContain('*Saved.*'));
  });

  test('shows the alert as ended even if the form cannot be updated at all, which is logged', async () => {
    await kris().click(await bed.alert(), 'mark_completed');
    await kris().waitForModal();
    const code = bed.code(kris().id);
    bed.slack.faults.add({ method: 'views.update', kind: 'error', error: 'fatal_for_this_test' });
    await untilTold(async () => expect((await kris().submit({ code })).kind).toBe('updated'));
    await eventually(async () => expect((await bed.alert()).text).toContain('*completed*'));
    await eventually(async () => expect(bed.logged.join('\n')).toContain('could not say how it ended'));
  });
});
