import { APP, LONG_LEASE, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const FLAG = 'dark_mode';
const VAR = 'FLAG_DARK_MODE';

describe('a promotion that is failed although it is live', () => {
  let bed: TestBed;
  let mend: () => void;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-09T04:28:00Z', rateLimit: false, environment: LONG_LEASE });
  });
  afterEach(() => bed.close());

  const kris = () => bed.slack.people.superadmin;
  const rows = () =>
    bed.rows.query<Record<string, unknown>>(
      `select id::text, state, target_unset, target_value, previous_value, promoted_by from console_flag_promotions order by id`,
    );
  /** Promoted and live; Heroku then says nothing about the release, so the promoter cannot commit. */
  async function promoteAndHang(): Promise<void> {
    mend = bed.heroku.faults.add({
      method: 'GET',
      path: `/apps/${APP}/releases/*`,
      fault: { kind: 'status', status: 503 },
    });
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await kris().command(`mark ${FLAG} ${APP}`);
    await kris().waitForEphemeral((message) => message.text.includes('Marked'));
    await kris().command(`promote ${FLAG}`);
    await kris().waitForModal();
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await eventually(async () =>
      expect(await bed.rows.query('select checkpoint from console_flag_promotions')).toEqual([
        { checkpoint: expect.stringMatching(/^PENDING/u) },
      ]),
    );
    bed.heroku.finishRelease(APP, 'succeeded');
    bed.heroku.setReleaseBehaviour(APP, 'instant');
    await eventually(async () => {
      await bed.clock.advance(3_000);
      const [row] = await bed.rows.query<Record<string, unknown>>(
        'select checkpoint, last_error from console_flag_promotions',
      );
      expect(row).toMatchObject({
        checkpoint: expect.stringMatching(/^PENDING/u),
        last_error: expect.stringContaining('503'),
      });
    });
    // Another code than the one that promoted.
    await bed.clock.advance(30_000);
  }
  async function openMarkFailed(): Promise<string> {
    await kris().command(`show ${FLAG}`);
    const shown = await kris().waitForEphemeral((message) => message.text.includes('Promotion 1'));
    await kris().click(shown, 'mark_failed');
    return JSON.stringify(
      (await kris().waitForModal((view) => JSON.stringify(view.blocks).includes('Override Heroku'))).blocks,
    );
  }
  const submit = (fields: Readonly<Record<string, string | string[]>> = {}) =>
    kris().submit({ code: bed.code(kris().id), note: 'it broke the build', confirmation: ['confirmed'], ...fields });
  const settled = (expected: readonly Record<string, unknown>[]) =>
    eventually(async () => {
      await bed.clock.advance(60_000);
      expect(await rows()).toMatchObject(expected);
    });

  test('is reverted to what it was, by a promotion of its own, with the same code', async () => {
    bed.heroku.setVar(APP, VAR, 'off');
    await promoteAndHang();
    expect(await openMarkFailed()).toContain('Revert it to off');
    expect((await submit({ set_back: ['confirmed'] })).kind).toBe('closed');
    mend();
    await settled([
      { state: 'failed' },
      { state: 'deployed', target_value: 'off', previous_value: 'true', promoted_by: kris().id },
    ]);
    expect(bed.heroku.getVar(APP, VAR)).toBe('off');
    const actions = await bed.rows.query<{ action: string; detail: Record<string, unknown> }>(
      `select action, detail from flag_promotions.audit_log where action like '%promoted' or action like '%ops_failed' order by id`,
    );
    expect(actions.map(({ action }) => action.replace('console.flag.promotion.', '')).sort()).toEqual([
      'ops_failed',
      'promoted',
      'promoted',
    ]);
    expect(actions.find(({ action }) => action.endsWith('ops_failed'))?.detail).toMatchObject({ set_back_by: '2' });
    expect(actions.at(-1)?.detail['sets_back'] ?? actions.at(-2)?.detail['sets_back']).toBe('1');
    await eventually(async () => {
      const told = (await bed.slack.messages(bed.slack.channels.alerts)).map((message) => JSON.stringify(message.raw));
      expect(told).toHaveLength(2);
      expect(told[0]).toContain('was resolved as *failed*');
      expect(told[1]).toContain('is *live*');
      expect(told[1]).toContain('→ `off`');
    });
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
  });

  test('is not reverted to what another writer put there while the form was open', async () => {
    bed.heroku.setVar(APP, VAR, 'off');
    await promoteAndHang();
    await openMarkFailed();
    await bed.rows.query(`update console_flag_promotions set previous_value = 'sk_canary'`);
    expect((await submit({ set_back: ['confirmed'] })).kind).toBe('updated');
    const again = JSON.stringify((await kris().waitForModal()).blocks);
    expect(again).toContain('This promotion changed meanwhile.');
    expect(again).toContain('Revert it to what it was');
    expect(await rows()).toMatchObject([{ state: 'deploying' }]);
    mend();
  });

  test('is removed if it was not set before', async () => {
    await promoteAndHang();
    expect(await openMarkFailed()).toContain('Remove it: it was not set before');
    expect((await submit({ set_back: ['confirmed'] })).kind).toBe('closed');
    mend();
    await settled([{ state: 'failed' }, { state: 'deployed', target_unset: true, previous_value: 'true' }]);
    expect(bed.heroku.getVar(APP, VAR)).toBeNull();
  });

  test('stays as it is on Heroku if that is not asked for', async () => {
    await promoteAndHang();
    await openMarkFailed();
    expect((await submit()).kind).toBe('closed');
    mend();
    expect(await rows()).toMatchObject([{ state: 'failed' }]);
    expect(bed.heroku.getVar(APP, VAR)).toBe('true');
  });

  test('of the console’s, of which nobody knows what was there before, is left to a person', async () => {
    bed.heroku.setVar(APP, VAR, 'true');
    await bed.rows.insertDeploying({ flagKey: FLAG });
    const form = await openMarkFailed();
    expect(form).toContain('The previous value is unknown');
    expect(form).not.toContain('set_back');
  });
});
