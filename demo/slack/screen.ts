/** A message as the stand-in keeps it, and as a person sees it in a channel or thread. */
export interface StoredMessage {
  readonly channel: string;
  readonly ts: string;
  readonly text: string;
  readonly user: string;
  /** Of a reply, the message that it replies to. */
  readonly threadTs: string | null;
  readonly blocks: readonly unknown[];
  readonly attachments: readonly unknown[];
  /** The message as Slack's API describes it, metadata included. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** A message that only one person sees; no method of Slack's reads it again. */
export interface EphemeralMessage {
  /** Stays the same where the message is replaced. */
  readonly id: string;
  readonly channel: string;
  readonly ts: string;
  readonly text: string;
  readonly threadTs: string | null;
  readonly blocks: readonly unknown[];
  readonly attachments: readonly unknown[];
  /** Where Slack itself says it, and not the app. */
  readonly bySlack?: true;
}

/** What people see beside the channel: messages meant for them alone. */
export class Screens {
  readonly #ephemerals = new Map<string, EphemeralMessage[]>();
  #count = 0;

  constructor(private readonly onChange: () => void) {}

  /** What one person sees, in the order in which it came. */
  of(userId: string): readonly EphemeralMessage[] {
    return this.#ephemerals.get(userId) ?? [];
  }

  whisper(userId: string, message: Omit<EphemeralMessage, 'id'>): EphemeralMessage {
    this.#count += 1;
    const shown = { ...message, id: `E${this.#count}` };
    this.#show(userId, [...this.of(userId), shown]);
    return shown;
  }

  /** Puts other content in a message's place. A message that the person dismissed stays away. */
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
