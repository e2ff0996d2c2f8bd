import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateSync } from 'otplib';
import { type HerokuStandIn, startHerokuStandIn } from '../../demo/heroku/stand-in.js';
import { type SlackStandIn, startSlackStandIn } from '../../demo/slack/workspace.js';
import { openDatabase } from '../../src/db/database.js';
import type { Check } from '../../src/doctor/checks.js';
import { runDoctor } from '../../src/doctor/doctor.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { type HttpProxy, startHttpProxy } from '../stand-ins/http-proxy.js';
import { startTlsFront } from '../stand-ins/tls-front.js';
import { APP, CONFIG_VAR } from '../support/app.js';
import { type Authority, createAuthority } from '../support/authority.js';
import { builtApp } from '../support/built-app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { readManifest } from '../support/manifest.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { portOf } from '../support/sockets.js';

const SECRET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const CREDENTIALS = { name: 'flags', password: 'canary:p@ssword' };
/** Only the proxy can resolve them, and only the company's authority signs their certificates. */
const HOSTS = ['slack.test', 'api.heroku.test', 'monitor.test'] as const;

/**
 * The built app in a company's network: every way out is a proxy that requires a password, and every certificate is the
 * company's own. Node 24 and later have their own switch for that (NODE_USE_ENV_PROXY), which must change nothing.
 */
