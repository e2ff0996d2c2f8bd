import { connect, createServer, type Socket } from 'node:net';

/** A statement as a client sent it to PostgreSQL, with its parameters as texts. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly (string | null)[];
}

/** A wire between a client and PostgreSQL that notes what is asked on it. */
export interface StatementTap {
  /** The database's address by way of the wire. */
  readonly url: string;
  /** What was asked so far, in the order of its arrival. */
  readonly statements: readonly Statement[];
  close(): Promise<void>;
}

/** Listens in on what clients that come by its `url` ask of the database at `target`. Knows no TLS. */
export async function tapStatements(target: string): Promise<StatementTap> {
  const { hostname, port } = new URL(target);
  const statements: Statement[] = [];
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const read = createReader((statement) => statements.push(statement));
    client.on('data', read);
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

const UINT32 = 4;

/**
 * Reads the messages of a client (https://www.postgresql.org/docs/current/protocol-message-formats.html): the first has no
 * type, each later one a byte of it, then its length. `Query` holds a statement; `Parse` and `Bind` hold one together, and a
 * `Bind` that comes again one that was named before.
 */
function createReader(onStatement: (statement: Statement) => void): (chunk: Buffer) => void {
  let buffered = Buffer.alloc(0);
  let started = false;
  const parsed = new Map<string, string>();
  return (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    for (;;) {
      const typeLength = started ? 1 : 0;
      if (buffered.length < typeLength + UINT32) return;
      const length = typeLength + buffered.readUInt32BE(typeLength);
      if (buffered.length < length) return;
      const type = started ? String.fromCharCode(buffered[0] ?? 0) : '';
      const body = buffered.subarray(typeLength + UINT32, length);
      const [first = '', second = ''] = textsOf(body);
      if (type === 'Q') onStatement({ sql: first, values: [] });
      if (type === 'P') parsed.set(first, second);
      if (type === 'B') onStatement({ sql: parsed.get(second) ?? '', values: valuesOf(body) });
      buffered = buffered.subarray(length);
      started = true;
    }
  };
}

/** The zero-terminated texts that a message begins with. */
function textsOf(body: Buffer): readonly string[] {
  return body.toString('utf8').split('\0');
}

/** The parameters of a `Bind`: after two names, the formats, then each by its length; -1 is null. */
function valuesOf(body: Buffer): readonly (string | null)[] {
  let at = body.indexOf(0) + 1;
  at = body.indexOf(0, at) + 1;
  at += 2 + 2 * body.readUInt16BE(at);
  const count = body.readUInt16BE(at);
  at += 2;
  return Array.from({ length: count }, () => {
    const length = body.readInt32BE(at);
    at += UINT32;
    if (length < 0) return null;
    at += length;
    return body.toString('utf8', at - length, at);
  });
}
