import type { Database } from '../db/database.js';
import type { FollowUpOutcome } from '../db/follow-ups.js';
import { isDenial } from '../promotions/denial.js';
import type { Evidence } from '../promotions/evidence.js';
import { type FollowUp, type FollowUpRefusal, refuseFollowUp, type Standing } from '../promotions/follow-up.js';
import type { Promotion, RowChanged } from '../promotions/promotion.js';
import { isRowId } from '../promotions/row-id.js';
import { type ChangedSince, whyShowAgain } from '../promotions/shown.js';
import type { ResolveDependencies, SubmittedForm } from './resolve.js';

/* Promoting from a deployed flag, asked for by a button or the command line: what is read, checked and written. */

/** What a person means by the name of something deployed. */
type FoundDeployed =
  | { readonly kind: 'one'; readonly promotion: Promotion }
  /** The newest promotion on each app, if the flag is deployed on several. */
  | { readonly kind: 'several'; readonly deployed: readonly Promotion[] }
  /** `newest`: the newest of a flag that isn't deployed; null: nothing has that name. */
  | { readonly kind: 'none'; readonly newest: Promotion | null };

/** By id, or by flag key. `most`: how many apps to return. */
export async function findDeployed(
  { followUps, promotions }: Pick<Database, 'followUps' | 'promotions'>,
  reference: string,
  most: number,
): Promise<FoundDeployed> {
  const byId = isRowId(reference) ? await promotions.find(reference) : null;
  if (byId !== null) return { kind: 'one', promotion: byId };
  const deployed = await followUps.deployedOf(reference, most);
  const [only] = deployed;
  if (deployed.length > 1) return { kind: 'several', deployed };
  if (only !== undefined) return { kind: 'one', promotion: only };
  return { kind: 'none', newest: await promotions.newestOf(reference) };
}

export interface Judged {
  readonly standing: Standing | null;
  /** Why it can't be started, before any code is typed; null if it can. */
  readonly refusal: FollowUpRefusal | null;
}

/** A revert is judged by the newest deployed promotion, whichever was asked for. */
export async function judgeFollowUp(
  deps: ResolveDependencies,
  followUp: FollowUp,
  promotionId: string,
  operatorId: string,
): Promise<Judged> {
  const judged = await judge(deps, followUp, promotionId, operatorId);
  return followUp === 'revert' && judged.refusal?.kind === 'superseded'
    ? judge(deps, followUp, judged.refusal.by.id, operatorId)
    : judged;
}

async function judge(
  { db, takesSecondPerson, configVars }: ResolveDependencies,
  followUp: FollowUp,
  promotionId: string,
  operatorId: string,
): Promise<Judged> {
  const standing = await db.followUps.standing(promotionId);
  const asking = { followUp, operatorId, takesSecondPerson, configVars };
  return { standing, refusal: refuseFollowUp(asking, standing, await db.operators.find(operatorId)) };
}

/** Before any code: records the denial, since nothing else is written. */
export async function recordDenial(
  deps: Pick<ResolveDependencies, 'db' | 'now'>,
  refusal: FollowUpRefusal,
  asked: { readonly followUp: FollowUp; readonly promotionId: string; readonly operatorId: string },
): Promise<void> {
  if (!isDenial(refusal)) return;
  const { operatorId: actor, promotionId, followUp: attempted } = asked;
  await deps.db.denials.record({ at: deps.now(), actor, promotionId, attempted, reason: refusal.kind });
}

export interface AskedFollowUp extends SubmittedForm {
  readonly followUp: FollowUp;
}

/** What was shown no longer holds: nothing was written, and the code wasn't used. */
export interface FollowUpLookAgain {
  readonly kind: 'look_again';
  readonly standing: Standing;
  readonly evidence: Evidence;
  readonly changed: ChangedSince | 'unseen';
}

export type FollowUpResult = Exclude<FollowUpOutcome, RowChanged> | FollowUpLookAgain;

/** Reads row and evidence again, and starts it. `now`: by the database's clock, which the code was checked against. */
export async function startFollowUp(
  deps: ResolveDependencies,
  asked: AskedFollowUp,
  evidenceWithinMs: number,
): Promise<{ readonly result: FollowUpResult; readonly now: Date }> {
  const { promotionId, followUp, operatorId, evidence, fingerprint, code } = asked;
  const { standing, refusal } = await judgeFollowUp(deps, followUp, promotionId, operatorId);
  let reread: Evidence | null = null;
  // If it is refused, no second look is needed: the transaction refuses it in the same words.
  if (standing !== null && refusal === null) {
    reread = await deps.readEvidence(standing.promotion, evidenceWithinMs);
    const isAsShown = standing.promotion.id === promotionId && deps.fingerprint(standing.promotion) === fingerprint;
    const changed = whyShowAgain(isAsShown, evidence, reread);
    if (changed !== null) {
      return { result: { kind: 'look_again', standing, evidence: reread, changed }, now: await deps.db.now() };
    }
  }
  if (refusal?.kind === 'superseded') return { result: refusal, now: await deps.db.now() };
  const now = await deps.db.now();
  const { takesSecondPerson, configVars } = deps;
  const outcome = await deps.db.followUps.start(
    {
      promotionId,
      followUp,
      operatorId,
      shown: evidence,
      reread,
      isAsShown: (row) => deps.fingerprint(row) === fingerprint,
      takesSecondPerson,
      configVars,
    },
    now,
    deps.readCode(code, now),
  );
  // It changed between that look and the lock: the next look shows it.
  return outcome.kind === 'row_changed' ? startFollowUp(deps, asked, evidenceWithinMs) : { result: outcome, now };
}
