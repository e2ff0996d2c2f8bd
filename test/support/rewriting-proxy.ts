import { connect, createServer, type Socket } from 'node:net';
import { portOf } from './sockets.js';

/** A connection to a database that alters some of its answers. */
export interface RewritingProxy {
  /** The database's address through it. */
  readonly url: string;
  close(): Promise<void>;
}

/** Replaces matches in the server's answers by something of the same length. Doesn't read TLS. */
export async function startRewritingProxy(
  target: string,
  rules: readonly (readonly [RegExp, string])[],
): Promise<RewritingProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      const text = rules.reduce((one, [pattern, by]) => one.replaceAll(pattern, by), chunk.toString('latin1'));
      client.write(Buffer.from(text, 'latin1'));
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(await portOf(server));
  return {
    url: url.href,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
