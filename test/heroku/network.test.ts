import { createServer, type Server, type Socket } from 'node:net';
import { createHeroku, type Heroku } from '../../src/heroku/heroku.js';
import { ANY_TIME, APP, errorOf, FLAG, leaksOf, OTHER_VALUE, SET_VALUE, TOKEN } from './harness.js';
import { eventually } from '../support/eventually.js';
import { DIRECTLY } from '../support/network.js';

/** Networks in worse states than a stand-in for Heroku allows: sockets driven byte by byte. */
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function listen(
  onSocket: (socket: Socket) => void,
): Promise<{ port: number; received: () => string; server: Server }> {
  const sockets = new Set<Socket>();
  let received = '';
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return { port: address.port, received: () => received, server };
}

/** Sends these bytes once a whole request has come in, then does what `then` says. */
const replying =
  (bytes: string, then: (socket: Socket) => void = () => undefined) =>
  (socket: Socket) => {
    socket.once('data', () => socket.write(bytes, () => then(socket)));
  };

function connect(apiUrl: string, deadlineMs = 2_000): Heroku {
  const heroku = createHeroku({ apiKey: TOKEN, apiUrl, network: DIRECTLY, deadlineMs });
  closers.push(() => heroku.close());
  return heroku;
}

const set = (heroku: Heroku) => errorOf(heroku.setConfigVar(APP, FLAG, SET_VALUE, ANY_TIME));

