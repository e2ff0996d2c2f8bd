import ms from 'ms';
import { severityDue } from '../../promotions/stuck.js';
import type { Answer } from '../../views/blocks.js';
import { nothingStuckAnswer, STUCK_PAGE_SIZE, stuckAnswer } from '../../views/list.js';
import type { HandlerDependencies } from '../dependencies.js';

/** What is stuck, from the `offset`th on, the oldest first; or that nothing is, with what was looked at and when. */
export async function stuckPage(deps: HandlerDependencies, offset: number): Promise<Answer> {
  const { db, thresholds } = deps;
  const now = deps.now();
  const stuckBefore = new Date(now.getTime() - thresholds.warningAfterMs);
  const page = await db.promotions.stuck(stuckBefore, { offset, limit: STUCK_PAGE_SIZE });
  // The page may have emptied while it was on screen.
  if (page.rows.length === 0 && offset > 0) return stuckPage(deps, 0);
  if (page.rows.length > 0) {
    const rows = page.rows.map((promotion) => ({
      promotion,
      severity: severityDue(promotion, now, thresholds) ?? ('warning' as const),
    }));
    return stuckAnswer({ rows, total: page.total, offset });
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
