import type { BoundKind, Place, Shown, ShowRequest } from '../../src/outbox/kind.js';
import { showingPage } from '../../src/outbox/kinds/page-facts.js';
import { messageKey, type OutboxMessage } from '../../src/promotions/messages.js';
import { isDeploying, type Promotion } from '../../src/promotions/promotion.js';
import type { DatabaseModel } from './database-model.js';
import type { Process } from './process.js';
import type { MessagesModel } from './messages-model.js';
import type { PromotionRow, PromotionsModel } from './promotions-model.js';
import type { Sabotage } from './sabotage.js';

export const ALERT_CHANNEL = 'C0ALERTS';
export const ROUTED_CHANNEL = 'C0ROUTED';
/** Kinds that show a promotion's state, and so are updated with it. */
const SHOWING_STATE = ['progress', 'alert', 'page'];

interface Shows extends Pick<BoundKind, 'lane' | 'gone' | 'unknownOutcome'> {
  place(message: OutboxMessage): Place | null;
  show(promotion: Promotion, request: ShowRequest, sabotage?: Sabotage): Shown | null;
}

const says = (text: string, as: string) => ({ content: { message: { text } }, as });

/** One kind for each way in which the app's kinds differ in what is posted, found, updated or dropped. */
const SHOWN: Readonly<Record<string, Shows>> = {
  progress: {
    gone: 'close',
    unknownOutcome: 'find',
    place: () => ({ to: 'channel', route: ROUTED_CHANNEL }),
    show: ({ id, state }) => says(textOf('progress', id, state), state),
  },
  alert: {
    gone: 'post_again',
    unknownOutcome: 'find',
    place: () => ({ to: 'channel', route: ROUTED_CHANNEL }),
    show: (promotion, { isNew }, sabotage) =>
      isNew && !isDeploying(promotion) && sabotage !== 'blind notice'
        ? null
        : says(textOf('alert', promotion.id, promotion.state), promotion.state),
  },
  resolved: {
    gone: 'close',
    unknownOutcome: 'find',
    place: ({ root }) => (root?.message == null ? null : { to: 'thread', thread: root.message, broadcast: false }),
    show: (promotion, { isNew }) =>
      !isNew || isDeploying(promotion)
        ? null
        : says(textOf('resolved', promotion.id, promotion.state), promotion.state),
  },
};

/** How the app tells a pager what changed. */
const page = (sabotage: Sabotage | undefined): Shows => ({
  lane: 'page',
  gone: 'close',
  unknownOutcome: 'post_again',
  place: () => ({ to: 'pager', routingKey: 'key' }),
  show(promotion, request) {
    const isOpen = isDeploying(promotion);
    if (!isOpen && request.isNew && sabotage === 'unresolved page') return null;
    const facts = {
      status: isOpen ? ('triggered' as const) : ('resolved' as const),
      key: messageKey(request.message),
      trigger: isOpen ? TRIGGER : null,
    };
    return showingPage(facts, request);
  },
});
const TRIGGER = { summary: 'stuck', source: 'app', component: null, at: new Date(0), links: [], details: {} };

/** What a message of a kind says about a promotion in a state. */
export function textOf(kind: string, promotionId: string, state: string): string {
  return `${kind} ${promotionId}: ${state}`;
}

/** What the app's transactions do besides changing a promotion's state. */
export function requestShowing(
  messages: MessagesModel,
  before: PromotionRow | null,
  { promotion: { id, state } }: PromotionRow,
): void {
  if (before?.promotion.state === state) return;
  const about = { subject: id, promotionId: id, isUrgent: false };
  if (before === null) messages.queue({ ...about, kind: 'progress', rootId: null });
  messages.requestUpdates(id, SHOWING_STATE);
  const alert = [...messages.rows.values()].find(({ kind, subject }) => kind === 'alert' && subject === id);
  if (state !== 'deploying' && alert !== undefined) messages.queue({ ...about, kind: 'resolved', rootId: alert.id });
}

/** The kinds, with their facts read by one process. */
export function kindsOf(
  process: Process,
  db: DatabaseModel,
  promotions: PromotionsModel,
  sabotage?: Sabotage,
): Readonly<Record<string, BoundKind>> {
  const gather = ({ promotionId }: OutboxMessage) =>
    db.run(process, () => promotions.rows.get(promotionId ?? '')?.promotion ?? null);
  const bound = ({ lane = 'slack', gone, unknownOutcome, place, show }: Shows): BoundKind => ({
    lane,
    gone,
    unknownOutcome,
    async prepare(message) {
      const promotion = await gather(message);
      if (promotion === null) return null;
      const isDropped = sabotage === 'dropped message' && unknownOutcome === 'find' && message.attempts > 1;
      return {
        place: place(message),
        show: (request) => (request.isNew && isDropped ? null : show(promotion, request, sabotage)),
      };
    },
  });
  return Object.fromEntries(
    Object.entries({ ...SHOWN, page: page(sabotage) }).map(([name, shows]) => [name, bound(shows)]),
  );
}
