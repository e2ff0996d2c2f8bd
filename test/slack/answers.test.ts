import { createServer, type Server, type ServerResponse } from 'node:http';
import { mayHaveHappened, isLastingRefusal, SlackError } from '../../src/slack/errors.js';
import { createSlack } from '../../src/slack/slack.js';
import { DIRECTLY } from '../support/network.js';
import { portOf } from '../support/sockets.js';

/* What a post's answer means: Slack's own no, or that nobody knows whether it was posted. */

let api: Server;
let answer: (response: ServerResponse) => void;

beforeEach(() => {
  api = createServer((request, response) => {
    request.resume();
    if (request.url?.endsWith('auth.test') === true) response.end(WHO);
    else answer(response);
  });
});
afterEach(async () => {
  api.closeAllConnections();
  await new Promise((resolve) => api.close(resolve));
});
const WHO = JSON.stringify({ ok: true, team_id: 'T1', team: 't', user_id: 'U1', bot_id: 'B1', url: 'https://t' });

async function errorOfPost(): Promise<SlackError> {
  const slack = createSlack({
    botToken: 'xoxb-1',
    apiUrl: `http://127.0.0.1:${await portOf(api)}/api/`,
    slots: null,
    newOwner: () => 'owner',
    fetch: DIRECTLY.fetch,
    admit: async () => undefined,
  });
  const to = { channel: 'C1', threadTs: null, broadcast: false, key: 'key' };
  try {
    await slack.post(to, { text: 'text' }, null, () => true);
  } catch (error) {
    if (error instanceof SlackError) return error;
    throw error;
  }
  throw new Error('It was posted.');
}

test.each([
  '',
  '<html>Sign in to this network</html>',
  'Service temporarily busy',
  'null',
  '[]',
  '7',
  '"posted"',
  '{}',
  '{"error":"is_archived"}',
  '{"ok":"false","error":"is_archived"}',
  '{"ok":null}',
  '{"ok":true,"channel":"C1","ts":"1.',
  '{"ok":true}',
])('after a 200 with %j it may have been posted', async (body) => {
  answer = (response) => response.end(body);
  const error = await errorOfPost();
  expect(error.kind).toBe('unknown_outcome');
  expect(mayHaveHappened(error)).toBe(true);
  expect(isLastingRefusal(error)).toBe(false);
});

test('after an answer that breaks off it may have been posted', async () => {
  answer = (response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('{"ok":true,', () => response.destroy());
  };
  expect(mayHaveHappened(await errorOfPost())).toBe(true);
});

test.each([
  ['{"ok":false,"error":"a_word_of_next_year"}', 'a_word_of_next_year'],
  ['{"ok":false,"error":"Some Strange Error!"}', 'Some Strange Error!'],
  ['{"ok":false,"error":"UPPER-CASE.word"}', 'UPPER-CASE.word'],
  ['{"ok":false,"error":"a_word","response_metadata":{"messages":["why"]}}', 'a_word'],
  [`{"ok":false,"error":"${'x'.repeat(500)}"}`, 'x'.repeat(100)],
  ['{"ok":false}', 'no_reason'],
  ['{"ok":false,"error":""}', 'no_reason'],
  ['{"ok":false,"error":null}', 'no_reason'],
  ['{"ok":false,"error":7}', 'no_reason'],
])('%s is a no, for %s', async (body, word) => {
  answer = (response) => response.end(body);
  const error = await errorOfPost();
  expect(error).toMatchObject({ kind: 'refused', word });
  expect(isLastingRefusal(error)).toBe(true);
});

test.each([
  ['in seconds', '7', 7_000],
  ['as a date', new Date(Date.now() + 3_600_000).toUTCString(), 3_600_000],
  ['as a date that has passed', 'Tue, 01 Dec 2015 02:00:00 GMT', 0],
  ['not at all', null, 30_000],
  ['in no words that anybody knows', 'soon', 30_000],
  ['as less than nothing', '-5', 30_000],
])('a 429 that says %s when to ask again is a no that passes', async (_, retryAfter, waitMs) => {
  answer = (response) => {
    response.writeHead(429, retryAfter === null ? {} : { 'retry-after': retryAfter });
    response.end('slow down');
  };
  const error = await errorOfPost();
  expect(error).toMatchObject({ kind: 'rate_limited', code: 'rate_limited' });
  expect(Math.abs(error.retryAfterMs - waitMs)).toBeLessThan(120_000 * Number(retryAfter?.includes('GMT') ?? 0) + 1);
  expect(mayHaveHappened(error)).toBe(false);
});
