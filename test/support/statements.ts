import { connect, createServer, type Socket } from 'node:net';
import { createFrontendReader, type Statement } from './frontend-messages.js';

/** A wire between a client and PostgreSQL that notes what is asked on it. */
export interface StatementTap {
  /** The database's address by way of the wire. */
  readonly url: string;
  /** What was asked so far, in the order of its arrival. */
  readonly statements: readonly Statement[];
  close(): Promise<void>;
}

/**
 * Listens in on what clients that come by its `url` ask of the database at `target`; `onStatement` hears of it before the
 * database does. Knows no TLS.
 */
export async function tapStatements(
  target: string,
  onStatement: (statement: Statement) => void = () => undefined,
): Promise<StatementTap> {
  const { hostname, port } = new URL(target);
  const statements: Statement[] = [];
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const read = createFrontendReader();
    client.on('data', (chunk: Buffer) => {
      for (const { statement } of read(chunk)) {
        if (statement === null) continue;
        onStatement(statement);
        statements.push(statement);
      }
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one);
      one.setNoDelay(true);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The wire has no port.');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(address.port);
  return {
    url: url.href,
    statements,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
