import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Attackers on the network, in their own thread, so that they don't slow down the people measured beside them. Each
 * attack counts the statuses it got; `cut`: its connection ended without one.
 */
const { port } = workerData;
const MEBIBYTE = 1024 * 1024;
const KEPT = new Set();

/** A signature like Slack's, except for the secret; without it no body is read. */
const plausible = () => [
  `x-slack-request-timestamp: ${Math.floor(Date.now() / 1_000)}`,
  `x-slack-signature: v0=${randomBytes(32).toString('hex')}`,
];
const head = (method, path, headers) => [`${method} ${path} HTTP/1.1`, 'host: app', ...headers, '', ''].join('\r\n');

/**
 * Sends pieces one after the other; resolves with the answer's status, or after `withinMs`. The connection stays open.
 */
function send(pieces, withinMs) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    KEPT.add(socket);
    const timer = setTimeout(resolve, withinMs, 'none');
    const end = (status) => {
      clearTimeout(timer);
      resolve(status);
    };
    socket.on('error', () => end('cut'));
    socket.on('close', () => end('cut'));
    socket.on('data', (data) => end(/^HTTP\/1\.1 (\d+)/u.exec(String(data))?.[1] ?? 'odd'));
    socket.on('connect', async () => {
      for (const piece of pieces) {
        if (!socket.writable) return;
        if (!socket.write(piece))
          await new Promise((drained) => void socket.once('drain', drained).once('close', drained));
      }
    });
  });
}
function hangUp() {
  for (const socket of KEPT) socket.destroy();
  KEPT.clear();
}

const NESTED = Buffer.alloc(4 * MEBIBYTE, '[');
const TYPES = ['application/json', 'application/x-www-form-urlencoded', 'text/plain'];
const large = (headers) => [
  head('POST', '/slack/events', [`content-type: ${TYPES[0]}`, `content-length: ${NESTED.byteLength}`, ...headers]),
  NESTED,
];
const chunked = (headers, bytes, type = TYPES[0]) => [
  head('POST', '/slack/events', [`content-type: ${type}`, 'transfer-encoding: chunked', ...headers]),
  `${bytes.byteLength.toString(16)}\r\n`,
  bytes,
];
const all = (count, work) => Promise.all(Array.from({ length: count }, (_, index) => work(index)));

const ATTACKS = {
  /** Brackets that take seconds to parse: without a signature, with a wrong one, as JSON and as a form. */
  async brackets() {
    const answers = [];
    for (let round = 0; round < 6; round += 1) {
      answers.push(await send(large([]), 2_000));
      answers.push(await send(large(plausible()), 2_000));
      for (const type of TYPES) {
        answers.push(
          await send([...chunked(plausible(), NESTED.subarray(0, 1.9 * MEBIBYTE), type), '\r\n0\r\n\r\n'], 2_000),
        );
      }
      hangUp();
    }
    return answers;
  },
  /** 150 connections that each send as much as they can, and then nothing more. */
  async stalled() {
    const answers = await all(150, (index) =>
      send(index % 2 === 0 ? large(plausible()) : chunked(plausible(), NESTED.subarray(0, 1.9 * MEBIBYTE)), 3_000),
    );
    await sleep(2_000);
    hangUp();
    return answers;
  },
  /** A body in pieces of one byte: each takes many bytes if it is kept. */
  async crumbs() {
    const crumb = Buffer.from('1\r\n[\r\n'.repeat(16_384));
    const answers = await all(20, () =>
      send(
        [head('POST', '/slack/events', ['transfer-encoding: chunked', ...plausible()]), ...Array(16).fill(crumb)],
        3_000,
      ),
    );
    hangUp();
    return answers;
  },
  /** Two thousand connections that each begin a request and never end it. */
  async slow() {
    const answers = [];
    for (let round = 0; round < 20; round += 1) {
      answers.push(all(100, () => send(['POST /slack/events HTTP/1.1\r\nhost: app\r\nx-a: '], 12_000)));
      await sleep(100);
    }
    const ended = (await Promise.all(answers)).flat();
    hangUp();
    return ended;
  },
  /** Probes, metrics and unknown links, three hundred at once. */
  async questions() {
    const answers = [];
    const token = () => randomBytes(32).toString('base64url');
    for (const path of [() => '/readyz', () => '/metrics', () => `/enrol/${token()}`]) {
      for (let round = 0; round < 3; round += 1) {
        answers.push(...(await all(300, () => send([head('GET', path(), [])], 10_000))));
        hangUp();
      }
    }
    return answers;
  },
  /** Many requests ahead of their answers. */
  async ahead() {
    const many = head('GET', '/readyz', []).repeat(100);
    const answers = await all(40, () => send([many], 2_000));
    hangUp();
    return answers;
  },
};

parentPort.on('message', async (name) => {
  const counts = {};
  for (const status of await ATTACKS[name]()) counts[status ?? 'none'] = (counts[status ?? 'none'] ?? 0) + 1;
  parentPort.postMessage({ name, counts });
});
