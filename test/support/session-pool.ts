import { connect, createServer, type Socket } from 'node:net';
import { join, portOf } from './sockets.js';
import { createMessageReader } from './wire-messages.js';

/**
 * Keeps a server's sessions for the next client, as PgBouncer's session pooling does: a client has a session alone until
 * it leaves, and then the session forgets it. For PostgreSQL a new session is a process with empty caches, which takes it
 * longer than all that most tests ask.
 */
export interface SessionPool {
  /** The same database, as the same account, through the pool. */
  urlOf(url: string): string;
}

/** The name of the sessions that nobody uses, in pg_stat_activity. */
export const UNUSED = 'unused';

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Changes what only new sessions have. */
const SETTINGS = /\balter\s+(?:database|role|user|system)\b/iu;

const PROTOCOL_3 = 196_608;
const AUTHENTICATION_OK = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]);

/** In front of the server of `url`. */
export async function startSessionPool(url: string): Promise<SessionPool> {
  const { hostname: host, port } = new URL(url);
  const target: Target = { host, port: Number(port) };
  const unused = new Map<string, Session[]>();
  const drain = (): void => {
    const sessions = [...unused.values()].flat();
    // Those in use find their list gone once they are left.
    unused.clear();
    for (const session of sessions) session.end();
  };
  const server = createServer((client) => {
    client.setNoDelay(true);
    client.on('error', () => client.destroy());
    client.once('data', (startup: Buffer) => {
      if (startup.readUInt32BE(4) !== PROTOCOL_3) {
        // It asks to cancel a query, or for TLS.
        const upstream = connect(target.port, target.host);
        upstream.write(startup);
        join(client, upstream, new Set());
        return;
      }
      // It holds the account, the database and all settings: who sends the same can't tell one session from another.
      const key = startup.toString('latin1');
      const sessions = unused.get(key) ?? [];
      unused.set(key, sessions);
      const session =
        sessions.pop() ?? openSession(target, startup, { sessions, isKept: () => unused.get(key) === sessions, drain });
      session.serve(client);
    });
  });
  // A run ends without ending its pool.
  server.unref();
  const ownPort = String(await portOf(server));
  return {
    urlOf(url) {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = ownPort;
      return through.href;
    },
  };
}

interface Session {
  serve(client: Socket): void;
  end(): void;
}

interface Keeper {
  /** Those like it that nobody uses; it is one of them whenever its client has left. */
  readonly sessions: Session[];
  /** Otherwise it ends then. */
  isKept(): boolean;
  /** Ends all that nobody uses, and each other one once it is left. */
  drain(): void;
}

function openSession(target: Target, startup: Buffer, { sessions, isKept, drain }: Keeper): Session {
  const socket = connect(target.port, target.host);
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.write(startup);
  const read = createMessageReader('server');
  /** What the server says after it has let a client in: settings, and the key to cancel a query. */
  const greeting: Buffer[] = [];
  let isNew = true;
  /** Answers that the server owes, and what to do when all are there. */
  let owed = 1;
  let whenAnswered = (): void => {
    isNew = false;
  };
  let isInTransaction = false;
  let client: Socket | null = null;

  socket.on('data', (chunk: Buffer) => {
    client?.write(chunk);
    for (const { type, bytes, body } of read(chunk)) {
      if (isNew && type !== 'R') greeting.push(bytes);
      if (type !== 'Z') continue;
      isInTransaction = body.toString('latin1') !== 'I';
      owed -= 1;
      if (owed === 0) whenAnswered();
    }
  });
  socket.on('end', () => client?.end());

  const ask = (statements: readonly string[], then: () => void): void => {
    owed = statements.length;
    whenAnswered = () => {
      whenAnswered = () => undefined;
      then();
    };
    socket.write(Buffer.concat(statements.map(queryMessage)));
  };

  const session: Session = {
    end: () => void socket.destroy(),
    serve(next) {
      socket.ref();
      const leave = (): void => void next.destroy();
      socket.once('close', leave);
      const readClient = createMessageReader('client');
      readClient(startup);
      if (isNew) client = next;
      else {
        ask(['reset application_name'], () => {
          client = next;
          next.write(Buffer.concat([AUTHENTICATION_OK, ...greeting]));
        });
      }
      next.on('data', (chunk: Buffer) => {
        const messages = readClient(chunk);
        // Query, Sync and FunctionCall are each answered by one ReadyForQuery.
        owed += messages.filter(({ type }) => /^[QSF]$/u.test(type)).length;
        if (messages.some(({ body }) => SETTINGS.test(body.toString('latin1')))) drain();
        // Terminate would end the session.
        const isLeaving = messages.at(-1)?.type === 'X';
        if (!isLeaving) socket.write(chunk);
        else for (const { bytes } of messages.slice(0, -1)) socket.write(bytes);
      });
      next.once('close', () => {
        client = null;
        socket.off('close', leave);
        if (isNew || owed > 0 || isInTransaction) socket.destroy();
        else {
          ask(['discard all', `set application_name = '${UNUSED}'`], () => {
            socket.unref();
            if (isKept()) sessions.push(session);
            else socket.destroy();
          });
        }
      });
    },
  };
  socket.once('close', () => {
    const at = sessions.indexOf(session);
    if (at !== -1) sessions.splice(at, 1);
  });
  return session;
}

function queryMessage(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(length.length + text.length);
  return Buffer.concat([Buffer.from('Q'), length, text]);
}
