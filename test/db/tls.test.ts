import { createServer, type Server } from 'node:net';
import { openDatabase } from '../../src/db/database.js';
import { migrateToLatest } from '../../src/db/migrate.js';
import { eventually } from '../support/eventually.js';

/** A client's first message if it wants TLS (https://www.postgresql.org/docs/current/protocol-message-formats.html). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Hosted PostgreSQL that requires TLS, with a self-signed certificate: Heroku's, for example. */
describe('a URL that asks for TLS', () => {
  let server: Server;
  let url: string;
  let first: Buffer[];

  beforeEach(async () => {
    first = [];
    server = createServer((socket) => {
      socket.once('data', (data) => {
        first.push(data);
        // "No TLS here": a client that requires it gives up.
        socket.end('N');
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port.');
    url = `postgres://user:secret@127.0.0.1:${address.port}/console`;
  });

  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  test('gets it for every connection: the pool’s, the migrations’ and the listener’s', async () => {
    const db = openDatabase(`${url}?sslmode=require`);
    await expect(db.checkWrites()).rejects.toThrow('does not support SSL');
    await expect(migrateToLatest(`${url}?sslmode=no-verify`)).rejects.toThrow('does not support SSL');
    const troubles: unknown[] = [];
    const listener = db.listenForDue(
      () => undefined,
      (error) => troubles.push(error),
    );
    await eventually(async () => expect(troubles).not.toHaveLength(0));
    await listener.close();
    await db.close();
    expect(first.length).toBeGreaterThanOrEqual(3);
    expect(first.filter((data) => !data.equals(SSL_REQUEST))).toEqual([]);
  });

  test('without it, none does', async () => {
    const db = openDatabase(url);
    await expect(db.checkWrites()).rejects.toThrow();
    await db.close();
    expect(first.length).toBeGreaterThan(0);
    expect(first.filter((data) => data.equals(SSL_REQUEST))).toEqual([]);
  });
});
