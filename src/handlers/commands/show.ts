import type { Drift } from '../../promotions/drift.js';
import { isRevertible } from '../../promotions/progress.js';
import { permalinkOf } from '../../promotions/permalink.js';
import { isDeploying, type Promotion } from '../../promotions/promotion.js';
import { isRowId } from '../../promotions/row-id.js';
import { bare } from '../../promotions/typed.js';
import { type Answer, type Block, textAnswer } from '../../views/blocks.js';
import { unknownPromotionWords, usageWords } from '../../views/help.js';
import { HISTORY_LENGTH } from '../../views/history.js';
import { APPS_SHOWN, flagOnApps } from '../../views/flag-apps.js';
import { showAnswer } from '../../views/list.js';
import type { HandlerDependencies } from '../dependencies.js';

const EVIDENCE_WITHIN_MS = 5_000;

/**
 * One promotion, by id or flag key (then the newest), with evidence and history. If several apps have the flag, what
 * each holds comes first.
 */
export async function show(deps: HandlerDependencies, typed: string): Promise<Answer> {
  const reference = bare(typed);
  if (reference === '') return textAnswer(usageWords('show'));
  const promotion = await findPromotion(deps, reference);
  if (promotion === null) return textAnswer(unknownPromotionWords(reference));
  const history = await deps.db.audit.ofPromotion(promotion.id, HISTORY_LENGTH + 1);
  // One that was never promoted set nothing on Heroku.
  const wasPromoted = promotion.state !== 'marked' && promotion.state !== 'cancelled';
  const [evidence, apps] = await Promise.all([
    wasPromoted ? deps.readEvidence(promotion, EVIDENCE_WITHIN_MS) : null,
    onEachApp(deps, promotion, reference),
  ]);
  const historyIsCut = history.length > HISTORY_LENGTH;
  const attention = isDeploying(promotion) ? await deps.db.attention.of(promotion.id) : null;
  return showAnswer({
    apps,
    promotion,
    drift: await openDrift(deps, promotion),
    evidence,
    history: history.slice(-HISTORY_LENGTH),
    historyIsCut,
    attention,
    permalink: deps.publicUrl === null ? null : permalinkOf(deps.publicUrl, promotion.id),
  });
}

/** The open drift, unless a later promotion counts. */
async function openDrift(deps: HandlerDependencies, promotion: Promotion): Promise<Drift | null> {
  const drift = promotion.state === 'deployed' ? await deps.db.drifts.of(promotion.id) : null;
  if (drift?.state !== 'open') return null;
  const since = await deps.db.followUps.standing(promotion.id);
  return isRevertible({ promotion, since }) ? drift : null;
}

/** What every app of the flag holds; empty if only one has it, or if a promotion was asked for by id. */
async function onEachApp(deps: HandlerDependencies, { id, flagKey }: Promotion, reference: string): Promise<Block[]> {
  if (reference === id) return [];
  const { total, rows } = await deps.db.promotions.ofEachApp(flagKey, APPS_SHOWN);
  if (total < 2) return [];
  return flagOnApps(flagKey, { total, rows, evidence: await deps.readEvidenceOfMany(rows, EVIDENCE_WITHIN_MS) });
}

/** By id, or the newest promotion of a flag key. */
export async function findPromotion(deps: HandlerDependencies, reference: string): Promise<Promotion | null> {
  const byId = isRowId(reference) ? await deps.db.promotions.find(reference) : null;
  return byId ?? deps.db.promotions.newestOf(reference);
}
