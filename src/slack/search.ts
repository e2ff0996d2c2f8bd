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

/** Since when a message may have been posted. */
export interface PostedSince {
  /** If the clocks are right. */
  readonly likely: Date;
  /** If they are wrong. null: look only at the likely time. */
  readonly possible: Date | null;
}

interface Span {
  readonly oldest: Date;
  readonly latest: Date | null;
}

/** Of 200 messages each: more than an alert channel gets in the hours between attempts. */
const PAGES = 50;
/** How far back to look because of a wrong clock: days of most channels, and few enough for Slack's rate limit. */
const PAGES_BEFORE = 10;

/**
 * Finds the message that carries the key, among those posted since; null if there is none. Looks as far back as a wrong
 * clock may have put it, while Slack answers: no other message has the key.
 * @throws {SlackError} if Slack does not answer, or lets us read only some of the likely messages
 */
export async function findMessage(
  client: WebClient,
  sought: Sought,
  { likely, possible }: PostedSince,
): Promise<MessageRef | null> {
  const found = await searchIn(client, sought, { oldest: likely, latest: null }, PAGES);
  // "Not found" leads to a second post, so everything likely must have been read first.
  if (found === 'unfinished') throw unfinished(sought, undefined);
  if (found !== null) return found;
  if (possible === null) return null;
  try {
    const before = await searchIn(client, sought, { oldest: possible, latest: likely }, PAGES_BEFORE);
    return before === 'unfinished' ? null : before;
  } catch (error) {
    // All that is likely was read.
    if (error instanceof SlackError) return null;
    throw error;
  }
}

async function searchIn(
  client: WebClient,
  sought: Sought,
  span: Span,
  pages: number,
): Promise<MessageRef | null | 'unfinished'> {
  let cursor = '';
  for (let read = 0; read < pages; read += 1) {
    const isFirst = span.latest === null && read === 0;
    const page = await readPage(client, sought, span, cursor).catch((error: unknown) => {
      // An earlier page was readable, so a refusal only cuts the search short.
      throw !isFirst && error instanceof SlackError && error.kind === 'refused' ? unfinished(sought, error) : error;
    });
    const found = page.messages.find((message) => carries(message.metadata, sought.key));
    if (found !== undefined) return { channel: sought.channel, ts: found.ts };
    cursor = page.response_metadata?.next_cursor ?? '';
    if (cursor === '') return page.has_more ? 'unfinished' : null;
  }
  return 'unfinished';
}

function unfinished(sought: Sought, cause: unknown): SlackError {
  return new SlackError('unknown_outcome', methodOf(sought), 'unfinished_search', 0, cause);
}

function methodOf({ threadTs }: Sought) {
  return threadTs === null ? 'conversations.history' : 'conversations.replies';
}

async function readPage(client: WebClient, sought: Sought, { oldest, latest }: Span, cursor: string): Promise<Page> {
  const { channel, threadTs } = sought;
  const query = {
    channel,
    include_all_metadata: true,
    inclusive: true,
    oldest: timestamp(oldest),
    ...(latest === null ? {} : { latest: timestamp(latest) }),
    limit: 200,
    ...(cursor === '' ? {} : { cursor }),
  };
  const answer = await attempt(methodOf(sought), () =>
    threadTs === null ? client.conversations.history(query) : client.conversations.replies({ ...query, ts: threadTs }),
  );
  return foundMessages.parse(answer);
}

function timestamp(at: Date): string {
  return (at.getTime() / 1000).toFixed(6);
}

function carries(metadata: unknown, key: string): boolean {
  const parsed = metadataOf.safeParse(metadata);
  return parsed.success && parsed.data.event_payload.key === key;
}
