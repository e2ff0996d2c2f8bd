import { type Admission, admitToResolve, readSetBack } from '../decisions/resolve.js';
import type { ResolutionAction } from '../promotions/evidence.js';
import { isDeploying, type Promotion } from '../promotions/promotion.js';
import { isRowId } from '../promotions/row-id.js';
import { textAnswer } from '../views/blocks.js';
import { outcomeHeadline } from '../views/headline.js';
import { ACTION } from '../views/ids.js';
import { refusalWords } from '../views/resolution.js';
import { type Opening, openModal, showThatItEnded } from './answer.js';
import type { HandlerDependencies } from './dependencies.js';
import { openWithEvidence } from './form-evidence.js';
import { refuseOutsider } from './outsider.js';
import type { Clicks } from './handler.js';
import { type ResolutionModalState, renderResolutionModal } from './resolution-form.js';
import { type Click, unpackClick } from './unpack.js';

export const resolutionClicks = {
  [ACTION.markCompleted]: (deps, body) => clickResolution(deps, 'completed', body),
  [ACTION.markFailed]: (deps, body) => clickResolution(deps, 'failed', body),
} satisfies Clicks;

/** `Mark completed` or `Mark failed`: opens the form for a superadmin, tells anybody else why not. */
async function clickResolution(deps: HandlerDependencies, action: ResolutionAction, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const ended: string[] = [];
  await openModal(deps, click, 'Resolve promotion', async (): Promise<Opening> => {
    const checked = await check(deps, action, click);
    if ('refusal' in checked) return { kind: 'answer', answer: textAnswer(checked.refusal) };
    const { promotion } = checked;
    if (!isDeploying(promotion)) {
      ended.push(promotion.id);
      const text = `*This has already ended.*\n${outcomeHeadline(promotion)}`;
      return { kind: 'answer', answer: textAnswer(text) };
    }
    const setBack = await readSetBack(deps, promotion, action);
    // An ephemeral list can't be updated from the rows, but its response URL can replace it for half an hour.
    const listUrl = click.isEphemeral ? click.responseUrl : null;
    const shown = deps.fingerprint(promotion);
    return openWithEvidence(deps, promotion, (evidence) => {
      const state: ResolutionModalState = { promotionId: promotion.id, action, evidence, shown, listUrl };
      return renderResolutionModal(promotion, state, { changed: null, setBack });
    });
  });
  // Another system's write left the clicked message behind: update it after the answer.
  for (const promotionId of ended) await showThatItEnded(deps, promotionId);
}

async function check(
  deps: HandlerDependencies,
  action: ResolutionAction,
  click: Click,
): Promise<{ promotion: Promotion } | { refusal: string }> {
  const outsider = await refuseOutsider(deps, click);
  if (outsider !== null) return { refusal: outsider.text };
  const operatorId = click.userId;
  const promotionId = isRowId(click.value) ? click.value : null;
  const admission = await admitToResolve(deps, { promotionId, operatorId, action });
  return admission.kind === 'admitted' ? admission : { refusal: await refusalText(deps, admission, operatorId) };
}

async function refusalText(
  deps: HandlerDependencies,
  refusal: Exclude<Admission, { kind: 'admitted' }>,
  operatorId: string,
): Promise<string> {
  if (refusal.kind !== 'unknown_promotion') deps.onDenied(refusal.kind);
  const superadmins = await deps.db.operators.superadmins();
  const words = refusalWords(refusal, { now: deps.now(), operatorId, superadmins });
  return words.kind === 'sentence' ? words.text : Object.values(words.errors).join(' ');
}
