import { setTimeout as sleep } from 'node:timers/promises';
import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { describeWithPgbouncer, type Pgbouncer, startPgbouncer } from '../support/pgbouncer.js';
import { type StatementTap, tapStatements } from '../support/statements.js';

/** The most looks for work in this time, if it looks every 5 s and once when it starts. */
const WATCHED_MS = 6_000;
const MOST_LOOKS = 3;

describeWithPgbouncer('an app whose database is behind PgBouncer in transaction mode', () => {
  let bed: TestBed;
  let bouncer: Pgbouncer;
  let tap: StatementTap | undefined;
  let port: number;

  beforeEach(async () => {
    // The app of the test's own process goes past PgBouncer, and has no promoter.
    bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z', withoutHeroku: true });
  });
  afterEach(async () => {
    await bed.close();
    await tap?.close();
    tap = undefined;
    await bouncer.close();
  });

  const direct = () => bed.environment['DATABASE_URL'] ?? '';
  const heroku = () => ({ HEROKU_API_KEY: bed.heroku.apiKey, HEROKU_API_URL: bed.heroku.apiUrl });
  async function start(environment: Readonly<Record<string, string>>) {
    const app = await bed.replica({ environment: { ...heroku(), ...environment } });
    port = app.port;
    bed.slack.connectHttp(`http://127.0.0.1:${port}/slack/events`);
    return app;
  }
  const readyz = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
  async function killAndMend(): Promise<void> {
    await bouncer.kill();
    await eventually(async () => expect(await readyz()).toBe(503));
    await bouncer.start();
    await eventually(async () => expect(await readyz()).toBe(200));
  }

  test.each([1, 2])(
    'with %i connections to PostgreSQL: alert, resolution and promotion, though it is killed in between',
    async (size) => {
      bouncer = await startPgbouncer(direct(), { default_pool_size: size });
      const app = await start({ DATABASE_URL: bouncer.url });
      await bed.rows.insertDeploying();
      await app.tick();
      const alert = await bed.alert();
      await killAndMend();

      const { superadmin } = bed.slack.people;
      await superadmin.click(alert, 'mark_completed');
      await superadmin.waitForModal();
      expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
      await eventually(async () => expect(JSON.stringify(await bed.alert())).not.toContain('mark_completed'));
      await killAndMend();

      await superadmin.command(`mark new_flag ${APP}`);
      await superadmin.waitForEphemeral();
      await superadmin.command('promote new_flag');
      await superadmin.waitForModal();
      expect((await superadmin.submit({ code: bed.code(superadmin.id, 1) })).kind).toBe('closed');
      await eventually(async () =>
        expect(await bed.rows.query(`select state from console_flag_promotions where flag_key = 'new_flag'`)).toEqual([
          { state: 'deployed' },
        ]),
      );
      expect(bed.heroku.getVar(APP, 'FLAG_NEW_FLAG')).toBe('true');
    },
  );

  test('it says once that nobody notifies it, and looks for work every few seconds', async () => {
    bouncer = await startPgbouncer(direct());
    tap = await tapStatements(bouncer.url);
    await start({ DATABASE_URL: tap.url });
    const looks = () => tap?.statements.filter(({ sql }) => /attempts = p\.attempts \+ 1/u.test(sql)).length ?? 0;
    await eventually(async () => expect(looks()).toBeGreaterThan(0));
    const before = looks();
    await sleep(WATCHED_MS);
    expect(looks() - before).toBeGreaterThan(0);
    expect(looks() - before).toBeLessThanOrEqual(MOST_LOOKS);
    expect(bed.logged.filter((line) => line.includes('the pooler passes on no notifications'))).toHaveLength(1);
    expect(tap.statements.filter(({ sql }) => /^listen/u.test(sql))).toEqual([]);
  });

  test('with DATABASE_DIRECT_URL it is told at once', async () => {
    bouncer = await startPgbouncer(direct());
    tap = await tapStatements(direct());
    await start({ DATABASE_URL: bouncer.url, DATABASE_DIRECT_URL: tap.url });
    await eventually(async () => {
      expect(tap?.statements.some(({ values }) => values.includes('hello'))).toBe(true);
    });
    await bed.rows.insertDeploying({
      flagKey: 'new_flag',
      checkpoint: 'INTENT',
      promotedAt: bed.clock.now().toISOString(),
    });
    await eventually(async () => expect(bed.heroku.getVar(APP, 'FLAG_NEW_FLAG')).toBe('true'));
    expect(bed.logged.join('')).not.toContain('the pooler passes on no notifications');
  });
});
