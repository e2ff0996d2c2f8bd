import { createHmac } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { isSigned, readClaim } from '../../src/slack/signature.js';

const NOW = new Date('2026-05-10T05:00:00.500Z');
const SECONDS = Math.floor(NOW.getTime() / 1_000);
const SECRET = 'a secret';
const DIGEST = 'ab'.repeat(32);

function requestWith(headers: Readonly<Record<string, string | string[]>>): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, headers);
  return request;
}
const claimed = (timestamp: string | string[], signature: string | string[] = `v0=${DIGEST}`) =>
  readClaim(requestWith({ 'x-slack-request-timestamp': timestamp, 'x-slack-signature': signature }), NOW);

test.each([0, -60, 60, -299, 299, 300])('a time that is %i s off is one', (seconds) => {
  const timestamp = String(SECONDS + seconds);
  expect(claimed(timestamp)).toEqual({ timestamp, digest: DIGEST });
});

test.each([-301, 301, -86_400, 86_400, 10 * 365 * 86_400])('a time that is %i s off is none', (seconds) => {
  expect(claimed(String(SECONDS + seconds))).toBe('off_time');
});

test.each([
  '',
  ' ',
  '0',
  '-1',
  'NaN',
  'Infinity',
  '-Infinity',
  '1e10',
  '0x6a000000',
  `${SECONDS}.0`,
  `+${SECONDS}`,
  ` ${SECONDS}`,
  `0${SECONDS}`,
  `${SECONDS}\n`,
  `${SECONDS},${SECONDS}`,
  `${SECONDS}, ${SECONDS}`,
  `${SECONDS}`.repeat(2),
  '٣'.repeat(10),
])('%j is no time', (timestamp) => {
  expect(claimed(timestamp)).toBe('unsigned');
});

test.each([
  '',
  'v0=',
  DIGEST,
  `v1=${DIGEST}`,
  `v0=${DIGEST.slice(1)}`,
  `v0=${DIGEST}0`,
  `v0=${DIGEST.toUpperCase()}`,
  `v0=${DIGEST}=`,
  `v0=${DIGEST}, v0=${DIGEST}`,
  `v0=${'zz'.repeat(32)}`,
])('%j is no signature', (signature) => {
  expect(claimed(String(SECONDS), signature)).toBe('unsigned');
});

test('what is missing, or there several times, is neither', () => {
  expect(readClaim(requestWith({}), NOW)).toBe('unsigned');
  expect(claimed([String(SECONDS), String(SECONDS)])).toBe('unsigned');
  expect(claimed(String(SECONDS), [`v0=${DIGEST}`, `v0=${DIGEST}`])).toBe('unsigned');
});

test('the signature is over the bytes, whatever text they would be', () => {
  const body = Buffer.from([0xff, 0xfe, 0x00, 0x7b]);
  const timestamp = String(SECONDS);
  const sign = (secret: string) =>
    createHmac('sha256', secret)
      .update(Buffer.concat([Buffer.from(`v0:${timestamp}:`), body]))
      .digest('hex');
  expect(isSigned({ timestamp, digest: sign(SECRET) }, body, SECRET)).toBe(true);
  expect(isSigned({ timestamp, digest: sign('another') }, body, SECRET)).toBe(false);
  expect(isSigned({ timestamp: String(SECONDS + 1), digest: sign(SECRET) }, body, SECRET)).toBe(false);
  expect(isSigned({ timestamp, digest: sign(SECRET) }, Buffer.from(body.toString('utf8')), SECRET)).toBe(false);
});
