import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Tls } from './tls.js';

/** Names a connection to the server, or to its pooler. */
export interface BackendKey {
  readonly processID: number;
  readonly secretKey: number;
}

export interface Endpoint {
  /** Or a socket's folder. */
  readonly host: string;
  readonly port: number;
  readonly tls: Tls;
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html: CancelRequest, SSLRequest */
const CANCEL_CODE = 80_877_102;
const SSL_CODE = 80_877_103;
const GIVE_UP_AFTER_MS = 3_000;

/**
 * Asks the server, over another connection as the protocol requires, to cancel a statement. There is no answer: the
 * statement fails with query_canceled (57014), as after a statement_timeout.
 */
export function requestCancel({ host, port, tls }: Endpoint, { processID, secretKey }: BackendKey): void {
  const socket = host.startsWith('/') ? connectTcp(`${host}/.s.PGSQL.${port}`) : connectTcp(port, host);
  const request = integers(16, CANCEL_CODE, processID, secretKey);
  // If this fails, the waiting connection is dropped.
  const giveUp = (): void => void socket.destroy();
  // The server ends it: PgBouncer ignores a request whose sender is gone.
  const send = (one: Socket): void => void one.on('error', giveUp).write(request);
  socket.setTimeout(GIVE_UP_AFTER_MS, giveUp).on('error', giveUp);
  socket.once('connect', () => {
    if (tls === false) send(socket);
    else socket.write(integers(8, SSL_CODE));
  });
  socket.once('data', (answer) => {
    if (tls === false || answer.toString('latin1') !== 'S') giveUp();
    else send(connectTls({ ...tls, socket, host, ...(isIP(host) === 0 ? { servername: host } : {}) }));
  });
}

function integers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeInt32BE(value, index * 4);
  return bytes;
}
