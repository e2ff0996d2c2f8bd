import * as z from 'zod';
import type { MarkOutcome, NewPromotion } from '../db/transitions.js';
import { CONFIG_VARS_MAX_BYTES, isAppName, isConfigVarName } from '../heroku/heroku.js';
import { usualConfigVar } from '../promotions/promotion.js';
import { bare } from '../promotions/typed.js';
import { referenceNote } from '../reference.js';
import { needsOperator } from '../views/authority.js';
import { type Answer, type FieldErrors, notice, textAnswer } from '../views/blocks.js';
import { BLOCK, type BlockId } from '../views/ids.js';
import {
  APP_NOT_KNOWN,
  alreadyActiveAnswer,
  FIELD_MAX_LENGTH,
  MARK_FAULTS,
  MARK_TITLE,
  type MarkFields,
  markedAnswer,
  markModal,
  notAllowedWords,
  promotingOffWords,
} from '../views/mark.js';
import { answer, type Opening, openModal } from './answer.js';
import { FOR_OPERATORS, refuseUnlessOperator } from './authority.js';
import type { HandlerDependencies } from './dependencies.js';
import { type AckSubmission, answerSubmission, type Decided } from './submission.js';
import { type Command, type Submission, unpackSubmission } from './unpack.js';

/** How long Heroku may take to say whether an app exists: a submission and a command's trigger live 3 s. */
const APP_WITHIN_MS = 1_500;
const DEFAULT_VALUE = 'true';

const formState = z.object({ answerUrl: z.string() });

/** `/flag-promotions mark [flag-key] [app] [value]`: marks if it says enough, else opens the form. */
export async function commandMark(deps: HandlerDependencies, command: Command, rest: string): Promise<void> {
  const [, key = '', app = '', targetValue = ''] = /^(\S*)\s*(\S*)\s*(.*)$/su.exec(rest) ?? [];
  const [flagKey, herokuApp] = [bare(key), bare(app)];
  const typed: MarkFields = { flagKey, herokuApp, targetValue: targetValue.trim() || DEFAULT_VALUE, configVar: '' };
  // Slack may have written `&` as `&amp;`: show such a value in the form's own field.
  if (herokuApp === '' || /[&<>]/u.test(targetValue)) {
    return openModal(deps, command, MARK_TITLE, async () => {
      const refusal = await refuse(deps, command);
      return refusal === null
        ? form({ ...typed, herokuApp: herokuApp || (await likelyApp(deps, flagKey)) }, [], command)
        : { kind: 'answer', answer: refusal };
    });
  }
  const refusal = await refuse(deps, command);
  if (refusal !== null) return answer(deps, command.responseUrl, refusal);
  const checked = await check(deps, typed);
  if ('errors' in checked) {
    return openModal(deps, command, MARK_TITLE, async () => form(typed, Object.values(checked.errors), command));
  }
  const outcome = await deps.db.transitions.mark(checked.asked, command.userId, await deps.db.now());
  await answer(deps, command.responseUrl, outcomeAnswer(outcome));
}

export async function submitMark(deps: HandlerDependencies, body: unknown, ack: AckSubmission): Promise<void> {
  const submission = unpackSubmission(body);
  const { answerUrl } = formState.parse(JSON.parse(submission.privateMetadata));
  await answerSubmission<MarkOutcome>(deps, submission, ack, {
    title: MARK_TITLE,
    faultUnder: BLOCK.flagKey,
    again: 'Submit again; it can’t be marked twice.',
    decide: () => decide(deps, submission),
    recognisesItself: false,
    meanwhile: 'The result comes in this form.',
    saved: async (late) => notice(MARK_TITLE, late === null ? '*Saved.*' : outcomeAnswer(late).text),
    afterwards: (marked) => answer(deps, answerUrl, outcomeAnswer(marked)),
  });
}

