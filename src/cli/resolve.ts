import { admitToResolve, type ResolveOutcome, readSetBack, resolve } from '../decisions/resolve.js';
import type { CodeCheck } from '../operators/code-check.js';
import { isDenial } from '../promotions/denial.js';
import { contradicts, type Evidence, type ResolutionAction } from '../promotions/evidence.js';
import { endedAt, isDeploying, type Promotion } from '../promotions/promotion.js';
import { checkResolutionFields, type ResolutionFields, terminalStateOf } from '../promotions/resolution.js';
import type { ChangedSince } from '../promotions/shown.js';
import { contradictionText, evidenceJson, promotionJson, resolutionText, resolvedText } from '../views/command-line.js';
import { outcomeHeadline } from '../views/headline.js';
import { fieldFaultWords, noWayBackWords, refusalWords } from '../views/resolution.js';
import { terminalText } from '../views/terminal.js';
import type { DecidingCommandLine } from './dependencies.js';
import { findDeploying, isReply } from './find.js';
import { EVIDENCE_WITHIN_MS } from './look.js';
import { type Conversation, type Reply, refused } from './reply.js';
import { askCode, askOperator, NOT_A_SLACK_ID, refuseOutsider } from './who.js';

export interface ResolveArguments {
  readonly reference: string;
  readonly action: ResolutionAction;
  readonly note: string;
  readonly rcaUrl: string;
  /** Whether to record it although Heroku says the opposite; for use without a terminal, where nobody can be asked. */
  readonly overrides: boolean;
  readonly setsBack: boolean;
}

interface Round {
  readonly promotion: Promotion;
  readonly evidence: Evidence;
  readonly changed: ChangedSince | 'unseen' | null;
}

interface Asked extends Pick<ResolveArguments, 'action' | 'overrides' | 'setsBack'> {
  readonly fields: ResolutionFields;
}

/**
 * `resolve`: the same decision and transaction as the buttons and their form. Shows what Heroku says, asks who decides
 * and for their code, and shows it again if anything changed meanwhile.
 */
export async function resolveByHand(
  deps: DecidingCommandLine,
  conversation: Conversation,
  given: ResolveArguments,
): Promise<Reply> {
  const { db } = deps;
  const { action } = given;
  const now = await db.now();
  const checked = checkResolutionFields(action, { note: given.note, rcaUrl: given.rcaUrl }, deps.rcaUrlHosts);
  if (!checked.ok) return refused('invalid', fieldsText(fieldFaultWords(checked.faults, deps.rcaUrlHosts), now));
  const found = await findDeploying(db, given.reference, now);
  if (isReply(found)) return found;
  if (!isDeploying(found)) return alreadyEnded(deps, conversation, found, action);
  const first = { promotion: found, evidence: await deps.readEvidence(found, EVIDENCE_WITHIN_MS), changed: null };
  const asked = { ...given, fields: checked.fields };
  const unfit = await whyNotSetBack(deps, asked, first, now);
  if (unfit !== null) return unfit;
  conversation.say(resolutionText({ ...first, action, setsBack: given.setsBack }, now));
  const operatorId = await askOperator(conversation);
  if (operatorId === null) return refused('no_operator', NOT_A_SLACK_ID);
  const outsider = await refuseOutsider(db, operatorId);
  if (outsider !== null) return outsider;
  const admission = await admitToResolve(deps, { promotionId: found.id, operatorId, action });
  if (admission.kind !== 'admitted') return refusal(deps, admission, operatorId, await db.now());
  return rounds(deps, conversation, asked, operatorId, first);
}

/** Asks for a code until it is done, refused, or given up. Piped-in input is tried once: it was written beforehand. */
async function rounds(
  deps: DecidingCommandLine,
  conversation: Conversation,
  asked: Asked,
  operatorId: string,
  { promotion, evidence }: Round,
): Promise<Reply> {
  const { action, fields } = asked;
  const isContradicted = contradicts(evidence, action);
  if (isContradicted && !(await confirms(deps, conversation, asked, evidence))) {
    const text = `${contradictionText(action, evidence, await deps.db.now())} Nothing was changed. To record it all the same: --override`;
    return refused('contradiction_unconfirmed', text, { evidence: evidenceJson(evidence) });
  }
  const code = await askCode(conversation);
  if (code === '') return refused('no_code', 'No code was given. Nothing was changed.');
  const { outcome, now } = await resolve(
    deps,
    {
      promotionId: promotion.id,
      action,
      operatorId,
      ...fields,
      confirmedContradiction: isContradicted,
      setBack: asked.setsBack,
      evidence,
      fingerprint: deps.fingerprint(promotion),
      code,
    },
    EVIDENCE_WITHIN_MS,
  );
  const canAskAgain = conversation.terminal().isInteractive;
  if (outcome.kind === 'look_again') {
    const again = resolutionText({ ...outcome, action, setsBack: asked.setsBack }, now);
    if (!canAskAgain) return refused(`${outcome.changed}_changed`, again, { evidence: evidenceJson(outcome.evidence) });
    conversation.say(again);
    const unfit = await whyNotSetBack(deps, asked, outcome, now);
    return unfit ?? rounds(deps, conversation, { ...asked, overrides: false }, operatorId, outcome);
  }
  if (outcome.kind === 'code_refused' && canAskAgain && maySucceed(outcome.check)) {
    const { text } = await refusal(deps, outcome, operatorId, now);
    conversation.say(text);
    return rounds(deps, conversation, { ...asked, overrides: isContradicted }, operatorId, {
      promotion,
      evidence,
      changed: null,
    });
  }
  return outcome.kind === 'resolved'
    ? {
        isDone: true,
        text: resolvedText(outcome.promotion, outcome.back, now),
        json: {
          outcome: 'resolved',
          promotion: promotionJson(outcome.promotion),
          setBackBy: outcome.back?.id ?? null,
          evidence: evidenceJson(evidence),
        },
      }
    : refusal(deps, outcome, operatorId, now);
}

