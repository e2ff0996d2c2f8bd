import type { MessageRef } from '../promotions/alert.js';
import type { Destination, RefusedRoute } from '../promotions/routing.js';
import { isClosedTo } from '../slack/errors.js';
import type { PostedMessage, Slack } from '../slack/slack.js';
import type { Message } from '../views/blocks.js';

/** A message of its own in a channel, and its row, which knows where an earlier attempt was sent. */
export interface RoutedPost {
  readonly key: string;
  readonly row: { readonly channel: string | null; readonly refusedRoute: RefusedRoute | null };
  /** Where it is meant to go. */
  readonly route: string;
  /** Where it goes if Slack does not let the app post there. */
  readonly fallback: string;
  /** Since when an attempt before may have posted it; null where there was none. */
  readonly perhapsSince: Date | null;
  /** Writes down where it is about to be sent; false where the row is another's by now. */
  record(to: Destination): Promise<boolean>;
  message(refused: RefusedRoute | null): Message;
}

/** Posts it where it is meant to go, else to the fallback, saying why there; null where the row is another's by now. */
export async function postRouted(slack: Slack, post: RoutedPost): Promise<PostedMessage | null> {
  const { row, fallback } = post;
  const to =
    row.channel === null ? { channel: post.route, refused: null } : { channel: row.channel, refused: row.refusedRoute };
  const send = async (at: Destination) =>
    (await post.record(at))
      ? slack.post(
          { channel: at.channel, threadTs: null, broadcast: false, key: post.key },
          post.message(at.refused),
          post.perhapsSince,
        )
      : null;
  try {
    return await send(to);
  } catch (error) {
    if (to.channel === fallback || !isClosedTo(error)) throw error;
    return send({ channel: fallback, refused: { channel: to.channel, because: error.word } });
  }
}

/** Looks for it where an earlier attempt was sent. What is closed to the app now holds nothing that it could find. */
export async function findRouted(
  slack: Slack,
  where: { readonly channel: string; readonly fallback: string; readonly key: string },
  since: Date,
): Promise<MessageRef | null> {
  try {
    return await slack.find({ channel: where.channel, threadTs: null, key: where.key }, since);
  } catch (error) {
    if (where.channel === where.fallback || !isClosedTo(error)) throw error;
    return null;
  }
}
