import { startTestBed, type TestBed } from '../support/app.js';
import {
  administer,
  codeFor,
  confirm,
  invite,
  linkIn,
  open,
  PUBLIC_URL,
  recoveryCodesOn,
  secretOn,
  tells,
  typeCode,
  waitForDirect,
  wordOn,
  wrongCodeFor,
} from '../support/enrolment.js';
import { eventually } from '../support/eventually.js';
import { linesUnder } from '../support/reference.js';

const MINUTE = 60_000;

describe('enrolment without a shell', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({
      startAt: '2026-05-10T05:00:00Z',
      environment: { PUBLIC_URL },
      rateLimit: false,
      databaseClockStands: true,
    });
  });
  afterEach(() => bed.close());

  const audited = async () =>
    bed.rows.query<{ action: string; actor: string; detail: Record<string, unknown> }>(
      `select action, actor, detail from flag_promotions.audit_log where action like 'console.flag.operator.%' order by id`,
    );
  const actions = async () => (await audited()).map(({ action }) => action.replace('console.flag.operator.', ''));
  const operator = (id: string) => bed.db.operators.find(id);
  /** What changes when somebody becomes an operator, or an enrolment progresses. */
  const state = async () => ({
    operators: await bed.rows.query('select * from flag_promotions.operators order by 1'),
    enrolments: await bed.rows.query('select * from flag_promotions.enrolments order by 1'),
    audit: (await bed.rows.query('select 1 from flag_promotions.audit_log')).length,
  });

  test('a superadmin invites, the person scans and types, the superadmin types the word, and only then can the person act', async () => {
    const { superadmin, engineer } = bed.slack.people;
    const link = await invite(bed, superadmin, engineer, 'superadmin');
    expect(link).toMatch(/^https:\/\/flags\.example\.com\/enrol\/[\w-]{43}$/u);
    expect(await operator(engineer.id)).toBeNull();

    const page = await open(bed, link);
    expect(page.status).toBe(200);
    expect(page.text).toContain('<strong>sam</strong>');
    const secret = secretOn(page);
    const proved = await typeCode(bed, link, codeFor(bed, secret));
    expect(proved.status).toBe(200);
    const codes = recoveryCodesOn(proved);
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) bed.keepSecret(`recovery code ${codes.indexOf(code)}`, code);
    bed.adopt(engineer.id, secret);
    expect(await operator(engineer.id)).toBeNull();

    const word = wordOn(proved);
    // Nothing that its person alone can do in Slack makes them an operator.
    expect(tells((await waitForDirect(engineer, 'decline_enrolment')).blocks, word)).toBe(false);
    await engineer.command('operators confirm');
    await engineer.waitForEphemeral(({ text }) => text.includes(`Only <@${superadmin.id}>`));
    expect(await operator(engineer.id)).toBeNull();

    const question = await waitForDirect(superadmin, 'confirm_enrolment');
    expect(tells(question, word)).toBe(false);
    await superadmin.click(question, 'confirm_enrolment');
    const form = JSON.stringify((await superadmin.waitForModal()).blocks);
    expect(form).toContain('By voice or phone, not in Slack');
    expect(tells(form, word)).toBe(false);
    expect((await superadmin.submit({ word: ` ${word.toUpperCase()}. `, code: bed.code(superadmin.id, 1) })).kind).toBe(
      'closed',
    );
    expect(await operator(engineer.id)).toMatchObject({ role: 'superadmin', disabledAt: null });
    await eventually(async () => {
      const toEngineer = (await engineer.directMessages()).map(({ text }) => text).join('\n');
      expect(toEngineer).toContain('You are a superadmin now');
      // Questions lose their buttons.
      for (const person of [engineer, superadmin]) {
        expect(JSON.stringify((await person.directMessages()).map(({ blocks }) => blocks))).not.toMatch(
          /confirm_enrolment|decline_enrolment/u,
        );
      }
      const toSuperadmin = (await superadmin.directMessages()).map(({ text }) => text).join('\n');
      expect(toSuperadmin).toContain(`<@${superadmin.id}> invited <@${engineer.id}> as superadmin`);
      expect(toSuperadmin).toContain(`<@${superadmin.id}> made <@${engineer.id}> a superadmin`);
    });
    expect(await actions()).toEqual(['added', 'first_code', 'activated']);
    expect((await audited()).at(-1)).toMatchObject({ actor: superadmin.id, detail: { operator: engineer.id } });
    expect((await bed.db.audit.verify()).intact).toBe(true);

    // The first code is used up; the next one promotes nothing here, but resolves.
    const id = await bed.rows.insertDeploying();
    await bed.app.tick();
    await engineer.click(await bed.alert(), 'mark_completed');
    await engineer.waitForModal();
    expect(await engineer.submit({ code: codeFor(bed, secret) })).toMatchObject({ kind: 'errors' });
    expect((await engineer.submit({ code: bed.code(engineer.id, 1) })).kind).toBe('closed');
    expect((await bed.db.promotions.find(id))?.resolvedBy).toBe(engineer.id);

    // The link's token was in one direct message, and nowhere else, whatever was done with it.
    const token = link.slice(-43);
    const told = bed.slack.calls.filter(({ args }) => JSON.stringify(args).includes(token));
    expect(told.map(({ method, args }) => [method, args['channel']])).toEqual([['chat.postMessage', engineer.id]]);
    const { enrolments, operators } = await state();
    const audit = await bed.rows.query('select * from flag_promotions.audit_log');
    expect(JSON.stringify([bed.logged, enrolments, operators, audit])).not.toContain(token);
  });

  test('looking at a link uses nothing up, shows the same secret, and leaves no row changed', async () => {
    const { superadmin, engineer } = bed.slack.people;
    const link = await invite(bed, superadmin, engineer, 'engineer');
    const before = await state();
    const first = await open(bed, link);
    const head = await open(bed, link, { method: 'HEAD' });
    const again = await open(bed, link, { headers: { 'user-agent': 'Slackbot-LinkExpanding 1.0' } });
    expect([first.status, head.status, again.status]).toEqual([200, 200, 200]);
    expect(head.text).toBe('');
    expect(secretOn(again)).toBe(secretOn(first));
    expect(await state()).toEqual(before);
    bed.keepSecret('the secret on the page', secretOn(first));
  });

  test('every answer forbids scripts, frames, caching and telling where it was', async () => {
    const { superadmin, engineer } = bed.slack.people;
    const link = await invite(bed, superadmin, engineer, 'engineer');
    const answers = [
      await open(bed, link),
      await typeCode(bed, link, 'nonsense'),
      await open(bed, `${PUBLIC_URL}/enrol/nothing`),
      await open(bed, `${PUBLIC_URL}/enrol/style.css`),
      await open(bed, link, { method: 'DELETE' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 422, 404, 200, 405]);
    for (const { headers, text } of answers) {
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      );
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
      expect(text).not.toMatch(/<script|<style|\sstyle=|\son\w+=|javascript:/u);
    }
    expect(answers[4]?.headers.get('allow')).toBe('GET, HEAD, POST');
    expect(answers[3]?.headers.get('content-type')).toBe('text/css; charset=utf-8');
  });

  test('wrong first codes are counted, malformed ones are not, and the fifth wrong one ends the link', async () => {
    const { superadmin, engineer } = bed.slack.people;
    const link = await invite(bed, superadmin, engineer, 'engineer');
    const secret = secretOn(await open(bed, link));
    for (let left = 4; left >= 1; left -= 1) {
      const malformed = await typeCode(bed, link, '12345');
      expect([malformed.status, malformed.text.includes('exactly 6 digits')]).toEqual([422, true]);
      const wrong = await typeCode(bed, link, wrongCodeFor(bed, secret));
      expect(wrong.status).toBe(422);
      expect(wrong.text).toContain(`${left} of 5 tries left`);
    }
    const last = await typeCode(bed, link, wrongCodeFor(bed, secret));
    expect([last.status, last.text.includes('Too many wrong codes')]).toEqual([410, true]);
    const before = await state();
    const late = await typeCode(bed, link, codeFor(bed, secret));
    expect([late.status, recoveryCodesOn(late)]).toEqual([410, []]);
    expect(await state()).toEqual(before);
    expect(await actions()).toEqual(['added', 'enrolment_locked']);
    expect(
      await bed.rows.query('select 1 from flag_promotions.enrolments where totp_secret_encrypted is not null'),
    ).toEqual([]);
  });

  test('a link that was used, is too old, was replaced, or never was: a clear sentence, and nothing changed', async () => {
    const { superadmin, engineer, secondSuperadmin } = bed.slack.people;
    const replaced = await invite(bed, superadmin, engineer, 'engineer');
    await superadmin.command('operators list');
    const list = JSON.stringify((await superadmin.waitForEphemeral(({ text }) => text === '*Operators*')).blocks);
    expect(list).toContain(`<@${engineer.id}>  invited as engineer by <@${superadmin.id}> · link not used yet`);
    const link = await invite(bed, superadmin, engineer, 'engineer', 1);
    const old = await invite(bed, superadmin, secondSuperadmin, 'engineer', 2).catch(async () => {
      // A code may lie one step ahead of the clock at most.
      await bed.clock.advance(MINUTE);
      return invite(bed, superadmin, secondSuperadmin, 'engineer');
    });
    const secret = secretOn(await open(bed, link));
    const oldSecret = secretOn(await open(bed, old));
    await typeCode(bed, link, codeFor(bed, secret));
    const sayings: [string, number, string, string][] = [
      [replaced, 410, codeFor(bed, secret), 'There is a newer link'],
      [link, 410, codeFor(bed, secret, 1), 'already used'],
      [`${PUBLIC_URL}/enrol/${'A'.repeat(43)}`, 404, codeFor(bed, secret), 'Link not found'],
      [`${PUBLIC_URL}/enrol/..%2f..%2fetc`, 404, codeFor(bed, secret), 'Link not found'],
      [`${PUBLIC_URL}/enrol/`, 404, codeFor(bed, secret), 'Link not found'],
    ];
    let before = await state();
    for (const [address, status, code, words] of sayings) {
      for (const got of [await open(bed, address), await typeCode(bed, address, code)]) {
        expect([address, got.status]).toEqual([address, status]);
        expect(got.text).toContain(words);
        expect(got.text).toContain('Nothing was changed.');
        expect(got.text).not.toContain('class="secret"');
      }
    }
    expect(await state()).toEqual(before);
    await bed.clock.advance(15 * MINUTE);
    before = await state();
    for (const got of [await open(bed, old), await typeCode(bed, old, codeFor(bed, oldSecret))]) {
      expect([got.status, got.text.includes('has expired')]).toEqual([410, true]);
    }
    // Nor does the word help after its time.
    await superadmin.command(`operators confirm <@${engineer.id}>`);
    await superadmin.waitForEphemeral(({ text }) => text.includes('longer than 15 minutes'));
    expect(await state()).toEqual(before);
  });

  test('a link that somebody else uses makes nobody an operator: who had it sent alone confirms, and its person can say no', async () => {
    const { superadmin, engineer, secondSuperadmin } = bed.slack.people;
    await bed.enrol(secondSuperadmin.id);
    const link = await invite(bed, superadmin, engineer, 'superadmin');
    // Somebody else with the link types a first code and sees the word; its person, who opens it after that, doesn't.
    const word = wordOn(await typeCode(bed, link, codeFor(bed, secretOn(await open(bed, link)))));
    expect(tells((await open(bed, link)).text, word)).toBe(false);
    const question = await waitForDirect(superadmin, 'confirm_enrolment');
    const before = (await state()).enrolments;
    for (const other of [secondSuperadmin, engineer]) {
      await other.click(question, 'confirm_enrolment');
      await other.waitForEphemeral(({ text }) => text.includes(`Only <@${superadmin.id}> can answer this`));
    }
    await secondSuperadmin.command(`operators confirm <@${engineer.id}>`);
    await secondSuperadmin.waitForEphemeral(({ text }) =>
      text.includes(`Only <@${superadmin.id}>, who had the link sent`),
    );
    expect((await state()).enrolments).toEqual(before);

    const told = await waitForDirect(engineer, 'decline_enrolment');
    await superadmin.click(told, 'decline_enrolment');
    await superadmin.waitForEphemeral(({ text }) => text.includes(`Only <@${engineer.id}> can answer this`));
    await engineer.click(told, 'decline_enrolment');
    await eventually(async () => {
      for (const one of [superadmin, secondSuperadmin]) {
        expect((await one.directMessages()).map(({ text }) => text).join()).toContain('somebody else used their link');
      }
    });
    expect(await operator(engineer.id)).toBeNull();
    expect((await open(bed, link)).text).toContain('This link was refused');
    await superadmin.command(`operators confirm <@${engineer.id}>`);
    await superadmin.waitForEphemeral(({ text }) => text.includes('There is nothing to confirm'));
    expect(await actions()).toEqual(['added', 'first_code', 'enrolment_declined']);
  });

  test('three wrong words end the enrolment; a wrong code uses up no word, and a wrong word no code', async () => {
    const { superadmin, engineer } = bed.slack.people;
    const link = await invite(bed, superadmin, engineer, 'engineer');
    const word = wordOn(await typeCode(bed, link, codeFor(bed, secretOn(await open(bed, link)))));
    await superadmin.click(await waitForDirect(superadmin, 'confirm_enrolment'), 'confirm_enrolment');
    await superadmin.waitForModal();
    const near = [-2, -1, 0, 1, 2].map((steps) => bed.code(superadmin.id, steps));
    const guess = ['000000', '111111', '222222', '333333', '444444', '555555'].find((one) => !near.includes(one)) ?? '';
    expect(JSON.stringify(await superadmin.submit({ word, code: guess }))).toContain('Wrong code (1 of 5)');
    const code = bed.code(superadmin.id, 1);
    const other = word === 'zoo' ? 'abandon' : 'zoo';
    for (const left of [2, 1]) {
      const refused = JSON.stringify(await superadmin.submit({ word: other, code }));
      expect(refused).toContain(`${left} of 3 tries left`);
      expect(refused).toContain('"word"');
    }
    await superadmin.submit({ word: '', code });
    await superadmin.submit({ word: other, code });
    expect(JSON.stringify(superadmin.modal()?.blocks)).toContain('for the 3rd time');
    expect(await operator(engineer.id)).toBeNull();
    expect((await open(bed, link)).text).toContain('Too many wrong words');
    await eventually(async () =>
      expect((await superadmin.directMessages()).map(({ text }) => text).join()).toContain('too many wrong tries'),
    );
    // The code was not used.
    await superadmin.closeModal({ all: true });
    expect((await administer(superadmin, 'add', { person: engineer.id, role: 'engineer', code })).kind).toBe('closed');
  });

  test('confirming goes by command, too, before the code and after it, once', async () => {
    const { superadmin, engineer } = bed.slack.people;
    await superadmin.command('operators confirm');
    await superadmin.waitForEphemeral(({ text }) => text.includes('There is nothing to confirm'));
    const link = await invite(bed, superadmin, engineer, 'engineer');
    await superadmin.command(`operators confirm <@${engineer.id}|sam>`);
    await superadmin.waitForEphemeral(({ text }) => text.includes('Not yet: somebody has to open the link first'));
    // Slack refuses the question; the page says what to do.
    bed.slack.faults.add({ method: 'chat.postMessage', kind: 'error', error: 'internal_error', times: 2 });
    const proved = await typeCode(bed, link, codeFor(bed, secretOn(await open(bed, link))));
    expect(proved.text).toContain('<code>/flag-promotions operators confirm</code>');
    await superadmin.command('operators confirm');
    await superadmin.waitForModal();
    await superadmin.closeModal({ all: true });
    await superadmin.command(`operators confirm <@${engineer.id}>`);
    await superadmin.waitForModal();
    const confirmed = await superadmin.submit({ word: wordOn(proved), code: bed.code(superadmin.id, 1) });
    expect(confirmed.kind).toBe('closed');
    await superadmin.waitForEphemeral(({ text }) => text.includes('is now active as engineer'));
    await superadmin.command('operators confirm');
    await superadmin.waitForEphemeral(({ text }) => text.includes('There is nothing to confirm'));
    expect(await actions()).toEqual(['added', 'first_code', 'activated']);
  });

  test('nobody enrols themselves, nor a bot or an external user; and a refusal uses no code up', async () => {
    const { superadmin, engineer, externalUser, otherBot } = bed.slack.people;
    const code = bed.code(superadmin.id);
    for (const [words, personId, said] of [
      ['add', superadmin.id, 'You can’t do this for yourself'],
      ['reset', superadmin.id, 'You can’t do this for yourself'],
      ['unlock', superadmin.id, 'You can’t do this for yourself'],
      ['add', externalUser.id, 'another workspace'],
      ['add', otherBot.id, 'A bot can’t'],
      ['add', 'U0NOBODY00', 'doesn’t know this person'],
      ['reset', engineer.id, 'They are not an operator'],
      ['disable', engineer.id, 'They are not an operator'],
      ['disable', superadmin.id, 'the last superadmin'],
    ] as const) {
      const outcome = await administer(superadmin, words, {
        person: personId,
        ...(words === 'add' ? { role: 'engineer' } : {}),
        code,
      });
      expect([words, personId, JSON.stringify(outcome)]).toEqual([words, personId, expect.stringContaining(said)]);
      await superadmin.closeModal({ all: true });
    }
    expect(await actions()).toEqual([]);
    expect((await administer(superadmin, 'add', { person: engineer.id, role: 'engineer', code })).kind).toBe('closed');
    await waitForDirect(engineer, 'open_enrolment');
  });

  test('only a superadmin may: checked at the command, and again at the submission', async () => {
    const { superadmin, secondSuperadmin, engineer } = bed.slack.people;
    await engineer.command('operators add');
    expect((await engineer.waitForEphemeral()).text).toContain('Only a superadmin can');
    await bed.enrol(secondSuperadmin.id);
    await secondSuperadmin.command('operators add');
    await secondSuperadmin.waitForModal();
    await bed.db.operators.disable(secondSuperadmin.id, bed.clock.now());
    await secondSuperadmin.submit({ person: engineer.id, role: 'superadmin', code: bed.code(secondSuperadmin.id) });
    expect(JSON.stringify(secondSuperadmin.modal()?.blocks)).toContain('Only a superadmin can');
    expect(await bed.rows.query('select 1 from flag_promotions.enrolments')).toEqual([]);
    expect(await operator(superadmin.id)).toMatchObject({ disabledAt: null });
  });

  test('the form shows what was typed with the command; a name chooses nobody, and an unknown word gets the list', async () => {
    const { superadmin, engineer } = bed.slack.people;
    for (const [typed, personId, role] of [
      [`add <@${engineer.id}|sam> superadmin`, engineer.id, 'superadmin'],
      [`ADD <@${engineer.id}>`, engineer.id, 'engineer'],
      ['add @sam', null, 'engineer'],
      ['add Engineer', null, 'engineer'],
    ] as const) {
      await superadmin.command(`operators ${typed}`);
      const shown = JSON.stringify((await superadmin.waitForModal()).blocks);
      expect(shown.includes(`"initial_user":"${engineer.id}"`)).toBe(personId !== null);
      expect(shown).toMatch(new RegExp(`"initial_option":\\{[^}]*\\}[^}]*"value":"${role}"`, 'u'));
      await superadmin.closeModal({ all: true });
    }
    await superadmin.command('operators <!channel>');
    const { text } = await superadmin.waitForEphemeral();
    expect(text).toContain('I don’t know `operators &lt;!channel&gt;`');
    expect(text).toContain('`operators rotate`');
  });

  test('an inviter who was disabled meanwhile brings nobody in, also with the form open', async () => {
    const { superadmin, secondSuperadmin, engineer } = bed.slack.people;
    await bed.enrol(secondSuperadmin.id);
    const link = await invite(bed, secondSuperadmin, engineer, 'superadmin');
    const word = wordOn(await typeCode(bed, link, codeFor(bed, secretOn(await open(bed, link)))));
    const question = await waitForDirect(secondSuperadmin, 'confirm_enrolment');
    await secondSuperadmin.click(question, 'confirm_enrolment');
    await secondSuperadmin.waitForModal();
    expect(
      (await administer(superadmin, 'disable', { person: secondSuperadmin.id, code: bed.code(superadmin.id) })).kind,
    ).toBe('closed');
    await secondSuperadmin.submit({ word, code: bed.code(secondSuperadmin.id, 1) });
    expect(JSON.stringify(secondSuperadmin.modal()?.blocks)).toContain('Only a superadmin can confirm an operator');
    await secondSuperadmin.closeModal({ all: true });
    await secondSuperadmin.click(question, 'confirm_enrolment');
    await secondSuperadmin.waitForEphemeral(({ text }) => text.includes('Only a superadmin can confirm an operator'));
    expect(await operator(engineer.id)).toBeNull();
    // A former superadmin is told as well.
    await eventually(async () =>
      expect((await secondSuperadmin.directMessages()).map(({ text }) => text).join()).toContain(
        `<@${superadmin.id}> disabled <@${secondSuperadmin.id}>`,
      ),
    );
  });

  test('rotate: the old secret works until the new one is confirmed, and then no more', async () => {
    const { superadmin } = bed.slack.people;
    expect((await administer(superadmin, 'rotate', { code: bed.code(superadmin.id) })).kind).toBe('closed');
    const link = linkIn(await waitForDirect(superadmin, 'open_enrolment'));
    const secret = secretOn(await open(bed, link));
    const word = wordOn(await typeCode(bed, link, codeFor(bed, secret)));
    await bed.clock.advance(MINUTE);
    // Still the old one: it adds somebody. A Slack account alone, with the link and the new secret, doesn't confirm.
    await invite(bed, superadmin, bed.slack.people.engineer, 'engineer');
    await bed.clock.advance(MINUTE);
    const withTheNewOne = await confirm(bed, superadmin, word, 0, codeFor(bed, secret));
    expect(JSON.stringify(withTheNewOne)).toContain('Wrong code');
    expect((await superadmin.submit({ word, code: bed.code(superadmin.id) })).kind).toBe('closed');
    await superadmin.waitForEphemeral(({ text }) => text.includes('secret and recovery codes work'));
    await bed.clock.advance(MINUTE);
    const person = bed.slack.people.engineer.id;
    const stale = await administer(superadmin, 'add', { person, role: 'engineer', code: bed.code(superadmin.id) });
    expect(JSON.stringify(stale)).toContain('Wrong code');
    await superadmin.closeModal({ all: true });
    bed.adopt(superadmin.id, secret);
    const fresh = await administer(superadmin, 'add', { person, role: 'engineer', code: bed.code(superadmin.id) });
    expect(fresh.kind).toBe('closed');
    expect(await actions()).toEqual(['rotation_started', 'first_code', 'added', 'rotated', 'added']);
    await eventually(async () => expect(superadmin.ephemerals().length).toBeGreaterThanOrEqual(2));
  });

  test('a new secret brings back nobody who was disabled after asking for it', async () => {
    const { superadmin, secondSuperadmin } = bed.slack.people;
    await bed.enrol(secondSuperadmin.id);
    await administer(secondSuperadmin, 'rotate', { code: bed.code(secondSuperadmin.id) });
    const link = linkIn(await waitForDirect(secondSuperadmin, 'open_enrolment'));
    await administer(superadmin, 'disable', { person: secondSuperadmin.id, code: bed.code(superadmin.id) });
    expect((await open(bed, link)).text).toContain('withdrawn');
    await secondSuperadmin.command('operators confirm');
    await secondSuperadmin.waitForEphemeral(({ text }) => text.includes('There is nothing to confirm'));
    expect(await operator(secondSuperadmin.id)).toMatchObject({ disabledAt: expect.any(Date) });
  });

  test('reset: the old secret and recovery codes stop at once, and the link brings the person back with their role', async () => {
    const { superadmin, secondSuperadmin, engineer } = bed.slack.people;
    await bed.enrol(secondSuperadmin.id);
    await administer(superadmin, 'reset', { person: secondSuperadmin.id, code: bed.code(superadmin.id) });
    const link = linkIn(await waitForDirect(secondSuperadmin, 'open_enrolment'));
    await secondSuperadmin.command('operators add');
    expect((await secondSuperadmin.waitForEphemeral()).text).toContain('Only a superadmin can');
    const secret = secretOn(await open(bed, link));
    const proved = await typeCode(bed, link, codeFor(bed, secret));
    expect(await operator(secondSuperadmin.id)).toMatchObject({ disabledAt: expect.any(Date) });
    expect((await confirm(bed, superadmin, wordOn(proved), 1)).kind).toBe('closed');
    expect(await operator(secondSuperadmin.id)).toMatchObject({ role: 'superadmin', disabledAt: null });
    bed.adopt(secondSuperadmin.id, secret);
    await invite(bed, secondSuperadmin, engineer, 'engineer', 1);
    expect(await actions()).toEqual(['reset', 'first_code', 'activated', 'added']);
  });

  test('a recovery code stands in for a code once, is audited without being told, and ten rotate away', async () => {
    const { superadmin, engineer } = bed.slack.people;
    await administer(superadmin, 'rotate', { code: bed.code(superadmin.id) });
    const link = linkIn(await waitForDirect(superadmin, 'open_enrolment'));
    const proved = await typeCode(bed, link, codeFor(bed, secretOn(await open(bed, link))));
    const [code = '', another = ''] = recoveryCodesOn(proved);
    bed.keepSecret('a recovery code', code);
    bed.keepSecret('a recovery code, bare', code.replace('-', ''));
    const add = (typed: string) =>
      administer(superadmin, 'add', { person: engineer.id, role: 'engineer', code: typed });
    // Not before its secret is in force.
    expect(JSON.stringify(await add(code))).toContain('Wrong code');
    await superadmin.closeModal({ all: true });
    expect((await confirm(bed, superadmin, wordOn(proved), 1)).kind).toBe('closed');

    expect((await add(code.toUpperCase())).kind).toBe('closed');
    expect(JSON.stringify(await add(code))).toContain('already used');
    await superadmin.closeModal({ all: true });
    const used = (await audited()).filter(({ action }) => action.endsWith('recovery_code_used'));
    expect(used).toMatchObject([{ actor: superadmin.id, detail: { for: 'operators add', left: 9 } }]);

    // In a promotion's form as well, in the same transaction as what it authorises.
    const id = await bed.rows.insertDeploying();
    await bed.app.tick();
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: another })).kind).toBe('closed');
    expect((await bed.db.promotions.find(id))?.state).toBe('deployed');
    expect((await audited()).at(-1)).toMatchObject({ detail: { for: 'completed', left: 8 } });
    await superadmin.command('operators');
    const list = await superadmin.waitForEphemeral(({ text }) => text === '*Operators*');
    expect(JSON.stringify(list.blocks)).toContain('8 recovery codes left');
  });

  test('if Slack does not take the link, whoever sent it is told, and another one can be sent', async () => {
    const { superadmin, engineer } = bed.slack.people;
    for (const [fault, said] of [
      [
        { method: 'chat.postMessage', kind: 'error', error: 'messages_tab_disabled', times: 1 },
        'Slack refused the direct message',
      ],
      [{ method: 'chat.postMessage', kind: 'status', status: 503, times: 1 }, 'did not say whether'],
    ] as const) {
      bed.slack.faults.add(fault);
      await bed.clock.advance(MINUTE);
      const code = bed.code(superadmin.id);
      expect((await administer(superadmin, 'add', { person: engineer.id, role: 'engineer', code })).kind).toBe(
        'closed',
      );
      const { text } = await superadmin.waitForEphemeral((message) => message.text.includes(said));
      expect(linesUnder(bed.logged, text)).toContainEqual(
        expect.objectContaining({ msg: 'the link of an enrolment may not have been delivered' }),
      );
    }
    await bed.clock.advance(MINUTE);
    expect((await open(bed, await invite(bed, superadmin, engineer, 'engineer'))).status).toBe(200);
  });

  test('the page refuses any other form: another type, a large body, no code, another method', async () => {
    const { superadmin, engineer } = bed.slack.people;
    const link = await invite(bed, superadmin, engineer, 'engineer');
    const secret = secretOn(await open(bed, link));
    const code = codeFor(bed, secret);
    const before = await state();
    const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ code }) };
    expect((await open(bed, link, json)).status).toBe(415);
    const large = new URLSearchParams({ code, more: 'x'.repeat(100_000) });
    expect((await open(bed, link, { method: 'POST', body: large })).status).toBe(413);
    expect((await open(bed, link, { method: 'POST', body: new URLSearchParams({ other: code }) })).status).toBe(422);
    expect((await open(bed, link, { method: 'PUT', body: new URLSearchParams({ code }) })).status).toBe(405);
    expect(await state()).toEqual(before);
    expect((await typeCode(bed, link, code)).status).toBe(200);
  });
});

