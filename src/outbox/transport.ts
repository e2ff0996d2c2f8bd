import type { MessageRef } from '../promotions/alert.js';
import type { Destination } from '../promotions/routing.js';
import { isClosedTo } from '../slack/errors.js';
import type { PostedMessage, Slack } from '../slack/slack.js';
import type { Message } from '../views/blocks.js';
import type { Content, Place } from './kind.js';
import { unlessGone } from './retry.js';

/** What the outbox does in Slack. */
export type OutboxSlack = Pick<
  Slack,
  'find' | 'post' | 'publishHome' | 'remove' | 'sendDirectMessage' | 'update' | 'upload'
>;

/** A post, and what has to be known to make it once. */
export interface Post {
  readonly place: Place;
  readonly key: string;
  /** Where an earlier attempt was sent; null where there was none. */
  readonly sentTo: Destination | null;
  /** Since when an earlier attempt may have posted it; null where there was none. */
  readonly perhapsSince: Date | null;
  /** Writes down where it is about to be sent; false where the row is another's by now. */
  record(to: Destination): Promise<boolean>;
  content(refused: Destination['refused']): Content;
}

export interface Posted {
  /** null for a file: it can be neither found, updated nor removed. */
  readonly at: MessageRef | null;
  /** An earlier attempt had posted it. */
  readonly wasThere: boolean;
}

/** How messages get to each kind of place, are found there again, and are updated. */
export interface Transport {
  /** `lost`: the row is another's by now. `gone`: its thread was deleted. */
  post(post: Post): Promise<Posted | 'lost' | 'gone'>;
  /** The message that carries the key, among those posted since. */
  find(place: Place, key: string, sentTo: Destination | null, since: Date): Promise<MessageRef | null>;
  /** `gone`: Slack doesn't have it any more. */
  update(place: Place, at: MessageRef | null, content: Content): Promise<'updated' | 'gone'>;
  remove(ref: MessageRef): Promise<void>;
}

export function createTransport(slack: OutboxSlack, alertChannel: string): Transport {
  /** Where it is meant to go, or else to the alert channel, where it says why. */
  async function postToChannel(route: string, post: Post): Promise<Posted | 'lost'> {
    const to = post.sentTo ?? { channel: route, refused: null };
    const send = async ({ channel, refused }: Destination): Promise<Posted | 'lost'> => {
      if (!(await post.record({ channel, refused }))) return 'lost';
      const at = { channel, threadTs: null, broadcast: false, key: post.key };
      return standing(await slack.post(at, messageIn(post.content(refused)), post.perhapsSince));
    };
    try {
      return await send(to);
    } catch (error) {
      if (to.channel === alertChannel || !isClosedTo(error)) throw error;
      return send({ channel: alertChannel, refused: { channel: to.channel, because: error.word } });
    }
  }

  /** Where an earlier attempt was sent. What is closed to the app now holds nothing that it could find. */
  async function findInChannel(channel: string, key: string, since: Date): Promise<MessageRef | null> {
    try {
      return await slack.find({ channel, threadTs: null, key }, since);
    } catch (error) {
      if (channel === alertChannel || !isClosedTo(error)) throw error;
      return null;
    }
  }

  async function postInThread(
    { thread: { channel, ts: threadTs }, broadcast }: Extract<Place, { to: 'thread' }>,
    post: Post,
  ): Promise<Posted | 'lost' | 'gone'> {
    if (!(await post.record({ channel, refused: null }))) return 'lost';
    const content = post.content(null);
    if ('file' in content) {
      await slack.upload({ channel, threadTs, ...content.file });
      return { at: null, wasThere: false };
    }
    const to = { channel, threadTs, broadcast, key: post.key };
    const posted = await unlessGone(() => slack.post(to, messageIn(content), post.perhapsSince));
    return posted === null ? 'gone' : standing(posted);
  }

  return {
    async post(post) {
      const { place } = post;
      switch (place.to) {
        case 'channel':
          return postToChannel(place.route, post);
        case 'thread':
          return postInThread(place, post);
        case 'person':
          return { at: await slack.sendDirectMessage(place.userId, messageIn(post.content(null))), wasThere: false };
        case 'home':
          throw new Error('A home tab is only ever updated.');
      }
    },

    async find(place, key, sentTo, since) {
      switch (place.to) {
        case 'channel':
          return findInChannel(sentTo?.channel ?? place.route, key, since);
        case 'thread': {
          const { channel, ts } = place.thread;
          return unlessGone(() => slack.find({ channel, threadTs: ts, key }, since));
        }
        case 'person':
        case 'home':
          return null;
      }
    },

    async update(place, at, content) {
      if (place.to === 'home') {
        if (!('home' in content)) throw new Error('A home tab shows a view.');
        await slack.publishHome(place.userId, content.home);
        return 'updated';
      }
      if (at === null) throw new Error('A message that was posted has no place in Slack.');
      const updated = await unlessGone(async () => {
        await slack.update(at, messageIn(content));
        return 'updated' as const;
      });
      return updated ?? 'gone';
    },

    remove: (ref) => slack.remove(ref),
  };
}

function standing({ channel, ts, wasThere }: PostedMessage): Posted {
  return { at: { channel, ts }, wasThere };
}

function messageIn(content: Content): Message {
  if ('message' in content) return content.message;
  throw new Error('Only a message can be posted or updated there.');
}
