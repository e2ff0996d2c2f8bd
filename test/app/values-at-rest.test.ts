import { APP, LONG_LEASE, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { invite } from '../support/enrolment.js';

/** What a copy of the database must not reveal. */
describe('in the database', () => {
  const SECRET = 'sk_live_canary_before';
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({
      startAt: '2026-05-09T04:28:00Z',
      rateLimit: false,
      vars: { FLAG_DARK_MODE: SECRET },
      databaseClockStands: true,
      environment: { ...LONG_LEASE, PUBLIC_URL: 'https://flags.example.com' },
    });
    bed.keepSecret('what Heroku held before', SECRET);
    await bed.enrol(bed.slack.people.superadmin.id);
  });
  afterEach(() => bed.close());

  /** Every value of every table, including the console's. */
  const dump = async (): Promise<string> => {
    const tables = await bed.rows.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'flag_promotions')`,
    );
    return JSON.stringify(await Promise.all(tables.map(({ name }) => bed.rows.query(`select * from ${name}`))));
  };

  test('the value before is sealed, if an alert would mask it, and comes back with a revert', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.command(`mark dark_mode ${APP}`);
    await superadmin.waitForEphemeral((message) => message.text.includes('Marked'));
    const mend = bed.heroku.faults.add({
      method: 'GET',
      path: `/apps/${APP}/releases/*`,
      fault: { kind: 'status', status: 503 },
    });
    await superadmin.command('promote dark_mode');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    await eventually(async () => expect(bed.heroku.getVar(APP, 'FLAG_DARK_MODE')).toBe('true'));
    const [row] = await bed.rows.query<{ previous_value: string }>(
      'select previous_value from console_flag_promotions',
    );
    expect(row?.previous_value).toMatch(/^sealed:v1\./u);
    expect(await dump()).not.toContain(SECRET);
    const found = await bed.db.promotions.find('1');
    expect(found?.previousValue).toBe(SECRET);
    mend();
  });

  test('a link’s secret is gone with the tick after it ran out', async () => {
    const { superadmin, engineer } = bed.slack.people;
    await invite(bed, superadmin, engineer, 'engineer');
    const links = () =>
      bed.rows.query('select state, totp_secret_encrypted is null as gone from flag_promotions.enrolments');
    await bed.app.tick();
    expect(await links()).toEqual([{ state: 'sent', gone: false }]);
    await bed.clock.advance(15 * 60_000 + 1_000);
    await bed.app.tick();
    expect(await links()).toEqual([{ state: 'ended', gone: true }]);
  });
});
