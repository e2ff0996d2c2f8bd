import { startTestBed, type TestBed } from '../support/app.js';
import { administer, PUBLIC_URL } from '../support/enrolment.js';
import { eventually } from '../support/eventually.js';

const SHELL = { actor: 'command line', at: new Date('2026-05-10T05:00:00Z') };

/** All superadmins are told of every change of operators. */
describe('a change of operators', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z', environment: { PUBLIC_URL }, rateLimit: false });
    await bed.enrol(bed.slack.people.secondSuperadmin.id);
  });
  afterEach(() => bed.close());

  /** What each superadmin was told, oldest first. */
  const told = async () => {
    const { superadmin, secondSuperadmin } = bed.slack.people;
    const [one = [], other = []] = await Promise.all(
      [superadmin, secondSuperadmin].map(async (person) => (await person.directMessages()).map(({ text }) => text)),
    );
    return { one, other };
  };

  test('with a shell is told at the next tick, whatever it was', async () => {
    const { engineer } = bed.slack.people;
    const { operators, forgetting } = bed.db;
    const enrolled = { slackUserId: engineer.id, sealedSecret: 'sealed' };
    await operators.enrol({ ...enrolled, role: 'engineer' }, SHELL);
    await operators.enrol({ ...enrolled, role: 'superadmin' }, SHELL);
    await operators.enrol({ ...enrolled, role: 'engineer' }, SHELL);
    await operators.enrol({ ...enrolled, role: 'engineer' }, SHELL);
    await operators.unlock(engineer.id, SHELL);
    await operators.disable(engineer.id, SHELL.at, { actor: SHELL.actor, keepLast: true });
    await forgetting.forget(engineer.id, SHELL, { keepLast: true });
    await bed.app.tick();
    const said = [
      'made <@U> an engineer.',
      'changed <@U> from engineer to superadmin.',
      'changed <@U> from superadmin to engineer.',
      'gave <@U> a new secret. They are still an engineer.',
      'unlocked <@U>.',
      'disabled <@U>.',
      'removed <@U>.',
    ].map((words) => `Somebody with a shell on the app’s host ${words.replace('U', engineer.id)}`);
    const { one, other } = await told();
    for (const texts of [one, other]) expect(texts.map((text) => text.replace(/^:\w+: /u, ''))).toEqual(said);
    // The messages keep nothing about the operator.
    const kept = await bed.rows.query('select * from flag_promotions.messages where subject = $1', [engineer.id]);
    expect(kept).toEqual([]);
  });

  test('in Slack is told at once, also to who did it', async () => {
    const { superadmin, engineer, secondSuperadmin } = bed.slack.people;
    await bed.enrol(engineer.id, 'engineer');
    const by = `<@${superadmin.id}>`;
    for (const [n, word] of ['unlock', 'disable'].entries()) {
      expect((await administer(superadmin, word, { person: engineer.id, code: bed.code(superadmin.id, n) })).kind).toBe(
        'closed',
      );
    }
    await eventually(async () => {
      const { one, other } = await told();
      for (const texts of [one, other]) {
        expect(texts).toEqual([
          `:unlock: ${by} unlocked <@${engineer.id}>.`,
          `:no_entry: ${by} disabled <@${engineer.id}>.`,
        ]);
      }
    });
    // Whoever lost the role by it is told, too.
    await bed.clock.advance(60_000);
    await administer(superadmin, 'reset', { person: secondSuperadmin.id, code: bed.code(superadmin.id) });
    await eventually(async () =>
      expect((await secondSuperadmin.directMessages()).map(({ text }) => text).join()).toContain(
        `${by} reset <@${secondSuperadmin.id}>`,
      ),
    );
  });
});