async function decide(deps: HandlerDependencies, submission: Submission): Promise<Decided<MarkOutcome>> {
  const say = (said: Answer): Decided<MarkOutcome> => ({
    answer: { kind: 'view', view: notice(MARK_TITLE, said.text) },
    done: null,
  });
  const refusal = await refuse(deps, submission);
  if (refusal !== null) return say(refusal);
  const checked = await check(deps, {
    flagKey: bare(submission.field(BLOCK.flagKey)),
    herokuApp: bare(submission.field(BLOCK.herokuApp)),
    targetValue: submission.field(BLOCK.targetValue),
    configVar: bare(submission.field(BLOCK.configVar)),
  });
  if ('errors' in checked) return { answer: { kind: 'errors', errors: checked.errors }, done: null };
  const outcome = await deps.db.transitions.mark(checked.asked, submission.userId, await deps.db.now());
  return outcome.kind === 'marked' ? { answer: { kind: 'close' }, done: outcome } : say(outcomeAnswer(outcome));
}

/** Why this person may not mark, or nobody can; null if they may. */
async function refuse(
  deps: HandlerDependencies,
  who: { readonly userId: string; readonly teamId: string | null },
): Promise<Answer | null> {
  const refusal = await refuseUnlessOperator(deps, who, 'mark');
  return refusal ?? (deps.findApp === null ? textAnswer(promotingOffWords()) : null);
}

/** Refuses what Heroku would, before anything is written; uses the app's name as Heroku has it. */
async function check(
  deps: HandlerDependencies,
  { flagKey, herokuApp, targetValue, configVar: typed }: MarkFields,
): Promise<{ asked: NewPromotion } | { errors: FieldErrors }> {
  const errors: Partial<Record<BlockId, string>> = {};
  const configVar = typed === '' ? usualConfigVar(flagKey) : typed;
  if (flagKey === '' || !isConfigVarName(`FLAG_${flagKey}`)) errors[BLOCK.flagKey] = MARK_FAULTS.flagKey;
  if (!isConfigVarName(configVar) && typed !== '') errors[BLOCK.configVar] = MARK_FAULTS.configVar;
  else if (!deps.configVars.maySet(configVar)) errors[BLOCK.configVar] = notAllowedWords(configVar, deps.configVars);
  if (targetValue === '') errors[BLOCK.targetValue] = MARK_FAULTS.valueEmpty;
  else if (Buffer.byteLength(configVar) + Buffer.byteLength(targetValue) > CONFIG_VARS_MAX_BYTES) {
    errors[BLOCK.targetValue] = MARK_FAULTS.valueTooLong;
  } else if (targetValue.includes('\0') || !targetValue.isWellFormed()) {
    errors[BLOCK.targetValue] = MARK_FAULTS.valueUnusable;
  }
  const app = isAppName(herokuApp) ? await deps.findApp?.(herokuApp, APP_WITHIN_MS) : undefined;
  if (app === undefined) errors[BLOCK.herokuApp] = MARK_FAULTS.appName;
  else if (app.kind === 'unknown') errors[BLOCK.herokuApp] = MARK_FAULTS.appUnknown;
  else if (app.kind === 'not_known') errors[BLOCK.herokuApp] = `${APP_NOT_KNOWN[app.reason]}${referenceNote()}`;
  else if (Object.keys(errors).length === 0) return { asked: { flagKey, herokuApp: app.name, configVar, targetValue } };
  return { errors };
}

function outcomeAnswer(outcome: MarkOutcome): Answer {
  switch (outcome.kind) {
    case 'marked':
      return markedAnswer(outcome.promotion);
    case 'active':
      return alreadyActiveAnswer(outcome.promotion);
    case 'not_operator':
      return textAnswer(needsOperator(FOR_OPERATORS.mark, []));
  }
}

/** A proposal: the app that this flag, or else any flag, was last promoted on. */
async function likelyApp(deps: HandlerDependencies, flagKey: string): Promise<string> {
  const sameFlag = flagKey === '' ? null : await deps.db.promotions.newestOf(flagKey);
  const last = sameFlag ?? (await deps.db.promotions.list({ beforeId: null, limit: 1 }))[0];
  return last?.herokuApp ?? '';
}

function form(initial: MarkFields, faults: readonly string[], command: Command): Opening {
  const told = initial.targetValue.length > FIELD_MAX_LENGTH ? [...faults, MARK_FAULTS.valueLeftOut] : faults;
  const privateMetadata = JSON.stringify({ answerUrl: command.responseUrl } satisfies z.input<typeof formState>);
  return { kind: 'modal', view: markModal({ initial, faults: told, privateMetadata }) };
}
