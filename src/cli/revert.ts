import { findDeployed, judgeFollowUp, recordDenial, startFollowUp } from '../decisions/follow-up.js';
import type { Evidence } from '../promotions/evidence.js';
import { type FollowUpRefusal, type Standing, valueToSet } from '../promotions/follow-up.js';
import { isDenial } from '../promotions/denial.js';
import type { Promotion } from '../promotions/promotion.js';
import type { ChangedSince } from '../promotions/shown.js';
import { bare } from '../promotions/typed.js';
import { answerText, evidenceJson, PROGRAM, promotionJson } from '../views/command-line.js';
import {
  DEPLOYED_SHOWN,
  followUpModal,
  followUpRefusalWords,
  nothingDeployedWords,
  whichAppAnswer,
} from '../views/follow-up.js';
import { unknownPromotionWords } from '../views/help.js';
import { promotingOffWords } from '../views/mark.js';
import { terminalText } from '../views/terminal.js';
import type { DecidingCommandLine } from './dependencies.js';
import { isReply } from './find.js';
import { EVIDENCE_WITHIN_MS } from './look.js';
import { type Conversation, type Reply, refused } from './reply.js';
import { askCode, askOperator, NOT_A_SLACK_ID, refuseOutsider } from './who.js';

interface Round {
  readonly standing: Standing;
  readonly evidence: Evidence;
  readonly changed: ChangedSince | null;
}

/** `revert`: does what the `Revert` button and its form do. The running app finishes the promotion that it starts. */
export async function revert(deps: DecidingCommandLine, conversation: Conversation, typed: string): Promise<Reply> {
  const { db } = deps;
  const now = await db.now();
  const found = await choose(deps, typed, now);
  if (isReply(found)) return found;
  const operatorId = await askOperator(conversation);
  if (operatorId === null) return refused('no_operator', NOT_A_SLACK_ID);
  const outsider = await refuseOutsider(db, operatorId);
  if (outsider !== null) return outsider;
  const { standing, refusal } = await judgeFollowUp(deps, 'revert', found.id, operatorId);
  if (refusal !== null || standing === null) {
    const why = refusal ?? { kind: 'unknown_promotion' as const };
    await recordDenial(deps, why, { followUp: 'revert', promotionId: found.id, operatorId });
    return refusalReply(deps, why, operatorId);
  }
  const evidence = await deps.readEvidence(standing.promotion, EVIDENCE_WITHIN_MS);
  if (evidence.kind === 'unavailable' && evidence.reason === 'not_configured') {
    return refused('promoting_off', terminalText(promotingOffWords(), now));
  }
  return rounds(deps, conversation, operatorId, found.id, { standing, evidence, changed: null });
}

async function rounds(
  deps: DecidingCommandLine,
  conversation: Conversation,
  operatorId: string,
  askedId: string,
  { standing, evidence, changed }: Round,
): Promise<Reply> {
  const { promotion } = standing;
  const shown = answerText(
    {
      text: '',
      blocks: followUpModal({
        followUp: 'revert',
        promotion,
        value: valueToSet('revert', standing),
        reverts: standing.reverts,
        asked: askedId === promotion.id ? null : askedId,
        evidence,
        changed,
        privateMetadata: '',
      }).blocks,
    },
    await deps.db.now(),
  );
  const { isInteractive } = conversation.terminal();
  // Piped-in input was written for what was shown before.
  if (changed !== null && !isInteractive)
    return refused(`${changed}_changed`, shown, { evidence: evidenceJson(evidence) });
  conversation.say(shown);
  const code = await askCode(conversation);
  if (code === '') return refused('no_code', 'No code was given. Nothing was changed.');
  const fingerprint = deps.fingerprint(promotion);
  const { result, now } = await startFollowUp(
    deps,
    { promotionId: promotion.id, followUp: 'revert', operatorId, evidence, fingerprint, code },
    EVIDENCE_WITHIN_MS,
  );
  if (result.kind === 'look_again') {
    const again = result.changed === 'unseen' ? null : result.changed;
    return rounds(deps, conversation, operatorId, askedId, { ...result, changed: again });
  }
  if (
    result.kind === 'code_refused' &&
    isInteractive &&
    result.check.kind === 'rejected' &&
    result.check.lockedUntil === null
  ) {
    conversation.say((await refusalReply(deps, result, operatorId)).text);
    return rounds(deps, conversation, operatorId, askedId, { standing, evidence, changed: null });
  }
  if (result.kind !== 'started') return refusalReply(deps, result, operatorId);
  const { started } = result;
  return {
    isDone: true,
    text: terminalText(
      `Started: promotion ${started.id} reverts it on Heroku, as soon as the app runs. Follow it: \`${PROGRAM} show ${started.id}\``,
      now,
    ),
    json: {
      outcome: 'started',
      promotion: promotionJson(started),
      reverts: promotion.id,
      evidence: evidenceJson(evidence),
    },
  };
}

/** By id, or by flag key if it is deployed on one app; if on several, it asks for the id. */
async function choose({ db }: DecidingCommandLine, typed: string, now: Date): Promise<Promotion | Reply> {
  const reference = bare(typed);
  const found = await findDeployed(db, reference, DEPLOYED_SHOWN + 1);
  switch (found.kind) {
    case 'one':
      return found.promotion;
    case 'several':
      return refused('several_promotions', answerText(whichAppAnswer(reference, found.deployed), now));
    case 'none':
      return found.newest === null
        ? refused('unknown_promotion', terminalText(unknownPromotionWords(reference), now))
        : refused('not_deployed', terminalText(nothingDeployedWords(reference, found.newest), now));
  }
}

async function refusalReply(deps: DecidingCommandLine, refusal: FollowUpRefusal, operatorId: string): Promise<Reply> {
  const now = await deps.db.now();
  const superadmins = isDenial(refusal) ? await deps.db.operators.superadmins() : [];
  const around = { now, operatorId, superadmins, configVars: deps.configVars };
  const words = followUpRefusalWords(refusal, 'revert', around);
  const text =
    words.kind === 'answer' ? answerText(words.answer, now) : terminalText(Object.values(words.errors).join(' '), now);
  const more = 'promotion' in refusal ? { promotion: promotionJson(refusal.promotion) } : {};
  return refusal.kind === 'already' && refusal.byThisRequest
    ? { isDone: true, text, json: { outcome: refusal.kind, ...more } }
    : refused(refusal.kind, text, more);
}
