import type { Person } from '../../demo/slack/person.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

describe('resolving a stuck promotion', () => {
  let bed: TestBed;
  let promotionId: string;

  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z', databaseClockStands: true });
    promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
  });
  afterEach(() => bed.close());

  async function openForm(person: Person, action: 'mark_completed' | 'mark_failed' = 'mark_completed') {
    await person.click(await bed.alert(), action);
    return person.waitForModal(
      (view) => JSON.stringify(view.blocks).includes('totp') || view.callbackId === 'resolution',
    );
  }
  async function state() {
    const [row] = await bed.rows.query<{ state: string; resolved_by: string | null }>(
      'select state, resolved_by from console_flag_promotions where id = $1',
      [promotionId],
    );
    return row;
  }
  const audited = async () =>
    (
      await bed.rows.query<{ action: string; detail: Record<string, unknown> }>(
        `select action, detail from flag_promotions.audit_log where action not like '%stuck%' order by id`,
      )
    ).map(({ action, detail }) => ({
      action: action.replace('console.flag.promotion.', ''),
      reason: detail['reason'],
    }));

  test('Mark failed needs a reason, and keeps it', async () => {
    const { superadmin } = bed.slack.people;
    bed.heroku.setVar('raxx-console-prod', 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING', 'false');
    await openForm(superadmin, 'mark_failed');
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('not_sent');
    // Slack's client accepts blanks as a reason.
    expect(await superadmin.submit({ code: bed.code(superadmin.id), note: '  ' })).toMatchObject({
      kind: 'errors',
      errors: { note: expect.stringContaining('Say why') },
    });
    expect(await state()).toMatchObject({ state: 'deploying' });
    const outcome = await superadmin.submit({ code: bed.code(superadmin.id), note: 'The release phase failed.' });
    expect(outcome.kind).toBe('closed');
    expect(await state()).toEqual({ state: 'failed', resolved_by: superadmin.id });
    expect(await audited()).toEqual([{ action: 'ops_failed', reason: undefined }]);
  });

  test('a wrong, a malformed and a reused code are errors under the field, change nothing, and are audited', async () => {
    const { superadmin } = bed.slack.people;
    const other = await bed.rows.insertDeploying({ flagKey: 'other_flag' });
    await bed.app.tick();
    await openForm(superadmin);
    const right = bed.code(superadmin.id);
    const wrong = right === '000000' ? '000001' : '000000';

    const refused = await superadmin.submit({ code: wrong });
    expect(refused).toMatchObject({ kind: 'errors', errors: { code: expect.stringContaining('1 of 5') } });
    expect(await superadmin.submit({ code: 'abcdef' })).toMatchObject({
      kind: 'errors',
      errors: { code: expect.stringContaining('exactly 6 digits') },
    });
    expect((await superadmin.submit({ code: right })).kind).toBe('closed');

    const messages = await bed.slack.messages(bed.slack.channels.alerts);
    const second = messages.find((message) => message.text.includes('other_flag'));
    if (second === undefined) throw new Error('The second alert is missing.');
    bed.heroku.setVar('raxx-console-prod', 'FLAG_OTHER_FLAG', 'true');
    await superadmin.click(second, 'mark_completed');
    await superadmin.waitForModal();
    expect(await superadmin.submit({ code: right })).toMatchObject({
      kind: 'errors',
      errors: { code: expect.stringContaining('already used') },
    });
    expect(await bed.db.promotions.find(other)).toMatchObject({ state: 'deploying' });
    expect(await audited()).toEqual([
      { action: 'totp_rejected', reason: 'wrong' },
      { action: 'totp_rejected', reason: 'malformed' },
      { action: 'ops_complete', reason: undefined },
      { action: 'totp_rejected', reason: 'reused' },
    ]);
  });

  test('five wrong codes lock, the lock outlives a restart, and tells when to try again', async () => {
    const { superadmin } = bed.slack.people;
    await openForm(superadmin);
    const wrong = bed.code(superadmin.id) === '000000' ? '000001' : '000000';
    for (let attempt = 1; attempt <= 4; attempt += 1) await superadmin.submit({ code: wrong });
    expect(await superadmin.submit({ code: wrong })).toMatchObject({
      kind: 'errors',
      errors: { code: expect.stringMatching(/15 min \(05:15 UTC\)/u) },
    });
    const successor = await bed.replica();
    bed.slack.connectHttp(`http://127.0.0.1:${successor.port}/slack/events`);
    expect(await superadmin.submit({ code: bed.code(superadmin.id) })).toMatchObject({
      kind: 'errors',
      errors: { code: expect.stringContaining('Locked') },
    });
    expect(await state()).toMatchObject({ state: 'deploying' });
    await bed.clock.advance(15 * 60_000);
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
  });

  test('two operators at once: one wins, the other is told who and when', async () => {
    const { superadmin, secondSuperadmin } = bed.slack.people;
    await bed.enrol(secondSuperadmin.id);
    await openForm(superadmin);
    await openForm(secondSuperadmin);
    const [first, second] = await Promise.all([
      superadmin.submit({ code: bed.code(superadmin.id) }),
      secondSuperadmin.submit({ code: bed.code(secondSuperadmin.id) }),
    ]);
    const winner = first.kind === 'closed' ? superadmin : secondSuperadmin;
    const loser = winner === superadmin ? second : first;
    expect([first.kind, second.kind].sort()).toEqual(['closed', 'updated']);
    expect(JSON.stringify(loser)).toContain('resolved it before you');
    expect(JSON.stringify(loser)).toContain(`<@${winner.id}>`);
    expect(await state()).toEqual({ state: 'deployed', resolved_by: winner.id });
    expect(await audited()).toEqual([{ action: 'ops_complete', reason: undefined }]);
  });

  test('submitting again what already went through says so, and does nothing twice', async () => {
    const { superadmin } = bed.slack.people;
    await openForm(superadmin);
    const before = superadmin.modal();
    await superadmin.submit({ code: bed.code(superadmin.id) });
    // The acknowledgement was lost on its way: the person still sees the form.
    await superadmin.reopen(before);
    const again = await superadmin.submit({ code: bed.code(superadmin.id, 1) });
    expect(JSON.stringify(again)).toContain('You already did this');
    expect(await audited()).toEqual([{ action: 'ops_complete', reason: undefined }]);
  });

  test('evidence that changed while the form was open is shown again, and uses no code up', async () => {
    const { superadmin } = bed.slack.people;
    await openForm(superadmin);
    bed.heroku.setVar('raxx-console-prod', 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING', 'false');
    const code = bed.code(superadmin.id);
    const shownAgain = await superadmin.submit({ code });
    expect(shownAgain.kind).toBe('updated');
    expect(JSON.stringify(superadmin.modal()?.blocks)).toContain('answer changed meanwhile');
    expect(await state()).toMatchObject({ state: 'deploying' });
    expect((await superadmin.submit({ code, confirmation: ['confirmed'] })).kind).toBe('closed');
  });

  test('the form says that the promotion was resolved elsewhere meanwhile, whatever Heroku says now', async () => {
    const { superadmin } = bed.slack.people;
    await openForm(superadmin);
    bed.heroku.setVar('raxx-console-prod', 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING', 'false');
    await bed.rows.query(`update console_flag_promotions set state = 'failed', failed_at = $1`, [bed.clock.now()]);
    const told = await superadmin.submit({ code: bed.code(superadmin.id) });
    expect(told.kind).toBe('updated');
    expect(JSON.stringify(told)).toContain('resolved it before you');
    expect(await audited()).toEqual([]);
    await eventually(async () => expect(JSON.stringify(await bed.alert())).not.toContain('mark_completed'));
  });

  test.each([
    ['an engineer', 'engineer' as const, 'Only a superadmin can resolve this'],
    ['a person of another workspace', 'externalUser' as const, 'own workspace'],
  ])('%s gets a clear answer that only they see, and no form', async (_who, name, words) => {
    const person = bed.slack.people[name];
    if (name === 'engineer') await bed.enrol(person.id, 'engineer');
    await person.click(await bed.alert(), 'mark_completed');
    const answer = await person.waitForEphemeral();
    expect(answer.text).toContain(words);
    expect(person.modal()).toBeUndefined();
    expect(await state()).toMatchObject({ state: 'deploying' });
  });

  test('rights are read at submission again, not taken from the form', async () => {
    const { superadmin } = bed.slack.people;
    await openForm(superadmin);
    await bed.db.operators.disable(superadmin.id, bed.clock.now());
    const outcome = await superadmin.submit({ code: bed.code(superadmin.id) });
    expect(JSON.stringify(outcome)).toContain('Only a superadmin can resolve this');
    expect(await state()).toMatchObject({ state: 'deploying' });
    expect(await audited()).toEqual([{ action: 'denied', reason: 'not_superadmin' }]);
  });

  test('a click on what was resolved elsewhere says by whom, and brings the message up to date', async () => {
    const { superadmin } = bed.slack.people;
    await bed.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = $1`, [bed.clock.now()]);
    const stale = await bed.alert();
    await superadmin.click(stale, 'mark_failed');
    expect((await superadmin.waitForEphemeral()).text).toContain('has already ended');
    await eventually(async () => expect(JSON.stringify(await bed.alert())).not.toContain('mark_failed'));
  });

  test('with Slack down after the commit, the message follows at a later tick', async () => {
    const { superadmin } = bed.slack.people;
    await openForm(superadmin);
    bed.slack.faults.add({ method: 'chat.update', kind: 'status', status: 500 });
    bed.slack.faults.add({ method: 'chat.postMessage', kind: 'reset_after' });
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    expect(await state()).toMatchObject({ state: 'deployed' });
    await eventually(async () => {
      const errors = await bed.rows.query<{ last_error: string | null }>(
        'select last_error from flag_promotions.messages order by id',
      );
      expect(errors).toEqual([
        { last_error: "Slack's chat.update failed: http_500" },
        { last_error: expect.stringContaining("Slack's chat.postMessage failed") },
      ]);
    });
    bed.slack.faults.clear();
    await bed.clock.advance(3_600_000);
    await bed.app.tick();
    expect(JSON.stringify(await bed.alert())).not.toContain('mark_completed');
    // The reply took effect although its answer was lost: it is found, not posted again.
    expect(await bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts)).toHaveLength(1);
  });

  test('no code, secret or other config var reaches a log line, an audit event or Slack', async () => {
    const { superadmin } = bed.slack.people;
    await openForm(superadmin);
    const code = bed.code(superadmin.id);
    await superadmin.submit({ code });
    await bed.app.tick();
    const events = await bed.rows.query('select * from flag_promotions.audit_log');
    const calls = bed.slack.calls.map((call) => ({ method: call.method, args: call.args }));
    const everything = JSON.stringify([events, calls, bed.logged]);
    expect(everything).not.toContain('canary-other-var');
    expect(everything).not.toContain(bed.slack.botToken);
    expect(everything).not.toContain(bed.heroku.apiKey);
    expect(everything).not.toMatch(new RegExp(`\\b${code}\\b`, 'u'));
  });
});
