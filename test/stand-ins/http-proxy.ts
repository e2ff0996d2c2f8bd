import http from 'node:http';
import https from 'node:https';
import { connect, type Socket } from 'node:net';
import { join, portOf } from '../support/sockets.js';

/** One request to the proxy, as received. */
interface Asked {
  /** CONNECT, or the method of the request to forward. */
  readonly method: string;
  /** `host:port`, or a whole address. */
  readonly target: string;
  readonly authorization: string | null;
}

/** How it treats requests from now on: passes them, answers a status, never answers, or hangs up. */
type Manner = 'through' | 'hang' | 'hang_up' | 'nonsense' | number;

/** A company's proxy: only it can resolve hosts, and it requires credentials. */
export interface HttpProxy {
  readonly port: number;
  /** For HTTPS_PROXY, with the credentials. */
  readonly url: string;
  readonly asked: readonly Asked[];
  treat(manner: Manner): void;
  /** How many tunnels are open now. */
  tunnels(): number;
  close(): Promise<void>;
}

export interface HttpProxyOptions {
  /** Hosts and the ports of this machine that they stand for. */
  readonly hosts: () => Readonly<Record<string, number>>;
  readonly credentials?: { readonly name: string; readonly password: string };
  /** Its certificate for TLS; without it, clients connect by HTTP. */
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

  /** The status of the refusal, or what else it does; null if it passes the request. */
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
    // An HTTP server's sockets stay open while it has something to send.
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
