import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import type { Author, Messages } from './messages.js';
import { type Screens, tsOf } from './screen.js';
import { storedAttachments, storedBlocks } from './shape.js';

/** Where an answer to an interaction goes, and what it may replace. */
export interface ResponseTarget {
  readonly userId: string;
  readonly channel: string;
  readonly threadTs: string | null;
  readonly original:
    | { readonly kind: 'ephemeral'; readonly id: string }
    | { readonly kind: 'message'; readonly ts: string }
    | null;
}

/**
 * Slack's limits: five answers within thirty minutes (https://docs.slack.dev/interactivity/handling-user-interaction).
 */
const RESPONSE_USES = 5;
const RESPONSE_LIFE_MS = 30 * 60_000;

const answer = z.looseObject({
  text: z.string().default(''),
  blocks: z.array(z.unknown()).optional(),
  attachments: z.array(z.unknown()).optional(),
  thread_ts: z.string().optional(),
  response_type: z.enum(['ephemeral', 'in_channel']).default('ephemeral'),
  replace_original: z.boolean().default(false),
  delete_original: z.boolean().default(false),
});
type Answer = z.output<typeof answer>;

export type Responded = 'ok' | 'expired_url' | 'used_url';

export class ResponseUrls {
  readonly #issued = new Map<string, { target: ResponseTarget; usesLeft: number; readonly expiresAt: number }>();

  constructor(
    private readonly base: () => string,
    private readonly screens: Screens,
    private readonly messages: Messages,
    private readonly bot: Author,
    private readonly clock: () => Date,
  ) {}

  /** A URL for the app's answers. */
  issue(target: ResponseTarget): string {
    const id = randomBytes(12).toString('hex');
    this.#issued.set(id, { target, usesLeft: RESPONSE_USES, expiresAt: performance.now() + RESPONSE_LIFE_MS });
    return `${this.base()}/response/${id}`;
  }

  /** Applies a POST to a URL. */
  async respond(id: string, body: unknown): Promise<Responded> {
    const issued = this.#issued.get(id);
    if (issued === undefined || issued.expiresAt < performance.now()) return 'expired_url';
    if (issued.usesLeft === 0) return 'used_url';
    issued.usesLeft -= 1;
    issued.target = await this.#answer(issued.target, body);
    return 'ok';
  }

  /** Shows the acknowledgement of the request that the URL came with; uses up none of the URL's answers. */
  async acknowledge(url: string, body: unknown): Promise<void> {
    const issued = this.#issued.get(idIn(url));
    if (issued !== undefined) issued.target = await this.#answer(issued.target, body);
  }

  /** The id of the ephemeral message that the answers to a URL show; null if there is none. */
  shownBy(url: string): string | null {
    const original = this.#issued.get(idIn(url))?.target.original;
    return original?.kind === 'ephemeral' ? original.id : null;
  }

  /** Shows an answer to an interaction. Later answers to a slash command may replace the first. */
  async #answer(target: ResponseTarget, body: unknown): Promise<ResponseTarget> {
    const parsed = answer.parse(body);
    const { original } = target;
    if (parsed.delete_original) {
      if (original?.kind === 'ephemeral') this.screens.dismiss(target.userId, original.id);
      if (original?.kind === 'message') await this.messages.remove(this.bot, target.channel, original.ts);
      return target;
    }
    if (parsed.replace_original && original !== null) {
      await this.#replace(target, original, parsed);
      return target;
    }
    const posted = await this.#post(target, parsed);
    return original === null ? { ...target, original: posted } : target;
  }

  async #replace(target: ResponseTarget, original: NonNullable<ResponseTarget['original']>, by: Answer) {
    if (original.kind === 'ephemeral') {
      this.screens.replace(target.userId, original.id, contentOf(by));
      return;
    }
    await this.messages.update(this.bot, {
      channel: target.channel,
      ts: original.ts,
      text: by.text,
      blocks: by.blocks ?? [],
      attachments: by.attachments ?? [],
    });
  }

  async #post(target: ResponseTarget, content: Answer): Promise<ResponseTarget['original']> {
    const threadTs = content.thread_ts ?? target.threadTs;
    if (content.response_type === 'in_channel') {
      const posted = await this.messages.post(this.bot, {
        channel: target.channel,
        text: content.text,
        ...(content.blocks === undefined ? {} : { blocks: content.blocks }),
        ...(content.attachments === undefined ? {} : { attachments: content.attachments }),
        ...(threadTs === null ? {} : { thread_ts: threadTs }),
      });
      return { kind: 'message', ts: z.string().parse(posted['ts']) };
    }
    const shown = this.screens.whisper(target.userId, {
      channel: target.channel,
      threadTs,
      ts: tsOf(this.clock()),
      ...contentOf(content),
    });
    return { kind: 'ephemeral', id: shown.id };
  }
}

const idIn = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

function contentOf({ text, blocks, attachments }: Answer) {
  return { text, blocks: storedBlocks(blocks ?? []), attachments: storedAttachments(attachments ?? []) };
}
