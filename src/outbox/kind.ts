import type { Database } from '../db/database.js';
import type { MessageRef } from '../promotions/alert.js';
import type { PageEvent } from '../promotions/page.js';
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

export type Place =
  /** A channel. If Slack refuses a channel or a thread, the message goes to the alert channel instead. */
  | { readonly to: 'channel'; readonly route: string }
  | { readonly to: 'thread'; readonly thread: MessageRef; readonly broadcast: boolean }
  | { readonly to: 'person'; readonly userId: string }
  | { readonly to: 'home'; readonly userId: string }
  | OutsidePlace;

export type OutsidePlace =
  /** `routingKey`: for a new page; null: only update what was sent before. */
  { readonly to: 'pager'; readonly routingKey: string | null } | { readonly to: 'webhook' };

export type Content =
  | { readonly message: Message }
  | { readonly page: PageEvent }
  /** A webhook's body. */
  | { readonly webhook: string }
  | { readonly home: HomeTab }
  | { readonly file: StoredFile & { readonly comment: string } };

export interface Shown {
  readonly content: Content;
  /** A mark of what it shows, kept in the row for other rows' decisions; without one the row keeps its mark. */
  readonly as?: string;
  /** Slack already shows exactly this: no update needed. */
  readonly isShownAlready?: boolean;
  /** It shows less than it should: update it next. */
  readonly isBehind?: boolean;
  /** Milliseconds before the next update may be sent. */
  readonly restMs?: number;
}

export interface ShowRequest {
  readonly message: OutboxMessage;
  /** A new message notifies people; an update doesn't, so a mention in one would only mislead. */
  readonly isNew: boolean;
  /** The intended channel, if Slack refused it there. */
  readonly refused: RefusedRoute | null;
}

export interface Sources {
  readonly db: Database;
  readonly slack: Pick<Slack, 'nameOf'>;
  /** Never rejects; answers within `deadlineMs`. */
  readonly readEvidence: (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;
  /** By the promotion's id; one request per Heroku app. Never rejects; answers within `deadlineMs`. */
  readonly readEvidenceOfMany: (
    promotions: readonly Promotion[],
    deadlineMs: number,
  ) => Promise<ReadonlyMap<string, Evidence>>;
  readonly drawChart: DrawChart;
  /** null while maintenance completes on time in this process; else since when it doesn't. */
  readonly silentSince: () => Date | null;
  /** An app's channel, and whom its criticals mention. */
  readonly routeOf: (herokuApp: string) => Route;
  /** Where a message goes if Slack refuses it elsewhere. */
  readonly alertChannel: string;
  /** The routing key for pages that belong to no Heroku app; null: page nobody. */
  readonly defaultPage: string | null;
  readonly sendsWebhooks: boolean;
  readonly broadcastCriticals: boolean;
  readonly thresholds: Thresholds;
}

/** Each lane is delivered on its own, so that a slow one delays no other. */
export type Lane = 'slack' | 'page' | 'webhook';

export interface KindSpec<Facts> {
  /** Slack by default. */
  readonly lane?: Lane;
  /** Reads what it is about; null if that is gone. */
  gather(message: OutboxMessage, sources: Sources): Promise<Facts | null>;
  /** null: it has no place (any more), so it is closed. */
  place(message: OutboxMessage, facts: Facts, sources: Sources): Place | null;
  /** What it shows; null if there is nothing (more) to say. Pure. */
  show(facts: Facts, request: ShowRequest): Shown | null;
  /** What to do if somebody deleted it in Slack. */
  readonly gone: 'post_again' | 'close';
  /** What to do if an earlier attempt may have posted it. */
  readonly unknownOutcome: Prospects['unknownOutcome'];
}

export interface Prepared {
  readonly place: Place | null;
  show(request: ShowRequest): Shown | null;
}

/** A kind as the outbox sees it. */
export interface Kind extends Pick<KindSpec<never>, 'gone' | 'unknownOutcome' | 'lane'> {
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

/** A reply's kind knows only its thread, so the refusal is added here. */
function showReply<Facts>(spec: KindSpec<Facts>, facts: Facts, request: ShowRequest): Shown | null {
  const { refused, message } = request;
  const shown = spec.show(facts, { ...request, refused: null });
  if (shown === null || refused === null || !('message' in shown.content)) return shown;
  return { ...shown, content: { message: outsideThread(shown.content.message, refused, message.promotionId) } };
}

/** A kind bound to its sources. */
export interface BoundKind extends Pick<Kind, 'gone' | 'unknownOutcome' | 'lane'> {
  prepare(message: OutboxMessage): Promise<Prepared | null>;
}

export function bindKinds(
  kinds: Readonly<Record<string, Kind>>,
  sources: Sources,
): Readonly<Record<string, BoundKind>> {
  const bind = ({ lane = 'slack', gone, unknownOutcome, prepare }: Kind): BoundKind => ({
    // Leftover webhooks that are no longer sent are closed with the pages, so that no tick has to look for them.
    lane: lane === 'webhook' && !sources.sendsWebhooks ? 'page' : lane,
    gone,
    unknownOutcome,
    prepare: (message) => prepare(message, sources),
  });
  return Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, bind(kind)]));
}
