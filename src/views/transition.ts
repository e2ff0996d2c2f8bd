import type { Operator } from '../operators/operator.js';
import { type Evidence, presentableValue } from '../promotions/evidence.js';
import { isDeploying, type Promotion, usualConfigVar } from '../promotions/promotion.js';
import type { ChangedSince } from '../promotions/shown.js';
import type { Transition, TransitionRefusal } from '../promotions/transition.js';
import { codeInput, codeWords, lookAgain, needsOperator, needsSecondPerson, needsSuperadmin } from './authority.js';
import { type Answer, type Block, type FieldErrors, type Modal, plainText, section } from './blocks.js';
import { heldValue, target, whyUnavailable } from './evidence.js';
import { outcomeHeadline, subject } from './headline.js';
import { BLOCK, COMMAND, VIEW } from './ids.js';
import { ago, code, exact, key, person, when } from './text.js';

const WORDS: Record<Transition, { title: string; submit: string; close: string; undone: string }> = {
  promote: { title: 'Promote', submit: 'Promote', close: 'Not now', undone: 'Nothing was promoted.' },
  // "Cancel" as the way out would say the opposite of what it does.
  cancel: { title: 'Cancel promotion', submit: 'Cancel promotion', close: 'Keep it', undone: 'Nothing was cancelled.' },
};

export function transitionTitle(transition: Transition): string {
  return WORDS[transition].title;
}

/** An operator's form for a marked promotion. `evidence` null: Heroku is still being asked. */
export function transitionModal(facts: {
  readonly promotion: Promotion;
  readonly transition: Transition;
  readonly evidence: Evidence | null;
  /** What changed since the form was last shown; null: it just opens. */
  readonly changed: ChangedSince | null;
  readonly privateMetadata: string;
}): Modal {
  const { promotion, transition, evidence } = facts;
  const { title, submit, close } = WORDS[transition];
  const blocks: Block[] = transition === 'promote' ? promoting(promotion, evidence) : cancelling(promotion);
  if (facts.changed !== null) blocks.unshift(lookAgain(facts.changed, WORDS[transition].undone));
  blocks.push(codeInput());
  return {
    type: 'modal',
    callback_id: VIEW.transition,
    private_metadata: facts.privateMetadata,
    title: plainText(title),
    submit: plainText(submit),
    close: plainText(close),
    blocks,
  };
}

function promoting(promotion: Promotion, evidence: Evidence | null): Block[] {
  const { configVar, targetValue } = promotion;
  const what = `Promotes ${subject(promotion)}: ${key(configVar, CONFIG_VAR_MAX_LENGTH)}`;
  const facts = [...unusualVariable(promotion), `*Now*: ${present(promotion, evidence)}`, markedLine(promotion)];
  const rest = section([...facts, consequence(evidence)].join('\n'));
  if (targetValue === '') return [section(`${what} → ${code('')}`), rest];
  if (targetValue === null || presentableValue(targetValue).kind === 'plain') {
    return [section(`${what} → ${target(promotion)}`), rest];
  }
  // A code authorises what its form shows. A person typed this value to be set, so whoever sets it sees it.
  const parts = targetValue.length > MOST_CHARACTERS ? ['It is longer than Heroku takes.'] : exact(targetValue);
  return [
    section(`${what} → this value:`),
    ...parts.map((part): Block => ({ type: 'section', text: plainText(part) })),
    rest,
  ];
}

/** Heroku takes 32 kB. Escaped, that is less than a modal's 100 blocks. */
const MOST_CHARACTERS = 32_768;
/** Heroku takes longer names, which nobody could read here. */
const CONFIG_VAR_MAX_LENGTH = 256;

/** An unusual config var deserves a second look. */
function unusualVariable({ configVar, flagKey }: Promotion): string[] {
  const usual = usualConfigVar(flagKey);
  return configVar === usual ? [] : [`:warning: *Not this flag’s usual variable*, which is ${code(usual)}`];
}

