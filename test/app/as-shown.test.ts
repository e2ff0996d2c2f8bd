import * as z from 'zod';
import { APP, LONG_LEASE, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const FLAG = 'dark_mode';
const VAR = 'FLAG_DARK_MODE';
const SECRET = 'sk_test_canary with\u200b <& "ends"\n';

const plainSection = z.object({
  type: z.literal('section'),
  text: z.object({ type: z.literal('plain_text'), text: z.string() }),
});

const words = (view: { readonly blocks: readonly unknown[] }) => JSON.stringify(view.blocks);

/** By column: the value that another writer of the table sets. */
const CHANGES: readonly (readonly [column: string, value: string])[] = [
  ['flag_key', 'another_flag'],
  ['heroku_app', 'raxx-staging'],
  ['config_var', 'FLAG_ANOTHER'],
  ['target_value', 'false'],
  ['previous_value', 'sk_another'],
  ['checkpoint', 'PENDING_COMMIT:0190a9b2-5b52-7c5e-8d4b-0a1b2c3d4e5f'],
  ['marked_by', 'U0ANOTHER1'],
  ['promoted_by', 'U0ANOTHER1'],
];

/** A code authorises exactly what its form showed, and the app sets only what it may. */
describe('a code and its form', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: '2026-05-09T04:28:00Z', environment: LONG_LEASE });
    await bed.enrol(bed.slack.people.engineer.id, 'engineer');
  });
  afterEach(() => bed.close());

  const kris = () => bed.slack.people.superadmin;
  const states = async () =>
    (await bed.rows.query<{ state: string }>('select state from console_flag_promotions order by id')).map(
      ({ state }) => state,
    );
  const mark = (values: Readonly<Record<string, string>> = {}) => {
    const row = { flag_key: FLAG, heroku_app: APP, config_var: VAR, target_value: 'true', state: 'marked', ...values };
    return bed.rows.query(
      `insert into console_flag_promotions (${Object.keys(row).join(', ')})
       values (${Object.keys(row)
         .map((_, n) => `$${n + 1}`)
         .join(', ')})`,
      Object.values(row),
    );
  };
  const change = (column: string, value: string) =>
    bed.rows.query(`update console_flag_promotions set ${column} = $1`, [value]);
  const patches = () => bed.heroku.requests.filter(({ method }) => method === 'PATCH').length;

  test.each(CHANGES)('of a promotion whose %s was changed meanwhile promotes nothing', async (column, value) => {
    await mark({ checkpoint: 'theirs' });
    await kris().command('promote 1');
    await kris().waitForModal();
    await change(column, value);
    const code = bed.code(kris().id);
    expect((await kris().submit({ code })).kind).toBe('updated');
    expect(words(await kris().waitForModal())).toContain('This promotion changed meanwhile.');
    expect(words(await kris().waitForModal())).toContain('Nothing was promoted.');
    expect(await states()).toEqual(['marked']);
    expect(patches()).toBe(0);
    // The same code authorises what is shown now.
    expect((await kris().submit({ code })).kind).toBe('closed');
  });

  test('of a cancellation is tied to the row as well', async () => {
    await mark();
    await kris().command('cancel 1');
    await kris().waitForModal();
    await change('config_var', 'FLAG_ANOTHER');
    const code = bed.code(kris().id);
    expect((await kris().submit({ code })).kind).toBe('updated');
    expect(words(await kris().waitForModal())).toContain('Nothing was cancelled.');
    expect((await kris().submit({ code })).kind).toBe('closed');
    expect(await states()).toEqual(['cancelled']);
  });

  test.each([
    ['updated_at', '2026-05-09T04:29:00Z'],
    ['last_error', 'Heroku did not answer.'],
    ['rca_url', 'https://docs.example.com/rca'],
  ])('is as good as before if only %s changed', async (column, value) => {
    await mark();
    await kris().command('promote 1');
    await kris().waitForModal();
    await change(column, value);
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
  });

  test('without a fingerprint, or with a forged one, authorises nothing', async () => {
    await mark();
    await kris().command('promote 1');
    const form = await kris().waitForModal();
    const code = bed.code(kris().id);
    for (const shown of [undefined, '', 'forged']) {
      const forged = JSON.stringify({ ...JSON.parse(form.privateMetadata), shown });
      await kris().closeModal();
      kris().reopen({ ...form, raw: { ...form.raw, private_metadata: forged } });
      expect((await kris().submit({ code })).kind).toBe('updated');
      expect(await states()).toEqual(['marked']);
    }
  });

  describe('that was typed, while the change waits for Heroku,', () => {
    const row = async () => (await bed.rows.query('select state, last_error from console_flag_promotions'))[0];
    const value = () => bed.heroku.getVar(APP, VAR);
    const postedText = async () =>
      JSON.stringify((await bed.slack.messages(bed.slack.channels.alerts)).map(({ raw }) => raw));
    /** Promoted, but Heroku refuses all changes until the returned function is called. */
    async function promoteInVain(target: string): Promise<() => void> {
      await mark({ target_value: target });
      const mend = bed.heroku.faults.add({ method: 'PATCH', fault: { kind: 'status', status: 503 } });
      await kris().command('promote 1');
      await kris().waitForModal();
      expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
      await eventually(async () => expect(await row()).toMatchObject({ last_error: expect.any(String) }));
      return mend;
    }
    /** Lets the waits expire until the row is as expected. */
    const until = (expected: Record<string, unknown>) =>
      eventually(async () => {
        await bed.clock.advance(20 * 60_000);
        expect(await row()).toMatchObject(expected);
      });

    test.each([
      ['heroku_app', 'raxx-staging', 'true'],
      ['config_var', 'FLAG_ANOTHER', 'true'],
      ['target_value', 'false', 'true'],
      ['target_value', 'sk_another', 'sk_test_canary'],
      ['target_unset', 'true', 'true'],
    ])('sends nothing of a row whose %s was changed to %s, and says so', async (column, other, target) => {
      const mend = await promoteInVain(target);
      await change(column, other);
      mend();
      const sent = patches();
      await until({ state: 'deploying', last_error: expect.stringContaining('changed in the database since') });
      expect(patches()).toBe(sent);
      await bed.app.tick();
      expect(await postedText()).toContain('changed in the database since it was promoted');
      await bed.rows.query(
        'update console_flag_promotions set heroku_app = $1, config_var = $2, target_value = $3, target_unset = false',
        [APP, VAR, target],
      );
      await until({ state: 'deployed' });
      expect(value()).toBe(target);
    });

    test('keeps no release from being recorded that Heroku has', async () => {
      const mend = await promoteInVain('true');
      mend();
      bed.heroku.setVar(APP, VAR, 'false');
      const release = bed.heroku.releases(APP).at(-1);
      await bed.rows.query('update console_flag_promotions set target_value = $1, checkpoint = $2', [
        'false',
        `PENDING_COMMIT:${release?.id}`,
      ]);
      await until({ state: 'deployed' });
    });

    test('is for what is announced, and no event of another writer changes that', async () => {
      const mend = await promoteInVain('true');
      const event = { heroku_app: APP, config_var: VAR, target: { kind: 'plain', value: 'off' } };
      await bed.rows.query(
        `insert into flag_promotions.audit_log (at, action, actor, promotion_id, detail)
         values (now(), 'console.flag.promotion.promoted', 'U0ANOTHER1', 1, $1)`,
        [JSON.stringify(event)],
      );
      await change('target_value', 'off');
      mend();
      await until({ last_error: expect.stringContaining('changed in the database since') });
      expect(
        (
          await bed.rows.query(
            `select distinct detail from flag_promotions.audit_log where action like '%heroku_patching'`,
          )
        ).map(({ detail }) => detail),
      ).toEqual([{ heroku_app: APP, config_var: VAR, target: { kind: 'plain', value: 'true' } }]);
    });
  });

  test('shows the value that a person typed, whole, and a variable that is not the flag’s own', async () => {
    await mark({ config_var: 'FLAG_PAYMENT_KEY', target_value: SECRET });
    await kris().command('promote 1');
    const form = await kris().waitForModal();
    expect(words(form)).toContain('→ this value:');
    expect(form.blocks).toContainEqual(
      expect.objectContaining({
        text: { type: 'plain_text', text: 'sk_test_canary with\\u{200b} &lt;&amp; "ends"↵\n', emoji: false },
      }),
    );
    expect(words(form)).toContain('*Not this flag’s usual variable*, which is `FLAG_DARK_MODE`');
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await eventually(async () => expect(bed.heroku.getVar(APP, 'FLAG_PAYMENT_KEY')).toBe(SECRET));
    // Only the person who sets it sees it.
    expect(JSON.stringify(await bed.slack.everything(bed.slack.channels.alerts))).not.toContain('sk_test_canary');
    expect(bed.logged.join('')).not.toContain('sk_test_canary');
  });

  test('shows a value as long as Heroku takes', async () => {
    const long = '&'.repeat(32_000);
    await mark({ target_value: long });
    await kris().command('promote 1');
    const form = await kris().waitForModal();
    const shown = form.blocks.flatMap((block) => plainSection.safeParse(block).data?.text.text ?? []);
    expect(shown.join('')).toBe('&amp;'.repeat(32_000));
  });

  test('is recorded with app, variable and value', async () => {
    await mark();
    await kris().command('promote 1');
    await kris().waitForModal();
    await kris().submit({ code: bed.code(kris().id) });
    expect(
      await bed.rows.query(
        `select detail from flag_promotions.audit_log where action = 'console.flag.promotion.promoted'`,
      ),
    ).toMatchObject([{ detail: { heroku_app: APP, config_var: VAR, target: { kind: 'plain', value: 'true' } } }]);
  });

  describe('for what the app may not set', () => {
    const FORBIDDEN = 'PAYMENT_API_KEY';

    test('nobody marks it', async () => {
      await kris().command('mark');
      await kris().waitForModal();
      const refused = await kris().submit({
        flag_key: FLAG,
        heroku_app: APP,
        target_value: SECRET,
        config_var: FORBIDDEN,
      });
      expect(refused).toMatchObject({
        kind: 'errors',
        errors: { config_var: expect.stringContaining('CONFIG_VAR_PATTERN') },
      });
      expect(await states()).toEqual([]);
    });

    test('nobody promotes what another system marked, and anybody may cancel it', async () => {
      await mark({ config_var: FORBIDDEN });
      await kris().command('promote 1');
      const said = await kris().waitForEphemeral((message) => message.text.includes('CONFIG_VAR_PATTERN'));
      expect(said.text).toContain(`may not set \`${FORBIDDEN}\`, only FLAG_*`);
      await kris().command('cancel 1');
      await kris().waitForModal();
      expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
      expect(await states()).toEqual(['cancelled']);
    });

    test('a form that was open while it was changed says so', async () => {
      await mark();
      await kris().command('promote 1');
      await kris().waitForModal();
      await change('config_var', FORBIDDEN);
      await kris().submit({ code: bed.code(kris().id) });
      expect(words(await kris().waitForModal())).toContain('CONFIG_VAR_PATTERN');
      expect(await states()).toEqual(['marked']);
    });

    test('the promoter leaves what another system promoted, and says why', async () => {
      await bed.rows.insertDeploying({ configVar: FORBIDDEN, checkpoint: 'INTENT' });
      await bed.rows.query('notify flag_promotions_due');
      await eventually(async () =>
        expect(await bed.rows.query('select last_error from console_flag_promotions')).toMatchObject([
          { last_error: expect.stringContaining('CONFIG_VAR_PATTERN') },
        ]),
      );
      expect(await states()).toEqual(['deploying']);
      expect(patches()).toBe(0);
    });
  });
});

