import { createServer } from 'node:net';
import path from 'node:path';
import { lookAtServer, type ServerFacts } from '../../src/db/server/look.js';
import { parseAddress } from '../../src/db/server/address.js';
import { ServerError, serverError } from '../../src/db/server/trouble.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type GuardedServer, PASSWORD, startGuardedServer, TLS_FOLDER } from '../support/guarded-server.js';
import { startRewritingProxy } from '../support/rewriting-proxy.js';

const CA = `sslrootcert=${path.join(TLS_FOLDER, 'ca.pem')}`;

/** The trouble found: its kind, whether it may pass, and its text. */
async function look(url: string): Promise<{ kind: string; mayPass: boolean; says: string }> {
  try {
    await lookAtServer(url, 'DATABASE_URL');
    return { kind: 'fine', mayPass: false, says: '' };
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    const { kind, mayPass = false, says } = error.trouble;
    expect(error.message).toBe(`DATABASE_URL: ${says}`);
    expect(says).not.toContain(PASSWORD);
    expect(says).not.toMatch(/127\.0\.0\.1|flag_promotions/u);
    return { kind, mayPass, says };
  }
}

describe('a server with rules', () => {
  let server: GuardedServer;

  beforeAll(async () => {
    server = await startGuardedServer();
  });
  afterAll(() => server.stop());
  const at = (role: string, rest = '', host = '127.0.0.1', database = 'flag_promotions') =>
    `postgres://${role}:${PASSWORD}@${host}:${server.port}/${database}${rest}`;
  const kindOf = async (url: string) => (await look(url)).kind;

  test.each([
    ['encrypted', '', 'tls_required'],
    ['encrypted', '?sslmode=disable', 'tls_required'],
    ['encrypted', '?sslmode=allow', 'fine'],
    ['encrypted', '?sslmode=prefer', 'fine'],
    ['encrypted', '?sslmode=require', 'fine'],
    ['encrypted', '?sslmode=no-verify', 'fine'],
    ['unencrypted', '', 'fine'],
    ['unencrypted', '?sslmode=allow', 'fine'],
    ['unencrypted', '?sslmode=prefer', 'fine'],
    ['unencrypted', '?sslmode=require', 'not_admitted'],
    ['anyhow', '?sslmode=prefer', 'fine'],
    ['nowhere', '', 'not_admitted'],
    ['nowhere', '?sslmode=require', 'not_admitted'],
    ['certified', '?sslmode=require', 'client_certificate'],
    ['ghost', '', 'no_role'],
    ['idle', '', 'no_login'],
    ['few', '', 'no_connection_left'],
  ])('as %s with %j: %s', async (role, rest, kind) => {
    expect(await kindOf(at(role, rest))).toBe(kind);
  });

  test('a wrong password, none, a database that isn’t there or is closed', async () => {
    expect(await kindOf(`postgres://anyhow:wrong@127.0.0.1:${server.port}/flag_promotions`)).toBe('password_wrong');
    expect(await kindOf(`postgres://anyhow@127.0.0.1:${server.port}/flag_promotions`)).toBe('password_missing');
    expect(await kindOf(at('anyhow', '', '127.0.0.1', 'no_such'))).toBe('no_database');
    expect(await kindOf(at('anyhow', '', '127.0.0.1', 'closed'))).toBe('no_connect');
  });

  test('the same in another language than English', async () => {
    const words = [
      ['no pg_hba\\.conf entry for host', 'kein pg_hba.conf-Eintrag fuer'],
      ['no encryption', 'keine Chiffre'],
      ['SSL off', 'SSL aus'],
      ['password authentication failed', 'Passwort-Anmeldung gescheitert'],
      ['permission denied for database', 'keine Rechte auf die Datenbank'],
      ['does not exist', 'gibt es nicht.'],
    ] as const;
    const rules = words.map(([english, other]) => [new RegExp(english, 'gu'), other] as const);
    const german = await startRewritingProxy(server.url, rules);
    const { port } = new URL(german.url);
    const by = (role: string, password = PASSWORD, name = 'flag_promotions') =>
      look(`postgres://${role}:${password}@127.0.0.1:${port}/${name}`);
    try {
      for (const [found, kind] of [
        [await by('encrypted'), 'tls_required'],
        [await by('nowhere'), 'not_admitted'],
        [await by('anyhow', 'wrong'), 'password_wrong'],
        [await by('anyhow', PASSWORD, 'closed'), 'no_connect'],
        [await by('ghost'), 'login_refused'],
      ] as const) {
        expect(found).toMatchObject({ kind, mayPass: false });
      }
      expect((await by('ghost')).says).toBe(
        'The server doesn’t let this account log in: role "ghost" gibt es nicht.. Its log may say more.',
      );
    } finally {
      await german.close();
    }
  });

  test.each([
    ['localhost.pem', 'localhost', `sslmode=verify-full&${CA}`, 'fine'],
    ['localhost.pem', '127.0.0.1', `sslmode=verify-full&${CA}`, 'certificate_other_host'],
    ['localhost.pem', '127.0.0.1', `sslmode=verify-ca&${CA}`, 'fine'],
    ['localhost.pem', 'localhost', 'sslmode=verify-full', 'certificate_unknown_ca'],
    ['localhost.pem', 'localhost', 'sslmode=verify-ca', 'certificate_unknown_ca'],
    ['localhost.pem', 'localhost', 'sslmode=require&sslrootcert=system', 'certificate_unknown_ca'],
    ['elsewhere.pem', 'localhost', `sslmode=verify-full&${CA}`, 'certificate_other_host'],
    ['elsewhere.pem', 'localhost', `sslmode=require&${CA}`, 'fine'],
    ['expired.pem', 'localhost', `sslmode=verify-full&${CA}`, 'certificate_expired'],
    ['expired.pem', 'localhost', `sslmode=require`, 'fine'],
    ['future.pem', 'localhost', `sslmode=verify-full&${CA}`, 'certificate_not_yet_valid'],
    ['cert.pem', 'localhost', `sslmode=verify-full`, 'certificate_self_signed'],
    ['cert.pem', 'localhost', `sslmode=require&${CA}`, 'certificate_self_signed'],
    ['cert.pem', 'localhost', `sslmode=verify-full&sslrootcert=${path.join(TLS_FOLDER, 'cert.pem')}`, 'fine'],
    ['cert.pem', 'localhost', `sslmode=require&sslrootcert=/no/such/file`, 'certificate_file'],
    ['cert.pem', 'localhost', `sslmode=require&sslrootcert=${path.join(TLS_FOLDER, 'key.pem')}`, 'certificate_file'],
    ['cert.pem', 'localhost', `sslmode=prefer&sslrootcert=/no/such/file`, 'fine'],
  ])('%s, by way of %s with %s: %s', async (certificate, host, query, kind) => {
    await server.showCertificate(certificate);
    expect(await kindOf(at('anyhow', `?${query}`, host))).toBe(kind);
  });

  test('each sentence says what to set', async () => {
    expect((await look(at('encrypted'))).says).toMatch(
      /^The server takes encrypted connections only\. Set PGSSLMODE=/u,
    );
    await server.showCertificate('elsewhere.pem');
    const other = await look(at('anyhow', `?sslmode=verify-full&${CA}`, 'localhost'));
    expect(other.says).toContain('(db.elsewhere.example). Use that name in DATABASE_URL');
    await server.showCertificate('cert.pem');
    expect((await look(at('anyhow', '?sslmode=verify-full', 'localhost'))).says).toContain(
      'is self-signed. Set PGSSLROOTCERT to a copy of it',
    );
  });

  test('by its socket, as people write that, and without TLS there', async () => {
    const socket = encodeURIComponent(server.folder);
    for (const url of [
      `postgres://anyhow:${PASSWORD}@:${server.port}/flag_promotions?host=${server.folder}&sslmode=verify-full`,
      `postgres://anyhow:${PASSWORD}@${socket}:${server.port}/flag_promotions`,
      `postgres://anyhow:${PASSWORD}@/flag_promotions?host=${server.folder}&port=${server.port}`,
    ]) {
      expect(await kindOf(url)).toBe('fine');
    }
    expect(await look(`postgres://anyhow@/flag_promotions?host=/no/such/folder`)).toMatchObject({
      kind: 'no_socket',
      mayPass: true,
    });
  });

  test('what PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE say fills in the rest', async () => {
    const set = {
      PGHOST: server.folder,
      PGPORT: String(server.port),
      PGUSER: 'anyhow',
      PGPASSWORD: PASSWORD,
      PGDATABASE: 'flag_promotions',
    };
    const before = { ...process.env };
    Object.assign(process.env, set);
    try {
      expect(await kindOf('postgres://?sslmode=require')).toBe('fine');
    } finally {
      for (const name of Object.keys(set)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });
});

test('a server that shuts down may be back soon', async () => {
  const server = await startGuardedServer();
  try {
    await server.shutDown();
    await eventually(async () => expect(await look(server.url)).toMatchObject({ kind: 'starting', mayPass: true }));
  } finally {
    await server.stop();
  }
});

describe('an address', () => {
  test('at which nothing listens, or that nobody knows', async () => {
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      expect(await look(`postgres://u:p@${host}:9/name`)).toMatchObject({ kind: 'refused', mayPass: true });
    }
    expect(await look('postgres://u:p@no-such-host.invalid/name')).toMatchObject({
      kind: 'unknown_host',
      mayPass: true,
    });
  });

  test.each([
    ['says nothing', () => undefined, 'no_answer'],
    [
      'is no PostgreSQL',
      (socket: { end(text: string): void }) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'hung_up',
    ],
  ])('at which something %s', async (_, answer, kind) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => answer(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port.');
    expect(await look(`postgres://u:p@127.0.0.1:${address.port}/name`)).toMatchObject({ kind, mayPass: true });
    server.close();
  });
});

test('a time limit that ends even the first statement is named', () => {
  const error = Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' });
  const { trouble } = serverError(error, 'DATABASE_URL', parseAddress('postgres://kris@127.0.0.1/db'));
  expect(trouble).toMatchObject({ kind: 'time_limit', says: expect.stringContaining('reset statement_timeout') });
});

test('an error that nobody foresaw is told in its own words, on one line and without the password', () => {
  const address = parseAddress('postgres://u:canary@host/name');
  const said = (words: string) => serverError(new Error(words), 'DATABASE_URL', address).trouble;
  expect(said('Unknown\n\u001B[2Jtype 7')).toMatchObject({
    kind: 'unknown',
    says: 'The server can’t be used: Unknown [2Jtype 7. Its log may say more.',
  });
  expect(said('postgres://u:canary@host').says).toBe('The server can’t be used. Its log may say more.');
});

describe('a server’s version', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  test('is told', async () => {
    const facts: ServerFacts = await lookAtServer(database.url, 'DATABASE_URL');
    expect(facts).toEqual({ version: expect.stringMatching(/^1[3-8]\.\d+$/u), isPooled: false });
  });

  test.each([
    ['120022', 'PostgreSQL 12.22'],
    ['090624', 'PostgreSQL 9.6.24'],
  ])('%s is refused', async (number, words) => {
    // The tests' server is newer, so the proxy reports this version instead.
    const wire = await startRewritingProxy(database.url, [[/1[3-8]\d{4}(?=C)/gu, number]]);
    expect(await look(wire.url)).toMatchObject({
      kind: 'too_old',
      mayPass: false,
      says: `This is ${words}, and the app needs 13 or newer. Upgrade the server, or use another one.`,
    });
    await wire.close();
  });
});
