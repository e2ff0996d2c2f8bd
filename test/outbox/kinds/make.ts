import type { AuditEvent } from '../../../src/db/audit.js';
import type { KindSpec, Shown, ShowRequest } from '../../../src/outbox/kind.js';
import type { PromotionFacts } from '../../../src/outbox/kinds/about-promotion.js';
import type { AttentionFacts } from '../../../src/outbox/kinds/attention-facts.js';
import type { Attention } from '../../../src/promotions/attention.js';
import type { OutboxMessage } from '../../../src/promotions/messages.js';
import type { Ownership } from '../../../src/promotions/ownership.js';
import { alert, DAY, HOUR, momentAfter, promotion } from '../../promotions/make.js';

/** Facts for the tests of kinds: what `gather` reads, each with whatever the test is about. */

export const MENTION = '<!subteam^S0ONCALL01>';
export const ENDED = promotion({ state: 'deployed', deployedAt: momentAfter(30 * HOUR), resolvedBy: 'U0KRIS' });

export function message(changes: Partial<OutboxMessage> = {}): OutboxMessage {
  return {
    id: '1',
    kind: 'alert',
    subject: '7',
    ordinal: '0',
    promotionId: '7',
    root: null,
    isUrgent: false,
    state: 'pending',
    channel: null,
    refusedRoute: null,
    message: null,
    wanted: 0,
    shown: 0,
    shownAs: null,
    detail: {},
    attempts: 1,
    createdAt: momentAfter(DAY),
    postedAt: null,
    ...changes,
  };
}

/** A reply under a root with a mark. */
export const under = (shownAs: string | null): OutboxMessage =>
  message({ root: { id: '2', state: 'posted', message: { channel: 'C0ALERTS', ts: '100.1' }, shownAs } });

export const asNew = (of: OutboxMessage = message()): ShowRequest => ({ message: of, isNew: true, refused: null });
export const asUpdate = (of: OutboxMessage = message({ state: 'posted' })): ShowRequest => ({
  message: of,
  isNew: false,
  refused: null,
});

export const owned = (changes: Partial<Ownership> = {}): Attention => ({
  ownership: {
    owner: 'U0KRIS',
    since: momentAfter(DAY),
    confirmedAt: momentAfter(DAY),
    question: null,
    isOperator: true,
    ...changes,
  },
  snooze: null,
  resumedAt: null,
});
export const snoozed: Attention = {
  ownership: null,
  snooze: { by: 'U0MINA', at: momentAfter(DAY), until: momentAfter(2 * DAY) },
  resumedAt: null,
};

/** An open critical with an individual alert that nobody is on. */
export function facts(changes: Partial<PromotionFacts> = {}): PromotionFacts {
  return {
    promotion: promotion(),
    alerts: [alert({ severity: 'critical' })],
    severity: 'critical',
    attention: null,
    isIndividual: true,
    mention: MENTION,
    asOf: momentAfter(2 * DAY),
    ...changes,
  };
}

export function attentionFacts(changes: Partial<AttentionFacts> = {}, event: Partial<AuditEvent> = {}): AttentionFacts {
  return {
    ...facts(),
    event: {
      id: '9',
      at: momentAfter(DAY),
      action: 'console.flag.promotion.owner_asked',
      actor: 'U0KRIS',
      promotionId: '7',
      detail: { owner: 'U0KRIS' },
      ...event,
    },
    actor: 'kris',
    isBroadcast: true,
    ...changes,
  };
}

/** Everything that is shown, as one text; null for nothing. */
export function said<Facts>(kind: KindSpec<Facts>, known: Facts, request: ShowRequest): string | null {
  return textOf(kind.show(known, request));
}

export function textOf(shown: Shown | null): string | null {
  if (shown === null) return null;
  return JSON.stringify('message' in shown.content ? shown.content.message : shown.content);
}