test.each(CHANGES)('a code of a promotion whose %s was changed meanwhile resolves nothing', async (column, value) => {
  const bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z', withoutHeroku: true });
  const kris = bed.slack.people.superadmin;
  await bed.rows.insertDeploying();
  await bed.app.tick();
  await kris.click(await bed.alert(), 'mark_failed');
  await kris.waitForModal();
  await bed.rows.query(`update console_flag_promotions set ${column} = $1`, [value]);
  const code = bed.code(kris.id);
  expect((await kris.submit({ code, note: 'The dyno died.' })).kind).toBe('updated');
  expect(words(await kris.waitForModal())).toContain('This promotion changed meanwhile.');
  expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deploying' }]);
  expect((await kris.submit({ code, note: 'The dyno died.' })).kind).toBe('closed');
  expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'failed' }]);
  await bed.close();
});

describe('if a second person is needed', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({
      rateLimit: false,
      startAt: '2026-05-10T05:00:00Z',
      environment: { ...LONG_LEASE, SECOND_PERSON: 'raxx-*' },
    });
    await bed.enrol(bed.slack.people.secondSuperadmin.id);
  });
  afterEach(() => bed.close());

  test('the person who marked may not promote, and somebody else may', async () => {
    const { superadmin, secondSuperadmin } = bed.slack.people;
    await superadmin.command(`mark ${FLAG} ${APP}`);
    await superadmin.waitForEphemeral((message) => message.text.includes('Marked'));
    await superadmin.command('promote 1');
    const said = await superadmin.waitForEphemeral((message) => message.text.includes('somebody else has to'));
    expect(said.text).toContain(`You marked it, so somebody else has to promote it. Ask <@${secondSuperadmin.id}>`);
    await secondSuperadmin.command('promote 1');
    await secondSuperadmin.waitForModal();
    expect((await secondSuperadmin.submit({ code: bed.code(secondSuperadmin.id) })).kind).toBe('closed');
    expect(
      await bed.rows.query(`select actor, detail from flag_promotions.audit_log where action like '%denied'`),
    ).toMatchObject([{ actor: superadmin.id, detail: { attempted: 'promote', reason: 'same_person' } }]);
  });

  test('the person who promoted may not resolve, not even by a form that was open before', async () => {
    const { superadmin, secondSuperadmin } = bed.slack.people;
    await bed.rows.insertDeploying({ promotedBy: secondSuperadmin.id });
    await bed.app.tick();
    await secondSuperadmin.click(await bed.alert(), 'mark_completed');
    await secondSuperadmin.waitForEphemeral((message) => message.text.includes('You promoted it'));
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    await bed.rows.query('update console_flag_promotions set promoted_by = $1', [superadmin.id]);
    await superadmin.submit({ code: bed.code(superadmin.id) });
    expect(JSON.stringify((await superadmin.waitForModal()).blocks)).toMatch(/changed meanwhile|second person/u);
    expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deploying' }]);
  });
});

