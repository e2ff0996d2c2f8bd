import { randomUUID } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { z } from 'zod';
import { portOf } from '../harness/ports.js';

/**
 * A Heroku that answers in 0 ms, in its own process: the app is measured, not a careful stand-in. It shares the
 * machine's cores with the app, so it saves them: it parses HTTP itself and keeps its answers as texts. An app exists
 * once it is asked for; each change is a succeeded release.
 */
interface Release {
  readonly id: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly varsAnswer: string;
  /** As Heroku lists it, once it isn't the current one. */
  readonly body: string;
  readonly currentBody: string;
}

/** By name, newest release first. */
const apps = new Map<string, Release[]>();
const LISTED = 20;
const HEADERS_END = '\r\n\r\n';

function releasesOf(app: string): Release[] {
  const known = apps.get(app);
  if (known !== undefined) return known;
  // Resolves those who await an app's first request.
  process.send?.({ app, at: performance.timeOrigin + performance.now() });
  const made = [releaseOf(1, {})];
  apps.set(app, made);
  return made;
}

function releaseOf(version: number, vars: Release['vars']): Release {
  const id = randomUUID();
  const at = new Date().toISOString();
  const user = { id: randomUUID(), email: 'bench@example.com' };
  const body = {
    id,
    version,
    status: 'succeeded',
    created_at: at,
    updated_at: at,
    user,
    description: 'Set config vars',
  };
  return {
    id,
    vars,
    varsAnswer: answering(JSON.stringify(vars)),
    body: JSON.stringify({ ...body, current: false }),
    currentBody: JSON.stringify({ ...body, current: true }),
  };
}

const changes = z.record(z.string(), z.string());

let requests = 0;
process.on('message', (asked) => {
  if (asked === 'count') process.send?.({ requests });
});
process.channel?.unref();

function answer(method: string, path: string, said: string): string {
  requests += 1;
  const [, , app = '', collection = '', id = ''] = path.split('/');
  const releases = releasesOf(app);
  if (id !== '') return releases.find((release) => release.id === id)?.varsAnswer ?? answering('{}');
  if (collection === 'releases') {
    const listed = releases.slice(0, LISTED).map(({ body, currentBody }, index) => (index === 0 ? currentBody : body));
    return answering(`[${listed.join(',')}]`);
  }
  if (method === 'PATCH') {
    const changed = { ...releases[0]?.vars, ...changes.parse(JSON.parse(said)) };
    releases.unshift(releaseOf(releases.length + 1, changed));
  }
  return releases[0]?.varsAnswer ?? answering('{}');
}

function answering(body: string): string {
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

/** One request at a time, as a client on a kept connection sends them; all ASCII. */
function serve(socket: Socket): void {
  let heard = '';
  socket.setNoDelay(true);
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    heard += chunk;
    const headers = heard.indexOf(HEADERS_END);
    if (headers === -1) return;
    const length = Number(/\r\ncontent-length: (\d+)/iu.exec(heard)?.[1] ?? 0);
    const end = headers + HEADERS_END.length + length;
    if (heard.length < end) return;
    const [method = '', path = ''] = heard.split(' ', 2);
    socket.write(answer(method, path, heard.slice(end - length, end)), 'latin1');
    heard = heard.slice(end);
  });
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ port: portOf(server) })}\n`));
