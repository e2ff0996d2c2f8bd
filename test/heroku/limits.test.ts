import { rateLimitRemaining, requestId, retryAfterMs } from '../../src/heroku/limits.js';

const NOW = new Date('2026-05-09T04:28:00Z');

test.each([
  ['seconds', { 'retry-after': '30' }, 30_000],
  ['zero', { 'retry-after': '0' }, 0],
  ['a date', { 'retry-after': 'Sat, 09 May 2026 04:29:00 GMT' }, 60_000],
  ['a date that is past', { 'retry-after': 'Sat, 09 May 2026 04:27:00 GMT' }, 0],
  ['a day is cut to an hour', { 'retry-after': '86400' }, 3_600_000],
  ['no time at all', { 'retry-after': 'soon' }, null],
  ['a negative number', { 'retry-after': '-5' }, null],
  ['a reset in seconds', { 'ratelimit-reset': '12' }, 12_000],
  ['a reset as a point in time', { 'ratelimit-reset': String(NOW.getTime() / 1000 + 45) }, 45_000],
  ['both: Retry-After counts', { 'retry-after': '1', 'ratelimit-reset': '99' }, 1_000],
  ['nothing', {}, null],
])('the wait: %s', (_name, headers, expected) => {
  expect(retryAfterMs(headers, NOW)).toBe(expected);
});

test.each([
  ['4499', 4_499],
  ['0', 0],
  ['many', null],
  ['-1', null],
])('RateLimit-Remaining %s', (text, expected) => {
  expect(rateLimitRemaining({ 'ratelimit-remaining': text })).toBe(expected);
});

test.each([
  ['099fc89d-73f5-4fe7-be95-208055ddc4ca', true],
  ['099fc89d-73f5-4fe7-be95-208055ddc4ca,e2d9cf04-5019-4a5e-8d4f-80e1c1a36212', true],
  ['<script>', false],
  ['a'.repeat(65), false],
])('Request-Id %s: kept: %s', (text, kept) => {
  expect(requestId({ 'request-id': text })).toBe(kept ? text : null);
});
