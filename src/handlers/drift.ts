import { textAnswer } from '../views/blocks.js';
import { acceptWords, readAcceptValue } from '../views/drift.js';
import { unknownPromotionWords } from '../views/help.js';
import { ACTION } from '../views/ids.js';
import { answer } from './answer.js';
import { refuseUnlessOperator } from './authority.js';
import type { HandlerDependencies } from './dependencies.js';
import type { Clicks } from './handler.js';
import { unpackClick } from './unpack.js';

export const driftClicks = { [ACTION.acceptDrift]: clickAccept } satisfies Clicks;

/** `Accept` on a drift: an operator keeps what Heroku holds. */
async function clickAccept(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const refusal = await refuseUnlessOperator(deps, click, 'accept_drift');
  if (refusal !== null) return answer(deps, click.responseUrl, refusal);
  const asked = readAcceptValue(click.value);
  if (asked === null) return answer(deps, click.responseUrl, textAnswer(unknownPromotionWords(click.value)));
  const outcome = await deps.db.drifts.accept({ ...asked, operatorId: click.userId }, await deps.db.now());
  if (outcome.kind === 'not_operator') {
    const again = await refuseUnlessOperator(deps, click, 'accept_drift');
    return again === null ? undefined : answer(deps, click.responseUrl, again);
  }
  await answer(deps, click.responseUrl, textAnswer(acceptWords(outcome)));
  await deps.showInSlack(asked.promotionId);
  // The message about several belongs to no one promotion.
  const promotion = await deps.db.promotions.find(asked.promotionId);
  if (promotion !== null) await deps.deliver('drift_group', deps.channelOf(promotion.herokuApp));
}
