import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** A stand-in's server on 127.0.0.1. */
export interface LoopbackServer {
  readonly port: number;
  /** Cuts open connections. */
  close(): Promise<void>;
}

/** Listens on the given or a free port. If handling a request fails, its connection is cut. */
export async function startLoopbackServer(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  port = 0,
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The stand-in listens on no port.');
  return {
    port: address.port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
