import { connect, createServer, type Socket } from 'node:net';
import { join } from './sockets.js';

/** A connection between the app and its database that can be cut and restored. */
export interface TcpProxy {
  readonly port: number;
  /** Cuts every connection and accepts no new one. */
  cut(): void;
  mend(): void;
  /** Connections stay open, but nothing passes: the other side vanished. */
  freeze(): void;
  /**
   * Cuts a connection instead of passing on the server's next answer that contains this: done, and nobody learns of it.
   */
  loseAnswer(containing: string): void;
  close(): Promise<void>;
}

/** `lateMs`: how long each new connection waits before anything passes, as on a busy server. */
export async function startTcpProxy(
  target: { readonly host: string; readonly port: number },
  { lateMs = 0 } = {},
): Promise<TcpProxy> {
  const open = new Set<Socket>();
  let isCut = false;
  let lost: string | null = null;
  const pass = (client: Socket): void => {
    if (isCut || client.destroyed) {
      client.destroy();
      return;
    }
    const upstream = connect(target.port, target.host);
    upstream.on('data', (chunk) => {
      if (lost === null || !chunk.includes(lost)) return;
      lost = null;
      client.destroy();
    });
    join(client, upstream, open);
  };
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    if (lateMs === 0) pass(client);
    else setTimeout(() => pass(client), lateMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  const cutAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: address.port,
    cut() {
      isCut = true;
      cutAll();
    },
    mend() {
      isCut = false;
    },
    freeze() {
      for (const socket of open) {
        socket.unpipe();
        socket.pause();
      }
    },
    loseAnswer(containing) {
      lost = containing;
    },
    close: () =>
      new Promise((resolve) => {
        cutAll();
        server.close(() => resolve());
      }),
  };
}
