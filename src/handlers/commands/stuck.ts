import { severityDue } from '../../promotions/stuck.js';
import type { Answer } from '../../views/blocks.js';
import type { GroupPage } from '../../views/group.js';
import { nothingStuckAnswer, STUCK_PAGE_SIZE, type StuckRow, stuckAnswer } from '../../views/list.js';
import type { HandlerDependencies } from '../dependencies.js';
import { mindRcaDebt } from './rca-debt.js';

/** People want the list at once: it says for which promotions Heroku hasn't answered yet. */
const EVIDENCE_WITHIN_MS = 2_500;

/** What is stuck, from `offset` on, oldest first, or that nothing is; then the missing RCAs. */
export async function stuckPage(deps: HandlerDependencies, offset: number): Promise<Answer> {
  return mindRcaDebt(deps, await page(deps, offset));
}

/** If nothing is stuck: what was checked, and when. */
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
      severity: severityDue(promotion, now, thresholds) ?? ('notice' as const),
      attention: attention.get(promotion.id) ?? null,
    }));
    return stuckAnswer({
      rows: await withEvidence(deps, rows),
      total: found.total,
      offset,
      groupId: null,
    });
  }
  const deploying = await db.promotions.deploying();
  return nothingStuckAnswer({
    warningAfterMs: thresholds.warningAfterMs,
    lastMaintenance: await db.maintenance.last(),
    deploying: deploying.total,
    oldestDeploying: deploying.oldest,
    lastEnded: await db.promotions.lastEnded(),
  });
}

/** A page of what is still stuck in a group; if nothing is, of everything stuck. */
export async function groupPage(deps: HandlerDependencies, { groupId, offset }: GroupPage): Promise<Answer> {
  const found = await deps.db.groups.members(groupId, { offset, limit: STUCK_PAGE_SIZE });
  if (found.rows.length === 0) return offset > 0 ? groupPage(deps, { groupId, offset: 0 }) : stuckPage(deps, 0);
  return stuckAnswer({ rows: await withEvidence(deps, found.rows), total: found.total, offset, groupId });
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
