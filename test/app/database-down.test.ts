import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { onTestServer } from '../support/database.js';
import { whileHolding } from '../support/locks.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

describe('with the database gone', () => {
  let bed: TestBed;
  let wire: TcpProxy;
  let port: number;

  async function start(patience?: number): Promise<void> {
    bed = await startTestBed({
      rateLimit: false,
      startAt: '2026-05-10T05:00:00Z',
      ...(patience === undefined ? {} : { patience }),
    });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    const url = new URL(bed.environment['DATABASE_URL'] ?? '');
    wire = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.hostname = '127.0.0.1';
    url.port = String(wire.port);
    const behindTheWire = await bed.replica({ environment: { DATABASE_URL: url.href } });
    port = behindTheWire.port;
    bed.slack.connectHttp(`http://127.0.0.1:${port}/slack/events`);
  }
  afterEach(async () => {
    wire.mend();
    await bed.close();
    await wire.close();
  });

  const holdingTheRow = (work: () => Promise<void>) =>
    whileHolding(
      { url: bed.environment['DATABASE_URL'] ?? '' },
      'select 1 from console_flag_promotions for update',
      work,
    );
  const readyz = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
  const readyzText = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).text();

  test('a click and a command get an honest answer, /readyz is red, and the app recovers by itself', async () => {
    await start();
    const { superadmin } = bed.slack.people;
    expect(await readyz()).toBe(200);
    wire.cut();
    await eventually(async () => expect(await readyz()).toBe(503));

    await superadmin.click(await bed.alert(), 'mark_completed');
    expect((await superadmin.waitForEphemeral()).text).toContain('The database does not answer. Nothing was changed.');
    await superadmin.command('stuck');
    await eventually(async () => expect(superadmin.ephemerals()).toHaveLength(2));
    expect(superadmin.ephemerals()[1]?.text).toContain('The database does not answer');
    // No connection was made, so it is known that nothing changed.
    await superadmin.command('rca 1 https://docs.raxx.example/rca');
    await eventually(async () => expect(superadmin.ephemerals()).toHaveLength(3));
    expect(superadmin.ephemerals()[2]?.text).toContain('The database does not answer. Nothing was changed.');

    wire.mend();
    await eventually(async () => expect(await readyz()).toBe(200));
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
  });

  test('/readyz says that it does not answer, or takes no writes, and names neither host, user nor statement', async () => {
    await start();
    const { username, hostname, pathname } = new URL(bed.environment['DATABASE_URL'] ?? '');
    const names = [hostname, String(wire.port), username, pathname.slice(1), 'ECONN', 'flag_promotions.', 'insert'];
    const says = (words: string) =>
      eventually(async () => {
        const text = await readyzText();
        expect(text).toContain(`"database":"${words}"`);
        for (const name of names) expect(text).not.toContain(name);
      });
    wire.cut();
    await says('does not answer');
    // The log has what operators need.
    expect(bed.logged.join('')).toMatch(/"check":"database","msg":"not ready/u);
    wire.mend();
    await says('ok');
    await bed.rows.query(`alter database ${pathname.slice(1)} set default_transaction_read_only = on`);
    await bed.rows.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    await says('takes no writes');
    await bed.rows.query(
      `begin; set transaction read write; alter database ${pathname.slice(1)} reset default_transaction_read_only; commit`,
    );
    await bed.rows.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    await says('ok');
  });

  test('a submission that got no connection says that nothing was saved, and can be sent again', async () => {
    await start();
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    wire.cut();
    // Until the app has noticed, a request may still use a broken connection.
    await eventually(async () => expect(await readyz()).toBe(503));
    const lost = await superadmin.submit({ code: bed.code(superadmin.id) });
    expect(lost).toMatchObject({
      kind: 'errors',
      errors: { code: expect.stringContaining('Nothing was saved. Submit again in a minute.') },
    });
    wire.mend();
    await eventually(async () => {
      expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    });
    expect(
      await bed.rows.query(
        `select count(*)::int as n from flag_promotions.audit_log where action like '%ops_complete'`,
      ),
    ).toEqual([{ n: 1 }]);
  });

  test('while a lock holds the row, the form turns into a progress view, and then says how it ended', async () => {
    await start(1);
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    const code = bed.code(superadmin.id);
    await holdingTheRow(async () => {
      expect((await superadmin.submit({ code })).kind).toBe('updated');
      expect(JSON.stringify(superadmin.modal()?.blocks)).toContain('Working on it');
    });
    await eventually(async () => expect(JSON.stringify(superadmin.modal()?.blocks)).toContain('*Saved.*'));
  });

  test('a lock that outlasts what the database waits for is waited for once more', async () => {
    await start(1);
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    const code = bed.code(superadmin.id);
    await holdingTheRow(async () => {
      expect((await superadmin.submit({ code })).kind).toBe('updated');
      await eventually(async () => expect(bed.logged.join('')).toContain('a submission could not be decided'));
    });
    await eventually(async () => expect(JSON.stringify(superadmin.modal()?.blocks)).toContain('*Saved.*'));
    expect(
      await bed.rows.query(
        `select count(*)::int as n from flag_promotions.audit_log where action like '%ops_complete'`,
      ),
    ).toEqual([{ n: 1 }]);
  });

  test('a form that could not learn in the end whether it was saved says that, and nothing else', async () => {
    await start(1);
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    const code = bed.code(superadmin.id);
    await holdingTheRow(async () => {
      expect((await superadmin.submit({ code })).kind).toBe('updated');
      wire.cut();
      await eventually(async () => {
        const shown = JSON.stringify(superadmin.modal()?.blocks);
        expect(shown).toContain('may have been saved');
        expect(shown).not.toContain('Not saved');
      });
    });
  });
});

