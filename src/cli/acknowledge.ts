import { isOpen, worstSeverity } from '../promotions/alert.js';
import { isDeploying } from '../promotions/promotion.js';
import { takenAnswer, takeRefusalAnswer } from '../views/attention.js';
import { answerText, promotionJson } from '../views/command-line.js';
import { outcomeHeadline } from '../views/headline.js';
import { terminalText } from '../views/terminal.js';
import type { CommandLine } from './dependencies.js';
import { findDeploying, isReply } from './find.js';
import { type Conversation, type Reply, refused } from './reply.js';
import { askOperator, NOT_A_SLACK_ID, refuseOutsider } from './who.js';

/** `acknowledge`: does what *I’m on it* does. Takes an operator and no code, as the button does. */
export async function acknowledge(
  deps: CommandLine,
  conversation: Conversation,
  asked: { readonly reference: string; readonly takesOver: boolean },
): Promise<Reply> {
  const { db } = deps;
  const now = await db.now();
  const found = await findDeploying(db, asked.reference, now);
  if (isReply(found)) return found;
  if (!isDeploying(found) && found.state !== 'marked')
    return refused('ended', terminalText(outcomeHeadline(found), now));
  const operatorId = await askOperator(conversation);
  if (operatorId === null) return refused('no_operator', NOT_A_SLACK_ID);
  const outsider = await refuseOutsider(db, operatorId);
  if (outsider !== null) return outsider;
  const open = (await db.alerts.ofPromotion(found.id)).filter(isOpen);
  const owner = (await db.attention.of(found.id))?.ownership?.owner ?? null;
  const at = await db.now();
  const over = asked.takesOver ? owner : null;
  const outcome = await db.attention.take({ promotionId: found.id, operatorId, over, at });
  if (outcome.kind === 'taken_now') {
    const text = takenAnswer(outcome.promotion, outcome.from, worstSeverity(open) === 'critical');
    const json = { outcome: 'acknowledged', promotion: promotionJson(outcome.promotion), owner: operatorId };
    return { isDone: true, text: terminalText(text, at), json };
  }
  const superadmins = outcome.kind === 'not_operator' ? await db.operators.superadmins() : [];
  const text = answerText(takeRefusalAnswer(outcome, superadmins), at);
  // Already acknowledged by them: that is what they wanted.
  if (outcome.kind === 'yours_already') {
    return { isDone: true, text, json: { outcome: outcome.kind, promotion: promotionJson(outcome.promotion), owner } };
  }
  return refused(outcome.kind, outcome.kind === 'taken' ? `${text} Then: --take-over` : text, { owner });
}
