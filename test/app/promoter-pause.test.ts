import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { APP, CONFIG_VAR, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { tapStatements } from '../support/statements.js';
import { join, portOf } from '../support/sockets.js';

/** A replica in its own process takes seconds to start, on a busy machine many: the test never waits for its speed. */
const IN_THE_END_MS = 60_000;
const LEASE_MS = 3_000;
jest.setTimeout(3 * IN_THE_END_MS);

const ROOT = path.resolve(__dirname, '../..');
const CERTIFICATE = path.join(ROOT, 'test/support/tls/cert.pem');

/**
 * A promoter is paused (SIGSTOP here; a frozen machine elsewhere) once it has decided to send a PATCH, until its
 * successor has deployed and a person has reverted the value.
 */
describe('a promoter that is paused for longer than its lease', () => {
  let bed: TestBed;
  const closers: (() => unknown)[] = [];

  beforeEach(async () => {
    // The app of the test's own process has no Heroku and so no promoter.
    bed = await startTestBed({ startAt: new Date().toISOString(), vars: {}, withoutHeroku: true });
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
    await bed.close();
  });

  interface Paused {
    readonly child: ChildProcess;
    readonly at: number;
    logged(): string;
  }

  /** Starts a promoter; with this `environment` something has to call `pause`. */
  function startPromoter(environment: Readonly<Record<string, string>>): {
    pause: () => void;
    paused: Promise<Paused>;
  } {
    let logged = '';
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', 'start'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        ...bed.environment,
        HEROKU_API_KEY: bed.heroku.apiKey,
        HEROKU_API_URL: bed.heroku.apiUrl,
        PROMOTER_LEASE: `${LEASE_MS}ms`,
        ...environment,
      },
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        logged += text;
        bed.hear(text);
      });
    }
    closers.push(() => child.kill('SIGKILL'));
    let pause: () => void = () => undefined;
    const paused = new Promise<Paused>((resolve) => {
      pause = () => {
        child.kill('SIGSTOP');
        resolve({ child, at: performance.now(), logged: () => logged });
      };
    });
    return { pause: () => pause(), paused };
  }

  const patches = () => bed.heroku.requests.filter(({ method }) => method === 'PATCH');

  async function leavesTheRollbackAlone({ child, at, logged }: Paused): Promise<void> {
    expect(patches()).toHaveLength(0);
    await bed.replica({ environment: { HEROKU_API_KEY: bed.heroku.apiKey, HEROKU_API_URL: bed.heroku.apiUrl } });
    await eventually(async () => {
      await bed.clock.advance(30_000);
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    }, IN_THE_END_MS);
    bed.heroku.setVar(APP, CONFIG_VAR, 'false');

    await sleep(Math.max(0, LEASE_MS - (performance.now() - at)));
    child.kill('SIGCONT');
    await eventually(async () => {
      expect(patches().length > 1 || logged().includes('nothing was sent to Heroku')).toBe(true);
    }, IN_THE_END_MS);

    expect(patches()).toHaveLength(1);
    expect(bed.heroku.getVar(APP, CONFIG_VAR)).toBe('false');
    const events = await bed.rows.query<{ action: string }>('select action from flag_promotions.audit_log order by id');
    expect(events.map(({ action }) => action.replace('console.flag.promotion.', ''))).toEqual([
      // Its own, without a result, then its successor's.
      'heroku_patching',
      'heroku_patching',
      'heroku_patched',
      'deployed',
    ]);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
  }

  test('right before it sends, sends nothing when it goes on', async () => {
    let pause = (): void => undefined;
    const tap = await tapStatements(bed.environment['DATABASE_URL'] ?? '', ({ sql }) => {
      // The last statement before it sends.
      if (sql.includes('previous_value = case')) pause();
    });
    const promoter = startPromoter({ DATABASE_URL: tap.url });
    pause = promoter.pause;
    closers.push(tap.close);
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    await leavesTheRollbackAlone(await promoter.paused);
  });

  test('while its connection to Heroku is being made, sends nothing when it is there', async () => {
    let pause = (): void => undefined;
    const api = await startTlsFront(bed.heroku.apiUrl, (connections) => {
      // It asks for the releases, for the value, and then sets it; each on its own connection.
      if (connections === 3) pause();
    });
    const promoter = startPromoter({ HEROKU_API_URL: api.url, NODE_EXTRA_CA_CERTS: CERTIFICATE });
    pause = promoter.pause;
    closers.push(api.close);
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    await leavesTheRollbackAlone(await promoter.paused);
  });
});

/** The same API over TLS, a connection for each request. `onConnection` is called before the handshake begins. */
async function startTlsFront(
  target: string,
  onConnection: (connections: number) => void,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const keys = { key: readFileSync(path.resolve(CERTIFICATE, '../key.pem')), cert: readFileSync(CERTIFICATE) };
  const tls = createHttpsServer(keys, (incoming: IncomingMessage, response: ServerResponse) => {
    const passed = request(
      new URL(incoming.url ?? '', target),
      { method: incoming.method ?? 'GET', headers: { ...incoming.headers, connection: 'close' } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, { ...answer.headers, connection: 'close' });
        answer.pipe(response);
      },
    );
    passed.on('error', () => response.destroy());
    incoming.pipe(passed);
  });
  const tlsPort = await portOf(tls);
  let connections = 0;
  const front = createServer((client) => {
    connections += 1;
    onConnection(connections);
    const upstream = connect(tlsPort, '127.0.0.1');
    join(client, upstream, sockets);
  });
  const port = await portOf(front);
  return {
    url: `https://127.0.0.1:${port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      tls.closeAllConnections();
      await Promise.all([front, tls].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
