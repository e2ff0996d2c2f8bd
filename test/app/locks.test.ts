import { FAILURES_TO_LOCK } from '../../src/operators/totp.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const MINUTE = 60_000;

/** Guessing is slowed down more and more, and noticed. */
describe('wrong codes', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-09T17:00:00Z', rateLimit: false, databaseClockStands: true });
    await bed.rows.insertDeploying();
    await bed.app.tick();
  });
  afterEach(() => bed.close());

  const wrongCode = (id: string) => {
    const near = [-2, -1, 0, 1, 2].map((steps) => bed.code(id, steps));
    return ['000000', '111111', '222222', '333333', '444444', '555555'].find((one) => !near.includes(one)) ?? '';
  };
  const guess = async (times = FAILURES_TO_LOCK): Promise<string> => {
    const { superadmin } = bed.slack.people;
    let last = '';
    for (let counted = 0; counted < times; ) {
      const outcome = await superadmin.submit({ code: wrongCode(superadmin.id) });
      // A look at Heroku that takes too long shows the form again: no code was checked.
      if (outcome.kind !== 'updated') counted += 1;
      last = JSON.stringify(outcome);
    }
    return last;
  };
  const openForm = async () => {
    const { superadmin } = bed.slack.people;
    if (superadmin.modal() !== undefined) await superadmin.closeModal({ all: true });
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal((view) => view.raw['submit'] !== null);
  };
  const lockMinutes = async () => {
    const [row] = await bed.rows.query<{ until: Date | null }>(
      'select locked_until as until from flag_promotions.operators where slack_user_id = $1',
      [bed.slack.people.superadmin.id],
    );
    return row?.until == null ? null : (row.until.getTime() - bed.clock.now().getTime()) / MINUTE;
  };
  const metric = async (series: string) =>
    (await (await fetch(`${bed.baseUrl}/metrics`)).text()).split('\n').find((line) => line.startsWith(`${series} `));

  test('lock for 15 minutes, then for twice as long each time; a right code between them changes nothing', async () => {
    const { superadmin } = bed.slack.people;
    await openForm();
    expect(await guess()).toContain('Locked after 5 wrong codes');
    expect(await lockMinutes()).toBe(15);
    await bed.clock.advance(15 * MINUTE);
    await openForm();
    // A right one, for something else: the account's owner is back.
    await superadmin.closeModal({ all: true });
    await bed.enrol(bed.slack.people.secondSuperadmin.id);
    await superadmin.command('operators unlock');
    await superadmin.waitForModal();
    const person = bed.slack.people.secondSuperadmin.id;
    expect((await superadmin.submit({ person, code: bed.code(superadmin.id) })).kind).toBe('closed');
    for (const minutes of [30, 60, 120]) {
      await openForm();
      await guess();
      expect(await lockMinutes()).toBe(minutes);
      await bed.clock.advance(minutes * MINUTE);
    }
    // Another superadmin vouches for them.
    await bed.db.operators.unlock(superadmin.id);
    await openForm();
    await guess();
    expect(await lockMinutes()).toBe(15);
  });

  test('are told to the person and to every superadmin at each lock, and counted', async () => {
    const { superadmin, secondSuperadmin, engineer } = bed.slack.people;
    await bed.enrol(secondSuperadmin.id);
    await bed.enrol(engineer.id, 'engineer');
    await openForm();
    await guess();
    const toldTo = async (person: typeof superadmin) =>
      (await person.directMessages()).map(({ text }) => text).join('\n');
    await eventually(async () => {
      expect(await toldTo(superadmin)).toContain('Five wrong codes locked you');
      expect(await toldTo(secondSuperadmin)).toContain(`Five wrong codes locked <@${superadmin.id}>`);
    });
    expect(await toldTo(engineer)).toBe('');
    expect(await metric('flag_promotions_totp_locks_total')).toBe('flag_promotions_totp_locks_total 1');
    // During the lock nothing counts as a guess, and nothing more is reported.
    await guess(3);
    await bed.app.tick();
    expect((await secondSuperadmin.directMessages()).length).toBe(1);
    await bed.clock.advance(15 * MINUTE);
    await openForm();
    await guess();
    await eventually(async () => expect(await toldTo(secondSuperadmin)).toContain('lock 2 in a row'));
  });

  test('of an engineer are told to them as well', async () => {
    const { superadmin, engineer } = bed.slack.people;
    await bed.enrol(engineer.id, 'engineer');
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state) values ('x', 'raxx-console-prod', 'FLAG_X', 'marked')`,
    );
    await engineer.command('cancel x');
    await engineer.waitForModal();
    for (let n = 0; n < FAILURES_TO_LOCK; n += 1) await engineer.submit({ code: wrongCode(engineer.id) });
    await eventually(async () => {
      expect((await engineer.directMessages()).at(-1)?.text).toContain('locked you');
      expect((await superadmin.directMessages()).at(-1)?.text).toContain(`locked <@${engineer.id}>`);
    });
  });

  test('a superadmin whom nobody can write to leaves nothing owed', async () => {
    const { secondSuperadmin, superadmin } = bed.slack.people;
    await bed.enrol(secondSuperadmin.id);
    await bed.rows.query(`update flag_promotions.operators set slack_user_id = 'U0GONE0000' where slack_user_id = $1`, [
      secondSuperadmin.id,
    ]);
    await openForm();
    await guess();
    await eventually(async () => {
      await bed.app.tick();
      const messages = await bed.rows.query<{ subject: string; state: string }>(
        `select subject, state from flag_promotions.messages where kind = 'operator_notice' order by subject`,
      );
      expect(messages).toEqual(
        [
          { subject: 'U0GONE0000', state: 'closed' },
          { subject: superadmin.id, state: 'posted' },
        ].toSorted((a, b) => (a.subject < b.subject ? -1 : 1)),
      );
    });
  });
});
