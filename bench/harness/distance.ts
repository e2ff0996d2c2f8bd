import { connect, createServer, type Socket } from 'node:net';
import { portOf } from './ports.js';

/** A connection to a database that is further away than this machine. */
export interface Distance {
  /** The database's address through it. */
  readonly url: string;
  close(): Promise<void>;
}

/** Delivers each piece after half the round trip, in order. */
export async function atDistance(target: string, roundTripMs: number): Promise<Distance> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.setNoDelay(true);
      const later = (act: () => void) => setTimeout(act, roundTripMs / 2);
      from.on('data', (chunk: Buffer) => later(() => to.writable && to.write(chunk)));
      from.on('end', () => later(() => to.end()));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        later(() => to.destroy());
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(portOf(server));
  return {
    url: url.href,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
