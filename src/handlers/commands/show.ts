import { permalinkOf } from '../../promotions/permalink.js';
import { isDeploying, type Promotion } from '../../promotions/promotion.js';
import { isRowId } from '../../promotions/row-id.js';
import { bare } from '../../promotions/typed.js';
import { type Answer, textAnswer } from '../../views/blocks.js';
import { unknownPromotionWords, usageWords } from '../../views/help.js';
import { HISTORY_LENGTH } from '../../views/history.js';
import { showAnswer } from '../../views/list.js';
import type { HandlerDependencies } from '../dependencies.js';

const EVIDENCE_WITHIN_MS = 5_000;

/** One promotion, by its id or its flag key (then the newest), with what Heroku says and its history. */
export async function show(deps: HandlerDependencies, typed: string): Promise<Answer> {
  const reference = bare(typed);
  if (reference === '') return textAnswer(usageWords('show'));
  const promotion = await findPromotion(deps, reference);
  if (promotion === null) return textAnswer(unknownPromotionWords(reference));
  const history = await deps.db.audit.ofPromotion(promotion.id, HISTORY_LENGTH + 1);
  // What was never promoted is as it was.
  const wasPromoted = promotion.state !== 'marked' && promotion.state !== 'cancelled';
  const evidence = wasPromoted ? await deps.readEvidence(promotion, EVIDENCE_WITHIN_MS) : null;
  const historyIsCut = history.length > HISTORY_LENGTH;
  const attention = isDeploying(promotion) ? await deps.db.attention.of(promotion.id) : null;
  return showAnswer({
    promotion,
    evidence,
    history: history.slice(-HISTORY_LENGTH),
    historyIsCut,
    attention,
    permalink: deps.publicUrl === null ? null : permalinkOf(deps.publicUrl, promotion.id),
  });
}

/** By id, or by flag key: the newest promotion of that flag. */
export async function findPromotion(deps: HandlerDependencies, reference: string): Promise<Promotion | null> {
  const byId = isRowId(reference) ? await deps.db.promotions.find(reference) : null;
  return byId ?? deps.db.promotions.newestOf(reference);
}
