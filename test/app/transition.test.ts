import { APP, LONG_LEASE, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { linesUnder } from '../support/reference.js';

const FLAG = 'dark_mode';
const VAR = 'FLAG_DARK_MODE';
/** What Heroku's 32 kB leave to the value. */
const MOST = 32_768 - VAR.length;

describe('marking and promoting', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: '2026-05-09T04:28:00Z', environment: LONG_LEASE });
    await bed.enrol(bed.slack.people.engineer.id, 'engineer');
  });
  afterEach(() => bed.close());

  const kris = () => bed.slack.people.superadmin;
  const rows = () =>
    bed.rows.query<Record<string, unknown>>(
      `select id::text, flag_key, heroku_app, config_var, target_value, state, marked_by, promoted_by, resolved_by
         from console_flag_promotions order by id`,
    );
  const audited = async () =>
    (await bed.rows.query<{ action: string }>('select action from flag_promotions.audit_log order by id')).map(
      ({ action }) => action.replace('console.flag.promotion.', ''),
    );
  const ask = (text: string, person = kris()) => person.ask(text);
  /** Opens a modal and answers it. */
  async function openBy(text: string, person = kris()) {
    await person.command(text);
    return person.waitForModal();
  }
  const words = (view: { readonly blocks: readonly unknown[] }) => JSON.stringify(view.blocks);
  const patches = () => bed.heroku.requests.filter(({ method }) => method === 'PATCH').length;

  test('a flag goes from a command to live: marked by an engineer, promoted by a superadmin with a code', async () => {
    const { engineer } = bed.slack.people;
    const marked = await ask(`mark ${FLAG} ${APP}`, engineer);
    expect(marked.text).toContain(`Marked \`${FLAG}\` on \`${APP}\``);
    expect(await rows()).toMatchObject([
      {
        flag_key: FLAG,
        heroku_app: APP,
        config_var: VAR,
        target_value: 'true',
        state: 'marked',
        marked_by: engineer.id,
      },
    ]);
    expect(bed.heroku.getVar(APP, VAR)).toBeNull();

    const form = await openBy(`promote ${FLAG}`);
    expect(words(form)).toContain('*Now*: *not set*');
    expect(words(form)).toContain(`on \`${APP}\`: \`${VAR}\` → \`true\``);
    expect(words(form)).toContain('Heroku makes a release and *restarts the dynos*');
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');

    await eventually(async () => {
      await bed.clock.advance(2_000);
      expect(await rows()).toMatchObject([{ state: 'deployed', promoted_by: kris().id, resolved_by: null }]);
    });
    expect(bed.heroku.getVar(APP, VAR)).toBe('true');
    expect(await audited()).toEqual(['marked', 'promoted', 'heroku_patching', 'heroku_patched', 'deployed']);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
    const told = await kris().waitForEphemeral((message) => message.text.includes('*being promoted*'));
    expect(told.text).toContain(bed.slack.channels.alerts);

    const history = JSON.stringify((await ask(`show ${FLAG}`)).blocks);
    for (const word of [
      '*marked*',
      '*promoted*',
      '*about to set it on Heroku*',
      '*on Heroku* as release v',
      '*deployed*',
    ]) {
      expect(history).toContain(word);
    }
  });

  test('a bare mark opens a form, which proposes the app of before and tells each fault under its field', async () => {
    await bed.rows.insertDeploying();
    const form = await openBy('mark');
    expect(words(form)).toContain(`"initial_value":"${APP}"`);
    const refused = await kris().submit({
      flag_key: 'no-dashes',
      heroku_app: 'no-such-app',
      target_value: 'true',
      config_var: 'NO DASHES',
    });
    expect(refused).toMatchObject({
      kind: 'errors',
      errors: {
        flag_key: expect.stringContaining('letters, digits and _'),
        heroku_app: expect.stringContaining('Heroku has no app'),
        config_var: expect.stringContaining('letters, digits and _'),
      },
    });
    expect(await rows()).toHaveLength(1);
    expect((await kris().submit({ flag_key: FLAG, heroku_app: APP, config_var: 'FLAG_OTHER_NAME' })).kind).toBe(
      'closed',
    );
    expect(await rows()).toMatchObject([{}, { flag_key: FLAG, config_var: 'FLAG_OTHER_NAME', target_value: 'true' }]);
    const told = await kris().waitForEphemeral((message) => message.text.includes('Marked'));
    await kris().click(told, 'promote');
    expect(words(await kris().waitForModal())).toContain('FLAG_OTHER_NAME');
  });

  test.each([
    ['an unknown app', `mark ${FLAG} no-such-app`, 'Heroku has no app'],
    ['an app’s name that is none', `mark ${FLAG} ../../account`, 'lower-case letters, digits and dashes'],
    ['a flag key that makes no config var', `mark dark-mode ${APP}`, 'A flag key has up to 251 letters'],
    ['a value of more than 32 kB', `mark ${FLAG} ${APP} ${'x'.repeat(33_000)}`, 'too long'],
    ['a value of more than 32 kB in fewer characters', `mark ${FLAG} ${APP} ${'€'.repeat(11_000)}`, 'too long'],
    ['a value that is too long by one byte with its name', `mark ${FLAG} ${APP} ${'x'.repeat(MOST + 1)}`, 'too long'],
    ['a value that the form cannot hold', `mark ${FLAG} no-such-app ${'x'.repeat(3_001)}`, 'too long for this form'],
  ])('%s is told in the form, and nothing is written', async (_what, command, said) => {
    const form = await openBy(command);
    expect(words(form)).toContain('Not marked yet');
    expect(words(form)).toContain(said);
    expect(await rows()).toEqual([]);
    expect(await audited()).toEqual([]);
  });

  test('a value as long as Heroku takes is marked', async () => {
    await ask(`mark ${FLAG} ${APP} ${'x'.repeat(MOST)}`);
    expect(await rows()).toMatchObject([{ target_value: 'x'.repeat(MOST) }]);
  });

  test('a value that Slack may have escaped is looked at in the form before it is marked', async () => {
    const form = await openBy(`mark ${FLAG} ${APP} a &amp; b`);
    expect(words(form)).toContain('a &amp; b');
    expect(words(form)).not.toContain('Not marked yet');
    expect((await kris().submit({ target_value: 'a & b' })).kind).toBe('closed');
    expect(await rows()).toMatchObject([{ target_value: 'a & b' }]);
  });

  test('an app that Heroku cannot be asked about is not taken on trust', async () => {
    bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
    const form = words(await openBy(`mark ${FLAG} ${APP}`));
    expect(form).toContain('Heroku didn’t answer');
    expect(linesUnder(bed.logged, form)).toContainEqual(
      expect.objectContaining({ msg: 'Heroku could not be asked whether an app exists' }),
    );
    expect(await rows()).toEqual([]);
  });

  test('a second promotion of one config var is told about the first, marked or under way', async () => {
    await ask(`mark ${FLAG} ${APP}`);
    const second = await ask(`mark ${FLAG} ${APP} false`);
    expect(second.text).toContain('*already marked*');
    expect(await rows()).toHaveLength(1);
    // The answer leads on: to the form that cancels the first.
    await kris().click(second, 'cancel');
    await kris().waitForModal();
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    expect(await rows()).toMatchObject([{ state: 'cancelled', resolved_by: kris().id }]);
    expect((await ask(`mark ${FLAG} ${APP} false`)).text).toContain('Marked');

    await bed.rows.query(
      `update console_flag_promotions set state = 'deploying', promoted_at = now() where state = 'marked'`,
    );
    expect((await ask(`mark ${FLAG} ${APP}`)).text).toContain('*already being promoted*');
    expect(await audited()).toEqual(['marked', 'cancelled', 'marked']);
  });

  test('the config var counts, whatever flag key leads to it', async () => {
    await ask(`mark ${FLAG} ${APP}`);
    expect((await ask(`mark ${FLAG.toUpperCase()} ${APP}`)).text).toContain(
      `\`${VAR}\` on \`${APP}\` is *already marked*`,
    );
    await openBy('mark');
    expect(
      (await kris().submit({ flag_key: 'another', heroku_app: APP, target_value: 'true', config_var: VAR })).kind,
    ).toBe('updated');
    expect(words(await kris().waitForModal())).toContain('*already marked*');
    await kris().closeModal();
    expect(await rows()).toHaveLength(1);
    // Heroku's names are case-sensitive.
    await openBy('mark');
    await kris().submit({ flag_key: FLAG, heroku_app: APP, target_value: 'true', config_var: `FLAG_${FLAG}` });
    expect(await rows()).toMatchObject([{ config_var: VAR }, { config_var: `FLAG_${FLAG}` }]);
  });

  test('twenty people who mark the same at once mark it once', async () => {
    const { engineer } = bed.slack.people;
    const asked = { flagKey: FLAG, herokuApp: APP, configVar: VAR, targetValue: 'true' };
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        bed.db.transitions.mark(asked, index % 2 === 0 ? kris().id : engineer.id, bed.clock.now()),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === 'marked')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'active')).toHaveLength(19);
    expect(await audited()).toEqual(['marked']);
  });

  test('a code that is wrong, or used before, promotes nothing and is counted', async () => {
    await ask(`mark ${FLAG} ${APP}`);
    await openBy(`promote ${FLAG}`);
    const right = bed.code(kris().id);
    const wrong = right === '123456' ? '654321' : '123456';
    expect(await kris().submit({ code: wrong })).toMatchObject({
      kind: 'errors',
      errors: { code: expect.stringContaining('1 of 5') },
    });
    expect(await rows()).toMatchObject([{ state: 'marked' }]);
    expect(patches()).toBe(0);
    expect((await kris().submit({ code: right })).kind).toBe('closed');
    expect(await audited()).toEqual(expect.arrayContaining(['marked', 'totp_rejected', 'promoted']));
  });

  test('submitting what already went through says so, and does nothing twice', async () => {
    await ask(`mark ${FLAG} ${APP}`);
    const form = await openBy(`promote ${FLAG}`);
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await bed.clock.advance(30_000);
    kris().reopen(form);
    await kris().submit({ code: bed.code(kris().id) });
    expect(words(await kris().waitForModal())).toContain('You already did this');
    await eventually(async () => expect(await rows()).toMatchObject([{ state: 'deployed' }]));
    expect(bed.heroku.patchesThatChanged(APP, VAR)).toBe(1);
    expect((await audited()).filter((action) => action === 'promoted')).toHaveLength(1);
  });

  test('of two superadmins who promote at once, one does', async () => {
    const { secondSuperadmin } = bed.slack.people;
    await bed.enrol(secondSuperadmin.id);
    await ask(`mark ${FLAG} ${APP}`);
    const people = [kris(), secondSuperadmin];
    for (const person of people) await openBy(`promote ${FLAG}`, person);
    const outcomes = await Promise.all(people.map((person) => person.submit({ code: bed.code(person.id) })));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['closed', 'updated']);
    expect((await audited()).filter((action) => action === 'promoted')).toHaveLength(1);
  });

  test('the value on Heroku changed while the form was open: it is shown again, and the code stays good', async () => {
    await ask(`mark ${FLAG} ${APP}`);
    await openBy(`promote ${FLAG}`);
    bed.heroku.setVar(APP, VAR, 'off');
    const code = bed.code(kris().id);
    expect((await kris().submit({ code })).kind).toBe('updated');
    expect(words(await kris().waitForModal())).toContain('answer changed meanwhile');
    expect(words(await kris().waitForModal())).toContain('*Now*: `off`');
    expect(await rows()).toMatchObject([{ state: 'marked' }]);
    expect((await kris().submit({ code })).kind).toBe('closed');
  });

  test('a value that Heroku has already restarts nothing, and the form says so', async () => {
    bed.heroku.setVar(APP, VAR, 'true');
    const before = patches();
    await ask(`mark ${FLAG} ${APP}`);
    expect(words(await openBy(`promote ${FLAG}`))).toContain('nothing restarts, it is only recorded');
    await kris().submit({ code: bed.code(kris().id) });
    await eventually(async () => expect(await rows()).toMatchObject([{ state: 'deployed' }]));
    expect(patches()).toBe(before);
  });

  test('an engineer marks and cancels, and may not promote', async () => {
    const { engineer } = bed.slack.people;
    await ask(`mark ${FLAG} ${APP}`, engineer);
    const refused = await ask(`promote ${FLAG}`, engineer);
    expect(refused.text).toContain('Only a superadmin can promote this');
    expect(engineer.modal()).toBeUndefined();
    await openBy(`cancel ${FLAG}`, engineer);
    expect((await engineer.submit({ code: bed.code(engineer.id) })).kind).toBe('closed');
    expect(await rows()).toMatchObject([{ state: 'cancelled', resolved_by: engineer.id }]);
    expect(await audited()).toEqual(['marked', 'denied', 'cancelled']);
  });

  test('a person who lost the role after opening the form promotes nothing', async () => {
    await ask(`mark ${FLAG} ${APP}`);
    await openBy(`promote ${FLAG}`);
    await bed.db.operators.disable(kris().id, bed.clock.now());
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('updated');
    expect(words(await kris().waitForModal())).toContain('Only a superadmin can promote this');
    expect(await rows()).toMatchObject([{ state: 'marked' }]);
  });

  test('external users and people without a role change nothing', async () => {
    const { externalUser, secondSuperadmin: nobody } = bed.slack.people;
    await ask(`mark ${FLAG} ${APP}`);
    for (const text of [`mark other ${APP}`, 'mark', 'promote 1', 'cancel 1']) {
      expect((await ask(text, externalUser)).text).toContain('own workspace');
      expect((await ask(text, nobody)).text).toContain(':lock:');
    }
    expect(await rows()).toMatchObject([{ state: 'marked' }]);
    expect(await rows()).toHaveLength(1);
  });

  test('a flag that is marked on two apps is chosen from a list, and a bare promote shows all', async () => {
    await ask(`mark ${FLAG} ${APP}`);
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state) values ('${FLAG}', 'raxx-staging', '${VAR}', 'marked')`,
    );
    for (const text of [`promote ${FLAG}`, 'promote', 'cancel']) {
      const answer = await ask(text);
      expect(answer.text).toContain('Marked for promotion');
      expect(JSON.stringify(answer.blocks)).toContain('raxx-staging');
    }
    const list = await ask('promote');
    await kris().click(list, 'promote', { value: '1' });
    expect(words(await kris().waitForModal())).toContain(`\`${APP}\``);
  });

  test.each([
    ['nothing at all', 'promote no_such_flag', 'There is no marked promotion `no_such_flag`'],
    ['what is deployed', `promote ${FLAG}`, 'marked promotion'],
  ])('promoting %s says how things stand', async (_what, command, said) => {
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, deployed_at) values ('${FLAG}', '${APP}', '${VAR}', 'deployed', now())`,
    );
    expect((await ask(command)).text).toContain(said);
  });
});

describe('without a key to Heroku', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, withoutHeroku: true });
  });
  afterEach(() => bed.close());

  test('promoting says that it is off, and cancelling works', async () => {
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state) values ('${FLAG}', '${APP}', '${VAR}', 'marked')`,
    );
    const { superadmin } = bed.slack.people;
    for (const text of [`mark other ${APP}`, 'mark', `promote ${FLAG}`]) {
      await superadmin.command(text);
      const said = await superadmin.waitForEphemeral((message) => message.text.includes('Promoting is off'));
      expect(said.text).toContain('HEROKU_API_KEY');
    }
    expect(superadmin.modal()).toBeUndefined();
    await superadmin.command(`cancel ${FLAG}`);
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'cancelled' }]);
  });
});