describe('if a second person is needed only since the form was opened', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z', environment: LONG_LEASE });
  });
  afterEach(() => bed.close());

  /** The row is as the form showed it, so only the check under its lock refuses. */
  async function submitToStricter(attempted: string): Promise<void> {
    const { superadmin } = bed.slack.people;
    await superadmin.waitForModal();
    const stricter = await bed.replica({ environment: { SECOND_PERSON: 'raxx-*' } });
    bed.slack.connectHttp(`http://127.0.0.1:${stricter.port}/slack/events`);
    const before = await bed.rows.query('select state from console_flag_promotions');
    await superadmin.submit({ code: bed.code(superadmin.id) });
    expect(words(await superadmin.waitForModal())).toContain('so somebody else has to');
    expect(await bed.rows.query('select state from console_flag_promotions')).toEqual(before);
    expect(
      await bed.rows.query(
        `select actor, promotion_id, detail from flag_promotions.audit_log where action like '%denied'`,
      ),
    ).toMatchObject([{ actor: superadmin.id, promotion_id: '1', detail: { attempted, reason: 'same_person' } }]);
  }

  test('the person who promoted may not resolve', async () => {
    const { superadmin } = bed.slack.people;
    await bed.rows.insertDeploying({ promotedBy: superadmin.id });
    await bed.app.tick();
    await superadmin.click(await bed.alert(), 'mark_completed');
    await submitToStricter('completed');
  });

  test('the person who marked may not promote', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.command(`mark ${FLAG} ${APP}`);
    await superadmin.waitForEphemeral((message) => message.text.includes('Marked'));
    await superadmin.command('promote 1');
    await submitToStricter('promote');
  });
});

test('the alert says that one person did everything', async () => {
  const bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z' });
  const { superadmin } = bed.slack.people;
  await bed.rows.insertDeploying({ promotedBy: superadmin.id });
  await bed.rows.query('update console_flag_promotions set marked_by = $1', [superadmin.id]);
  await bed.app.tick();
  await superadmin.click(await bed.alert(), 'mark_completed');
  await superadmin.waitForModal();
  expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
  await eventually(async () =>
    expect(JSON.stringify((await bed.alert()).blocks)).toContain('one person marked, promoted and resolved it'),
  );
  await bed.close();
});
