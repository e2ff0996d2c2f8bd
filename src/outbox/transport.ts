import type { MessageRef } from '../promotions/alert.js';
import type { Destination } from '../promotions/routing.js';
import { isLastingRefusal } from '../slack/errors.js';
import type { MayStillSend, Outgoing, Slack } from '../slack/slack.js';
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
  readonly mayStillSend: MayStillSend;
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
  update(
    place: Place,
    at: MessageRef | null,
    content: Content,
    mayStillSend: MayStillSend,
  ): Promise<'updated' | 'gone'>;
  remove(ref: MessageRef): Promise<void>;
}

/** Where everybody in a channel can read it. */
type Shared = Extract<Place, { to: 'channel' | 'thread' }>;
type Spot = Pick<Outgoing, 'channel' | 'threadTs' | 'broadcast'>;

export function createTransport(slack: OutboxSlack, alertChannel: string): Transport {
  /** Nothing is above it: where Slack refuses this too, the message stays owed. */
  const last: Spot = { channel: alertChannel, threadTs: null, broadcast: false };
  const isLast = ({ channel, threadTs }: Spot): boolean => channel === alertChannel && threadTs === null;

  /** Where it is meant to go, or where an earlier attempt was sent. */
  function spotOf(place: Shared, sentTo: Destination | null): Spot {
    if (sentTo !== null && sentTo.refused !== null) return { ...last, channel: sentTo.channel };
    if (place.to === 'channel') return { channel: sentTo?.channel ?? place.route, threadTs: null, broadcast: false };
    return { channel: place.thread.channel, threadTs: place.thread.ts, broadcast: place.broadcast };
  }

  /** Where it is meant to go, or else to the alert channel, where it says why. */
  async function postShared(place: Shared, post: Post): Promise<Posted | 'lost' | 'gone'> {
    // A file goes with a message that says the same: it isn't shown anywhere else.
    let isFile = false;
    const send = async (spot: Spot, refused: Destination['refused']): Promise<Posted | 'lost' | 'gone'> => {
      if (!(await post.record({ channel: spot.channel, refused }))) return 'lost';
      const content = post.content(refused);
      isFile = 'file' in content;
      return sendTo(spot, post, content);
    };
    const meant = spotOf(place, post.sentTo);
    try {
      return await send(meant, post.sentTo?.refused ?? null);
    } catch (error) {
      if (isFile || isLast(meant) || !isLastingRefusal(error)) throw error;
      return send(last, { channel: meant.channel, because: error.word });
    }
  }

  async function sendTo(
    spot: Spot,
    { key, perhapsSince, mayStillSend }: Post,
    content: Content,
  ): Promise<Posted | 'gone'> {
    if ('file' in content) {
      await slack.upload({ channel: spot.channel, threadTs: spot.threadTs, ...content.file }, mayStillSend);
      return { at: null, wasThere: false };
    }
    const posted = await unlessGone(() => slack.post({ ...spot, key }, messageIn(content), perhapsSince, mayStillSend));
    if (posted === null) return 'gone';
    return { at: { channel: posted.channel, ts: posted.ts }, wasThere: posted.wasThere };
  }

  /** What is closed to the app now holds nothing that it could find. */
  async function findShared(
    place: Shared,
    key: string,
    sentTo: Destination | null,
    since: Date,
  ): Promise<MessageRef | null> {
    const spot = spotOf(place, sentTo);
    try {
      return await unlessGone(() => slack.find({ channel: spot.channel, threadTs: spot.threadTs, key }, since));
    } catch (error) {
      if (isLast(spot) || !isLastingRefusal(error)) throw error;
      return null;
    }
  }

  return {
    async post(post) {
      const { place } = post;
      switch (place.to) {
        case 'channel':
        case 'thread':
          return postShared(place, post);
        case 'person':
          return {
            at: await slack.sendDirectMessage(place.userId, messageIn(post.content(null)), post.mayStillSend),
            wasThere: false,
          };
        case 'home':
          throw new Error('A home tab is only ever updated.');
      }
    },

    async find(place, key, sentTo, since) {
      switch (place.to) {
        case 'channel':
        case 'thread':
          return findShared(place, key, sentTo, since);
        case 'person':
        case 'home':
          return null;
      }
    },

    async update(place, at, content, mayStillSend) {
      if (place.to === 'home') {
        if (!('home' in content)) throw new Error('A home tab shows a view.');
        await slack.publishHome(place.userId, content.home, mayStillSend);
        return 'updated';
      }
      if (at === null) throw new Error('A message that was posted has no place in Slack.');
      const updated = await unlessGone(async () => {
        await slack.update(at, messageIn(content), mayStillSend);
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
