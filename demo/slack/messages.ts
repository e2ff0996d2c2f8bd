import { z } from 'zod';
import type { Emulated, EmulatedMessage } from './emulated.js';
import { storedAttachments, storedBlocks } from './shape.js';

export interface SlackMessage extends EmulatedMessage {
  readonly subtype?: string | undefined;
}

export type MessageChange =
  | { readonly kind: 'posted'; readonly channel: string; readonly message: SlackMessage }
  | {
      readonly kind: 'changed';
      readonly channel: string;
      readonly message: SlackMessage;
      readonly previous: SlackMessage;
    }
  | { readonly kind: 'deleted'; readonly channel: string; readonly previous: SlackMessage };

/** People's posts with a subtype in Slack (https://docs.slack.dev/reference/events/message), besides broadcasts. */
export type SpokenSubtype = 'file_share' | 'me_message';

type Answer = Readonly<Record<string, unknown>>;
type Arguments = Readonly<Record<string, unknown>>;

/** Who posts, and what the API adds about them. */
export interface Author {
  readonly userId: string;
  readonly token: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * A workspace's messages. `emulate` keeps them; this adds what it lacks: broadcasts show in the channel, an update
 * keeps what it doesn't mention, and a deleted message with replies leaves a tombstone.
 */
export class Messages {
  readonly #tombstones = new Set<string>();
  readonly #subtypes = new Map<string, SpokenSubtype>();

  constructor(
    private readonly emulated: Emulated,
    private readonly authors: readonly Author[],
    private readonly onChange: (change: MessageChange) => void,
  ) {}

  /** Every message of a channel, including replies, oldest first. */
  async all(channel: string): Promise<readonly SlackMessage[]> {
    const kept = await this.emulated.everything(channel);
    const byTs = new Map(kept.map((message) => [message.ts, message]));
    return kept.map((message) =>
      this.#shown(
        channel,
        message,
        kept.filter((one) => one.thread_ts === message.ts && one.ts !== message.ts),
        message.thread_ts === undefined || message.thread_ts === message.ts ? undefined : byTs.get(message.thread_ts),
      ),
    );
  }

  async find(channel: string, ts: string): Promise<SlackMessage | undefined> {
    return (await this.all(channel)).find((message) => message.ts === ts);
  }

  async post(author: Author, args: Arguments, subtype?: SpokenSubtype): Promise<Answer> {
    const answer = await this.emulated.call('chat.postMessage', author.token, stored(args));
    if (answer['ok'] !== true) return answer;
    const channel = z.string().parse(args['channel']);
    const ts = z.string().parse(answer['ts']);
    if (subtype !== undefined) this.#subtypes.set(keyOf(channel, ts), subtype);
    const message = await this.find(channel, ts);
    if (message === undefined) return answer;
    this.onChange({ kind: 'posted', channel, message });
    return { ...answer, message };
  }

  /** Reports a message that wasn't posted through `post`. */
  async announce(channel: string, ts: string): Promise<void> {
    const message = await this.find(channel, ts);
    if (message !== undefined) this.onChange({ kind: 'posted', channel, message });
  }

  /** Changes a message; returns chat.update's answer. What the arguments don't mention stays as it is. */
  async update(author: Author, args: Arguments): Promise<Answer> {
    const { channel, ts } = z.object({ channel: z.string(), ts: z.string() }).parse(args);
    const previous = await this.find(channel, ts);
    if (previous === undefined || previous.subtype === 'tombstone') return { ok: false, error: 'message_not_found' };
    const answer = await this.emulated.call('chat.update', author.token, {
      text: previous.text,
      blocks: previous.blocks ?? [],
      attachments: previous.attachments ?? [],
      ...stored(args),
    });
    if (answer['ok'] !== true) return answer;
    const message = await this.find(channel, ts);
    if (message === undefined) return answer;
    this.onChange({ kind: 'changed', channel, message, previous });
    return { ...answer, message };
  }