test('below a path of PUBLIC_URL a link and its page work, whether the proxy in front takes the path off or not', async () => {
  const base = 'https://tools.example.com/flag-promotions';
  const bed = await startTestBed({ environment: { PUBLIC_URL: base }, rateLimit: false });
  const { superadmin, engineer } = bed.slack.people;
  const link = await invite(bed, superadmin, engineer, 'engineer');
  expect(link.startsWith(`${base}/enrol/`)).toBe(true);
  for (const front of [bed.baseUrl, `${bed.baseUrl}/flag-promotions`]) {
    const here = link.replace(base, front);
    const page = await fetch(here);
    const text = await page.text();
    expect(page.status).toBe(200);
    expect(page.headers.get('strict-transport-security')).toBeNull();
    const [, href = ''] = /<link rel="stylesheet" href="([^"]+)">/u.exec(text) ?? [];
    const sheet = await fetch(new URL(href, here));
    expect([sheet.status, sheet.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8']);
    bed.keepSecret('the secret on the page', secretOn({ status: 200, headers: page.headers, text }));
    // The form is sent to the page's own address.
    expect(text).toMatch(/<form method="post"[^>]*>/u);
    expect(text).not.toMatch(/<form[^>]* action=/u);
    const wrong = await fetch(here, { method: 'POST', body: new URLSearchParams({ code: 'nonsense' }) });
    expect(wrong.status).toBe(422);
  }
  await bed.close();
});

test('without PUBLIC_URL no link is offered: Slack says what to set, and what to do instead', async () => {
  const bed = await startTestBed({ rateLimit: false });
  try {
    const { superadmin } = bed.slack.people;
    for (const word of ['add', 'reset', 'rotate']) {
      await superadmin.command(`operators ${word}`);
      const { text } = await superadmin.waitForEphemeral();
      expect(text).toContain('`PUBLIC_URL`');
      expect(text).toContain('flag-promotions operators');
    }
    await superadmin.command('operators disable');
    await superadmin.waitForModal();
  } finally {
    await bed.close();
  }
});

test('in Socket Mode the page is served as well, and its link comes the same way', async () => {
  const bed = await startTestBed({ socketMode: true, environment: { PUBLIC_URL }, rateLimit: false });
  try {
    const { superadmin, engineer } = bed.slack.people;
    await eventually(async () => expect((await superadmin.command('operators')).kind).toBe('acknowledged'));
    const link = await invite(bed, superadmin, engineer, 'engineer');
    const secret = secretOn(await open(bed, link));
    expect(recoveryCodesOn(await typeCode(bed, link, codeFor(bed, secret)))).toHaveLength(10);
  } finally {
    await bed.close();
  }
});
