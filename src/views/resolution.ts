import type { Operator } from '../operators/operator.js';
import {
  contradicts,
  type Evidence,
  type PresentableValue,
  presentableValue,
  type ResolutionAction,
  type Verdict,
  verdictOf,
} from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import type { ResolutionRefusal } from '../promotions/resolution.js';
import type { SetBack } from '../promotions/set-back.js';
import { type ChangedSince, codeInput, codeWords, lookAgain, needsSecondPerson, needsSuperadmin } from './authority.js';
import { type Block, context, type FieldErrors, initialUrl, type Modal, notice, plainText, section } from './blocks.js';
import { evidenceLine } from './evidence.js';
import { outcomeHeadline, sinceWhen, subject } from './headline.js';
import { BLOCK, COMMAND, CONFIRMED, INPUT, VIEW } from './ids.js';
import { code, key, person, plain, when } from './text.js';

export const NOTE_MAX_LENGTH = 1_000;

export const TITLE: Record<ResolutionAction, string> = { completed: 'Mark completed', failed: 'Mark failed' };
const STATE_AFTER: Record<ResolutionAction, string> = { completed: 'deployed', failed: 'failed' };

/**
 * The form in which a superadmin resolves a promotion: at most 60 words beside its fields, and the code's field first, so that
 * a phone shows it without scrolling. `privateMetadata` is the handler's and comes back as it is.
 */
export function resolutionModal(facts: {
  readonly promotion: Promotion;
  readonly action: ResolutionAction;
  /** null while Heroku is being asked. */
  readonly evidence: Evidence | null;
  /** What is no longer as the form showed it before; null where it opens. */
  readonly changed: ChangedSince | null;
  /** What was there before, as far as that is known. */
  readonly setBack: SetBack;
  readonly privateMetadata: string;
}): Modal {
  const { promotion, action, evidence } = facts;
  const offersSetBack = action === 'failed' && evidence?.kind === 'read' && evidence.verdict === 'live';
  const blocks: Block[] = [];
  if (facts.changed !== null) blocks.push(lookAgain(facts.changed, 'Nothing was saved.'));
  blocks.push(
    section(
      `Records ${subject(promotion)} as *${STATE_AFTER[action]}*. ${offersSetBack ? 'That alone doesn’t touch Heroku' : 'Heroku isn’t touched'}. Final: to get back, \`${COMMAND} mark\` it again.`,
    ),
    section(evidenceLine(promotion, evidence)),
    codeInput(),
  );
  if (evidence !== null && contradicts(evidence, action)) blocks.push(...contradiction(action, verdictOf(evidence)));
  if (offersSetBack) blocks.push(settingBack(promotion, facts.setBack));
  blocks.push(
    {
      type: 'input',
      block_id: BLOCK.note,
      optional: action === 'completed',
      label: plainText(action === 'failed' ? 'Why did it fail?' : 'Note'),
      element: { type: 'plain_text_input', action_id: INPUT, multiline: true, max_length: NOTE_MAX_LENGTH },
    },
    {
      type: 'input',
      block_id: BLOCK.rcaUrl,
      optional: true,
      label: plainText('RCA link'),
      hint: plainText('https://… It can be added later.'),
      element: {
        type: 'url_text_input',
        action_id: INPUT,
        ...initialUrl(promotion.rcaUrl),
      },
    },
    context(`Promotion ${promotion.id} · promoted by ${person(promotion.promotedBy)}, ${sinceWhen(promotion)}`),
  );
  return {
    type: 'modal',
    callback_id: VIEW.resolution,
    private_metadata: facts.privateMetadata,
    title: plainText(TITLE[action]),
    submit: plainText(TITLE[action]),
    close: plainText('Cancel'),
    blocks,
  };
}

/** Failed and live is a state to get out of: the way back is offered beside it. */
function settingBack({ configVar }: Promotion, setBack: SetBack): Block {
  if (setBack.kind === 'held_already') {
    return section('Nothing to revert: Heroku had this value before.');
  }
  if (setBack.kind === 'not_allowed') {
    return section(`This app may not set ${key(configVar)}: revert with \`heroku config:set\`.`);
  }
  if (setBack.kind === 'unknown') {
    return section('The old value is unknown: revert with `heroku config:set`.');
  }
  return {
    type: 'input',
    block_id: BLOCK.setBack,
    optional: true,
    label: plainText('And on Heroku'),
    hint: plainText('Starts a promotion of its own: Heroku makes a release and restarts the dynos.'),
    element: {
      type: 'checkboxes',
      action_id: INPUT,
      options: [{ text: plainText(wayBack(presentableValue(setBack.value))), value: CONFIRMED }],
    },
  };
}

function wayBack(before: PresentableValue): string {
  switch (before.kind) {
    case 'unset':
      return 'Remove it: it was not set before';
    case 'plain':
      return `Set it back to ${plain(before.value, 20)}`;
    case 'masked':
      return 'Set it back to what it was';
  }
}

/** One sentence and one box. */
function contradiction(action: ResolutionAction, verdict: Verdict): Block[] {
  const isRunning = verdict === 'release_running';
  const says = isRunning ? 'the release is *still running*' : `it *${action === 'completed' ? 'is not' : 'is'} live*`;
  const although = isRunning ? 'its release is running' : `it is ${action === 'completed' ? 'not ' : ''}live`;
  return [
    section(`:warning: Heroku says that ${says}.`),
    {
      type: 'input',
      block_id: BLOCK.confirmation,
      label: plainText('Override Heroku'),
      element: {
        type: 'checkboxes',
        action_id: INPUT,
        options: [{ text: plainText(`Record it as ${action} although ${although}`), value: CONFIRMED }],
      },
    },
  ];
}

export function resolvedModal(promotion: Promotion, action: ResolutionAction): Modal {
  return notice(TITLE[action], `*Saved.* ${outcomeHeadline(promotion)}`);
}

/** A refusal in words: under a field where the operator can mend it there, else as a sentence of its own. */
export function refusalWords(
  refusal: ResolutionRefusal,
  context: { readonly now: Date; readonly operatorId: string; readonly superadmins: readonly Operator[] },
):
  | { readonly kind: 'field_errors'; readonly errors: FieldErrors }
  | { readonly kind: 'sentence'; readonly text: string } {
  switch (refusal.kind) {
    case 'code_refused':
      return { kind: 'field_errors', errors: { [BLOCK.code]: codeWords(refusal.check, context.now) } };
    case 'contradiction_unconfirmed':
      return { kind: 'field_errors', errors: { [BLOCK.confirmation]: 'Tick this to override Heroku.' } };
    case 'not_superadmin':
      return { kind: 'sentence', text: needsSuperadmin('resolve this', context.superadmins) };
    case 'same_person':
      return { kind: 'sentence', text: needsSecondPerson('resolve it', refusal, context) };
    case 'unknown_promotion':
      return { kind: 'sentence', text: 'This promotion is no longer in the database, so there is nothing to resolve.' };
    case 'not_deploying':
      return {
        kind: 'sentence',
        text: `Nothing was changed: ${key(refusal.promotion.flagKey)} is ${code(refusal.promotion.state)}. Only what is deploying can be resolved.`,
      };
    case 'already_resolved':
      return {
        kind: 'sentence',
        text: refusal.byThisRequest
          ? `:white_check_mark: *You already did this*, ${when(refusal.at)}. It is saved.`
          : `*Nothing was changed: somebody resolved it before you.*\n${outcomeHeadline(refusal.promotion)}`,
      };
  }
}
