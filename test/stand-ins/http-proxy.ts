import http from 'node:http';
import https from 'node:https';
import { connect, type Socket } from 'node:net';
import { join, portOf } from '../support/sockets.js';

/** One request to the proxy, as it came in. */
export interface Asked {
  /** CONNECT, or the method of what it was asked to fetch. */
  readonly method: string;
  /** `host:port`, or a whole address. */
  readonly target: string;
  readonly authorization: string | null;
}

/** How it treats who asks from here on: lets them through, answers a status, never answers, or hangs up. */
export type Manner = 'through' | 'hang' | 'hang_up' | 'nonsense' | number;

/** A company's proxy: it alone knows where hosts are, and lets nobody through who isn't known to it. */
export interface HttpProxy {
  readonly port: number;
  /** The value of HTTPS_PROXY, with the credentials that it wants. */
  readonly url: string;
  readonly asked: readonly Asked[];
  treat(manner: Manner): void;
  /** How many tunnels it holds open now. */
  tunnels(): number;
  close(): Promise<void>;
}

export interface HttpProxyOptions {
  /** Hosts and the ports of this machine that they stand for. */
  readonly hosts: () => Readonly<Record<string, number>>;
  readonly credentials?: { readonly name: string; readonly password: string };
  /** What it shows who comes by TLS; without it, they come by HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export async function startHttpProxy({ hosts, credentials, tls }: HttpProxyOptions): Promise<HttpProxy> {
  const open = new Set<Socket>();
  const asked: Asked[] = [];
  const tunnels = new Set<Socket>();
  let manner: Manner = 'through';
  const wanted =
    credentials === undefined
      ? null
      : `Basic ${Buffer.from(`${credentials.name}:${credentials.password}`).toString('base64')}`;

  /** The status that it answers with, or what else it does; null where it lets them through. */
  function refusal(request: http.IncomingMessage): Exclude<Manner, 'through'> | null {
    const authorization = request.headers['proxy-authorization'] ?? null;
    asked.push({ method: request.method ?? '', target: request.url ?? '', authorization });
    if (manner !== 'through') return manner;
    return authorization === wanted ? null : 407;
  }

  const forward = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const refused = refusal(request);
    if (refused === 'hang') return;
    if (typeof refused === 'string') {
      request.socket.destroy();
      return;
    }
    const url = new URL(request.url ?? '');
    const port = hosts()[url.hostname];
    if (refused !== null || port === undefined) {
      response.writeHead(refused ?? 502).end('the proxy says no');
      return;
    }
    const headers = { ...request.headers };
    delete headers['proxy-authorization'];
    const passed = http.request(
      { host: '127.0.0.1', port, method: request.method, path: `${url.pathname}${url.search}`, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  };
  const server = tls === undefined ? http.createServer(forward) : https.createServer(tls, forward);

  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('connect', (request: http.IncomingMessage, client: Socket) => {
    client.on('error', () => client.destroy());
    const refused = refusal(request);
    if (refused === 'hang') return;
    if (refused === 'hang_up') {
      client.destroy();
      return;
    }
    if (refused === 'nonsense') {
      client.end('This is no HTTP.\r\n\r\n');
      return;
    }
    const target = new URL(`http://${request.url ?? ''}`);
    const port = hosts()[target.hostname];
    if (refused !== null || port === undefined) {
      client.end(`HTTP/1.1 ${refused ?? 502} No\r\nContent-Length: 17\r\n\r\nthe proxy says no`);
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    tunnels.add(client);
    client.once('close', () => tunnels.delete(client));
    // Sockets of an HTTP server stay open for as long as it has something to say.
    client.once('end', () => client.destroy());
    join(client, upstream, open);
  });

  const port = await portOf(server);
  const user = credentials === undefined ? '' : `${credentials.name}:${encodeURIComponent(credentials.password)}@`;
  return {
    port,
    url: `${tls === undefined ? 'http' : 'https'}://${user}127.0.0.1:${port}`,
    asked,
    treat(how) {
      manner = how;
    },
    tunnels: () => tunnels.size,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
