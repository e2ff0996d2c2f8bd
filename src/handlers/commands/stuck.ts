import ms from 'ms';
import { severityDue } from '../../promotions/stuck.js';
import type { Answer } from '../../views/blocks.js';
import { nothingStuckAnswer, STUCK_PAGE_SIZE, type StuckRow, stuckAnswer } from '../../views/list.js';
import type { SummaryPage } from '../../views/summary.js';
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
    const attention = await db.attention.ofMany(found.rows.map(({ id }) => id));
    const rows = found.rows.map((promotion) => ({
      promotion,
      severity: severityDue(promotion, now, thresholds) ?? ('warning' as const),
      attention: attention.get(promotion.id) ?? null,
    }));
    return stuckAnswer({
      rows: await withEvidence(deps, rows),
      total: found.total,
      offset,
      summaryId: null,
    });
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

/** What is stuck still of what a summary tells, a page of it; where nothing is any more, all that is stuck. */
export async function summaryPage(deps: HandlerDependencies, { summaryId, offset }: SummaryPage): Promise<Answer> {
  const found = await deps.db.summaries.members(summaryId, { offset, limit: STUCK_PAGE_SIZE });
  if (found.rows.length === 0) return offset > 0 ? summaryPage(deps, { summaryId, offset: 0 }) : stuckPage(deps, 0);
  return stuckAnswer({ rows: await withEvidence(deps, found.rows), total: found.total, offset, summaryId });
}

async function withEvidence(deps: HandlerDependencies, rows: readonly Omit<StuckRow, 'evidence'>[]) {
  return Promise.all(
    rows.map(
      async (row): Promise<StuckRow> => ({
        ...row,
        evidence: await deps.readEvidence(row.promotion, EVIDENCE_WITHIN_MS),
      }),
    ),
  );
}
