import type { Evidence } from '../promotions/evidence.js';
import { isDeploying, type Promotion } from '../promotions/promotion.js';
import { severityDue } from '../promotions/stuck.js';
import {
  attentionJson,
  evidenceJson,
  nothingStuckText,
  promotionJson,
  showText,
  stuckText,
} from '../views/command-line.js';
import { HISTORY_LENGTH } from '../views/history.js';
import type { CommandLine } from './dependencies.js';
import { findAny, isReply } from './find.js';
import type { Reply } from './reply.js';

/* Read-only commands. */

/** Longest wait for a list, however many apps Heroku doesn't answer for. */
const LIST_WITHIN_MS = 15_000;
const AT_ONCE = 10;
export const EVIDENCE_WITHIN_MS = 8_000;

/** `stuck`: the stuck promotions, oldest first, with Heroku's value and the command to type; or that there are none. */
export async function stuck(deps: CommandLine, limit: number): Promise<Reply> {
  const { db, thresholds } = deps;
  const now = await db.now();
  const stuckBefore = new Date(now.getTime() - thresholds.warningAfterMs);
  const { rows: promotions, total } = await db.promotions.stuck(stuckBefore, { offset: 0, limit });
  const evidence = await evidenceOf(deps, promotions);
  const attention = await db.attention.ofMany(promotions.map(({ id }) => id));
  const rows = promotions.map((promotion, index) => ({
    promotion,
    severity: severityDue(promotion, now, thresholds) ?? ('notice' as const),
    attention: attention.get(promotion.id) ?? null,
    evidence: evidence[index] ?? { kind: 'unavailable' as const, checkedAt: now, reason: 'no_answer' as const },
  }));
  const lastMaintenance = await db.maintenance.last();
  const json = {
    total,
    lastCheck: lastMaintenance?.completedAt ?? null,
    stuck: rows.map((row) => ({
      ...promotionJson(row.promotion),
      severity: row.severity,
      ...attentionJson(row.attention),
      evidence: evidenceJson(row.evidence),
    })),
  };
  if (rows.length > 0) return { isDone: true, text: stuckText({ rows, total }, now), json };
  const deploying = await db.promotions.deploying();
  const facts = {
    warningAfterMs: thresholds.warningAfterMs,
    lastMaintenance,
    deploying: deploying.total,
    oldestDeploying: deploying.oldest,
    lastEnded: await db.promotions.lastEnded(),
  };
  return { isDone: true, text: nothingStuckText(facts, now), json };
}

/** In the order of the promotions; those that weren't reached in time are missing. */
async function evidenceOf(
  { readEvidence, elapsed }: CommandLine,
  promotions: readonly Promotion[],
): Promise<readonly (Evidence | undefined)[]> {
  const until = elapsed() + LIST_WITHIN_MS;
  const found = new Map<Promotion, Evidence>();
  const waiting = [...promotions];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && elapsed() < until; next = waiting.shift()) {
      found.set(next, await readEvidence(next, EVIDENCE_WITHIN_MS));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return promotions.map((promotion) => found.get(promotion));
}

/** `show`: one promotion with its history, and what Heroku says now. */
export async function show(deps: CommandLine, typed: string): Promise<Reply> {
  const { db } = deps;
  const found = await findAny(db, typed, await db.now());
  if (isReply(found)) return found;
  const history = await db.audit.ofPromotion(found.id, HISTORY_LENGTH + 1);
  // What was never promoted is unchanged on Heroku.
  const wasPromoted = found.state !== 'marked' && found.state !== 'cancelled';
  const evidence = wasPromoted ? await deps.readEvidence(found, EVIDENCE_WITHIN_MS) : null;
  const attention = isDeploying(found) ? await db.attention.of(found.id) : null;
  const shown = history.slice(-HISTORY_LENGTH);
  const facts = { promotion: found, evidence, history: shown, historyIsCut: history.length > shown.length, attention };
  return {
    isDone: true,
    text: showText(facts, await db.now()),
    json: {
      promotion: promotionJson(found),
      ...attentionJson(attention),
      evidence: evidence === null ? null : evidenceJson(evidence),
      history: shown.map(({ id, at, action, actor, detail }) => ({ id, at, action, actor, detail })),
    },
  };
}
