import type { MessageRef } from '../promotions/alert.js';
import type { Destination } from '../promotions/routing.js';
import { isClosedTo } from '../slack/errors.js';
import type { PostedMessage, Slack } from '../slack/slack.js';
import type { Message } from '../views/blocks.js';
import type { Content, Place } from './kind.js';
import { unlessGone } from './retry.js';

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

/** How messages get to each kind of place, are found there again, and are updated. */
export interface Transport {
  /** `lost`: the row is another's by now. `gone`: its thread was deleted. */
  post(post: Post): Promise<PostedMessage | 'lost' | 'gone'>;
  /** The message that carries the key, among those posted since. */
  find(place: Place, key: string, sentTo: Destination | null, since: Date): Promise<MessageRef | null>;
  /** `gone`: Slack doesn't have it any more. */
  update(place: Place, at: MessageRef | null, content: Content): Promise<'updated' | 'gone'>;
  remove(ref: MessageRef): Promise<void>;
}

export function createTransport(slack: Slack, alertChannel: string): Transport {
  /** Where it is meant to go, or else to the alert channel, where it says why. */
  async function postToChannel(route: string, post: Post): Promise<PostedMessage | 'lost'> {
    const to = post.sentTo ?? { channel: route, refused: null };
    const send = async (at: Destination): Promise<PostedMessage | 'lost'> =>
      (await post.record(at))
        ? slack.post(
            { channel: at.channel, threadTs: null, broadcast: false, key: post.key },
            messageIn(post.content(at.refused)),
            post.perhapsSince,
          )
        : 'lost';
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

  async function postInThread(place: Extract<Place, { to: 'thread' }>, post: Post): Promise<PostedMessage | 'gone'> {
    const { thread, broadcast } = place;
    const content = post.content(null);
    if ('file' in content) {
      await slack.upload({ channel: thread.channel, threadTs: thread.ts, ...content.file });
      return { ...thread, wasThere: false };
    }
    const to = { channel: thread.channel, threadTs: thread.ts, broadcast, key: post.key };
    return (await unlessGone(() => slack.post(to, messageIn(content), post.perhapsSince))) ?? 'gone';
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
          return { ...(await slack.sendDirectMessage(place.userId, messageIn(post.content(null)))), wasThere: false };
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

function messageIn(content: Content): Message {
  if ('message' in content) return content.message;
  throw new Error('Only a message can be posted or updated there.');
}
