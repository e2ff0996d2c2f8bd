import {
  type ConfirmationDecision,
  type ConfirmationRefusal,
  type Enrolment,
  type EnrolmentEnd,
  isOwnEnrolment,
  WRONG_WORDS_MOST,
} from '../operators/enrolment.js';
import type { Operator, Role } from '../operators/operator.js';
import { codeInput, codeWords, needsOperator, needsSuperadmin } from './authority.js';
import { type Answer, button, context, type FieldErrors, type Modal, plainText, section } from './blocks.js';
import { ACTION, BLOCK, COMMAND, INPUT, VIEW } from './ids.js';
import { code, person, when } from './text.js';

const A_ROLE: Record<Role, string> = { engineer: 'an engineer', superadmin: 'a superadmin' };

/** The question to the inviter, after a right first code. */
export function confirmMessage(enrolment: Enrolment): Answer {
  const { id, slackUserId, role, expiresAt } = enrolment;
  const isOwn = isOwnEnrolment(enrolment);
  const text = isOwn
    ? `:lock: Somebody used your link and typed a right code, for your new secret. *Was that you?* Answer before ${when(expiresAt)}.`
    : `:lock: Somebody used the link for ${person(slackUserId)} and typed a right code. *Call ${person(slackUserId)}* and ask for the word on their page. Type it here before ${when(expiresAt)} to make them ${A_ROLE[role]}.`;
  return {
    text,
    blocks: [
      section(text),
      {
        type: 'actions',
        elements: [
          button(ACTION.confirmEnrolment, isOwn ? 'Yes, that was me' : 'Type the word', {
            value: id,
            style: 'primary',
          }),
          ...(isOwn ? [declineButton(id)] : []),
        ],
      },
      ...(isOwn ? [] : [context(BY_VOICE)]),
    ],
  };
}

const BY_VOICE =
  'By voice or phone, not in Slack: somebody who reads their messages could answer for them. Nothing is active until then.';

const declineButton = (id: string) =>
  button(ACTION.declineEnrolment, 'No, that was not me', { value: id, style: 'danger' });

/** To the person whose link was used, if somebody else confirms it. */
export function linkUsedMessage({ id, role, invitedBy }: Enrolment): Answer {
  const text = `:lock: Somebody used your link and typed a right code, to make you ${A_ROLE[role]}. Tell ${person(invitedBy)} the word on that page, by voice or phone, not in Slack.`;
  return { text, blocks: [section(text), { type: 'actions', elements: [declineButton(id)] }] };
}

const ENDED: Record<EnrolmentEnd, string> = {
  expired: 'it took longer than 15 minutes',
  replaced: 'a newer link replaced it',
  cancelled: 'it was withdrawn',
  declined: 'they said that somebody else used it',
  too_many_codes: 'too many wrong codes',
  too_many_words: 'too many wrong words',
};

/** Replaces the question once the enrolment is over. */
export function enrolmentOverMessage(enrolment: Enrolment): Answer {
  const { slackUserId, role, state, endReason } = enrolment;
  const who = person(slackUserId);
  const text =
    state === 'activated'
      ? isOwnEnrolment(enrolment)
        ? ':white_check_mark: The new secret is in force.'
        : `:white_check_mark: ${who} is now active as ${role}.`
      : `:no_entry: The link for ${who} has ended: ${ENDED[endReason ?? 'cancelled']}. It changed nothing.`;
  return { text, blocks: [section(text)] };
}

/** To the new operator. */
export function activatedMessage({ role }: Enrolment): Answer {
  const text = `:white_check_mark: You are ${A_ROLE[role]} now. See what you can do: ${code(`${COMMAND} help`)}`;
  return { text, blocks: [section(text)] };
}

/** The answer to the confirmation. */
export function confirmedWords(enrolment: Enrolment): string {
  return isOwnEnrolment(enrolment)
    ? ':white_check_mark: Your new secret and recovery codes work. The old ones no longer do.'
    : `:white_check_mark: ${person(enrolment.slackUserId)} is now active as ${enrolment.role}.`;
}

export function declinedWords(): string {
  return ':no_entry: The link is dead, and whoever used it has no rights. Tell a superadmin who else can read your direct messages.';
}

export const CONFIRMATION_TITLE = 'Confirm an operator';

