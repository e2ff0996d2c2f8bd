import ms from 'ms';
import { severityDue } from '../../promotions/stuck.js';
import type { Answer } from '../../views/blocks.js';
import { nothingStuckAnswer, STUCK_PAGE_SIZE, stuckAnswer } from '../../views/list.js';
import type { HandlerDependencies } from '../dependencies.js';
import { mindRcaDebt } from './rca-debt.js';

/** A list is wanted at once: what Heroku has not said by then is said to be missing. */
const EVIDENCE_WITHIN_MS = 2_500;

/** What is stuck, from the `offset`th on, the oldest first, or that nothing is; then how many RCAs are missing. */
export async function stuckPage(deps: HandlerDependencies, offset: number): Promise<Answer> {
  return mindRcaDebt(deps, await page(deps, offset));
}

/** Where nothing is stuck: what was looked at, and when. */
async function page(deps: HandlerDependencies, offset: number): Promise<Answer> {
  const { db, thresholds } = deps;
  const now = deps.now();
  const stuckBefore = new Date(now.getTime() - thresholds.warningAfterMs);
  const found = await db.promotions.stuck(stuckBefore, { offset, limit: STUCK_PAGE_SIZE });
  // The page may have emptied while it was on screen.
  if (found.rows.length === 0 && offset > 0) return page(deps, 0);
  if (found.rows.length > 0) {
    const rows = await Promise.all(
      found.rows.map(async (promotion) => ({
        promotion,
        severity: severityDue(promotion, now, thresholds) ?? ('warning' as const),
        evidence: await deps.readEvidence(promotion, EVIDENCE_WITHIN_MS),
        attention: await db.attention.of(promotion.id),
      })),
    );
    return stuckAnswer({ rows, total: found.total, offset });
  }
  const deploying = await db.promotions.deploying();
  return nothingStuckAnswer({
    warningAfter: ms(thresholds.warningAfterMs),
    lastMaintenance: await db.maintenance.last(),
    deploying: deploying.total,
    oldestDeploying: deploying.oldest,
    lastEnded: await db.promotions.lastEnded(),
  });
}