  /** Unfurls links in somebody's message; returns chat.unfurl's answer. */
  async unfurl(channel: string, ts: string, attachments: readonly Record<string, unknown>[]): Promise<Answer> {
    const message = await this.find(channel, ts);
    const author = this.authors.find(({ userId }) => userId === message?.user);
    if (message === undefined || author === undefined) return { ok: false, error: 'cannot_find_message' };
    const kept = (message.attachments ?? []).filter(
      (one) => !attachments.some((unfolded) => unfolded['app_unfurl_url'] === one['app_unfurl_url']),
    );
    await this.update(author, { channel, ts, attachments: [...kept, ...attachments] });
    return { ok: true };
  }

  /** Deletes a message; returns chat.delete's answer. */
  async remove(author: Author, channel: string, ts: string): Promise<Answer> {
    const previous = await this.find(channel, ts);
    if (previous === undefined || previous.subtype === 'tombstone') return { ok: false, error: 'message_not_found' };
    if (previous.user !== author.userId) return { ok: false, error: 'cant_delete_message' };
    if ((previous.reply_count ?? 0) > 0) {
      // `emulate` would lose the replies along with the message.
      this.#tombstones.add(keyOf(channel, ts));
      await this.emulated.call('chat.update', author.token, {
        channel,
        ts,
        text: 'This message was deleted.',
        blocks: [],
        attachments: [],
        metadata: {},
      });
    } else {
      const answer = await this.emulated.call('chat.delete', author.token, { channel, ts });
      if (answer['ok'] !== true) return answer;
    }
    this.onChange({ kind: 'deleted', channel, previous });
    return { ok: true, channel, ts };
  }

  /** Deletes a message in its author's name. @throws if there is no such message */
  async removeAsAuthor(channel: string, ts: string): Promise<void> {
    const message = await this.find(channel, ts);
    const author = this.authors.find(({ userId }) => userId === message?.user);
    if (author === undefined) throw new Error(`There is no message ${ts} in ${channel}.`);
    await this.remove(author, channel, ts);
  }

  #shown(
    channel: string,
    message: EmulatedMessage,
    replies: readonly EmulatedMessage[],
    root: EmulatedMessage | undefined,
  ): SlackMessage {
    const { reply_count: _count, reply_users: _users, reply_broadcast: broadcast, metadata, ...rest } = message;
    const users = [...new Set(replies.map(({ user }) => user))];
    const thread =
      replies.length === 0
        ? {}
        : {
            thread_ts: message.ts,
            reply_count: replies.length,
            reply_users: users,
            reply_users_count: users.length,
            latest_reply: replies.at(-1)?.ts,
          };
    if (this.#tombstones.has(keyOf(channel, message.ts))) {
      const { blocks: _blocks, attachments: _attachments, edited: _edited, ...bare } = rest;
      return { ...bare, ...thread, subtype: 'tombstone', user: 'USLACKBOT', hidden: true };
    }
    const spoken = this.#subtypes.get(keyOf(channel, message.ts));
    return {
      ...rest,
      ...(spoken === undefined ? {} : { subtype: spoken }),
      ...(spoken === 'file_share' ? { files: [{ id: 'F0SHARED', name: 'notes.txt' }], upload: false } : {}),
      ...(rest.blocks?.length === 0 ? { blocks: undefined } : {}),
      ...(rest.attachments?.length === 0 ? { attachments: undefined } : {}),
      ...this.authors.find(({ userId }) => userId === message.user)?.fields,
      ...thread,
      ...(metadata === undefined || Object.keys(metadata).length === 0 ? {} : { metadata }),
      ...(broadcast === true && root !== undefined ? { subtype: 'thread_broadcast', root } : {}),
    };
  }
}

/** Whether a channel shows it: no reply, or a reply sent to the channel as well. */
export function inChannel(message: SlackMessage): boolean {
  return message.thread_ts === undefined || message.thread_ts === message.ts || message.subtype === 'thread_broadcast';
}

/** The arguments, with blocks and attachments as Slack stores them. */
function stored(args: Arguments): Arguments {
  return {
    ...args,
    ...(args['blocks'] === undefined ? {} : { blocks: storedBlocks(args['blocks']) }),
    ...(args['attachments'] === undefined ? {} : { attachments: storedAttachments(args['attachments']) }),
  };
}

const keyOf = (channel: string, ts: string): string => `${channel}/${ts}`;