/** The inviter types the word they heard, and their own code. */
export function confirmationModal(enrolment: Enrolment, privateMetadata: string): Modal {
  const { slackUserId, role } = enrolment;
  const isOwn = isOwnEnrolment(enrolment);
  const explains = isOwn
    ? 'Puts your new secret and recovery codes into force. The old ones stop working.'
    : `Makes ${person(slackUserId)} ${A_ROLE[role]}. *Call them, and have them say the word on their page.* ${BY_VOICE}`;
  return {
    type: 'modal',
    callback_id: VIEW.enrolment,
    private_metadata: privateMetadata,
    title: plainText(CONFIRMATION_TITLE),
    submit: plainText('Confirm'),
    close: plainText('Cancel'),
    blocks: [
      section(explains),
      {
        type: 'input',
        block_id: BLOCK.word,
        label: plainText(isOwn ? 'The word on the page' : 'The word you heard'),
        element: { type: 'plain_text_input', action_id: INPUT, max_length: 40 },
      },
      codeInput(),
      context(
        isOwn ? 'A code of your old authenticator, or an old recovery code.' : 'Use your own authenticator’s code.',
      ),
    ],
  };
}

/** Why somebody can't confirm, before a form opens or in its place. */
export function confirmationRefusalWords(refusal: ConfirmationRefusal, superadmins: readonly Operator[]): string {
  switch (refusal.kind) {
    case 'nothing_to_confirm':
      return 'There is nothing to confirm.';
    case 'code_first':
      return 'Not yet: somebody has to open the link first, in the direct messages with this app, and type a code there.';
    case 'expired':
      return `This took longer than 15 minutes. Send a new link: ${code(`${COMMAND} operators`)}. Nothing was changed.`;
    case 'not_inviter':
      return `:lock: Only ${person(refusal.invitedBy)}, who had the link sent, can confirm it. Tell them the word by voice or phone.`;
    case 'not_superadmin':
      return needsSuperadmin('confirm an operator', superadmins);
    case 'not_operator':
      return needsOperator('rotate a secret', superadmins);
    case 'last_superadmin':
      return 'They are the last superadmin. Without one, nobody can promote or resolve. Add another one first.';
  }
}

/** Why a form was not accepted: under its fields, or in its place. */
export function confirmationAnswer(
  refusal: Exclude<ConfirmationDecision, { kind: 'activate' }>,
  around: { readonly now: Date; readonly superadmins: readonly Operator[] },
):
  | { readonly kind: 'field_errors'; readonly errors: FieldErrors }
  | { readonly kind: 'sentence'; readonly text: string } {
  if (refusal.kind === 'code_refused') {
    return { kind: 'field_errors', errors: { [BLOCK.code]: codeWords(refusal.check, around.now) } };
  }
  if (refusal.kind !== 'wrong_word') {
    return { kind: 'sentence', text: confirmationRefusalWords(refusal, around.superadmins) };
  }
  const { left } = refusal;
  return left === 0
    ? {
        kind: 'sentence',
        text: `:no_entry: *Wrong word, for the ${WRONG_WORDS_MOST}rd time.* The link is dead. Whoever you spoke to may not be who used it. Nothing was changed.`,
      }
    : {
        kind: 'field_errors',
        errors: { [BLOCK.word]: `Wrong word. Check it and type it again. ${left} of ${WRONG_WORDS_MOST} tries left.` },
      };
}

export function whichEnrolmentWords(waiting: readonly Enrolment[]): string {
  const which = waiting
    .slice(0, 3)
    .map(({ slackUserId }) => person(slackUserId))
    .join(', ');
  const more = waiting.length > 3 ? ` and ${waiting.length - 3} more` : '';
  return `Whom? ${which}${more}. Type ${code(`${COMMAND} operators confirm @person`)}`;
}

/** A click on a question that was for somebody else, or that is over. */
export function staleConfirmationWords(enrolment: Enrolment | null, asked: string | null, clickedBy: string): string {
  if (enrolment === null) return 'This enrolment is gone. Ask for a new link.';
  if (asked !== null && asked !== clickedBy) return `:lock: Only ${person(asked)} can answer this.`;
  return enrolment.state === 'activated'
    ? ':white_check_mark: This is already confirmed.'
    : 'This link has ended and can’t be confirmed. Ask for a new one. Nothing was changed.';
}
