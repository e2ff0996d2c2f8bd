import type { MessageRef } from './alert.js';
import type { RefusedRoute } from './routing.js';

/**
 * Every kind of message, by name. Each file in `outbox/kinds` adds its own by declaration merging, so that a kind is one
 * file, and the database can't queue a kind that nobody knows how to show.
 */
// biome-ignore lint/suspicious/noEmptyInterface: the kinds fill it
export interface MessageKinds {}
export type MessageKind = keyof MessageKinds;

/** A message that goes out: a row before it is anything in Slack. */
export interface OutboxMessage {
  readonly id: string;
  /** A row of another version may be of a kind that this one doesn't know. */
  readonly kind: string;
  /** What it is about, as its kind says: a promotion's id, a channel, a person, a time. */
  readonly subject: string;
  /** Tells apart several of one kind about one subject. */
  readonly ordinal: string;
  /** null where it is not about one promotion. */
  readonly promotionId: string | null;
  /** The message in whose thread it goes; null for one that stands by itself. */
  readonly root: RootMessage | null;
  /** A critical: delivered before everything else, and never left unsaid. */
  readonly isUrgent: boolean;
  /** `pending`: owed. `posted`: visible. `closed`: it will never be posted. */
  readonly state: 'pending' | 'posted' | 'closed';
  /** Where the attempt that was begun last was sent; null before the first. */
  readonly channel: string | null;
  /** The channel that it was meant for, where Slack refused to take it there. */
  readonly refusedRoute: RefusedRoute | null;
  /** Where it stands in Slack; null where it stands nowhere, as far as the row knows. */
  readonly message: MessageRef | null;
  /** A commit that changes what it shows raises `wanted`; an update brings `shown` up to it. */
  readonly wanted: number;
  readonly shown: number;
  /** The kind's own mark of what it shows; null where nobody knows. */
  readonly shownAs: string | null;
  /** What only this message knows; its kind says what. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** How many attempts were begun. */
  readonly attempts: number;
  readonly createdAt: Date;
  readonly postedAt: Date | null;
}

/** The message that a thread begins with. */
export interface RootMessage {
  readonly id: string;
  readonly state: OutboxMessage['state'];
  readonly message: MessageRef | null;
  readonly shownAs: string | null;
}

/** By this key a message is found again in Slack. The id alone won't do: another installation may share the channel. */
export function messageKey({ kind, id, createdAt }: Pick<OutboxMessage, 'kind' | 'id' | 'createdAt'>): string {
  return `${kind}:${id}:${createdAt.getTime()}`;
}
