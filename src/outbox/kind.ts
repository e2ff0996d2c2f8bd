import type { Database } from '../db/database.js';
import type { MessageRef } from '../promotions/alert.js';
import type { Evidence } from '../promotions/evidence.js';
import type { OutboxMessage } from '../promotions/messages.js';
import type { Promotion } from '../promotions/promotion.js';
import type { RefusedRoute, Route } from '../promotions/routing.js';
import type { DrawChart } from '../promotions/stats.js';
import type { Thresholds } from '../promotions/stuck.js';
import type { Slack } from '../slack/slack.js';
import type { StoredFile } from '../slack/upload.js';
import type { HomeTab, Message } from '../views/blocks.js';
import { outsideThread } from '../views/route.js';
import type { Prospects } from './step.js';

/** Where a message goes. */
export type Place =
  /** By itself into a channel. Where Slack refuses a channel or a thread, it goes into the alert channel instead. */
  | { readonly to: 'channel'; readonly route: string }
  | { readonly to: 'thread'; readonly thread: MessageRef; readonly broadcast: boolean }
  | { readonly to: 'person'; readonly userId: string }
  | { readonly to: 'home'; readonly userId: string };

export type Content =
  | { readonly message: Message }
  | { readonly home: HomeTab }
  | { readonly file: StoredFile & { readonly comment: string } };

/** What a message shows. */
export interface Shown {
  readonly content: Content;
  /** A mark of it that the row keeps, for decisions of other rows; without one the row keeps the mark that it has. */
  readonly as?: string;
  /** Slack shows just this already, so an update needn't be sent. */
  readonly isShownAlready?: boolean;
  /** Before then no further update is sent, in milliseconds from now. */
  readonly restMs?: number;
}

/** How it is about to be shown. */
export interface ShowRequest {
  readonly message: OutboxMessage;
  /** A new message, which notifies people; an update notifies nobody, so a mention in one would only mislead. */
  readonly isNew: boolean;
  /** The channel that it was meant for, where Slack refused to take it there. */
  readonly refused: RefusedRoute | null;
}

/** What the facts are read from. */
export interface Sources {
  readonly db: Database;
  readonly slack: Pick<Slack, 'nameOf'>;
  /** Never rejects; answers within `deadlineMs`. */
  readonly readEvidence: (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;
  /** What each promotion's value means, by its id: one request per Heroku app. Never rejects; answers within `deadlineMs`. */
  readonly readEvidenceOfMany: (
    promotions: readonly Promotion[],
    deadlineMs: number,
  ) => Promise<ReadonlyMap<string, Evidence>>;
  readonly drawChart: DrawChart;
  /** null while maintenance completes in this process as it should; else since when it doesn't. */
  readonly silentSince: () => Date | null;
  /** Where what is about a Heroku app goes, and whom its criticals mention. */
  readonly routeOf: (herokuApp: string) => Route;
  /** Where a message goes that Slack refuses elsewhere. */
  readonly alertChannel: string;
  readonly broadcastCriticals: boolean;
  readonly thresholds: Thresholds;
}

/** One kind of message: everything that tells it from the others. */
export interface KindSpec<Facts> {
  /** Reads what it is about; null where that is gone. */
  gather(message: OutboxMessage, sources: Sources): Promise<Facts | null>;
  /** null: it has no place (any more), so it is closed. */
  place(message: OutboxMessage, facts: Facts, sources: Sources): Place | null;
  /** What it shows; null where there is nothing (more) to say. Pure. */
  show(facts: Facts, request: ShowRequest): Shown | null;
  /** What to do where Slack says that it is gone: somebody deleted it. */
  readonly gone: 'post_again' | 'close';
  /** What to do where an earlier attempt may have posted it. */
  readonly unknownOutcome: Prospects['unknownOutcome'];
}

/** A kind with its facts read. */
export interface Prepared {
  readonly place: Place | null;
  show(request: ShowRequest): Shown | null;
}

/** A kind as the delivery sees it. */
export interface Kind extends Pick<KindSpec<never>, 'gone' | 'unknownOutcome'> {
  prepare(message: OutboxMessage, sources: Sources): Promise<Prepared | null>;
}

export function defineKind<Facts>(spec: KindSpec<Facts>): KindSpec<Facts> & Kind {
  return {
    ...spec,
    async prepare(message, sources) {
      const facts = await spec.gather(message, sources);
      if (facts === null) return null;
      const place = spec.place(message, facts, sources);
      return {
        place,
        show: (request) => (place?.to === 'thread' ? showReply(spec, facts, request) : spec.show(facts, request)),
      };
    },
  };
}

/** A reply says itself nothing of a refusal: its kind only knows its thread. */
function showReply<Facts>(spec: KindSpec<Facts>, facts: Facts, request: ShowRequest): Shown | null {
  const { refused, message } = request;
  const shown = spec.show(facts, { ...request, refused: null });
  if (shown === null || refused === null || !('message' in shown.content)) return shown;
  return { ...shown, content: { message: outsideThread(shown.content.message, refused, message.promotionId) } };
}

/** A kind that knows where its facts come from. */
export interface BoundKind extends Pick<Kind, 'gone' | 'unknownOutcome'> {
  prepare(message: OutboxMessage): Promise<Prepared | null>;
}

export function bindKinds(
  kinds: Readonly<Record<string, Kind>>,
  sources: Sources,
): Readonly<Record<string, BoundKind>> {
  const bind = ({ gone, unknownOutcome, prepare }: Kind): BoundKind => ({
    gone,
    unknownOutcome,
    prepare: (message) => prepare(message, sources),
  });
  return Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, bind(kind)]));
}
