import { isOperator, isSuperadmin } from '../operators/operator.js';
import { needsOperator, needsSuperadmin } from '../views/authority.js';
import { type Answer, textAnswer } from '../views/blocks.js';
import type { HandlerDependencies } from './dependencies.js';
import { refuseOutsider } from './outsider.js';

/** What any operator may do without a code: the audit log's word for it, and how a refusal names it. */
export const FOR_OPERATORS = {
  accept_drift: 'accept a change',
  mark: 'mark a flag for promotion',
  rca_linked: 'link or draft an RCA',
  stats: 'post figures',
};

interface Who {
  readonly userId: string;
  readonly teamId: string | null;
}

/** Why a person may not do what any operator may; null if they may. The database checks again as it writes. */
export async function refuseUnlessOperator(
  deps: HandlerDependencies,
  who: Who,
  attempted: keyof typeof FOR_OPERATORS = 'rca_linked',
): Promise<Answer | null> {
  const outsider = await refuseOutsider(deps, who);
  if (outsider !== null) return outsider;
  if (isOperator(await deps.db.operators.find(who.userId))) return null;
  await deny(deps, who.userId, attempted, 'not_operator');
  return textAnswer(needsOperator(FOR_OPERATORS[attempted], await deps.db.operators.superadmins()));
}

/** The same for what only a superadmin may. `to`: what was tried, as `start a drill`. */
export async function refuseUnlessSuperadmin(
  deps: HandlerDependencies,
  userId: string,
  attempted: string,
  to: string,
): Promise<Answer | null> {
  return isSuperadmin(await deps.db.operators.find(userId)) ? null : refuseNoSuperadmin(deps, userId, attempted, to);
}

/** For somebody who isn't one, or is no longer. */
export async function refuseNoSuperadmin(
  deps: HandlerDependencies,
  userId: string,
  attempted: string,
  to: string,
): Promise<Answer> {
  await deny(deps, userId, attempted, 'not_superadmin');
  return textAnswer(needsSuperadmin(to, await deps.db.operators.superadmins()));
}

async function deny(
  deps: HandlerDependencies,
  actor: string,
  attempted: string,
  reason: 'not_operator' | 'not_superadmin',
): Promise<void> {
  deps.onDenied(reason);
  await deps.db.denials.record({ at: deps.now(), actor, promotionId: null, attempted, reason });
}