describe('with no connection left for its account', () => {
  let bed: TestBed;
  let account: string;
  let port: number;

  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z' });
    const url = new URL(bed.environment['DATABASE_URL'] ?? '');
    account = `${url.pathname.slice(1)}_few`;
    // A superuser's connections aren't limited.
    await bed.rows.query(
      `create role ${account} login password 'few'; ` +
        ['public', 'flag_promotions']
          .map(
            (schema) =>
              `grant all on schema ${schema} to ${account}; grant all on all tables in schema ${schema} to ${account}; ` +
              `grant all on all sequences in schema ${schema} to ${account}; ` +
              `grant all on all functions in schema ${schema} to ${account};`,
          )
          .join(' '),
    );
    await bed.app.stop();
    await bed.rows.insertDeploying();
    url.username = account;
    url.password = 'few';
    ({ port } = await bed.replica({ environment: { DATABASE_URL: url.href, MAINTENANCE_CRON: '* * * * * *' } }));
    bed.slack.connectHttp(`http://127.0.0.1:${port}/slack/events`);
    await eventually(async () => expect(await bed.alert()).toBeDefined());
  });
  afterEach(async () => {
    await bed.rows.query(`drop owned by ${account}`);
    await bed.close();
    await onTestServer(`drop role ${account}`);
  });

  const readyz = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
  /** Open connections outlive a lower limit. */
  async function limit(to: number): Promise<void> {
    await bed.rows.query(`alter role ${account} connection limit ${to}`);
    await bed.rows.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${account}'`);
  }

  test('a click and a tick change nothing and say so, and all goes on once there are some again', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    await limit(0);
    await eventually(async () => expect(await readyz()).toBe(503));
    expect(await superadmin.submit({ code: bed.code(superadmin.id) })).toMatchObject({
      kind: 'errors',
      errors: { code: expect.stringContaining('Nothing was saved. Submit again in a minute.') },
    });
    await superadmin.click(await bed.alert(), 'acknowledge');
    expect((await superadmin.waitForEphemeral()).text).toContain('The database does not answer. Nothing was changed.');
    await eventually(async () => expect(bed.logged.join('')).toContain('maintenance failed'));
    await limit(-1);
    await eventually(async () => expect(await readyz()).toBe(200));
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    expect(
      await bed.rows.query(
        `select count(*)::int as n from flag_promotions.audit_log where action like '%ops_complete'`,
      ),
    ).toEqual([{ n: 1 }]);
  });

  test('with fewer than its pool holds, every request of many at once gets an answer', async () => {
    const { superadmin } = bed.slack.people;
    await limit(2);
    const many = Array.from({ length: 10 }, () => superadmin.command('stuck'));
    await Promise.all(many);
    await eventually(async () => expect(superadmin.ephemerals()).toHaveLength(many.length));
    for (const { text } of superadmin.ephemerals()) {
      expect(text).toMatch(/1 promotion is stuck|The database does not answer\./u);
    }
    await limit(-1);
    await eventually(async () => expect(await readyz()).toBe(200));
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
  });
});
