import type { Operator } from '../operators/operator.js';
import type { Evidence } from '../promotions/evidence.js';
import { isDeploying, type Promotion } from '../promotions/promotion.js';
import type { Transition, TransitionRefusal } from '../promotions/transition.js';
import { subjectLines } from './alert.js';
import { codeInput, codeWords, needsOperator, needsSuperadmin, WHY_A_CODE } from './authority.js';
import { type Answer, type Block, context, type FieldErrors, type Modal, plainText, section } from './blocks.js';
import { heldValue, target, whyUnavailable } from './evidence.js';
import { outcomeHeadline } from './headline.js';
import { BLOCK, COMMAND, VIEW } from './ids.js';
import { code, moment, person, when } from './text.js';

const WORDS: Record<Transition, { title: string; submit: string; close: string }> = {
  promote: { title: 'Promote', submit: 'Promote', close: 'Not now' },
  // "Cancel" on the way out would say the opposite of what it does.
  cancel: { title: 'Cancel promotion', submit: 'Cancel promotion', close: 'Keep it' },
};

export function transitionTitle(transition: Transition): string {
  return WORDS[transition].title;
}

/** The form in which an operator promotes or cancels what is marked. `evidence` is null while Heroku is being asked. */
export function transitionModal(facts: {
  readonly promotion: Promotion;
  readonly transition: Transition;
  readonly evidence: Evidence | null;
  /** Heroku says something else than when the form opened. */
  readonly evidenceChanged: boolean;
  readonly privateMetadata: string;
}): Modal {
  const { promotion, transition, evidence } = facts;
  const { title, submit, close } = WORDS[transition];
  const blocks: Block[] = transition === 'promote' ? promoting(promotion, evidence) : cancelling(promotion);
  if (facts.evidenceChanged) {
    blocks.unshift(
      section(':warning: *Heroku’s answer changed while this form was open.* Nothing was promoted. Look again:'),
    );
  }
  blocks.push(codeInput(), context(WHY_A_CODE));
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
  return [
    section(
      [
        `*Flag*: ${code(promotion.flagKey)}`,
        `*Heroku app*: ${code(promotion.herokuApp)}`,
        `*Config var*: ${code(promotion.configVar)}`,
        `*Now*: ${present(evidence)}`,
        `*Will be*: ${target(promotion)}`,
        markedLine(promotion),
      ].join('\n'),
    ),
    section(consequence(promotion, evidence)),
  ];
}

function consequence(promotion: Promotion, evidence: Evidence | null): string {
  if (evidence?.kind === 'read' && evidence.verdict === 'live') {
    return ':information_source: Heroku holds this value already. Nothing is set and nothing restarts; the promotion is only recorded.';
  }
  const unless = evidence?.kind === 'unavailable' ? 'Unless it holds this value already, ' : '';
  return `:arrows_counterclockwise: ${unless}Heroku makes a release of ${code(promotion.herokuApp)} and *restarts its dynos*.`;
}

function present(evidence: Evidence | null): string {
  if (evidence === null) return ':hourglass_flowing_sand: Heroku is being asked…';
  if (evidence.kind === 'unavailable') return `not known. ${whyUnavailable(evidence.reason)}`;
  return `${heldValue(evidence.value)}, checked ${moment(evidence.checkedAt)}`;
}

function cancelling(promotion: Promotion): Block[] {
  return [
    section([`*Flag*: ${code(promotion.flagKey)}`, ...subjectLines(promotion), markedLine(promotion)].join('\n')),
    section('It will not be promoted. Nothing was set on Heroku, and nothing changes there. It can be marked again.'),
  ];
}

function markedLine({ markedAt, createdAt, markedBy }: Promotion): string {
  return `*Marked*: ${when(markedAt ?? createdAt)}, by ${person(markedBy)}`;
}

/** It was done, and where one sees what comes of it. */
export function transitionAnswer(promotion: Promotion, alertChannel: string): Answer {
  const what = `${code(promotion.flagKey)} on ${code(promotion.herokuApp)}`;
  const text =
    promotion.state === 'cancelled'
      ? `:heavy_minus_sign: ${what}: the promotion is *cancelled*. Nothing was changed on Heroku.`
      : `:hourglass_flowing_sand: ${what} is *being promoted*. How it goes is told in <#${alertChannel}>; \`${COMMAND} show ${promotion.id}\` tells too.`;
  return { text, blocks: [section(text)] };
}

/** A refusal in words: under the code's field where it is about that, else as a sentence of its own. */
export function transitionRefusalWords(
  refusal: TransitionRefusal,
  transition: Transition,
  around: { readonly now: Date; readonly superadmins: readonly Operator[] },
):
  | { readonly kind: 'field_errors'; readonly errors: FieldErrors }
  | { readonly kind: 'sentence'; readonly text: string } {
  switch (refusal.kind) {
    case 'code_refused':
      return { kind: 'field_errors', errors: { [BLOCK.code]: codeWords(refusal.check, around.now) } };
    case 'not_superadmin':
      return { kind: 'sentence', text: needsSuperadmin('promote', around.superadmins) };
    case 'not_operator':
      return { kind: 'sentence', text: needsOperator('Cancelling a promotion', around.superadmins) };
    case 'unknown_promotion':
      return { kind: 'sentence', text: 'This promotion is not in the database, so nothing was changed.' };
    case 'not_marked':
      return {
        kind: 'sentence',
        text: refusal.byThisRequest
          ? `:white_check_mark: *You already did this.* It is saved; nothing more is needed.\n${whereItStands(refusal.promotion)}`
          : `*Nothing was changed*: only what is marked can be ${transition === 'promote' ? 'promoted' : 'cancelled'}.\n${whereItStands(refusal.promotion)}`,
      };
  }
}

function whereItStands(promotion: Promotion): string {
  if (!isDeploying(promotion)) return outcomeHeadline(promotion);
  return `${code(promotion.flagKey)} on ${code(promotion.herokuApp)} is being promoted, since ${when(promotion.promotedAt ?? promotion.createdAt)} by ${person(promotion.promotedBy)}. \`${COMMAND} show ${promotion.id}\` tells how it goes.`;
}

/** A flag none of whose promotions is marked; `newest` is the last one there was. */
export function nothingMarkedWords(reference: string, newest: Promotion | null): string {
  const known = newest === null ? '' : `\n${whereItStands(newest)}`;
  return `There is no marked promotion ${code(reference, 80)}. \`${COMMAND} mark\` marks one.${known}`;
}
