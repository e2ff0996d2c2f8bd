import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { APP, startTestBed, type TestBed } from '../support/app.js';
import { builtApp } from '../support/built-app.js';
import { createEmptyDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { describeWithPgbouncer, type Pgbouncer, startPgbouncer } from '../support/pgbouncer.js';
import { type StatementTap, tapStatements } from '../support/statements.js';

/** It sleeps for 5 s. If it gets NOTIFY, and doesn't for a moment, it looks each half second. */
const LEAST_REST_MS = 2_500;

describeWithPgbouncer('an app whose database is behind PgBouncer in transaction mode', () => {
  let bed: TestBed;
  let bouncer: Pgbouncer;
  let tap: StatementTap | undefined;
  let port: number;

  beforeEach(async () => {
    // The app in the test's own process bypasses PgBouncer, and has no promoter.
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

  test('migrate and start, as they are deployed, on an empty database', async () => {
    const cli = await builtApp();
    const empty = await createEmptyDatabase();
    bouncer = await startPgbouncer(empty.url);
    const run = (command: string) => {
      const env = { PATH: process.env['PATH'], ...bed.environment, DATABASE_URL: bouncer.url };
      const child = spawn(process.execPath, [cli, command], { cwd: tmpdir(), env });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          bed.hear(text);
        });
      }
      return { child, said: () => said, ended: new Promise((resolve) => child.once('exit', resolve)) };
    };
    expect(await run('migrate').ended).toBe(0);
    const started = run('start');
    try {
      await eventually(async () => {
        port = Number(/"port":(\d+),.*flag-promotions is up/u.exec(started.said())?.[1]);
        expect(port).toBeGreaterThan(0);
      });
      await eventually(async () => expect(await readyz()).toBe(200));
      started.child.kill('SIGTERM');
      expect(await started.ended).toBe(0);
    } finally {
      started.child.kill('SIGKILL');
      await empty.drop();
    }
  });

  test('it says once that nobody notifies it, and looks for work every few seconds', async () => {
    bouncer = await startPgbouncer(direct());
    const looks: number[] = [];
    tap = await tapStatements(bouncer.url, ({ sql }) => {
      if (/attempts = coalesce\(p\.attempts, 0\) \+ 1/u.test(sql)) looks.push(performance.now());
    });
    await start({ DATABASE_URL: tap.url });
    // One as it starts, then by its timer.
    await eventually(async () => expect(looks.length).toBeGreaterThan(3));
    const [before = 0, last = 0] = looks.slice(-2);
    expect(last - before).toBeGreaterThan(LEAST_REST_MS);
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