function consequence(evidence: Evidence | null): string {
  if (evidence?.kind === 'read' && evidence.verdict === 'live') {
    return ':information_source: Heroku has this value already: nothing restarts, it is only recorded.';
  }
  const unless = evidence?.kind === 'unavailable' ? 'Unless it has this value already, ' : '';
  return `:arrows_counterclockwise: ${unless}Heroku makes a release and *restarts the dynos*.`;
}

function present(promotion: Promotion, evidence: Evidence | null): string {
  if (evidence === null) return ':hourglass_flowing_sand: Checking Heroku…';
  if (evidence.kind === 'unavailable') return `not known. ${whyUnavailable(promotion, evidence.reason)}`;
  return `${heldValue(evidence.value)} · checked ${ago(evidence.checkedAt)}`;
}

function cancelling(promotion: Promotion): Block[] {
  return [
    section(
      [`Cancels ${subject(promotion)}: ${key(promotion.configVar)} → ${target(promotion)}`, markedLine(promotion)].join(
        '\n',
      ),
    ),
    section('Heroku isn’t touched. To get back, mark it again.'),
  ];
}

function markedLine({ markedAt, createdAt, markedBy }: Promotion): string {
  return `*Marked* by ${person(markedBy)}, ${when(markedAt ?? createdAt)}`;
}

export function transitionAnswer(promotion: Promotion, alertChannel: string): Answer {
  const what = subject(promotion);
  const text =
    promotion.state === 'cancelled'
      ? `:heavy_minus_sign: ${what} is *cancelled*. Heroku wasn’t touched.`
      : `:hourglass_flowing_sand: ${what} is *being promoted*. Follow it in <#${alertChannel}>.`;
  return { text, blocks: [section(text)] };
}

/** Under the code's field if it is about the code, else a sentence. */
export function transitionRefusalWords(
  refusal: TransitionRefusal,
  transition: Transition,
  around: { readonly now: Date; readonly operatorId: string; readonly superadmins: readonly Operator[] },
):
  | { readonly kind: 'field_errors'; readonly errors: FieldErrors }
  | { readonly kind: 'sentence'; readonly text: string } {
  switch (refusal.kind) {
    case 'code_refused':
      return { kind: 'field_errors', errors: { [BLOCK.code]: codeWords(refusal.check, around.now) } };
    case 'not_superadmin':
      return { kind: 'sentence', text: needsSuperadmin('promote this', around.superadmins) };
    case 'same_person':
      return { kind: 'sentence', text: needsSecondPerson('promote it', refusal, around) };
    case 'not_operator':
      return { kind: 'sentence', text: needsOperator('cancel a promotion', around.superadmins) };
    case 'unknown_promotion':
      return { kind: 'sentence', text: 'This promotion is no longer in the database.' };
    case 'not_marked':
      return {
        kind: 'sentence',
        text: refusal.byThisRequest
          ? `:white_check_mark: *You already did this.* It is saved.\n${whereItStands(refusal.promotion)}`
          : `*Nothing was changed*: only what is marked can be ${transition === 'promote' ? 'promoted' : 'cancelled'}.\n${whereItStands(refusal.promotion)}`,
      };
  }
}

function whereItStands(promotion: Promotion): string {
  if (!isDeploying(promotion)) return outcomeHeadline(promotion);
  return `${subject(promotion)} is being promoted by ${person(promotion.promotedBy)}, since ${when(promotion.promotedAt ?? promotion.createdAt)}. Follow it: \`${COMMAND} show ${promotion.id}\``;
}

/** No promotion of the flag is marked; `newest` is the last one. */
export function nothingMarkedWords(reference: string, newest: Promotion | null): string {
  const known = newest === null ? '' : `\n${whereItStands(newest)}`;
  return `There is no marked promotion ${code(reference, 80)}. \`${COMMAND} mark\` marks one.${known}`;
}
