import { isSuperadmin } from '../operators/operator.js';
import type { ResolutionAction } from '../promotions/evidence.js';
import { isDeploying, type Promotion } from '../promotions/promotion.js';
import { isRowId } from '../promotions/row-id.js';
import { refuseSamePerson } from '../promotions/second-person.js';
import { textAnswer } from '../views/blocks.js';
import { needsSecondPerson, needsSuperadmin } from '../views/authority.js';
import { outcomeHeadline } from '../views/headline.js';
import { ACTION } from '../views/ids.js';
import { withTimeout } from '../with-timeout.js';
import { EXTERNAL_USER, isExternalUser, type Opening, openModal, showThatItEnded } from './answer.js';
import type { HandlerDependencies } from './dependencies.js';
import type { Clicks } from './handler.js';
import { type ResolutionModalState, readSetBack, renderResolutionModal } from './resolution-form.js';
import { type Click, unpackClick } from './unpack.js';

/** Heroku is given this long to be part of the modal from the start, and this long to be added to it. */
const EVIDENCE_AT_ONCE_MS = 400;
const EVIDENCE_LATER_MS = 8_000;

export const resolutionClicks = {
  [ACTION.markCompleted]: (deps, body) => clickResolution(deps, 'completed', body),
  [ACTION.markFailed]: (deps, body) => clickResolution(deps, 'failed', body),
} satisfies Clicks;

/** `Mark completed` or `Mark failed` was clicked: opens the form for a superadmin, tells anybody else why not. */
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
    const evidence = deps.readEvidence(promotion, EVIDENCE_LATER_MS);
    const early = await withTimeout(EVIDENCE_AT_ONCE_MS, evidence);
    // An ephemeral list cannot be repainted from the rows, but its response URL can replace it for half an hour.
    const listUrl = click.isEphemeral ? click.responseUrl : null;
    const shown = deps.fingerprint(promotion);
    const state: ResolutionModalState = { promotionId: promotion.id, action, evidence: early, shown, listUrl };
    const render = (as: ResolutionModalState) => renderResolutionModal(promotion, as, { changed: null, setBack });
    return {
      kind: 'modal',
      view: render(state),
      later: early === null ? evidence.then((late) => render({ ...state, evidence: late })) : undefined,
    };
  });
  // The message that was clicked in is behind what another system wrote: it is brought up to date after the answer.
  for (const promotionId of ended) await showThatItEnded(deps, promotionId);
}

async function check(
  deps: HandlerDependencies,
  action: ResolutionAction,
  click: Click,
): Promise<{ promotion: Promotion } | { refusal: string }> {
  if (await isExternalUser(deps, click.teamId)) return { refusal: EXTERNAL_USER.text };
  const promotionId = isRowId(click.value) ? click.value : null;
  const denied = async (reason: 'not_superadmin' | 'same_person') => {
    deps.onDenied(reason);
    await deps.db.audit.append({
      at: deps.now(),
      action: 'console.flag.promotion.denied',
      actor: click.userId,
      promotionId,
      detail: { attempted: action, reason },
    });
  };
  const operator = await deps.db.operators.find(click.userId);
  if (!isSuperadmin(operator)) {
    await denied('not_superadmin');
    return { refusal: needsSuperadmin('resolve this', await deps.db.operators.superadmins()) };
  }
  const promotion = promotionId === null ? null : await deps.db.promotions.find(promotionId);
  if (promotion === null)
    return { refusal: 'This promotion is no longer in the database, so there is nothing to resolve.' };
  const samePerson = refuseSamePerson(promotion, click.userId, deps.takesSecondPerson);
  if (samePerson === null || !isDeploying(promotion)) return { promotion };
  await denied(samePerson.kind);
  const around = { operatorId: click.userId, superadmins: await deps.db.operators.superadmins() };
  return { refusal: needsSecondPerson('resolve it', samePerson, around) };
}
