import { generateSync } from 'otplib';
import type { Person } from '../../demo/slack/workspace.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { interaction, newTrigger, signed } from '../chaos/signed.js';
import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** Tries what SECURITY.md says of stolen secrets and malicious people. */
describe('whoever has', () => {
  let bed: TestBed;
  let promotionId: string;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z', rateLimit: false });
    promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
  });
  afterEach(() => bed.close());

  const isUntouched = async () => {
    expect(await bed.rows.query('select state, resolved_by, rca_url from console_flag_promotions')).toEqual([
      { state: 'deploying', resolved_by: null, rca_url: null },
    ]);
  };
  const withBotToken = async (method: string, args: Readonly<Record<string, unknown>>) => {
    const answer = await fetch(`${bed.slack.apiUrl}${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bed.slack.botToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ channel: bed.slack.channels.alerts, ...args }),
    });
    return answer.json();
  };
  /** A form that a stolen signing secret could forge, in anybody's name. */
  const forge = async (userId: string, code: string) => {
    const form = bed.slack.people.superadmin.modal();
    const body = interaction({
      type: 'view_submission',
      user: { id: userId, team_id: bed.slack.teamId },
      team: { id: bed.slack.teamId },
      trigger_id: newTrigger(),
      view: { ...form?.raw, state: { values: { code: { input: { type: 'plain_text_input', value: code } } } } },
    });
    return (await fetch(`${bed.baseUrl}/slack/events`, signed(body, bed.slack.signingSecret))).text();
  };
  const openForm = async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    return superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));
  };

  test('the bot token can show false words, and no button of theirs hides what it would do', async () => {
    const button = {
      type: 'button',
      action_id: 'mark_failed',
      value: promotionId,
      text: { type: 'plain_text', text: 'Harmless' },
    };
    const blocks = [{ type: 'actions', elements: [button] }];
    const posted = await withBotToken('chat.postMessage', { text: 'Click here to win', blocks });
    expect(posted).toMatchObject({ ok: true });
    const { superadmin } = bed.slack.people;
    const false_ = (await bed.slack.messages(bed.slack.channels.alerts)).at(-1);
    if (false_ === undefined) throw new Error('Nothing was posted.');
    await superadmin.click(false_, 'mark_failed');
    const form = JSON.stringify((await superadmin.waitForModal((view) => view.raw['submit'] !== null)).raw);
    expect(form).toContain('Mark failed');
    expect(form).toContain('console_heroku_log_drain_alerting');
    expect(form).not.toContain('win');
    await isUntouched();
  });

  test('a superadmin’s Slack account, or the signing secret, has no code', async () => {
    const { superadmin } = bed.slack.people;
    await openForm();
    for (const code of ['', '123', '000000', 'confirmed']) expect(await forge(superadmin.id, code)).toContain('errors');
    await isUntouched();
    expect(
      await bed.rows.query(
        `select detail ->> 'reason' as reason from flag_promotions.audit_log where action like '%totp_rejected' order by 1`,
      ),
    ).toEqual([{ reason: 'malformed' }, { reason: 'wrong' }]);
  });

  test('nothing but a membership is told whom to ask, and is in the audit log', async () => {
    const { engineer } = bed.slack.people;
    await engineer.click(await bed.alert(), 'mark_failed');
    expect((await engineer.waitForEphemeral()).text).toContain('superadmin');
    await isUntouched();
    expect(await bed.rows.query(`select actor from flag_promotions.audit_log where action like '%denied'`)).toEqual([
      { actor: engineer.id },
    ]);
  });

  test('only come through Slack Connect has no effect, whatever they click, type or say', async () => {
    const { externalUser } = bed.slack.people;
    const alert = await bed.alert();
    for (const button of ['mark_completed', 'mark_failed', 'open_rca']) await externalUser.click(alert, button);
    for (const text of ['stuck', 'mark x raxx-console-prod true', `rca ${promotionId} https://docs.example.com/rca`]) {
      await externalUser.command(text);
    }
    await externalUser.say(`<@${bed.slack.botUserId}> https://docs.example.com/rca`, { threadTs: alert.ts });
    await externalUser.say('https://docs.example.com/rca', { threadTs: alert.ts });
    await bed.slack.eventsSettled();
    await eventually(async () => expect(externalUser.ephemerals().length).toBeGreaterThanOrEqual(6));
    for (const { text } of externalUser.ephemerals()) expect(text).toContain('own workspace');
    expect(externalUser.modal()).toBeUndefined();
    await isUntouched();
  });

  test.each<[string, (by: Person) => Promise<unknown>, Readonly<Record<string, string>>]>([
    ['Mark completed', async (by) => by.click(await bed.alert(), 'mark_completed'), {}],
    [
      'Mark failed',
      async (by) => by.click(await bed.alert(), 'mark_failed'),
      { note: 'Mine.', confirmation: 'confirmed' },
    ],
    ['promote', (by) => by.command('promote waiting'), {}],
    ['cancel', (by) => by.command('cancel waiting'), {}],
    ['mark', (by) => by.command('mark'), { flag_key: 'theirs', heroku_app: APP, target_value: 'true' }],
    ['link an RCA', (by) => by.command(`rca ${promotionId}`), { rca_url: 'https://docs.example.com/rca' }],
    ['disable an operator', (by) => by.command('operators disable'), { person: 'superadmin' }],
  ])('a role and a code, and another workspace’s account, submits %s in vain', async (_what, openBy, fields) => {
    const { superadmin, externalUser } = bed.slack.people;
    await bed.enrol(externalUser.id);
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state)
       values ('waiting', $1, 'FLAG_WAITING', 'marked')`,
      [APP],
    );
    const kept = () =>
      Promise.all([
        bed.rows.query('select * from console_flag_promotions order by id'),
        bed.rows.query('select * from flag_promotions.operators order by slack_user_id'),
      ]);
    const before = await kept();
    await openBy(superadmin);
    const form = await superadmin.waitForModal();
    await superadmin.closeModal();
    externalUser.reopen(form);
    const { person, ...typed } = fields;
    const outcome = await externalUser.submit({
      ...typed,
      ...(person === undefined ? {} : { person: superadmin.id }),
      ...(JSON.stringify(form.blocks).includes('"block_id":"code"') ? { code: bed.code(externalUser.id) } : {}),
    });
    expect(JSON.stringify(outcome)).toContain('own workspace');
    expect(await kept()).toEqual(before);
  });

  test('a copy of the database reads no secret in it, and computes no code', async () => {
    const dump = JSON.stringify(
      await Promise.all(
        [
          'console_flag_promotions',
          'flag_promotions.operators',
          'flag_promotions.audit_log',
          'flag_promotions.alerts',
          'flag_promotions.messages',
        ].map((table) => bed.rows.query(`select * from ${table}`)),
      ),
    );
    const [operator] = await bed.rows.query<{ sealed: string }>(
      'select totp_secret_encrypted as sealed from flag_promotions.operators',
    );
    const sealed = operator?.sealed ?? '';
    for (const secret of [bed.slack.botToken, bed.slack.signingSecret, bed.heroku.apiKey])
      expect(dump).not.toContain(secret);
    expect(() => createSecretBox(new Uint8Array(32)).open(sealed, bed.slack.people.superadmin.id)).toThrow();
    expect(() => generateSync({ secret: sealed })).toThrow();
  });

  test('the copy and the TOTP key computes codes; what is done with them is in the audit log', async () => {
    const { superadmin } = bed.slack.people;
    const [operator] = await bed.rows.query<{ sealed: string }>(
      'select totp_secret_encrypted as sealed from flag_promotions.operators',
    );
    const secret = createSecretBox(bed.config.totpEncryptionKey).open(operator?.sealed ?? '', superadmin.id);
    await openForm();
    const epoch = Math.floor(bed.clock.now().getTime() / 1000);
    expect(await forge(superadmin.id, generateSync({ secret, epoch }))).toBe('');
    expect(
      await bed.rows.query(`select actor from flag_promotions.audit_log where action like '%ops_complete'`),
    ).toEqual([{ actor: superadmin.id }]);
  });
});
