import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { z } from 'zod';
import { portOf } from '../harness/ports.js';

/**
 * A Heroku that answers in 0 ms, in a process of its own: what is measured is the app, not a stand-in that is as careful as
 * Heroku (the tests' is). An app comes into being as it is asked for; a change of its config vars is a release that has
 * succeeded.
 */
interface Release {
  readonly id: string;
  readonly vars: Readonly<Record<string, string>>;
  /** As Heroku would list it, but for whether it is the current one. */
  readonly body: object;
}

/** By name, the newest release first. */
const apps = new Map<string, Release[]>();
const LISTED = 20;

function releasesOf(app: string): Release[] {
  const known = apps.get(app);
  if (known !== undefined) return known;
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
  return { id, vars, body };
}

function answer(request: IncomingMessage, said: string): unknown {
  const [, , app = '', collection = '', id = ''] = (request.url ?? '').split('/');
  const releases = releasesOf(app);
  if (id !== '') return releases.find((release) => release.id === id)?.vars ?? {};
  if (collection === 'releases') {
    return releases.slice(0, LISTED).map(({ body }, index) => ({ ...body, current: index === 0 }));
  }
  if (request.method === 'PATCH') {
    const changes = z.record(z.string(), z.string()).parse(JSON.parse(said));
    releases.unshift(releaseOf(releases.length + 1, { ...releases[0]?.vars, ...changes }));
  }
  return releases[0]?.vars ?? {};
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = JSON.stringify(answer(request, Buffer.concat(chunks).toString('utf8')));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ port: portOf(server) })}\n`));
