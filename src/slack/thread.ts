import type { WebClient } from '@slack/web-api';
import * as z from 'zod';
import type { MessageRef } from '../promotions/alert.js';
import type { RcaMessage, RcaThread } from '../promotions/rca-draft.js';
import { MESSAGE_GONE, toSlackError } from './errors.js';

/** 1,000 messages: more than people write, let alone read, in a thread. */
const PAGES = 5;
const PER_PAGE = 200;

const page = z.object({
  messages: z
    .array(
      z.object({
        ts: z.string().regex(/^\d{1,12}\.\d{1,6}$/u),
        user: z.string().nullish(),
        bot_id: z.string().nullish(),
        username: z.string().nullish(),
        bot_profile: z.object({ name: z.string().nullish() }).nullish(),
        text: z.string().nullish(),
        files: z.array(z.unknown()).nullish(),
      }),
    )
    .default([]),
  has_more: z.boolean().default(false),
  response_metadata: z.object({ next_cursor: z.string().default('') }).optional(),
});
type Found = z.output<typeof page>['messages'][number];

/**
 * What others wrote under a message, oldest first; `botId` is this app's own, whose messages are left out.
 * @throws {SlackError} if Slack does not answer
 */
export async function readThread(client: WebClient, root: MessageRef, botId: string): Promise<RcaThread> {
  const messages: RcaMessage[] = [];
  let cursor = '';
  for (let read = 0; read < PAGES; read += 1) {
    let found: z.output<typeof page>;
    try {
      const query = { channel: root.channel, ts: root.ts, limit: PER_PAGE, ...(cursor === '' ? {} : { cursor }) };
      found = page.parse(await client.conversations.replies(query));
    } catch (cause) {
      const error = toSlackError('conversations.replies', cause);
      if (MESSAGE_GONE.has(error.code)) return { kind: 'none' };
      throw error;
    }
    messages.push(...found.messages.filter((one) => one.ts !== root.ts && one.bot_id !== botId).map(asMessage));
    cursor = found.response_metadata?.next_cursor ?? '';
    if (cursor === '') return { kind: 'read', messages, complete: !found.has_more };
  }
  return { kind: 'read', messages, complete: false };
}

function asMessage(found: Found): RcaMessage {
  const isBot = found.bot_id != null;
  const name = isBot ? (found.bot_profile?.name ?? found.username ?? 'a bot') : (found.user ?? found.username);
  return {
    at: new Date(Number(found.ts.split('.')[0]) * 1_000),
    author: name ?? 'somebody',
    isBot,
    text: found.text ?? '',
    files: found.files?.length ?? 0,
  };
}
