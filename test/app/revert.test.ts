import { APP, LONG_LEASE, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { waiting, whileHolding } from '../support/locks.js';

const FLAG = 'dark_mode';
const VAR = 'FLAG_DARK_MODE';
const STAGING = 'raxx-console-staging';

describe('reverting what is deployed', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-09T04:28:00Z', rateLimit: false, environment: LONG_LEASE });
  });
  afterEach(() => bed.close());

  const kris = () => bed.slack.people.superadmin;
  const rows = () =>
    bed.rows.query<Record<string, unknown>>(
      `select id::text, heroku_app, state, target_unset, target_value, previous_value, marked_by, promoted_by
         from console_flag_promotions order by id`,
    );
  const words = (view: { readonly blocks: readonly unknown[] }) => JSON.stringify(view.blocks);
  const posted = async () =>
    (await bed.slack.messages(bed.slack.channels.alerts)).map((message) => JSON.stringify(message.raw));
  const audited = async (promotionId: string) =>
    bed.rows.query<{ action: string; actor: string; detail: Record<string, unknown> }>(
      `select replace(action, 'console.flag.promotion.', '') as action, actor, detail
         from flag_promotions.audit_log where promotion_id = $1 order by id`,
      [promotionId],
    );
  const ask = async (text: string, person = kris()) => JSON.stringify(await person.ask(text));
  async function openBy(text: string) {
    await kris().command(text);
    return words(await kris().waitForModal((view) => !JSON.stringify(view.blocks).includes('Checking Heroku')));
  }
  const settled = (expected: readonly Record<string, unknown>[]) =>
    eventually(async () => {
      await bed.clock.advance(2_000);
      expect(await rows()).toMatchObject(expected);
    });
  /** Marked, promoted with a code, and live; the next time step's code is still unused. */
  async function deploy(value = 'true', count = 1): Promise<void> {
    await ask(`mark ${FLAG} ${APP} ${value}`);
    await kris().command(`promote ${FLAG}`);
    await kris().waitForModal();
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await eventually(async () => {
      await bed.clock.advance(2_000);
      expect(await rows()).toHaveLength(count);
      expect((await rows()).at(-1)).toMatchObject({ state: 'deployed' });
    });
    await bed.clock.advance(30_000);
  }
  const revertOne = {
    promotionId: '1',
    followUp: 'revert' as const,
    shown: null,
    reread: null,
    isAsShown: () => true,
    takesSecondPerson: () => false,
    configVars: { patterns: [], maySet: () => true },
  };
  const accepted = { isRecoveryCode: false, check: () => ({ kind: 'accepted', step: 60_000_000 }) as const };
  const submit = () => kris().submit({ code: bed.code(kris().id) });

  test('goes back to the value of before, by a promotion of its own, with a code', async () => {
    bed.heroku.setVar(APP, VAR, 'off');
    await deploy();
    const form = await openBy(`revert ${FLAG}`);
    expect(form).toContain('`true` → *`off`*');
    expect(form).toContain('*Now*: `true`');
    expect(form).toContain('*After*: `off`, as before promotion 1');
    expect(form).toContain('restarts the dynos');
    expect((await submit()).kind).toBe('closed');
    await settled([
      { state: 'deployed' },
      { state: 'deployed', target_value: 'off', previous_value: 'true', promoted_by: kris().id, marked_by: kris().id },
    ]);
    expect(bed.heroku.getVar(APP, VAR)).toBe('off');
    expect((await kris().waitForEphemeral(({ text }) => text.includes('being reverted'))).text).toContain(
      bed.slack.channels.alerts,
    );
    expect((await audited('1')).at(-1)).toMatchObject({
      action: 'reverted',
      actor: kris().id,
      detail: { by: '2' },
    });
    expect((await audited('2'))[0]).toMatchObject({
      action: 'promoted',
      detail: { reverts: '1', target: { kind: 'plain', value: 'off' }, evidence_shown: { verdict: 'live' } },
    });
    expect((await audited('2')).map(({ action }) => action)).toEqual([
      'promoted',
      'heroku_patching',
      'heroku_patched',
      'deployed',
    ]);
    await eventually(async () => {
      const [first, second] = await posted();
      expect(first).toContain('*Revert started*');
      expect(first).toContain('promotion 2');
      expect(first).not.toContain('"action_id":"revert"');
      expect(second).toContain('is *live*');
      expect(second).toContain('"action_id":"revert"');
    });
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
  });

  test('removes what was not set before', async () => {
    await deploy();
    expect(await openBy('revert 1')).toContain('→ *not set*');
    expect((await submit()).kind).toBe('closed');
    await settled([{ state: 'deployed' }, { state: 'deployed', target_unset: true }]);
    expect(bed.heroku.getVar(APP, VAR)).toBeNull();
  });

  test('works by the button of the progress message and of `show`, and twice does nothing twice', async () => {
    bed.heroku.setVar(APP, VAR, 'off');
    await deploy();
    await eventually(async () => expect((await posted())[0]).toContain('"action_id":"revert"'));
    const message = (await bed.slack.messages(bed.slack.channels.alerts))[0];
    if (message === undefined) throw new Error('No progress was posted.');
    await kris().click(message, 'revert');
    const form = await kris().waitForModal((view) => words(view).includes('*Now*: `true`'));
    expect(words(form)).toContain('`off`');
    expect((await submit()).kind).toBe('closed');
    await bed.clock.advance(30_000);
    kris().reopen(form);
    expect((await submit()).kind).toBe('updated');
    expect(words(await kris().waitForModal())).toContain('You already did this');
    await settled([{ state: 'deployed' }, { state: 'deployed', target_value: 'off' }]);
    // A message that somebody left open still has the button.
    expect(await ask('revert 1')).toContain('You already did this');
    expect(await rows()).toHaveLength(2);
    expect(await ask('show 1')).toContain('"action_id":"revert"');
  });

  test('says what nobody recorded, and what the console’s own row tells', async () => {
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, deployed_at, previous_value)
       values ('unknown', $1, 'FLAG_UNKNOWN', 'deployed', now(), null), ('known', $1, 'FLAG_KNOWN', 'deployed', now(), 'sk_canary_1234567')`,
      [APP],
    );
    bed.keepSecret('a previous value', 'sk_canary_1234567');
    expect(await ask('revert unknown')).toContain(
      'The previous value is unknown*: nobody recorded what `FLAG_UNKNOWN` was',
    );
    const form = await openBy('revert known');
    expect(form).toContain('what it was before');
    expect(form).toContain('*After*: _hidden_');
    expect((await submit()).kind).toBe('closed');
    await eventually(async () => {
      await bed.clock.advance(2_000);
      expect(bed.heroku.getVar(APP, 'FLAG_KNOWN')).toBe('sk_canary_1234567');
    });
  });

  test('asks on which app, if it is deployed on several', async () => {
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, deployed_at, previous_value)
       values ('${FLAG}', '${APP}', '${VAR}', 'deployed', now(), 'first'), ('${FLAG}', '${APP}', '${VAR}', 'deployed', now(), 'off'),
              ('${FLAG}', '${STAGING}', '${VAR}', 'deployed', now(), 'off'), ('${FLAG}', 'other', '${VAR}', 'failed', null, 'off')`,
    );
    const answer = await kris().ask(`revert ${FLAG}`);
    const asked = JSON.stringify(answer);
    expect(asked).toContain('Which one should be reverted?');
    expect(asked).toContain(STAGING);
    expect(asked).not.toContain('other');
    expect(asked.match(/"action_id":"revert"/gu)).toHaveLength(2);
    await kris().click(answer, 'revert', { value: '2' });
    expect(words(await kris().waitForModal())).toContain('*After*: `off`, as before promotion 2');
  });

  test('tells that a later promotion or another person changed it since', async () => {
    bed.heroku.setVar(APP, VAR, 'off');
    await deploy();
    await deploy('false', 2);
    const older = await openBy('revert 1');
    expect(older).toContain('Promotion 2 changed it after promotion 1');
    expect(older).toContain('`false` → *`true`*');
    await kris().closeModal();
    bed.heroku.setVar(APP, VAR, 'on');
    const changed = await openBy(`revert ${FLAG}`);
    expect(changed).toContain('*Changed on Heroku since*');
    expect(changed).toContain('*Now*: `on`');
    // A code authorises what its form showed.
    bed.heroku.setVar(APP, VAR, 'off');
    expect((await submit()).kind).toBe('updated');
    expect(words(await kris().waitForModal())).toContain('Heroku’s answer changed meanwhile');
    expect(await rows()).toHaveLength(2);
    expect((await submit()).kind).toBe('closed');
    await settled([{}, {}, { state: 'deployed', target_value: 'true' }]);
  });

  test('of a revert says that it is one', async () => {
    bed.heroku.setVar(APP, VAR, 'off');
    await deploy();
    await openBy(`revert ${FLAG}`);
    await submit();
    await settled([{ state: 'deployed' }, { state: 'deployed' }]);
    const again = await openBy(`revert ${FLAG}`);
    expect(again).toContain('Promotion 2 is a revert itself*, of promotion 1');
    expect(again).toContain('`off` → *`true`*');
  });

  test('is refused to who may not, while another is under way, and for what is not deployed', async () => {
    const { engineer } = bed.slack.people;
    await bed.enrol(engineer.id, 'engineer');
    await deploy();
    expect(await ask('revert 1', engineer)).toContain('Only a superadmin can revert this');
    expect((await audited('1')).at(-1)).toMatchObject({ action: 'denied', detail: { attempted: 'revert' } });
    expect(await ask('revert')).toContain('revert <id | flag-key>'.replace('<', '&lt;').replace('>', '&gt;'));
    expect(await ask('revert nonsense')).toContain('There is no promotion');
    expect(await ask('rever')).toContain('Did you mean `/flag-promotions revert`');
    await openBy('revert 1');
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state) values ('${FLAG}', '${APP}', '${VAR}', 'marked')`,
    );
    expect((await submit()).kind).toBe('updated');
    expect(words(await kris().waitForModal())).toContain('*already marked*');
    await kris().closeModal();
    expect(await rows()).toHaveLength(2);
    expect(await ask('revert 2')).toContain('is only marked');
  });

  test('by two people at once starts one promotion', async () => {
    bed.heroku.setVar(APP, VAR, 'off');
    await deploy();
    const standing = await bed.db.followUps.standing('1');
    expect(standing).toMatchObject({ setBack: { kind: 'known', value: 'off' }, followedBy: null, reverts: null });
    const people = ['U0ONE', 'U0TWO', 'U0THREE'];
    for (const id of people) await bed.enrol(id);
    const outcomes = await Promise.all(
      people.map((operatorId) => bed.db.followUps.start({ ...revertOne, operatorId }, bed.clock.now(), accepted)),
    );
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['already', 'already', 'started']);
    expect(await rows()).toHaveLength(2);
  });

  test('says that the row changed if the console was faster and its own unique index refuses the revert', async () => {
    bed.heroku.setVar(APP, VAR, 'off');
    await deploy();
    const [ours] = await bed.rows.query<{ name: string }>(
      `select relname as name from pg_class where relname like 'flag_promotions_one_active_%'`,
    );
    await bed.rows.query(`alter index ${ours?.name} rename to one_active`);
    await bed.enrol('U0ONE');
    let outcome: Promise<unknown> = Promise.resolve();
    await whileHolding(
      { url: bed.environment['DATABASE_URL'] ?? '' },
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state) values ('${FLAG}', '${APP}', '${VAR}', 'marked')`,
      async () => {
        outcome = bed.db.followUps.start({ ...revertOne, operatorId: 'U0ONE' }, bed.clock.now(), accepted);
        await waiting(bed, 1);
      },
    );
    expect(await outcome).toEqual({ kind: 'row_changed' });
    expect(await rows()).toHaveLength(2);
  });
});

test('a second person has to revert if the app takes one', async () => {
  const bed = await startTestBed({
    startAt: '2026-05-09T04:28:00Z',
    rateLimit: false,
    environment: { ...LONG_LEASE, SECOND_PERSON: APP, CONFIG_VAR_PATTERN: 'FLAG_*' },
  });
  try {
    const { superadmin } = bed.slack.people;
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, deployed_at, previous_value, promoted_by)
       values ('mine', '${APP}', 'FLAG_MINE', 'deployed', now(), 'off', $1), ('odd', '${APP}', 'SECRET', 'deployed', now(), 'off', 'x')`,
      [superadmin.id],
    );
    await superadmin.command('revert mine');
    await superadmin.waitForEphemeral(({ text }) => text.includes('so somebody else has to'));
    await superadmin.command('revert odd');
    await superadmin.waitForEphemeral(({ text }) => text.includes('may not set'));
    expect(await bed.rows.query('select 1 from console_flag_promotions')).toHaveLength(2);
  } finally {
    await bed.close();
  }
});
