import type { MessageRef } from '../promotions/alert.js';
import type { Destination } from '../promotions/routing.js';
import { isLastingRefusal, isOutOfReach, type Unchangeable, unchangeable } from '../slack/errors.js';
import type { PostedSince } from '../slack/search.js';
import type { MayStillSend, Outgoing, Slack } from '../slack/slack.js';
import type { Message } from '../views/blocks.js';
import type { Content, OutsidePlace, Place } from './kind.js';
import { isOutside, type OutsideTransport } from './outside.js';
import type { Post, Posted } from './post.js';
import { unlessGone } from './retry.js';

export type OutboxSlack = Pick<
  Slack,
  'find' | 'post' | 'publishHome' | 'remove' | 'sendDirectMessage' | 'update' | 'upload'
>;

/** Posts, finds and updates messages in each kind of place. */
export interface Transport {
  /** `lost`: another process has the row by now. `gone`: its thread was deleted, or its person can't be reached. */
  post(post: Post): Promise<Posted | 'lost' | 'gone'>;
  /** The message with this key among those posted since then. */
  find(place: Place, key: string, sentTo: Destination | null, since: PostedSince): Promise<MessageRef | null>;
  /** `gone`: Slack no longer has it. */
  update(
    place: Place,
    at: MessageRef | null,
    content: Content,
    mayStillSend: MayStillSend,
  ): Promise<'updated' | 'gone' | Unchangeable>;
  remove(place: Place, ref: MessageRef): Promise<void>;
}

/** Readable by everybody in the channel. */
type Shared = Extract<Place, { to: 'channel' | 'thread' }>;
type Spot = Pick<Outgoing, 'channel' | 'threadTs' | 'broadcast'>;

export function createTransport(slack: OutboxSlack, alertChannel: string, outside: OutsideTransport): Transport {
  /** The last resort: if Slack refuses this too, the message stays pending. */
  const last: Spot = { channel: alertChannel, threadTs: null, broadcast: false };
  const isLast = ({ channel, threadTs }: Spot): boolean => channel === alertChannel && threadTs === null;

  /** Its intended place, or where an earlier attempt was sent. */
  function spotOf(place: Shared, sentTo: Destination | null): Spot {
    if (sentTo !== null && sentTo.refused !== null) return { ...last, channel: sentTo.channel };
    if (place.to === 'channel') return { channel: sentTo?.channel ?? place.route, threadTs: null, broadcast: false };
    return { channel: place.thread.channel, threadTs: place.thread.ts, broadcast: place.broadcast };
  }

  /** Posts to the intended place; if Slack refuses, to the alert channel, saying why. */
  async function postShared(place: Shared, post: Post): Promise<Posted | 'lost' | 'gone'> {
    // A file accompanies a message that says the same: it isn't sent elsewhere.
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

  /** A direct message goes nowhere else: if the person can't be reached, it is dropped. */
  async function postToPerson(userId: string, { content, mayStillSend }: Post): Promise<Posted | 'gone'> {
    try {
      return { at: await slack.sendDirectMessage(userId, messageIn(content(null)), mayStillSend), wasThere: false };
    } catch (error) {
      if (isOutOfReach(error)) return 'gone';
      throw error;
    }
  }

  /** A channel now closed to the app holds nothing that it could find. */
  async function findShared(
    place: Shared,
    key: string,
    sentTo: Destination | null,
    since: PostedSince,
  ): Promise<MessageRef | null> {
    const spot = spotOf(place, sentTo);
    try {
      return await unlessGone(() => slack.find({ channel: spot.channel, threadTs: spot.threadTs, key }, since));
    } catch (error) {
      if (isLast(spot) || !isLastingRefusal(error)) throw error;
      return null;
    }
  }

  async function updateInSlack(
    place: Exclude<Place, OutsidePlace>,
    at: MessageRef | null,
    content: Content,
    mayStillSend: MayStillSend,
  ): Promise<'updated' | 'gone' | Unchangeable> {
    if (place.to === 'home') {
      if (!('home' in content)) throw new Error('A home tab shows a view.');
      await slack.publishHome(place.userId, content.home, mayStillSend);
      return 'updated';
    }
    if (at === null) throw new Error('A message that was posted has no place in Slack.');
    try {
      const updated = await unlessGone(async () => {
        await slack.update(at, messageIn(content), mayStillSend);
        return 'updated' as const;
      });
      return updated ?? 'gone';
    } catch (error) {
      return whyNotUpdated(place, at, error);
    }
  }

  /** @throws the error if a later attempt may succeed */
  function whyNotUpdated(place: Place, at: MessageRef, error: unknown): 'gone' | Unchangeable {
    if (place.to === 'person' && isOutOfReach(error)) return 'gone';
    const refused = unchangeable(error);
    // If the alert channel itself is closed, nobody hears of anything: it stays owed.
    if (refused === null || (refused.inWholeChannel && at.channel === alertChannel)) throw error;
    return refused;
  }

  return {
    async post(post) {
      const { place } = post;
      switch (place.to) {
        case 'pager':
        case 'webhook':
          return outside.post(place, post);
        case 'channel':
        case 'thread':
          return postShared(place, post);
        case 'person':
          return postToPerson(place.userId, post);
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
        case 'pager':
        case 'webhook':
          return null;
      }
    },

    update: async (place, at, content, mayStillSend) =>
      isOutside(place)
        ? outside.update(place, at, content, mayStillSend)
        : updateInSlack(place, at, content, mayStillSend),

    /** Outside Slack, the receiver recognises duplicates by their key. */
    remove: async (place, ref) => (isOutside(place) ? undefined : slack.remove(ref)),
  };
}

function messageIn(content: Content): Message {
  if ('message' in content) return content.message;
  throw new Error('Only a message can be posted or updated there.');
}
