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
import { promotionFacts } from './alert.js';
import { codeInput, codeWords, needsSuperadmin, WHY_A_CODE } from './authority.js';
import { type Block, context, type FieldErrors, initialUrl, type Modal, notice, plainText, section } from './blocks.js';
import { evidenceText } from './evidence.js';
import { outcomeHeadline } from './headline.js';
import { BLOCK, CONFIRMED, INPUT, VIEW } from './ids.js';
import { code, plain, when } from './text.js';

export const NOTE_MAX_LENGTH = 1_000;

export const TITLE: Record<ResolutionAction, string> = { completed: 'Mark completed', failed: 'Mark failed' };
const STATE_AFTER: Record<ResolutionAction, string> = { completed: 'deployed', failed: 'failed' };

/** The modal in which a superadmin resolves a promotion. `privateMetadata` is the handler's and comes back as it is. */
export function resolutionModal(facts: {
  readonly promotion: Promotion;
  readonly action: ResolutionAction;
  /** null while Heroku is being asked. */
  readonly evidence: Evidence | null;
  /** Heroku says something else than when the modal opened. */
  readonly evidenceChanged: boolean;
  /** What was there before, as far as that is known. */
  readonly setBack: SetBack;
  readonly privateMetadata: string;
}): Modal {
  const { promotion, action, evidence } = facts;
  const offersSetBack = action === 'failed' && evidence?.kind === 'read' && evidence.verdict === 'live';
  const blocks: Block[] = [
    section(
      `${code(promotion.flagKey)} goes from *deploying* to *${STATE_AFTER[action]}*. ${offersSetBack ? 'By that alone, nothing' : 'Nothing'} changes on Heroku.`,
    ),
    promotionFacts(promotion),
  ];
  if (facts.evidenceChanged) {
    blocks.push(
      section(':warning: *Heroku’s answer changed while this form was open.* Nothing was saved. Look again:'),
    );
  }
  blocks.push(section(evidenceText(promotion, evidence)));
  if (evidence !== null && contradicts(evidence, action)) blocks.push(...contradiction(action, verdictOf(evidence)));
  if (offersSetBack) blocks.push(settingBack(promotion, facts.setBack));
  blocks.push(
    codeInput(),
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
    context(WHY_A_CODE),
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
function settingBack(promotion: Promotion, setBack: SetBack): Block {
  if (setBack.kind === 'held_already') {
    return section(
      `${code(promotion.configVar)} held this value before the promotion began, so there is nothing to set back.`,
    );
  }
  if (setBack.kind === 'unknown') {
    return section(
      `What ${code(promotion.configVar)} held before is not known, so it stays as it is on Heroku. Set it by hand, with \`heroku config:set\` or \`config:unset\`.`,
    );
  }
  return {
    type: 'input',
    block_id: BLOCK.setBack,
    optional: true,
    label: plainText('And on Heroku'),
    hint: plainText('A promotion of its own: Heroku makes a release and restarts the app’s dynos.'),
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

function contradiction(action: ResolutionAction, verdict: Verdict): Block[] {
  const running = verdict === 'release_running';
  const says = running
    ? 'the release is *still running*'
    : `the flag ${action === 'completed' ? 'is *not*' : '*is*'} live`;
  const confirmation =
    action === 'completed'
      ? `Mark it completed although ${running ? 'its release is running' : 'it is not live'}`
      : `Mark it failed although ${running ? 'its release is running' : 'it is live'}`;
  return [
    section(`:warning: *This contradicts Heroku*, where ${says}. If that surprises you, cancel and look again.`),
    {
      type: 'input',
      block_id: BLOCK.confirmation,
      label: plainText('I know better than Heroku'),
      element: {
        type: 'checkboxes',
        action_id: INPUT,
        options: [{ text: plainText(confirmation), value: CONFIRMED }],
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
  context: { readonly now: Date; readonly superadmins: readonly Operator[] },
):
  | { readonly kind: 'field_errors'; readonly errors: FieldErrors }
  | { readonly kind: 'sentence'; readonly text: string } {
  switch (refusal.kind) {
    case 'code_refused':
      return { kind: 'field_errors', errors: { [BLOCK.code]: codeWords(refusal.check, context.now) } };
    case 'contradiction_unconfirmed':
      return { kind: 'field_errors', errors: { [BLOCK.confirmation]: 'Tick this to go against what Heroku says.' } };
    case 'not_superadmin':
      return { kind: 'sentence', text: needsSuperadmin('mark a promotion', context.superadmins) };
    case 'unknown_promotion':
      return { kind: 'sentence', text: 'This promotion is no longer in the database, so there is nothing to mark.' };
    case 'not_deploying':
      return {
        kind: 'sentence',
        text: `Nothing was changed: ${code(refusal.promotion.flagKey)} is in state ${code(refusal.promotion.state)}, and only what is deploying can be marked.`,
      };
    case 'already_resolved':
      return {
        kind: 'sentence',
        text: refusal.byThisRequest
          ? `:white_check_mark: *You already did this*, ${when(refusal.at)}. It is saved; nothing more is needed.`
          : `*Nothing was changed: this was resolved before you.*\n${outcomeHeadline(refusal.promotion)}`,
      };
  }
}
