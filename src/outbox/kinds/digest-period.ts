import { DIGEST_PERIOD_MS } from '../../promotions/digest.js';
import type { OutboxMessage } from '../../promotions/messages.js';
import type { PeriodStats } from '../../promotions/stats.js';
import type { Sources } from '../kind.js';

/** When the digest was due: its week ends then. */
export function dueAt({ detail }: OutboxMessage): Date {
  const at = detail['due_at'];
  if (typeof at !== 'string') throw new Error('A digest was queued without its time.');
  return new Date(at);
}

export function statsOf(message: OutboxMessage, { db, thresholds }: Sources): Promise<PeriodStats> {
  const until = dueAt(message);
  return db.stats.of({
    since: new Date(until.getTime() - DIGEST_PERIOD_MS),
    until,
    stuckAfterMs: thresholds.warningAfterMs,
  });
}
