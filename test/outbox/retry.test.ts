import { postponed, unlessGone } from '../../src/outbox/retry.js';
import { SlackError } from '../../src/slack/errors.js';

const FIRST = { attempts: 1, channel: null };
const failed = (kind: SlackError['kind'], code = 'some_word', retryAfterMs = 0) =>
  new SlackError(kind, 'chat.postMessage', code, retryAfterMs, undefined);

test.each([
  ['what Slack refused', failed('refused'), 2_500],
  ['what never reached Slack', failed('unreachable'), 2_500],
  ['what came too early, as long as Slack says', failed('rate_limited', 'ratelimited', 7_000), 7_000],
  ['what may still take effect', failed('unknown_outcome'), 30_000],
  ['a fault of our own, which may have come after the post', new Error('a bug'), 30_000],
])('%s waits', (_what, error, waitMs) => {
  expect(postponed(error, FIRST, () => 0).waitMs).toBe(waitMs);
});

test('a failure keeps Slack’s word, and nothing of a fault of our own', () => {
  expect(postponed(failed('refused'), FIRST, () => 0).lastError).toBe("Slack's chat.postMessage failed: some_word");
  expect(postponed(new Error('a secret'), FIRST, () => 0).lastError).toBe('internal error; the log has its cause');
});

test('that a message or its thread is gone is an answer, every other failure is one', async () => {
  expect(await unlessGone(async () => 'there')).toBe('there');
  for (const code of ['message_not_found', 'thread_not_found']) {
    expect(await unlessGone(() => Promise.reject(failed('refused', code)))).toBeNull();
  }
  await expect(unlessGone(() => Promise.reject(failed('refused', 'is_archived')))).rejects.toThrow('is_archived');
  await expect(unlessGone(() => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
});
