import type { WebClient } from '@slack/web-api';
import * as z from 'zod';
import type { MessageRef } from '../promotions/alert.js';
import { MESSAGE_METADATA } from '../views/ids.js';
import { attempt, SlackError } from './errors.js';

/** Where a message of ours was to be posted, and the key in its metadata. */
export interface Sought {
  readonly channel: string;
  /** null: in the channel itself. */
  readonly threadTs: string | null;
  readonly key: string;
}

const metadataOf = z.object({ event_type: z.literal(MESSAGE_METADATA), event_payload: z.object({ key: z.string() }) });
const foundMessages = z.object({
  messages: z.array(z.object({ ts: z.string(), metadata: z.unknown().optional() })),
  has_more: z.boolean().default(false),
  response_metadata: z.object({ next_cursor: z.string().default('') }).optional(),
});
type Page = z.output<typeof foundMessages>;

/** Of 200 messages each: more than an alert channel gets in the hours between attempts. */
const PAGES = 50;

/**
 * Finds the message that carries the key, among those posted since; null if there is none.
 * @throws {SlackError} if Slack does not answer, or lets us read only some of the messages
 */
export async function findMessage(client: WebClient, sought: Sought, since: Date): Promise<MessageRef | null> {
  let cursor = '';
  for (let read = 0; read < PAGES; read += 1) {
    const page = await readPage(client, sought, since, cursor).catch((error: unknown) => {
      // The channel was open a page ago: whatever is refused now, the search isn't over.
      throw read > 0 && error instanceof SlackError && error.kind === 'refused' ? unfinished(sought, error) : error;
    });
    const found = page.messages.find((message) => carries(message.metadata, sought.key));
    if (found !== undefined) return { channel: sought.channel, ts: found.ts };
    cursor = page.response_metadata?.next_cursor ?? '';
    if (cursor === '') {
      if (page.has_more) break;
      return null;
    }
  }
  // "Not found" leads to a second post, so everything must have been read first.
  throw unfinished(sought, undefined);
}

function unfinished(sought: Sought, cause: unknown): SlackError {
  return new SlackError('unknown_outcome', methodOf(sought), 'unfinished_search', 0, cause);
}

function methodOf({ threadTs }: Sought) {
  return threadTs === null ? 'conversations.history' : 'conversations.replies';
}

async function readPage(client: WebClient, sought: Sought, since: Date, cursor: string): Promise<Page> {
  const { channel, threadTs } = sought;
  const query = {
    channel,
    include_all_metadata: true,
    oldest: (since.getTime() / 1000).toFixed(6),
    limit: 200,
    ...(cursor === '' ? {} : { cursor }),
  };
  const answer = await attempt(methodOf(sought), () =>
    threadTs === null ? client.conversations.history(query) : client.conversations.replies({ ...query, ts: threadTs }),
  );
  return foundMessages.parse(answer);
}

function carries(metadata: unknown, key: string): boolean {
  const parsed = metadataOf.safeParse(metadata);
  return parsed.success && parsed.data.event_payload.key === key;
}