/** The option is for use without a terminal, where nobody can be asked. */
async function confirms(
  deps: DecidingCommandLine,
  { say, terminal }: Conversation,
  { action, overrides }: Asked,
  evidence: Evidence,
): Promise<boolean> {
  if (overrides) return true;
  const { isInteractive, ask } = terminal();
  if (!isInteractive) return false;
  say(contradictionText(action, evidence, await deps.db.now()));
  return (await ask('To override Heroku, type override: ')).toLowerCase() === 'override';
}

function maySucceed(check: CodeCheck): boolean {
  return check.kind === 'rejected' && check.lockedUntil === null;
}

/** The form offers a revert only for what failed and is live; here it is asked for before that is known. */
async function whyNotSetBack(
  deps: DecidingCommandLine,
  { action, setsBack }: Asked,
  { promotion, evidence }: Round,
  now: Date,
): Promise<Reply | null> {
  if (!setsBack) return null;
  if (action !== 'failed') return refused('cannot_set_back', '--set-back goes with --failed.');
  if (evidence.kind !== 'read' || evidence.verdict !== 'live') {
    return refused('cannot_set_back', 'Only what is live can be reverted. Nothing was changed.');
  }
  const setBack = await readSetBack(deps, promotion, action);
  return setBack.kind === 'known'
    ? null
    : refused('cannot_set_back', terminalText(noWayBackWords(promotion, setBack.kind), now));
}

async function refusal(
  deps: DecidingCommandLine,
  outcome: Exclude<ResolveOutcome, { kind: 'resolved' | 'look_again' }>,
  operatorId: string,
  now: Date,
): Promise<Reply> {
  const superadmins = isDenial(outcome) ? await deps.db.operators.superadmins() : [];
  const words = refusalWords(outcome, { now, operatorId, superadmins });
  const text = words.kind === 'sentence' ? terminalText(words.text, now) : fieldsText(words.errors, now);
  if (outcome.kind === 'already_resolved' && outcome.byThisRequest) {
    return { isDone: true, text, json: { outcome: outcome.kind, promotion: promotionJson(outcome.promotion) } };
  }
  return refused(outcome.kind, text, 'promotion' in outcome ? { promotion: promotionJson(outcome.promotion) } : {});
}

function fieldsText(errors: Readonly<Record<string, string>>, now: Date): string {
  return Object.entries(errors)
    .map(([field, words]) => `${FIELD[field] ?? ''}${terminalText(words, now)}`)
    .join('\n');
}

const FIELD: Readonly<Record<string, string>> = { note: '--note: ', rca_url: '--rca-url: ' };

/** Says no more than `show` does, so it takes no code: a retry after a lost answer succeeds. */
async function alreadyEnded(
  deps: DecidingCommandLine,
  conversation: Conversation,
  promotion: Promotion,
  action: ResolutionAction,
): Promise<Reply> {
  const at = endedAt(promotion);
  const mayBeTheirs = at !== null && promotion.state === terminalStateOf(action) && promotion.resolvedBy !== null;
  const operatorId = mayBeTheirs ? await askOperator(conversation) : null;
  const now = await deps.db.now();
  if (mayBeTheirs && operatorId === promotion.resolvedBy) {
    return refusal(deps, { kind: 'already_resolved', promotion, at, byThisRequest: true }, operatorId, now);
  }
  return refused('already_resolved', endedText(promotion, now), { promotion: promotionJson(promotion) });
}

function endedText(promotion: Promotion, now: Date): string {
  const words =
    promotion.state === 'marked'
      ? 'Nothing was changed: it was only marked. Only what is deploying can be resolved.'
      : `Nothing was changed: it has already ended.\n${outcomeHeadline(promotion)}`;
  return terminalText(words, now);
}
