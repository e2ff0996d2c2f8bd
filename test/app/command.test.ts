import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

describe('/flag-promotions', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z' });
  });
  afterEach(() => bed.close());

  async function ask(text: string, person = bed.slack.people.superadmin) {
    const before = person.ephemerals().length;
    await person.command(text);
    await eventually(async () => expect(person.ephemerals().length).toBeGreaterThan(before));
    const answer = person.ephemerals().at(-1);
    if (answer === undefined) throw new Error('There was no answer.');
    return answer;
  }

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
    expect(text).toContain('In deploying now: 1');
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
    for (const reference of [id, 'console_heroku_log_drain_alerting']) {
      const shown = JSON.stringify((await ask(`show ${reference}`)).blocks);
      expect(shown).toContain('*Live.*');
      expect(shown).toContain('*alert: critical*');
    }
    expect((await ask('show no_such_flag')).text).toContain('There is no promotion');
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
    ['help', 'what is stuck'],
    ['stcuk', 'Did you mean `/flag-promotions stuck`?'],
    ['<!channel> *bold*', 'I don’t know `&lt;!channel&gt;`'],
  ])('%p is answered with the help', async (text, words) => {
    expect((await ask(text)).text).toContain(words);
  });

  test('a person of another workspace is told that it is not for them', async () => {
    expect((await ask('list', bed.slack.people.stranger)).text).toContain('own workspace');
  });

  test('rca links by command', async () => {
    const id = await bed.rows.insertDeploying();
    expect((await ask(`rca ${id} https://docs.example.com/rca`)).text).toContain('Linked as the RCA');
    expect((await bed.db.promotions.find(id))?.rcaUrl).toBe('https://docs.example.com/rca');
  });
});
