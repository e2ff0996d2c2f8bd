import { WebAPIHTTPError, WebAPIRequestError } from '@slack/web-api';
import { ProxyError } from '../../src/network/tunnel.js';
import { isLastingRefusal, mayHaveHappened, toSlackError } from '../../src/slack/errors.js';

test.each([
  ['PROXY_407', 'unreachable', false],
  ['PROXY_TIMEOUT', 'unreachable', false],
  ['ECONNRESET', 'unknown_outcome', true],
])('a post that failed by %s is %s: it may have been posted: %s', (code, kind, happened) => {
  const cause = code.startsWith('PROXY_') ? new ProxyError(code) : Object.assign(new Error(code), { code });
  const fetchFailed = new TypeError('fetch failed', { cause });
  const error = toSlackError('chat.postMessage', new WebAPIRequestError(fetchFailed));
  expect(error).toMatchObject({ kind, code });
  expect(mayHaveHappened(error)).toBe(happened);
});

test.each([
  [403, 'refused', false],
  [407, 'refused', false],
  [408, 'unknown_outcome', true],
  [425, 'unknown_outcome', true],
  [499, 'unknown_outcome', true],
  [502, 'unknown_outcome', true],
])('a post answered by status %i is %s: it may have been posted: %s', (status, kind, happened) => {
  const error = toSlackError('chat.postMessage', new WebAPIHTTPError(status, '', {}));
  expect(error).toMatchObject({ kind, code: `http_${status}` });
  expect(mayHaveHappened(error)).toBe(happened);
  // It may be a proxy that answers: only Slack's own word says that a channel is closed.
  expect(isLastingRefusal(error)).toBe(false);
});
