import { WebAPIRequestError } from '@slack/web-api';
import { ProxyError } from '../../src/network/tunnel.js';
import { mayHaveHappened, toSlackError } from '../../src/slack/errors.js';

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
