import type { MessageRef } from '../promotions/alert.js';
import type { Destination } from '../promotions/routing.js';
import type { PostedSince } from '../slack/search.js';
import type { MayStillSend } from '../slack/slack.js';
import type { Content, Place } from './kind.js';

export interface Post {
  readonly place: Place;
  readonly key: string;
  /** Where an earlier attempt was sent; null: there was none. */
  readonly sentTo: Destination | null;
  /** Since when an earlier attempt may have posted it; null: there was none. */
  readonly perhapsSince: PostedSince | null;
  /** Records the destination before sending; false if another process has the row by now. */
  record(to: Destination): Promise<boolean>;
  content(refused: Destination['refused']): Content;
  readonly mayStillSend: MayStillSend;
}

export interface Posted {
  /** null for a file: it can't be found, updated or removed. */
  readonly at: MessageRef | null;
  /** An earlier attempt had posted it. */
  readonly wasThere: boolean;
}
