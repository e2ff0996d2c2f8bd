import { randomUUID } from 'node:crypto';

/** A message as the stand-in keeps it, and as a person sees it in a channel or thread. */
export interface StoredMessage {
  readonly channel: string;
  readonly ts: string;
  readonly text: string;
  readonly user: string;
  readonly threadTs: string | null;
  readonly blocks: readonly unknown[];
  readonly attachments: readonly unknown[];
}

/** A message that only one person sees; it is nobody's to find again but theirs. */
export interface EphemeralMessage {
  readonly id: string;
  readonly channel: string;
  readonly text: string;
  readonly blocks: readonly unknown[];
  readonly threadTs: string | null;
}

/** A modal on a person's screen. */
export interface OpenView {
  readonly id: string;
  readonly hash: string;
  readonly callbackId: string;
  readonly privateMetadata: string;
  readonly title: string;
  readonly blocks: readonly unknown[];
  /** The view as Slack's API describes it. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What one person has before their eyes beside the channel: ephemeral messages and modals, the topmost last. */
export interface Screen {
  ephemerals: EphemeralMessage[];
  views: OpenView[];
}

/** Where a response URL leads: whose screen, and the message that it may replace. */
interface ResponseTarget {
  readonly userId: string;
  readonly channel: string;
  readonly threadTs: string | null;
  originalId: string | null;
  usesLeft: number;
  readonly expiresAt: number;
}

/** Slack's limits: five answers within thirty minutes (https://docs.slack.dev/interactivity/handling-user-interaction). */
const RESPONSE_USES = 5;
const RESPONSE_LIFE_MS = 30 * 60_000;

/** Everybody's screens. */
export class Screens {
  readonly #byUser = new Map<string, Screen>();
  readonly #responses = new Map<string, ResponseTarget>();

  of(userId: string): Screen {
    const known = this.#byUser.get(userId);
    if (known !== undefined) return known;
    const fresh: Screen = { ephemerals: [], views: [] };
    this.#byUser.set(userId, fresh);
    return fresh;
  }

  isOpen(viewId: string): boolean {
    return [...this.#byUser.values()].some(({ views }) => views.some((view) => view.id === viewId));
  }

  updateView(view: OpenView): void {
    for (const screen of this.#byUser.values()) {
      screen.views = screen.views.map((shown) => (shown.id === view.id ? view : shown));
    }
  }

  whisper(userId: string, message: Omit<EphemeralMessage, 'id'>): EphemeralMessage {
    const shown = { ...message, id: randomUUID() };
    this.of(userId).ephemerals.push(shown);
    return shown;
  }

  /** A response URL's id. `originalId`: the ephemeral message that was clicked in, which may be replaced. */
  responseFor(target: { userId: string; channel: string; threadTs: string | null; originalId: string | null }): string {
    const id = randomUUID();
    this.#responses.set(id, { ...target, usesLeft: RESPONSE_USES, expiresAt: Date.now() + RESPONSE_LIFE_MS });
    return id;
  }

  /** Applies what was posted to a response URL; false where it is spent, expired or unknown. */
  respond(id: string, body: Readonly<Record<string, unknown>>): boolean {
    const target = this.#responses.get(id);
    if (target === undefined || target.usesLeft === 0 || target.expiresAt < Date.now()) return false;
    target.usesLeft -= 1;
    const screen = this.of(target.userId);
    const replaces = body['replace_original'] === true || body['delete_original'] === true;
    const at = screen.ephemerals.findIndex((message) => message.id === target.originalId);
    if (replaces && at >= 0) screen.ephemerals.splice(at, 1);
    if (body['delete_original'] === true) return true;
    const message = this.whisper(target.userId, {
      channel: target.channel,
      threadTs: target.threadTs,
      text: typeof body['text'] === 'string' ? body['text'] : '',
      blocks: Array.isArray(body['blocks']) ? body['blocks'] : [],
    });
    // What replaced the original is the original from here on.
    if (replaces || target.originalId === null) target.originalId = message.id;
    return true;
  }
}
