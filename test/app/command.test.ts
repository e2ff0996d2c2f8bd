import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

describe('/flag-promotions', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z' });
  });
  afterEach(() => bed.close());

  const ask = (text: string, person = bed.slack.people.superadmin) => person.ask(text);

  test('stuck with nothing stuck says so, and what was looked at and when', async () => {
    await bed.rows.insertDeploying({ promotedAt: '2026-05-10T03:00:00Z' });
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, deployed_at)
       values ('last_one', 'raxx-console-prod', 'FLAG_LAST_ONE', 'deployed', '2026-05-09T10:00:00Z')`,
    );
    await bed.app.tick();
    const { text } = await ask('stuck');
    expect(text).toContain('*Nothing is stuck.*');
    expect(text).toContain('2026-05-10 05:00 UTC');
    expect(text).toContain('1 has been deploying since');
    // When it would alert: 12 h after it began.
    expect(text).toContain('It would alert <!date^1778425200^');
    expect(text).toContain('`last_one`');
  });

  test('stuck lists the oldest first, in pages, with the buttons of an alert', async () => {
    for (let index = 0; index < 7; index += 1) {
      await bed.rows.insertDeploying({ flagKey: `flag_${index}`, promotedAt: `2026-05-0${index + 1}T00:00:00Z` });
    }
    const { superadmin } = bed.slack.people;
    const first = await ask('stuck');
    const flagsOf = (message: { blocks: unknown }) => [...new Set(JSON.stringify(message.blocks).match(/flag_\d/gu))];
    expect(flagsOf(first)).toEqual(['flag_0', 'flag_1', 'flag_2', 'flag_3', 'flag_4']);
    await superadmin.click(first, 'stuck_page');
    await eventually(async () => {
      const second = superadmin.ephemerals().at(-1);
      expect(flagsOf(second ?? first)).toEqual(['flag_5', 'flag_6']);
    });
    expect(superadmin.ephemerals()).toHaveLength(1);
  });

  test('a promotion completed from the list leaves the list', async () => {
    await bed.rows.insertDeploying();
    const { superadmin } = bed.slack.people;
    const list = await ask('stuck');
    await superadmin.click(list, 'mark_completed');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    await eventually(async () => expect(superadmin.ephemerals().at(-1)?.text).toContain('Nothing is stuck'));
    expect(superadmin.ephemerals()).toHaveLength(1);
  });

  test('list and show tell the state of things, by id and by flag key', async () => {
    const id = await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(JSON.stringify((await ask('list')).blocks)).toContain('console_heroku_log_drain_alerting');
    const flag = 'console_heroku_log_drain_alerting';
    for (const reference of [id, flag, `#${id}`, `“${flag}”`, `\`${flag}\``, `&lt;${id}&gt;`]) {
      const shown = JSON.stringify((await ask(`show ${reference}`)).blocks);
      expect(shown).toContain('*Live.*');
      expect(shown).toContain('*alert: critical*');
    }
    expect((await ask('show no_such_flag')).text).toContain('There is no promotion');
  });

  test('show says how far the work on Heroku is, and never the checkpoint itself', async () => {
    const checkpoint = 'PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef';
    const id = await bed.rows.insertDeploying({ checkpoint, isAnnounced: false });
    // Another replica works on it.
    await bed.rows.query(
      `update console_flag_promotions set lease_owner = 'another', lease_until = flag_promotions.clock() + interval '1 hour'`,
    );
    expect(JSON.stringify((await ask(`show ${id}`)).blocks)).toContain(
      '*Heroku*: accepted the change, waiting for the release',
    );
    await bed.db.audit.append({
      at: new Date('2026-05-10T05:00:00Z'),
      action: 'console.flag.promotion.heroku_patched',
      actor: 'promoter',
      promotionId: id,
      detail: { release_version: 5 },
    });
    const shown = JSON.stringify((await ask(`show ${id}`)).blocks);
    expect(shown).toContain('accepted the change (v5), waiting for the release');
    expect(shown).not.toContain('PENDING_COMMIT');
  });

  test('help shows five commands in short lines, and the rest behind a button or `help all`', async () => {
    const { superadmin } = bed.slack.people;
    const commandsIn = (text: string) => text.split('\n').filter((line) => line.startsWith('`'));
    const short = await ask('help');
    expect(commandsIn(short.text)).toHaveLength(5);
    for (const line of commandsIn(short.text)) {
      expect(line.replaceAll(/&[lg]t;/gu, '<').length).toBeLessThanOrEqual(52);
    }
    const all = (await ask('help all')).text;
    expect(commandsIn(all)).toEqual(expect.arrayContaining(commandsIn(short.text)));
    expect(commandsIn(all).length).toBeGreaterThan(10);
    await superadmin.click(short, 'more_help');
    await eventually(async () => expect(superadmin.ephemerals().filter(({ text }) => text === all)).toHaveLength(2));
    expect(superadmin.ephemerals().map(({ text }) => text)).not.toContain(short.text);
  });

  test('show asks Heroku for what ended too, and says where the row and Heroku differ', async () => {
    await bed.rows.insertDeploying();
    await bed.rows.query(`update console_flag_promotions set state = 'failed', failed_at = now()`);
    const show = async () => JSON.stringify((await ask('show console_heroku_log_drain_alerting')).blocks);
    const failed = await show();
    expect(failed).toContain('*Heroku now*: live');
    expect(failed).toContain('The row says `failed`.');
    expect(failed).not.toContain('Mark completed');
    await bed.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = now()`);
    expect(await show()).not.toContain('The row says');
    bed.heroku.forgetRequests();
    await bed.rows.query(`update console_flag_promotions set state = 'cancelled'`);
    expect(await show()).not.toContain('Heroku now');
    expect(bed.heroku.requests).toHaveLength(0);
  });

  test.each([
    ['', 'what is stuck'],
    ['`help`', 'what is stuck'],
    ['stcuk', 'Did you mean `/flag-promotions stuck`?'],
    ['“stcuk”', 'Did you mean `/flag-promotions stuck`?'],
    ['operators ad', 'Did you mean `/flag-promotions operators add`?'],
    ['<!channel> *bold*', 'I don’t know `&lt;!channel&gt;`'],
  ])('%p is answered with the help', async (text, words) => {
    expect((await ask(text)).text).toContain(words);
  });

  test('a person of another workspace is told that it is not for them', async () => {
    expect((await ask('list', bed.slack.people.externalUser)).text).toContain('own workspace');
  });

  test('rca links by command', async () => {
    const id = await bed.rows.insertDeploying();
    expect((await ask(`rca ${id} https://docs.example.com/rca`)).text).toContain('Linked as the RCA');
    expect((await bed.db.promotions.find(id))?.rcaUrl).toBe('https://docs.example.com/rca');
    expect((await ask(`rca “#${id}” "https://docs.example.com/rca2"`)).text).toContain('Linked as the RCA');
    expect((await bed.db.promotions.find(id))?.rcaUrl).toBe('https://docs.example.com/rca2');
  });
});
