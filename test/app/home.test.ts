import { FLAG, startTestBed, type TestBed } from '../support/app.js';
import { delivered } from '../support/delivered.js';
import { eventually } from '../support/eventually.js';

describe('the home tab', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false });
  });
  afterEach(() => bed.close());

  const shownTo = (person: { home(): { blocks: readonly unknown[] } | undefined }): string =>
    JSON.stringify(person.home()?.blocks ?? null);
  const published = (userId: string) =>
    bed.slack.calls.filter(({ method, args }) => method === 'views.publish' && args['user_id'] === userId).length;

  async function open(name: 'superadmin' | 'engineer' | 'externalUser') {
    const person = bed.slack.people[name];
    await person.openHome();
    await eventually(async () => expect(person.home()).toBeDefined());
    await delivered(bed.rows);
    return person;
  }

  test('says that all is well, and that the watchdog lives', async () => {
    const engineer = await open('engineer');
    const shown = shownTo(engineer);
    expect(shown).toContain('The watchdog is alive');
    expect(shown).toContain('Nothing is stuck.');
    expect(shown).toContain('Nothing is being promoted.');
    expect(shown).toContain('No RCA is missing.');
    expect(shown).toContain('You can look at everything here');
    expect(shown).toContain(`<@${bed.slack.people.superadmin.id}>`);
  });

  test('a superadmin resolves from it, and it follows within one tick everywhere it is open', async () => {
    const id = await bed.rows.insertDeploying({ promotedAt: '2026-05-09T04:28:00Z' });
    const superadmin = await open('superadmin');
    const engineer = await open('engineer');
    expect(shownTo(superadmin)).toContain('Running');
    expect(shownTo(superadmin)).not.toContain('mark_completed');

    await bed.clock.set('2026-05-09T17:00:00Z');
    await bed.app.tick();
    await eventually(async () => expect(shownTo(superadmin)).toContain('Stuck: 1'));
    await eventually(async () => expect(shownTo(engineer)).toContain('Stuck: 1'));
    expect(shownTo(superadmin)).toContain('mark_completed');
    expect(shownTo(engineer)).not.toContain('mark_completed');

    await superadmin.clickInHome('mark_completed');
    await superadmin.waitForModal((view) => view.blocks.length > 2);
    await bed.clock.advance(10_000);
    expect(await superadmin.submit({ code: bed.code(superadmin.id) })).toMatchObject({ kind: 'closed' });
    await bed.app.tick();
    for (const person of [superadmin, engineer]) {
      await eventually(async () => expect(shownTo(person)).toContain('was resolved as *completed*'));
      expect(shownTo(person)).toContain('Nothing is stuck.');
      expect(shownTo(person)).toContain('Without an RCA: 1');
    }
    expect((await bed.db.promotions.find(id))?.state).toBe('deployed');
  });

  test('a click on what has ended meanwhile is answered, in a modal', async () => {
    await bed.rows.insertDeploying({ promotedAt: '2026-05-08T04:28:00Z' });
    const superadmin = await open('superadmin');
    await bed.rows.query(`update console_flag_promotions set state = 'failed', failed_at = now()`);
    await superadmin.clickInHome('mark_completed');
    const said = await superadmin.waitForModal();
    expect(JSON.stringify(said.blocks)).toContain('This has already ended');
  });

  test('people of another workspace see nothing', async () => {
    await bed.rows.insertDeploying({ promotedAt: '2026-05-08T04:28:00Z' });
    const externalUser = await open('externalUser');
    expect(shownTo(externalUser)).toContain('own workspace');
    expect(shownTo(externalUser)).not.toContain(FLAG);
    await bed.clock.advance(60_000);
    await bed.app.tick();
    expect(published(externalUser.id)).toBe(1);
  });

  test('if nothing changes, nothing is published; several changes come as one', async () => {
    const engineer = await open('engineer');
    expect(published(engineer.id)).toBe(1);
    for (let tick = 0; tick < 3; tick += 1) {
      await bed.clock.advance(15_000);
      await bed.app.tick();
    }
    expect(published(engineer.id)).toBe(1);

    for (const flagKey of ['one', 'two', 'three']) {
      await bed.rows.insertDeploying({ flagKey, promotedAt: '2026-05-09T04:28:00Z' });
    }
    await bed.clock.advance(15_000);
    await bed.app.tick();
    await eventually(async () => expect(shownTo(engineer)).toContain('three'));
    expect(published(engineer.id)).toBe(2);
  });

  test('two replicas publish a change once', async () => {
    const other = await bed.replica();
    const engineer = await open('engineer');
    await bed.rows.insertDeploying({ promotedAt: '2026-05-09T04:28:00Z' });
    await bed.clock.advance(15_000);
    await Promise.all([bed.app.tick(), other.tick()]);
    await eventually(async () => expect(shownTo(engineer)).toContain(FLAG));
    expect(published(engineer.id)).toBe(2);
  });

  test('a tab that Slack did not take is published later', async () => {
    const engineer = await open('engineer');
    await bed.rows.insertDeploying({ promotedAt: '2026-05-09T04:28:00Z' });
    bed.slack.faults.add({ method: 'views.publish', times: 1, kind: 'status', status: 500 });
    await bed.clock.advance(15_000);
    await bed.app.tick();
    await eventually(async () => expect(published(engineer.id)).toBe(2));
    expect(shownTo(engineer)).not.toContain(FLAG);
    await bed.clock.advance(600_000);
    await bed.app.tick();
    await eventually(async () => expect(shownTo(engineer)).toContain(FLAG));
  });

  test('says so if the watchdog is silent', async () => {
    let elapsed = 0;
    const replica = await bed.replica({ elapsed: () => elapsed });
    bed.slack.connectHttp(`http://127.0.0.1:${replica.port}/slack/events`);
    elapsed += 4 * 366 * 86_400_000;
    const engineer = await open('engineer');
    expect(shownTo(engineer)).toContain('The watchdog is silent');
  });
});
