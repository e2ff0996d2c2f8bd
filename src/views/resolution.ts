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
import { NOTE_MAX_LENGTH, type ResolutionFieldFaults, type ResolutionRefusal } from '../promotions/resolution.js';
import type { SetBack } from '../promotions/set-back.js';
import type { ChangedSince } from '../promotions/shown.js';
import { codeInput, codeWords, lookAgain, needsSecondPerson, needsSuperadmin } from './authority.js';
import { type Block, context, type FieldErrors, initialUrl, type Modal, notice, plainText, section } from './blocks.js';
import { evidenceLine } from './evidence.js';
import { outcomeHeadline, sinceWhen, subject } from './headline.js';
import { BLOCK, COMMAND, CONFIRMED, INPUT, VIEW } from './ids.js';
import { rcaUrlWords } from './rca.js';
import { code, key, person, plain, when } from './text.js';

export const TITLE: Record<ResolutionAction, string> = { completed: 'Mark completed', failed: 'Mark failed' };
export const STATE_AFTER: Record<ResolutionAction, string> = { completed: 'deployed', failed: 'failed' };

/**
 * A superadmin's form: at most 60 words besides its fields, and the code first, so that a phone shows it without
 * scrolling. `privateMetadata` is the handler's and comes back unchanged.
 */
export function resolutionModal(facts: {
  readonly promotion: Promotion;
  readonly action: ResolutionAction;
  /** null: Heroku is still being asked. */
  readonly evidence: Evidence | null;
  /** What changed since the form was last shown; null: it just opens. */
  readonly changed: ChangedSince | null;
  /** The previous value, as far as known. */
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
  if (offersSetBack) blocks.push(revertChoice(promotion, facts.setBack));
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

/** Nobody should stay with a failed promotion that is live: offer the revert, too. */
function revertChoice(promotion: Promotion, setBack: SetBack): Block {
  if (setBack.kind !== 'known') return section(noWayBackWords(promotion, setBack.kind));
  return {
    type: 'input',
    block_id: BLOCK.setBack,
    optional: true,
    label: plainText('And on Heroku'),
    hint: plainText('Starts a new promotion: Heroku makes a release and restarts the dynos.'),
    element: {
      type: 'checkboxes',
      action_id: INPUT,
      options: [{ text: plainText(wayBack(presentableValue(setBack.value))), value: CONFIRMED }],
    },
  };
}

/** Why it can't be reverted here. */
export function noWayBackWords({ configVar }: Promotion, why: Exclude<SetBack['kind'], 'known'>): string {
  switch (why) {
    case 'held_already':
      return 'Nothing to revert: Heroku had this value before.';
    case 'not_allowed':
      return `This app may not set ${key(configVar)}: revert with \`heroku config:set\`.`;
    case 'unknown':
      return 'The previous value is unknown: revert with `heroku config:set`.';
  }
}

function wayBack(before: PresentableValue): string {
  switch (before.kind) {
    case 'unset':
      return 'Remove it: it was not set before';
    case 'plain':
      return `Revert it to ${plain(before.value, 20)}`;
    case 'masked':
      return 'Revert it to what it was';
  }
}

export function contradictionWords(action: ResolutionAction, verdict: Verdict): string {
  const isRunning = verdict === 'release_running';
  const says = isRunning ? 'the release is *still running*' : `it *${action === 'completed' ? 'is not' : 'is'} live*`;
  return `:warning: Heroku says that ${says}.`;
}

function contradiction(action: ResolutionAction, verdict: Verdict): Block[] {
  const isRunning = verdict === 'release_running';
  const although = isRunning ? 'its release is running' : `it is ${action === 'completed' ? 'not ' : ''}live`;
  return [
    section(contradictionWords(action, verdict)),
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

/** Under the checkbox that must be ticked against Heroku. */
export const OVERRIDE = 'Tick this to override Heroku.';

export function fieldFaultWords({ note, rcaUrl }: ResolutionFieldFaults, rcaUrlHosts: readonly string[]): FieldErrors {
  return {
    ...(note === undefined ? {} : { [BLOCK.note]: NOTE_FAULT[note] }),
    ...(rcaUrl === undefined ? {} : { [BLOCK.rcaUrl]: rcaUrlWords(rcaUrl, rcaUrlHosts) }),
  };
}

const NOTE_FAULT = {
  missing: 'Say why: the next person will want to know.',
  too_long: `At most ${NOTE_MAX_LENGTH} characters.`,
} as const;

/** Under a field if the operator can fix it there, else a sentence. */
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
      return { kind: 'field_errors', errors: { [BLOCK.confirmation]: OVERRIDE } };
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
