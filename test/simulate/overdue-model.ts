import type { Overdue } from '../../src/promotions/overdue.js';
import { deployingSince } from '../../src/promotions/promotion.js';
import type { DatabaseModel } from './database-model.js';
import type { MessagesModel } from './messages-model.js';
import { dueInMs, isOurs, type PromotionsModel } from './promotions-model.js';
import type { Sabotage } from './sabotage.js';

/** What findOverdue counts as owed for too long; `models.test.ts` compares the two. */
export function overdueIn(
  db: DatabaseModel,
  promotions: Pick<PromotionsModel, 'rows'>,
  messages: Pick<MessagesModel, 'rows'>,
  afterMs: number,
  sabotage?: Sabotage,
): Overdue | null {
  const now = db.nowMs();
  const beganAt = db.now().getTime() - now;
  const ofMessages = [...messages.rows.values()].flatMap((row) => {
    const isUncounted = sabotage === 'green between attempts' && (row.nextAttemptMs ?? now) > now;
    if (row.owedSinceMs === null || isUncounted) return [];
    if (messages.rows.get(row.rootId ?? '')?.state === 'pending') return [];
    return [Math.max(row.owedSinceMs, row.notBeforeMs ?? row.owedSinceMs)];
  });
  const ofPromotions = [...promotions.rows.values()].flatMap((row) => {
    if (!isOurs(row) || dueInMs(row, now) > 0) return [];
    const startedMs = deployingSince(row.promotion).getTime() - beganAt;
    // An impossible start is ignored: without another time, nobody knows since when.
    const times = [startedMs <= now ? startedMs : null, row.leaseUntilMs, row.nextAttemptMs];
    const known = times.filter((ms) => ms !== null);
    return [known.length === 0 ? -beganAt : Math.max(...known)];
  });
  const isOverdue = (since: number): boolean => since <= now - afterMs;
  const overdue = [...ofMessages, ...ofPromotions].filter(isOverdue);
  if (overdue.length === 0) return null;
  return {
    messages: ofMessages.filter(isOverdue).length,
    promotions: ofPromotions.filter(isOverdue).length,
    since: new Date(beganAt + Math.min(...overdue)),
  };
}
