import { connect, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import { join, portOf } from '../support/sockets.js';

/** Terminates TLS in front of a plain server. */
export interface TlsFront {
  readonly port: number;
  /** Connections so far whose handshake was completed. */
  connections(): number;
  /** Open connections stay, but nothing passes and nothing ends: the other side vanished. */
  freeze(): void;
  close(): Promise<void>;
}

export async function startTlsFront(
  identity: { readonly key: string; readonly cert: string },
  target: number,
): Promise<TlsFront> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer(identity, (client) => {
    connections += 1;
    join(client, connect(target, '127.0.0.1'), open);
  });
  server.on('tlsClientError', (_, socket) => socket.destroy());
  return {
    port: await portOf(server),
    connections: () => connections,
    freeze() {
      for (const socket of open) {
        socket.unpipe();
        socket.pause();
      }
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