describe('certainly not sent', () => {
  test('connection refused', async () => {
    const { port, server } = await listen(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const error = await set(connect(`http://127.0.0.1:${port}`));
    expect(error).toMatchObject({ kind: 'unreachable', outcomeUnknown: false, status: null });
    expect(error.message).toContain('ECONNREFUSED');
    expect(error.message).toContain('Nothing was changed.');
    expect(leaksOf(error)).toEqual([]);
  });

  test('no such host', async () => {
    const error = await set(connect('https://heroku.invalid', 5_000));
    expect(error).toMatchObject({ kind: 'unreachable', outcomeUnknown: false });
    expect(leaksOf(error)).toEqual([]);
  });

  test('a TLS handshake that fails', async () => {
    const { port, received } = await listen(replying('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const error = await set(connect(`https://127.0.0.1:${port}`));
    expect(error).toMatchObject({ kind: 'unreachable', outcomeUnknown: false });
    expect(received()).not.toContain('PATCH');
  });

  test('a TLS handshake that nobody answers, until the deadline', async () => {
    const { port } = await listen(() => undefined);
    const error = await set(connect(`https://127.0.0.1:${port}`, 300));
    expect(error).toMatchObject({ kind: 'unreachable', outcomeUnknown: false });
    expect(error.message).toContain('300 ms');
  });
});

test('certificates that are for other programs are none of its business', async () => {
  const { port } = await listen(replying('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}'));
  process.env['SSL_CERT_DIR'] = '/no/such/folder';
  process.env['SSL_CERT_FILE'] = '/no/such/file';
  closers.push(() => {
    delete process.env['SSL_CERT_DIR'];
    delete process.env['SSL_CERT_FILE'];
  });
  await expect(connect(`http://127.0.0.1:${port}`, 5_000).readConfigVar(APP, FLAG)).resolves.toBeNull();
});

describe('sent, and then', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
  const body = JSON.stringify({ [FLAG]: SET_VALUE, DATABASE_URL: OTHER_VALUE });

  test.each<[string, string, (socket: Socket) => void]>([
    ['the connection ends without an answer', '', (socket) => socket.end()],
    ['the connection is reset', '', (socket) => socket.resetAndDestroy()],
    ['half of the headers, then the end', head.slice(0, 30), (socket) => socket.end()],
    ['a chunked body that ends early', `${head}Transfer-Encoding: chunked\r\n\r\n20\r\n{"FL`, (socket) => socket.end()],
    ['a body shorter than announced', `${head}Content-Length: 500\r\n\r\n${body}`, (socket) => socket.end()],
    ['a body that never comes', `${head}Content-Length: 500\r\n\r\n`, () => undefined],
    ['no HTTP at all', `${OTHER_VALUE}\r\n\r\n`, () => undefined],
    ['a broken chunk that quotes a secret', `${head}Transfer-Encoding: chunked\r\n\r\n${OTHER_VALUE}`, () => undefined],
  ])('%s: unknown outcome', async (_name, bytes, then) => {
    const { port, received } = await listen(bytes === '' ? replying('', then) : replying(bytes, then));
    const error = await set(connect(`http://127.0.0.1:${port}`));
    expect(error).toMatchObject({ kind: 'unknown_outcome', outcomeUnknown: true, status: null });
    expect(received().match(/PATCH /g)).toHaveLength(1);
    expect(leaksOf(error)).toEqual([]);
  });

  test('a trickle of bytes does not stretch the deadline', async () => {
    const { port } = await listen(
      replying(`${head}Content-Length: 5000\r\n\r\n`, (socket) => {
        const timer = setInterval(() => socket.write(' '), 20);
        socket.once('close', () => clearInterval(timer));
      }),
    );
    const began = performance.now();
    const error = await set(connect(`http://127.0.0.1:${port}`));
    // All the bytes would take a hundred seconds.
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(error.message).toContain('within 2 s');
  });

  test.each([
    ['cut JSON without a length', `${head}Connection: close\r\n\r\n${body.slice(0, -5)}`],
    ['an empty body', `${head}Content-Length: 0\r\n\r\n`],
    ['an array', `${head}Content-Length: 2\r\n\r\n[]`],
    ['null', `${head}Content-Length: 4\r\n\r\nnull`],
    ['a value that is no string', `${head}Connection: close\r\n\r\n{"${FLAG}":{"secret":"${OTHER_VALUE}"}}`],
    ['a 202', `HTTP/1.1 202 Accepted\r\nConnection: close\r\n\r\n${body}`],
    ['a redirect', 'HTTP/1.1 301 Moved\r\nLocation: https://example.com/\r\nContent-Length: 0\r\n\r\n'],
  ])('%s: unexpected, and a write remains open', async (_name, bytes) => {
    const { port, received } = await listen(replying(bytes, (socket) => socket.end()));
    const error = await set(connect(`http://127.0.0.1:${port}`));
    expect(error).toMatchObject({ kind: 'unexpected', outcomeUnknown: true });
    expect(received().match(/PATCH /g)).toHaveLength(1);
    expect(leaksOf(error)).toEqual([]);
  });

  test('a refusal whose body never ends is told from its status alone', async () => {
    const { port } = await listen(replying('HTTP/1.1 422 No\r\nContent-Length: 999\r\n\r\n{"id":'));
    const error = await errorOf(connect(`http://127.0.0.1:${port}`, 5_000).readConfigVar(APP, FLAG));
    expect(error).toMatchObject({ kind: 'invalid', status: 422 });
  });

  test.each([[null], [OTHER_VALUE]])(
    'a release whose status is %j is read as unknown, beside the others',
    async (status) => {
      const releases = [release(3), { ...release(2), status }, release(1)];
      const { port } = await listen(
        replying(`${head}Connection: close\r\n\r\n${JSON.stringify(releases)}`, (socket) => socket.end()),
      );
      const read = await connect(`http://127.0.0.1:${port}`).releases(APP, { max: 3 });
      expect(read.map(({ version, status: known }) => [version, known])).toEqual([
        [3, 'succeeded'],
        [2, 'unknown'],
        [1, 'succeeded'],
      ]);
      expect(leaksOf(read)).toEqual([]);
    },
  );

  test.each([
    ['oldest first', [release(1), release(2)]],
    ['a time that is none', [{ ...release(2), created_at: 'yesterday' }]],
    ['more than asked for', [release(9), release(8), release(7)]],
  ])('releases with %s: unexpected', async (_name, releases) => {
    const { port } = await listen(
      replying(`${head}Connection: close\r\n\r\n${JSON.stringify(releases)}`, (socket) => socket.end()),
    );
    const error = await errorOf(connect(`http://127.0.0.1:${port}`).releases(APP, { max: 2 }));
    expect(error).toMatchObject({ kind: 'unexpected', outcomeUnknown: false });
    expect(leaksOf(error)).toEqual([]);
  });

  test('a PATCH resolves with what Heroku echoes, even if that is not what was sent', async () => {
    const echo = JSON.stringify({ [FLAG]: 'false', DATABASE_URL: OTHER_VALUE });
    const { port } = await listen(replying(`${head}Connection: close\r\n\r\n${echo}`, (socket) => socket.end()));
    await expect(connect(`http://127.0.0.1:${port}`).setConfigVar(APP, FLAG, 'true', ANY_TIME)).resolves.toBe('false');
  });

  test('a character that two packets share arrives whole', async () => {
    const [before = '', after = ''] = JSON.stringify({ [FLAG]: 'ein Wörtchen' }).split('ö');
    const { port } = await listen((socket) => {
      socket.once('data', () => {
        socket.write(Buffer.concat([Buffer.from(`${head}Connection: close\r\n\r\n${before}`), Buffer.from([0xc3])]));
        setTimeout(() => socket.end(Buffer.concat([Buffer.from([0xb6]), Buffer.from(after)])), 40);
      });
    });
    await expect(connect(`http://127.0.0.1:${port}`).readConfigVar(APP, FLAG)).resolves.toBe('ein Wörtchen');
  });

  test('releases in the right form pass the same check', async () => {
    const { port } = await listen(
      replying(`${head}Connection: close\r\n\r\n${JSON.stringify([release(2), release(1)])}`, (socket) => socket.end()),
    );
    const releases = await connect(`http://127.0.0.1:${port}`).releases(APP, { max: 2 });
    expect(releases.map(({ version }) => version)).toEqual([2, 1]);
  });
});

function release(version: number) {
  return {
    id: `01234567-89ab-cdef-0123-45678900000${version}`,
    version,
    status: 'succeeded',
    current: true,
    created_at: '2026-05-09T04:28:00Z',
    updated_at: '2026-05-09T04:28:00Z',
    user: { email: 'ops@raxx.example' },
    description: 'Deploy 1a2b3c',
  };
}

describe('a connection', () => {
  const answer = (connection: string) =>
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${connection}Content-Length: 2\r\n\r\n{}`;

  test('is used for the next request, as a promotion has several', async () => {
    let connections = 0;
    const { port, received } = await listen((socket) => {
      connections += 1;
      socket.on('data', () => socket.write(answer('')));
    });
    const heroku = connect(`http://127.0.0.1:${port}`, 5_000);
    for (let request = 0; request < 3; request += 1) {
      await expect(heroku.readConfigVar(APP, FLAG)).resolves.toBeNull();
    }
    expect(received().match(/GET /g)).toHaveLength(3);
    expect(connections).toBe(1);
  });

  test('that is reset instead of an answer to its second request leaves that one open, and sends it no second time', async () => {
    const { port, received } = await listen((socket) => {
      socket.once('data', () => {
        socket.write(answer(''));
        socket.once('data', () => socket.resetAndDestroy());
      });
    });
    const heroku = connect(`http://127.0.0.1:${port}`, 5_000);
    await heroku.readConfigVar(APP, FLAG);
    expect(await set(heroku)).toMatchObject({ kind: 'unknown_outcome', outcomeUnknown: true });
    expect(received().match(/PATCH /g)).toHaveLength(1);
  });

  test('is closed with the client, whether it is used or not', async () => {
    let closed = false;
    const { port } = await listen((socket) => {
      socket.on('data', () => socket.write(answer('')));
      socket.once('close', () => {
        closed = true;
      });
    });
    const heroku = connect(`http://127.0.0.1:${port}`, 5_000);
    await heroku.readConfigVar(APP, FLAG);
    heroku.close();
    await eventually(async () => expect(closed).toBe(true));
  });
});
