import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

export interface ConnectionLimits {
  readonly most: number;
  /** From a request's first byte to the end of its headers. */
  readonly headersWithinMs: number;
  /** From there to the end of its answer. */
  readonly answeredWithinMs: number;
  /**
   * How long a connection stays open after an answer that came before the request's end: cut at once, it may lose the
   * answer.
   */
  readonly lingerMs: number;
  readonly requests: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  most: 500,
  headersWithinMs: 10_000,
  answeredWithinMs: 60_000,
  lingerMs: 1_000,
  // No honest client sends a request before the last is answered.
  requests: 8,
};

const LOOK_EVERY_MS = 1_000;

export interface Connections {
  /** A request began. False if it is one too many: its connection is destroyed. */
  admit(request: IncomingMessage, response: ServerResponse): boolean;
  /** Slack sent this request: keep its connection when others have to go. */
  trust(request: IncomingMessage): void;
  /** Answers what is under way and ends every connection; accepts none any more. */
  stop(): Promise<void>;
}

interface Connection {
  readonly underWay: Set<ServerResponse>;
  /** Since the oldest request under way began, or the next one's first byte came; null: idle. */
  busySince: number | null;
  /** Bytes read when the last answer was sent. */
  readBytes: number;
  newest: IncomingMessage | null;
}

/**
 * Keeps a server's connections within limits. If there are too many, the oldest without a request from Slack goes:
 * whoever opens thousands pushes out their own. Node's own limit would refuse the newest, whoever opened it.
 */
export function watchConnections(server: Server, limits: ConnectionLimits = CONNECTION_LIMITS): Connections {
  /** Oldest first. */
  const strangers = new Map<Socket, Connection>();
  /** Longest unused first. */
  const trusted = new Map<Socket, Connection>();
  let isStopping = false;
  const find = (socket: Socket) => trusted.get(socket) ?? strangers.get(socket);

  server.on('connection', (socket: Socket) => {
    const connection: Connection = { underWay: new Set(), busySince: null, readBytes: 0, newest: null };
    strangers.set(socket, connection);
    const destroySoon = socket.destroySoon.bind(socket);
    // Node calls it after an answer that closes. While the request still arrives, unread bytes would reset the
    // connection and lose the answer.
    socket.destroySoon = () => {
      if (connection.newest?.complete !== false) return destroySoon();
      socket.end();
      setTimeout(() => socket.destroy(), limits.lingerMs).unref();
    };
    socket.once('close', () => {
      strangers.delete(socket);
      trusted.delete(socket);
    });
    if (strangers.size + trusted.size > limits.most) oneTooMany(socket).destroy();
  });

  function oneTooMany(newest: Socket): Socket {
    for (const socket of strangers.keys()) if (socket !== newest) return socket;
    for (const [socket, { underWay }] of trusted) if (underWay.size === 0) return socket;
    return newest;
  }

  const looking = setInterval(() => {
    const now = performance.now();
    for (const [socket, connection] of [...strangers, ...trusted]) {
      const { underWay, readBytes, busySince } = connection;
      if (underWay.size === 0 && busySince === null && socket.bytesRead > readBytes) connection.busySince = now;
      const within = underWay.size === 0 ? limits.headersWithinMs : limits.answeredWithinMs;
      if (busySince !== null && now - busySince > within) socket.destroy();
    }
  }, LOOK_EVERY_MS).unref();
  server.once('close', () => clearInterval(looking));

  return {
    admit(request, response) {
      const { socket } = request;
      const connection = find(socket);
      if (connection === undefined || connection.underWay.size >= limits.requests) {
        socket.destroy();
        return false;
      }
      if (connection.underWay.size === 0) connection.busySince = performance.now();
      connection.underWay.add(response);
      connection.newest = request;
      // An answer before its request's end says that it closes, so that nobody sends the next request on it.
      if (hasBody(request) && response.shouldKeepAlive) {
        response.shouldKeepAlive = false;
        request.once('end', () => {
          response.shouldKeepAlive = !isStopping;
        });
      }
      // Node would read the rest, only to drop it.
      response.once('finish', () => request.complete || request.pause());
      response.once('close', () => {
        connection.underWay.delete(response);
        if (connection.underWay.size > 0) return;
        connection.busySince = null;
        connection.readBytes = socket.bytesRead;
      });
      return true;
    },

    trust({ socket }) {
      const connection = find(socket);
      if (connection === undefined) return;
      strangers.delete(socket);
      trusted.delete(socket);
      trusted.set(socket, connection);
    },

    /*
     * A connection with a request under way ends with its answer, whose header says so; otherwise it would stay open.
     * All others end now, because Node calls one idle only after its first request.
     */
    stop() {
      isStopping = true;
      return new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        for (const [socket, { underWay }] of [...strangers, ...trusted]) {
          for (const response of underWay) response.shouldKeepAlive = false;
          if (underWay.size === 0) socket.destroy();
        }
      });
    },
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined;
}