describe.each(['0', '1'])('behind a proxy, with NODE_USE_ENV_PROXY=%s, the app', (nodesOwn) => {
  let authority: Authority;
  let database: TestDatabase;
  let rows: RowStore;
  let slack: SlackStandIn;
  let heroku: HerokuStandIn;
  let monitor: Server;
  let proxy: HttpProxy;
  let app: ChildProcess;
  let cli: string;
  let environment: Record<string, string>;
  let heartbeats = 0;
  let said = '';
  let port = '';
  const closers: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    cli = await builtApp();
    authority = await createAuthority();
    database = await createTestDatabase();
    rows = createRowStore(database.url);
    slack = await startSlackStandIn({
      publicUrl: 'https://slack.test',
      rateLimit: false,
      scopes: readManifest().scopes,
    });
    heroku = await startHerokuStandIn({ apps: { [APP]: { vars: { [CONFIG_VAR]: 'true' } } } });
    monitor = createServer((_, response) => {
      heartbeats += 1;
      response.end();
    });
    const identity = await authority.issue(...HOSTS.map((host) => `DNS:${host}`));
    const plain = [slack.port, Number(new URL(heroku.apiUrl).port), await portOf(monitor)];
    const fronts = await Promise.all(plain.map((target) => startTlsFront(identity, target)));
    closers.push(...fronts.map((front) => front.close));
    proxy = await startHttpProxy({
      hosts: () => Object.fromEntries(HOSTS.map((host, index) => [host, fronts[index]?.port ?? 0])),
      credentials: CREDENTIALS,
    });
    const key = randomBytes(32);
    environment = {
      DATABASE_URL: database.url,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
      SLACK_ALERT_CHANNEL: slack.channels.alerts,
      HEROKU_API_KEY: heroku.apiKey,
      HEROKU_API_URL: 'https://api.heroku.test',
      HEARTBEAT_URL: 'https://monitor.test/ping',
      TOTP_ENCRYPTION_KEY: key.toString('base64'),
      MAINTENANCE_CRON: '* * * * * *',
      PORT: '0',
      HTTPS_PROXY: proxy.url,
      NODE_EXTRA_CA_CERTS: authority.file,
      NODE_USE_ENV_PROXY: nodesOwn,
    };
    const db = openDatabase(database.url);
    const { id } = slack.people.superadmin;
    const sealedSecret = createSecretBox(key).seal(SECRET, id);
    await db.operators.enrol({ slackUserId: id, role: 'superadmin', sealedSecret });
    await db.close();
    app = spawn(process.execPath, [cli, 'start'], {
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [app.stdout, app.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    await eventually(async () => expect(said).toMatch(/"port":\d+/u));
    port = /"port":(\d+)/u.exec(said)?.[1] ?? '';
  });
  afterAll(async () => {
    const ended = once(app, 'exit');
    app.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await proxy.close();
    for (const close of closers.splice(0)) await close();
    monitor.closeAllConnections();
    await new Promise((resolve) => monitor.close(resolve));
    await rows.close();
    await slack.close();
    await heroku.close();
    await database.drop();
    await authority.remove();
    expect(said).not.toContain('canary');
  });

  const readyz = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    return { status: answer.status, text: await answer.text() };
  };

  test('connects to Slack, is ready, and tells its monitor so', async () => {
    await eventually(async () => expect(await readyz()).toMatchObject({ status: 200 }));
    await eventually(async () => expect(heartbeats).toBeGreaterThan(0));
  });

  test('alerts with Heroku’s evidence', async () => {
    await rows.insertDeploying();
    await eventually(async () => {
      const [alert] = await slack.messages(slack.channels.alerts);
      expect(alert?.text).toContain('It IS live');
    });
  });

  test('answers commands, promotes, and uploads pictures', async () => {
    const { superadmin } = slack.people;
    await eventually(async () => expect(await readyz()).toMatchObject({ status: 200 }));
    await superadmin.command(`mark new_flag ${APP}`);
    await superadmin.waitForEphemeral((message) => message.text.includes('Marked'));
    await superadmin.command('promote new_flag');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: generateSync({ secret: SECRET }) })).kind).toBe('closed');
    await eventually(async () => expect(heroku.getVar(APP, 'FLAG_NEW_FLAG')).toBe('true'));
    await superadmin.command('stats');
    const stats = await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes('stats_chart'));
    await superadmin.click(stats, 'stats_chart');
    await superadmin.waitForEphemeral((message) => message.text.includes('Posted to'));
    expect(slack.files()).not.toHaveLength(0);
    expect(new Set(proxy.asked.map(({ target }) => target))).toEqual(new Set(HOSTS.map((host) => `${host}:443`)));
  });

  test('says so when the proxy stops letting it through, posts nothing twice, and goes on once it may', async () => {
    proxy.treat(403);
    slack.socketMode.drop();
    await eventually(async () => expect(await readyz()).toMatchObject({ status: 503 }));
    await rows.insertDeploying({ flagKey: 'another', configVar: CONFIG_VAR.replace('CONSOLE', 'ANOTHER') });
    await eventually(async () => expect(said).toContain('PROXY_403'));
    proxy.treat('through');
    await eventually(async () => expect(await readyz()).toMatchObject({ status: 200 }), 90_000);
    await eventually(async () => {
      const alerts = (await slack.messages(slack.channels.alerts)).filter(({ text }) => text.includes('`another`'));
      expect(alerts).toHaveLength(1);
    });
  });

  // Doctor depends on Node no more than the app does; waiting for it once is enough.
  (nodesOwn === '0' ? describe : describe.skip)('and doctor', () => {
    async function doctor(
      changes: Readonly<Record<string, string | undefined>> = {},
      cwd = tmpdir(),
    ): Promise<readonly Check[]> {
      const child = spawn(process.execPath, [cli, 'doctor', '--json'], {
        cwd,
        env: { PATH: process.env['PATH'], ...environment, ...changes },
      });
      let printed = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
      });
      await once(child, 'close');
      expect(printed).not.toContain('canary');
      return JSON.parse(printed).checks;
    }
    /** The same in this process, which doesn't know the company's authority: for what ends before a certificate. */
    async function doctorHere(changes: Readonly<Record<string, string>>): Promise<readonly Check[]> {
      const checks = await runDoctor({ ...environment, ...changes }, () => new Date(), { page: false });
      expect(JSON.stringify(checks)).not.toContain('canary');
      return checks;
    }
    const about = (checks: readonly Check[], subject: string) => checks.find((check) => check.subject === subject);
    afterEach(() => proxy.treat('through'));

    test('says which proxy it used for what, without its password, and finds nothing to fix', async () => {
      const checks = await doctor({ PUBLIC_URL: `http://127.0.0.1:${port}` });
      const way = `through the proxy http://127.0.0.1:${proxy.port} (HTTPS_PROXY)`;
      expect(about(checks, 'way to Slack')).toMatchObject({ status: 'ok', says: `slack.test ${way}` });
      expect(about(checks, 'way to Heroku')).toMatchObject({ status: 'ok', says: `api.heroku.test ${way}` });
      expect(about(checks, 'way to the heartbeat')).toMatchObject({ status: 'ok', says: `monitor.test ${way}` });
      expect(about(checks, 'Socket Mode')).toMatchObject({ status: 'ok', says: 'works' });
      expect(about(checks, 'heartbeat')).toMatchObject({ status: 'ok' });
      expect(about(checks, 'own address')).toMatchObject({ status: 'ok' });
      expect(checks.filter(({ status }) => status === 'fix')).toEqual([]);
    });

    test('says when NO_PROXY exempts something, and that it is then not reached', async () => {
      const checks = await doctor({ NO_PROXY: 'example.com,.heroku.test' });
      expect(about(checks, 'way to Heroku')?.says).toBe('api.heroku.test directly: NO_PROXY has .heroku.test');
      expect(about(checks, 'Heroku')).toMatchObject({ status: 'fix' });
      expect(about(checks, 'Slack token')).toMatchObject({ status: 'ok' });
    });

    test('says which entries of NO_PROXY match nothing, without what may be a password', async () => {
      const checks = await doctorHere({ NO_PROXY: '10.0.0.0/8,https://slack.com,http://name:canary@proxy:3128' });
      expect(checks.filter(({ subject, status }) => subject === 'NO_PROXY' && status !== 'ok')).toEqual([
        {
          subject: 'NO_PROXY',
          status: 'note',
          says: expect.stringMatching(/^https:\/\/slack\.com matches nothing\. Write/u),
        },
        { subject: 'NO_PROXY', status: 'note', says: expect.stringMatching(/^An address matches nothing\./u) },
      ]);
    });

    test.each([
      [407, 'does not accept the name and password in HTTPS_PROXY (407)'],
      [403, 'refuses connections to slack.test:443 (403). Have it allow them, or add slack.test to NO_PROXY.'],
      ['hang', 'makes no connection to slack.test:443 in time'],
      ['hang_up', 'can’t be used (ECONNRESET)'],
    ] as const)('says what to do if the proxy says %s', async (manner, words) => {
      proxy.treat(manner);
      const checks = await doctorHere({ PUBLIC_URL: 'https://flags.test' });
      expect(about(checks, 'Slack')).toMatchObject({ status: 'fix', says: expect.stringContaining(words) });
      expect(about(checks, 'Heroku')?.says).toContain(`The proxy http://127.0.0.1:${proxy.port} `);
      expect(about(checks, 'heartbeat')?.status).toBe('fix');
      expect(about(checks, 'own address')?.says).toContain(words.replaceAll('slack.test', 'flags.test'));
    });

    test('says what to do if the proxy wants a password, is not there, or the authority is not known', async () => {
      const without = proxy.url.replace(/\/\/.*@/u, '//');
      expect(about(await doctorHere({ HTTPS_PROXY: without }), 'Slack')?.says).toContain(
        'wants a name and a password (407)',
      );
      const away = about(await doctorHere({ HTTPS_PROXY: 'http://127.0.0.1:9' }), 'Slack')?.says;
      expect(away).toBe('The proxy http://127.0.0.1:9 can’t be used (ECONNREFUSED). Check HTTPS_PROXY.');
      const unknown = await doctor({ NODE_EXTRA_CA_CERTS: '' });
      for (const [subject, host] of [
        ['Slack', 'slack.test'],
        ['Heroku', 'api.heroku.test'],
        ['heartbeat', 'monitor.test'],
      ] as const) {
        expect(about(unknown, subject)?.says).toContain(
          `who signed the certificate of ${host}. If that is your company`,
        );
      }
    });

    test('does not tell people to set NODE_EXTRA_CA_CERTS again: says what is wrong with its file', async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'flag-promotions-extra-'));
      const put = async (name: string, content: string | Buffer) => {
        await writeFile(path.join(folder, name), content);
        return path.join(folder, name);
      };
      const other = await createAuthority();
      const der = Buffer.from(authority.certificate.replaceAll(/-----[A-Z ]+-----|\s/gu, ''), 'base64');
      for (const [file, words] of [
        [path.join(folder, 'none.pem'), 'can’t be read (ENOENT)'],
        [await put('ca.der', der), 'holds no certificate in PEM form'],
        [other.file, 'holds one certificate, and it did not sign this one'],
        [await put('two.pem', other.certificate.repeat(2)), 'holds 2 certificates, and none signed this one'],
      ] as const) {
        const says = about(await doctor({ NODE_EXTRA_CA_CERTS: file }), 'heartbeat')?.says;
        expect(says).toContain(`certificate of monitor.test. The file in NODE_EXTRA_CA_CERTS ${words}`);
        expect(says).not.toContain('set NODE_EXTRA_CA_CERTS');
      }
      // Node doesn't see what stands in .env.
      await put('.env', `NODE_EXTRA_CA_CERTS=${other.file}\n`);
      const unseen = about(await doctor({ NODE_EXTRA_CA_CERTS: undefined }, folder), 'heartbeat')?.says;
      expect(unseen).toContain('set NODE_EXTRA_CA_CERTS to a file with its certificate, in the environment');
      await other.remove();
      await rm(folder, { recursive: true });
    });

    test.each([
      [407, 'does not accept the name and password in HTTP_PROXY (407)'],
      [403, 'answered 403. Have it allow monitor.test, or add monitor.test to NO_PROXY.'],
      ['through', 'answered 502. Have it allow unknown.test'],
    ] as const)('says what to do if the proxy says %s to an http address', async (manner, words) => {
      proxy.treat(manner);
      const host = manner === 'through' ? 'unknown.test' : 'monitor.test';
      const changes = { HTTP_PROXY: proxy.url, HEARTBEAT_URL: `http://${host}/ping` };
      expect(about(await doctorHere(changes), 'heartbeat')).toMatchObject({
        status: 'fix',
        says: expect.stringContaining(words),
      });
    });

    test('says that it does not read ALL_PROXY', async () => {
      const checks = await doctorHere({ HTTPS_PROXY: '', ALL_PROXY: 'socks5://proxy.example.com:1080' });
      expect(about(checks, 'ALL_PROXY')).toMatchObject({ status: 'note' });
    });
  });
});
