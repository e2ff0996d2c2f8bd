import { connect, createServer, type Socket } from 'node:net';
import { createFrontendReader, type Statement } from './frontend-messages.js';

/** A connection between a client and PostgreSQL that records its statements. */
export interface StatementTap {
  /** The database's address through it. */
  readonly url: string;
  /** In order of arrival. */
  readonly statements: readonly Statement[];
  close(): Promise<void>;
}

/**
 * Records the statements of clients that connect by its `url` to the database at `target`; `onStatement` is called
 * before the database gets them. Doesn't read TLS.
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
