import { X509Certificate } from 'node:crypto';
import { chmod, chown, copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TLSSocket } from 'node:tls';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded-postgres.js';
import { fastTemporaryFolder } from './database.js';
import { eventually } from './eventually.js';

/** A test's own PostgreSQL with TLS and rules about who may connect. */
export interface GuardedServer {
  readonly port: number;
  /** Its socket's folder. */
  readonly folder: string;
  /** The superuser's, over TCP. */
  readonly url: string;
  readonly admin: pg.Client;
  /** Switches to another certificate of test/support/tls. */
  showCertificate(name: string): Promise<void>;
  /** Accepts no more connections, and waits until the open ones end. */
  shutDown(): Promise<void>;
  stop(): Promise<void>;
}

export const TLS_FOLDER = path.resolve(__dirname, 'tls');
export const PASSWORD = 'canary-password';

/** Which connections each role may make. Nobody else may connect. */
const RULES = `
local    all all                              scram-sha-256
host     all flag_promotions   127.0.0.1/32   scram-sha-256
host     all anyhow            127.0.0.1/32   scram-sha-256
host     all few               127.0.0.1/32   scram-sha-256
host     all idle              127.0.0.1/32   scram-sha-256
hostssl  all encrypted         127.0.0.1/32   scram-sha-256
hostnossl all unencrypted      127.0.0.1/32   scram-sha-256
hostssl  all certified         127.0.0.1/32   cert
host     all ghost             127.0.0.1/32   trust
`;

/**
 * Each has PASSWORD: `anyhow`, `encrypted`, `unencrypted`, `few` (no connection), `idle` (no login), `nowhere` (no
 * rule).
 */
export async function startGuardedServer(): Promise<GuardedServer> {
  const root = await mkdtemp(path.join(await fastTemporaryFolder(), `flag-promotions-test-${process.pid}-`));
  const dataDir = path.join(root, 'data');
  const folder = path.join(dataDir, 'postgres');
  const start = (settings: Readonly<Record<string, string>>): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ dataDir, create: true, settings: { fsync: 'off', ...settings } });
  await (await start({})).stop();
  const owner = await stat(folder);
  const copy = async (from: string, to: string): Promise<void> => {
    const file = path.join(folder, to);
    await copyFile(path.join(TLS_FOLDER, from), file);
    await chmod(file, 0o600);
    await chown(file, owner.uid, owner.gid);
  };
  await writeFile(path.join(folder, 'pg_hba.conf'), RULES);
  await copy('key.pem', 'server.key');
  await copy('localhost.pem', 'server.pem');
  await copy('ca.pem', 'ca.pem');
  const server = await start({
    ssl: 'on',
    ssl_cert_file: 'server.pem',
    ssl_key_file: 'server.key',
    ssl_ca_file: 'ca.pem',
    unix_socket_directories: '.',
  });
  const admin = new pg.Client({ connectionString: server.connectionString });
  await admin.connect();
  for (const role of ['anyhow', 'encrypted', 'unencrypted', 'few', 'idle', 'nowhere', 'certified']) {
    await admin.query(`create role ${role} login password '${PASSWORD}'`);
  }
  await admin.query('alter role few connection limit 0');
  await admin.query('alter role idle nologin');
  await admin.query('create database closed');
  await admin.query('revoke connect on database closed from public');
  const port = Number(new URL(server.connectionString).port);
  return {
    port,
    folder,
    url: server.connectionString,
    admin,
    async showCertificate(name) {
      await copy(name, 'server.pem');
      await admin.query('select pg_reload_conf()');
      const { raw } = new X509Certificate(await readFile(path.join(TLS_FOLDER, name)));
      // The server re-reads it in its own time.
      await eventually(async () => expect(await shownAt(port)).toEqual(raw));
    },
    async shutDown() {
      const lock = await readFile(path.join(folder, 'postmaster.pid'), 'utf8');
      process.kill(Number(lock.split('\n')[0]), 'SIGTERM');
    },
    async stop() {
      await admin.end();
      await server.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** The certificate that a connection gets. */
async function shownAt(port: number): Promise<Buffer | undefined> {
  const client = new pg.Client({
    ...{ host: '127.0.0.1', port, user: 'anyhow', password: PASSWORD, database: 'flag_promotions' },
    ssl: { rejectUnauthorized: false },
  });
  await client.connect();
  const { stream } = client.connection;
  const shown = stream instanceof TLSSocket ? stream.getPeerX509Certificate()?.raw : undefined;
  await client.end();
  return shown;
}
