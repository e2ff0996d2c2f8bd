import type { MessageRef } from './alert.js';
import type { RefusedRoute } from './routing.js';

/**
 * Every kind of message. Each file in `outbox/kinds` merges its own in, so no kind can be queued that nobody can show.
 * @public by that merging, which knip doesn't see
 */
// biome-ignore lint/suspicious/noEmptyInterface: the kinds fill it
export interface MessageKinds {}
export type MessageKind = keyof MessageKinds;

/** An outbox message: a row, even before it is in Slack. */
export interface OutboxMessage {
  readonly id: string;
  /** Another version may have queued a kind that this one doesn't know. */
  readonly kind: string;
  /** What it is about; the kind says what: a promotion's id, a channel, a person, a time. */
  readonly subject: string;
  /** Tells apart several of one kind about one subject. */
  readonly ordinal: string;
  /** null if it is not about one promotion. */
  readonly promotionId: string | null;
  /** The message whose thread it belongs to; null: it stands alone. */
  readonly root: RootMessage | null;
  /** A critical: delivered first, and never dropped. */
  readonly isUrgent: boolean;
  /** `pending`: to deliver. `posted`: visible. `closed`: never to be posted. */
  readonly state: 'pending' | 'posted' | 'closed';
  /** The channel of the last attempt; null before the first. */
  readonly channel: string | null;
  /** The intended channel, if Slack refused it there. */
  readonly refusedRoute: RefusedRoute | null;
  /** Where it is in Slack; null if nowhere, as far as the row knows. */
  readonly message: MessageRef | null;
  /** A commit that changes what it shows raises `wanted`; an update brings `shown` up to it. */
  readonly wanted: number;
  readonly shown: number;
  /** The kind's own mark of what it shows; null: unknown. */
  readonly shownAs: string | null;
  /** What only this message knows, by its kind. */
  readonly detail: Readonly<Record<string, unknown>>;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly postedAt: Date | null;
}

/** The message that starts a thread. */
export interface RootMessage {
  readonly id: string;
  readonly state: OutboxMessage['state'];
  readonly message: MessageRef | null;
  readonly shownAs: string | null;
}

/** Finds a message again in Slack. The id alone won't do: another installation may share the channel. */
export function messageKey({ kind, id, createdAt }: Pick<OutboxMessage, 'kind' | 'id' | 'createdAt'>): string {
  return `${kind}:${id}:${createdAt.getTime()}`;
}
