import { contradicts, type Evidence, type ResolutionAction } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import type { Operator, ResolutionRefusal } from '../promotions/resolution.js';
import { promotionFacts, outcomeHeadline } from './alert.js';
import { type Block, context, initialUrl, type Modal, notice, plainText, section } from './blocks.js';
import { evidenceText } from './evidence.js';
import { BLOCK, CONFIRMED, INPUT, VIEW } from './ids.js';
import { code, person, when } from './text.js';

export const NOTE_MAX_LENGTH = 1_000;

const TITLE: Record<ResolutionAction, string> = { completed: 'Mark completed', failed: 'Mark failed' };
const STATE_AFTER: Record<ResolutionAction, string> = { completed: 'deployed', failed: 'failed' };

/** The modal in which a superadmin resolves a promotion. `privateMetadata` is the handler's and comes back as it is. */
export function resolutionModal(facts: {
  readonly promotion: Promotion;
  readonly action: ResolutionAction;
  /** null while Heroku is being asked. */
  readonly evidence: Evidence | null;
  /** Heroku says something else than when the modal opened. */
  readonly evidenceChanged: boolean;
  readonly privateMetadata: string;
}): Modal {
  const { promotion, action, evidence } = facts;
  const blocks: Block[] = [
    section(`${code(promotion.flagKey)} goes from *deploying* to *${STATE_AFTER[action]}*. Nothing changes on Heroku.`),
    promotionFacts(promotion),
  ];
  if (facts.evidenceChanged) {
    blocks.push(
      section(':warning: *Heroku’s answer changed while this form was open.* Nothing was saved. Look again:'),
    );
  }
  blocks.push(section(evidenceText(promotion, evidence)));
  if (evidence !== null && contradicts(evidence, action)) blocks.push(...contradiction(action));
  blocks.push(
    {
      type: 'input',
      block_id: BLOCK.code,
      label: plainText('TOTP code'),
      hint: plainText('The 6 digits that your authenticator app shows now. It works once.'),
      element: {
        type: 'plain_text_input',
        action_id: INPUT,
        min_length: 6,
        max_length: 12,
        placeholder: plainText('123456'),
      },
    },
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
    context('A code is asked for so that a Slack account alone, stolen or borrowed, can change nothing.'),
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

function contradiction(action: ResolutionAction): Block[] {
  const says = action === 'completed' ? 'the flag is *not* live' : 'the flag *is* live';
  const confirmation =
    action === 'completed' ? 'Mark it completed although it is not live' : 'Mark it failed although it is live';
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

/** While a commit takes longer than Slack waits for an answer. */
export function savingModal(action: ResolutionAction): Modal {
  return notice(
    TITLE[action],
    ':hourglass_flowing_sand: *Working on it…* The database is slow. This form will say how it ended; if you close it, the alert’s message will.',
  );
}

export function resolvedModal(promotion: Promotion, action: ResolutionAction): Modal {
  return notice(TITLE[action], `*Saved.* ${outcomeHeadline(promotion)}`);
}

/** What went wrong with the fields of the modal: under which, and in what words. */
export type FieldErrors = Readonly<Record<string, string>>;

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
      return { kind: 'sentence', text: needsSuperadmin(context.superadmins) };
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

function codeWords(check: Extract<ResolutionRefusal, { kind: 'code_refused' }>['check'], now: Date): string {
  if (check.kind === 'locked') return locked(check.lockedUntil, now);
  switch (check.reason) {
    case 'malformed':
      return 'A code has exactly 6 digits.';
    case 'reused':
      return 'This code was used already. Wait for the next one (at most 30 seconds).';
    case 'wrong':
      return check.lockedUntil === null
        ? `This code is not right. Nothing was changed. Is your phone’s clock right? Failures so far: ${check.failedAttempts} of 5.`
        : `This code is not right either. ${locked(check.lockedUntil, now)}`;
  }
}

/** Fields' errors are plain text without date tokens: a span reads the same in every time zone. */
function locked(until: Date, now: Date): string {
  const minutes = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 60_000));
  const time = until.toISOString().slice(11, 16);
  return `Locked after 5 wrong codes. Try again in ${minutes} min (${time} UTC), or ask another superadmin.`;
}

/** Whom to ask. Mentions in an answer that only one person sees notify nobody. */
export function needsSuperadmin(superadmins: readonly Operator[]): string {
  const who =
    superadmins.length === 0
      ? 'Nobody has it yet; whoever runs this app can enrol a superadmin with `flag-promotions operators add`.'
      : `Ask ${superadmins
          .slice(0, 5)
          .map((operator) => person(operator.slackUserId))
          .join(' or ')}.`;
  return `:lock: You need the superadmin role to mark a promotion. ${who} Nothing was changed.`;
}
