/** A message as the stand-in keeps it, and as a person sees it in a channel or thread. */
export interface StoredMessage {
  readonly channel: string;
  readonly ts: string;
  readonly text: string;
  readonly user: string;
  /** A reply's parent message. */
  readonly threadTs: string | null;
  readonly blocks: readonly unknown[];
  readonly attachments: readonly unknown[];
  /** As Slack's API describes it, metadata included. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** A message that only one person sees; none of Slack's methods reads it again. */
export interface EphemeralMessage {
  /** Stays the same when the message is replaced. */
  readonly id: string;
  readonly channel: string;
  readonly ts: string;
  readonly text: string;
  readonly threadTs: string | null;
  readonly blocks: readonly unknown[];
  readonly attachments: readonly unknown[];
  /** If it is Slack's own, not the app's. */
  readonly bySlack?: true;
}

/** People's ephemeral messages, beside the channel. */
export class Screens {
  readonly #ephemerals = new Map<string, EphemeralMessage[]>();
  #count = 0;

  constructor(private readonly onChange: () => void) {}

  /** Oldest first. */
  of(userId: string): readonly EphemeralMessage[] {
    return this.#ephemerals.get(userId) ?? [];
  }

  whisper(userId: string, message: Omit<EphemeralMessage, 'id'>): EphemeralMessage {
    this.#count += 1;
    const shown = { ...message, id: `E${this.#count}` };
    this.#show(userId, [...this.of(userId), shown]);
    return shown;
  }

  /** Replaces a message's content. A message that the person dismissed stays away. */
  replace(userId: string, id: string, by: Pick<EphemeralMessage, 'text' | 'blocks' | 'attachments'>): void {
    this.#show(
      userId,
      this.of(userId).map((message) => (message.id === id ? { ...message, ...by } : message)),
    );
  }

  dismiss(userId: string, id: string): void {
    this.#show(
      userId,
      this.of(userId).filter((message) => message.id !== id),
    );
  }

  #show(userId: string, messages: EphemeralMessage[]): void {
    this.#ephemerals.set(userId, messages);
    this.onChange();
  }
}

/** The ts of a moment, for what is in no channel's history. */
export function tsOf(at: Date): string {
  const ms = at.getTime();
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')}000`;
}
