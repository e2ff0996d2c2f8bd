import type { AdministrationAction, AdministrationRefusal } from '../operators/administration.js';
import type { ConfirmationRefusal, Enrolment } from '../operators/enrolment.js';
import { type Operator, ROLES, type Role } from '../operators/operator.js';
import { codeInput, codeWords, needsOperator, needsSuperadmin } from './authority.js';
import {
  type Answer,
  type Block,
  button,
  context,
  type FieldErrors,
  type Modal,
  plainText,
  section,
} from './blocks.js';
import { ACTION, BLOCK, COMMAND, INPUT, VIEW } from './ids.js';
import { code, cut, person, when } from './text.js';

const WORDS: Record<AdministrationAction, { title: string; submit: string; explains: string }> = {
  add: {
    title: 'Add an operator',
    submit: 'Send the link',
    explains:
      'They get a link in a direct message, which lives for 15 minutes and works once. They are an operator once they typed a first code there, and said here that it was them.',
  },
  reset: {
    title: 'Reset an operator',
    submit: 'Reset',
    explains:
      'For whoever lost their device. Their secret and recovery codes stop working *at once*, and they get a link in a direct message to set up new ones.',
  },
  disable: { title: 'Disable an operator', submit: 'Disable', explains: 'Takes every right from them, at once.' },
  unlock: { title: 'Unlock an operator', submit: 'Unlock', explains: 'Ends the lock that wrong codes brought.' },
  rotate: {
    title: 'Rotate your secret',
    submit: 'Send the link',
    explains:
      'You get a link in a direct message to set up a new secret and new recovery codes. The old ones work until you confirmed the new ones.',
  },
};

export function administrationTitle(action: AdministrationAction): string {
  return WORDS[action].title;
}

const ROLE_LABELS = {
  engineer: 'Engineer: may mark flags, cancel, and link RCAs',
  superadmin: 'Superadmin: may promote and resolve, too',
} as const;

/** The form in which a superadmin does something about an operator, or an operator renews their own secret. */
export function administrationModal(facts: {
  readonly action: AdministrationAction;
  readonly personId: string | null;
  readonly role: Role;
  readonly privateMetadata: string;
}): Modal {
  const { action, role } = facts;
  const { title, submit, explains } = WORDS[action];
  const blocks: Block[] = [section(explains)];
  if (action !== 'rotate') {
    blocks.push({
      type: 'input',
      block_id: BLOCK.person,
      label: plainText('Who'),
      element: {
        type: 'users_select',
        action_id: INPUT,
        ...(facts.personId === null ? {} : { initial_user: facts.personId }),
      },
    });
  }
  if (action === 'add') {
    const option = (name: Role) => ({ text: plainText(ROLE_LABELS[name]), value: name });
    blocks.push({
      type: 'input',
      block_id: BLOCK.role,
      label: plainText('Role'),
      element: {
        type: 'static_select',
        action_id: INPUT,
        options: ROLES.map(option),
        initial_option: option(role),
      },
    });
  }
  blocks.push(codeInput(), context('Use your own authenticator’s code.'));
  return {
    type: 'modal',
    callback_id: VIEW.administration,
    private_metadata: facts.privateMetadata,
    title: plainText(title),
    submit: plainText(submit),
    close: plainText('Cancel'),
    blocks,
  };
}

/** How it ended for whoever submitted the form. `link`: what became of the direct message, where one was to be sent. */
export function administeredWords(
  action: AdministrationAction,
  personId: string,
  role: Role,
  link: { readonly until: Date; readonly delivery: 'sent' | 'not_sent' | 'not_known' } | null,
): string {
  const who = person(personId);
  const lead: Record<AdministrationAction, string> = {
    add: `:key: ${who} is invited as ${role}.`,
    reset: `:key: ${who}’s secret and recovery codes stopped working.`,
    disable: `:no_entry: ${who} is disabled, and has no rights any more.`,
    unlock: `:unlock: ${who} is unlocked.`,
    rotate: ':key: Your new secret is waiting for you.',
  };
  return link === null ? lead[action] : `${lead[action]} ${deliveryWords(action, who, link)}`;
}

function deliveryWords(
  action: AdministrationAction,
  who: string,
  link: { readonly until: Date; readonly delivery: 'sent' | 'not_sent' | 'not_known' },
): string {
  const whose = action === 'rotate' ? 'your' : 'their';
  const again = `\`${COMMAND} operators ${action === 'rotate' ? 'rotate' : action}\` sends another one, and ends this one.`;
  switch (link.delivery) {
    case 'sent':
      return `The link is in ${whose} direct messages with this app, and lives until ${when(link.until)}.${action === 'rotate' ? '' : ` You are told once ${who} is active.`}`;
    case 'not_sent':
      return `*But Slack did not take the direct message*, so nobody has the link. ${again}`;
    case 'not_known':
      return `*But Slack did not say whether the direct message arrived.* If it did not: ${again}`;
  }
}

/** A refusal in words: under the field that it is about, else as a sentence of its own. */
export function administrationRefusalWords(
  refusal: AdministrationRefusal,
  around: { readonly now: Date; readonly superadmins: readonly Operator[] },
):
  | { readonly kind: 'field_errors'; readonly errors: FieldErrors }
  | { readonly kind: 'sentence'; readonly text: string } {
  const underPerson = (text: string) => ({ kind: 'field_errors' as const, errors: { [BLOCK.person]: text } });
  switch (refusal.kind) {
    case 'not_superadmin':
      return { kind: 'sentence', text: needsSuperadmin('change who is an operator', around.superadmins) };
    case 'not_operator':
      return { kind: 'sentence', text: needsOperator('A secret of one’s own', around.superadmins) };
    case 'yourself':
      return underPerson(
        `Nobody enrols, resets or unlocks themselves. A new secret of your own: ${COMMAND} operators rotate. Anything else takes another superadmin.`,
      );
    case 'unknown_person':
      return underPerson(`They are no operator. ${COMMAND} operators add makes them one.`);
    case 'already_operator':
      return underPerson(`They are an operator with this role already. For a lost device: ${COMMAND} operators reset.`);
    case 'already_disabled':
      return underPerson('They are disabled already.');
    case 'last_superadmin':
      return underPerson(
        'They are the last superadmin. Add another one first: nobody would be left to promote or resolve.',
      );
    case 'code_refused':
      return { kind: 'field_errors', errors: { [BLOCK.code]: codeWords(refusal.check, around.now) } };
  }
}

/** Why somebody cannot become an operator at all; for under their field. */
export function membershipWords(membership: 'bot' | 'external_user' | 'deactivated' | 'unknown'): string {
  switch (membership) {
    case 'bot':
      return 'A bot cannot be an operator. Choose a person.';
    case 'external_user':
      return 'They belong to another workspace. Only people of this app’s own workspace can be operators.';
    case 'deactivated':
      return 'Their Slack account is deactivated.';
    case 'unknown':
      return 'Slack knows nobody by this id.';
  }
}

/** Without an address of the app's own no link can be made. */
export function linksOffWords(action: AdministrationAction): string {
  const inStead =
    action === 'rotate' || action === 'reset'
      ? code('flag-promotions operators reset <Slack user id>')
      : code('flag-promotions operators add <Slack user id>');
  return `:link: This app does not know its own address, so it can send no link. Whoever runs it can set \`PUBLIC_URL\` (the https address under which it is reached), or do it on the command line: ${inStead}. Nothing was changed.`;
}

/** The direct message with the link. It stands in a button's address, where nothing fetches it to show a preview. */
export function enrolmentMessage(enrolment: {
  readonly purpose: Enrolment['purpose'];
  readonly role: Role;
  readonly invitedBy: string;
  readonly expiresAt: Date;
  readonly url: string;
}): Answer {
  const { purpose, role, invitedBy, expiresAt, url } = enrolment;
  const lead = {
    add: `:key: ${person(invitedBy)} invites you to be ${role === 'engineer' ? 'an engineer' : 'a superadmin'} of flag-promotions.`,
    reset: `:key: ${person(invitedBy)} reset your secret in flag-promotions. The old one works no more.`,
    rotate: ':key: You asked for a new secret in flag-promotions. The old one works until you confirmed the new one.',
  }[purpose];
  const text = `${lead} Set up an authenticator app with the link, until ${when(expiresAt)}. It works once; don’t send it on.`;
  return {
    text,
    blocks: [
      section(text),
      {
        type: 'actions',
        elements: [button(ACTION.openEnrolment, 'Set up the authenticator', { url, style: 'primary' })],
      },
      context('Afterwards you are asked here whether it was you. You did not expect this? Tell a superadmin.'),
    ],
  };
}

/** The question to a person whose link was given a right first code. */
export function confirmMessage({ id, purpose, role, expiresAt }: Enrolment): Answer {
  const what = purpose === 'rotate' ? 'for your new secret' : `to make you ${role}`;
  const text = `:lock: Somebody used your link and typed a right first code, ${what}. *Was that you?* Answer until ${when(expiresAt)}.`;
  return {
    text,
    blocks: [
      section(text),
      {
        type: 'actions',
        elements: [
          button(ACTION.confirmEnrolment, 'Yes, that was me', { value: id, style: 'primary' }),
          button(ACTION.declineEnrolment, 'No, that was not me', { value: id, style: 'danger' }),
        ],
      },
    ],
  };
}

export function activatedWords({ purpose, role }: Enrolment): string {
  return purpose === 'rotate'
    ? ':white_check_mark: Your new secret and recovery codes are in force. The old ones work no more.'
    : `:white_check_mark: You are ${role === 'engineer' ? 'an engineer' : 'a superadmin'} now. \`${COMMAND} help\` tells what there is.`;
}

/** For whoever had the link sent. */
export function activatedNotice({ slackUserId, role }: Enrolment): Answer {
  const text = `:white_check_mark: ${person(slackUserId)} is active as ${role} now.`;
  return { text, blocks: [section(text)] };
}

export function declinedNotice({ slackUserId }: Enrolment): Answer {
  const text = `:rotating_light: ${person(slackUserId)} says that somebody else used the link that you had sent to them. Nobody became an operator by it. Ask them who could read their messages before you send another one.`;
  return { text, blocks: [section(text)] };
}

export function declinedWords(): string {
  return ':no_entry: Then nothing came of it: the link is dead, and whoever had it has no rights. Tell a superadmin who else could read your direct messages.';
}

export function confirmationRefusalWords(refusal: ConfirmationRefusal): string {
  switch (refusal.kind) {
    case 'nothing_to_confirm':
      return 'There is nothing of yours to confirm. Nothing was changed.';
    case 'code_first':
      return 'First open your link (in your direct messages with this app) and type a first code there. Nothing was changed.';
    case 'expired':
      return 'This took longer than 15 minutes. Ask for another link. Nothing was changed.';
    case 'inviter_gone':
      return `${person(refusal.invitedBy)}, who had the link sent, is no superadmin any more. Ask another one for a link. Nothing was changed.`;
    case 'disabled':
      return 'You were disabled meanwhile, and a new secret brings no rights back. Ask a superadmin. Nothing was changed.';
  }
}

/** A click on the question that was put to somebody else, or that was answered already. */
export function staleConfirmationWords(enrolment: Enrolment | null, clickedBy: string): string {
  if (enrolment === null) return 'This enrolment is not in the database. Nothing was changed.';
  if (enrolment.slackUserId !== clickedBy) {
    return `:lock: This is for ${person(enrolment.slackUserId)}, who alone can answer it. Nothing was changed.`;
  }
  return enrolment.state === 'activated'
    ? ':white_check_mark: You confirmed this already. Nothing more is needed.'
    : 'This enrolment came to nothing, and cannot be confirmed any more. Ask for another link. Nothing was changed.';
}

/** An operator as the list shows them. */
export interface ListedOperator extends Operator {
  readonly lockedUntil: Date | null;
  readonly recoveryCodes: number;
}

/** How many fit into sections of 3,000 characters with room to spare. */
const SHOWN_PER_SECTION = 3;
const SECTIONS_MOST = 40;

/** Who is an operator, and whose links can still come to something. */
export function operatorsAnswer(operators: readonly ListedOperator[], open: readonly Enrolment[], now: Date): Answer {
  if (operators.length === 0 && open.length === 0) {
    const text = `There are no operators yet. Whoever runs this app makes the first: ${code('flag-promotions operators add <Slack user id>')}.`;
    return { text, blocks: [section(text)] };
  }
  const lines = [...operators.map((operator) => operatorLine(operator, now)), ...open.map(openLine)];
  const blocks: Block[] = [section('*Operators*')];
  for (let from = 0; from < lines.length && blocks.length <= SECTIONS_MOST; from += SHOWN_PER_SECTION) {
    blocks.push(section(lines.slice(from, from + SHOWN_PER_SECTION).join('\n')));
  }
  const left = lines.length - SHOWN_PER_SECTION * SECTIONS_MOST;
  if (left > 0) blocks.push(context(`${left} more: \`flag-promotions operators list\` on the command line shows all.`));
  blocks.push(
    context(
      `\`${COMMAND} operators add\`, \`reset\`, \`disable\`, \`unlock\` take a superadmin and a code; \`rotate\` renews one’s own secret.`,
    ),
  );
  return { text: '*Operators*', blocks };
}

function operatorLine(operator: ListedOperator, now: Date): string {
  const { slackUserId, role, disabledAt, lockedUntil, recoveryCodes } = operator;
  const facts = [
    disabledAt === null ? role : `~${role}~ disabled ${when(disabledAt)}`,
    ...(lockedUntil !== null && lockedUntil > now ? [`locked until ${when(lockedUntil)}`] : []),
    ...(disabledAt === null
      ? [recoveryCodes === 0 ? 'no recovery codes' : `${recoveryCodes} recovery codes left`]
      : []),
  ];
  return `${person(slackUserId)}  ${facts.join(' · ')}`;
}

function openLine({ slackUserId, role, purpose, state, invitedBy, expiresAt }: Enrolment): string {
  const what = purpose === 'rotate' ? 'a new secret' : `invited as ${role} by ${person(invitedBy)}`;
  const step = state === 'sent' ? 'the link was not used yet' : 'to be confirmed in Slack';
  return `${person(slackUserId)}  ${what} · ${step} · until ${when(expiresAt)}`;
}

/** A word after `operators` that is none of ours. */
export function operatorsUsageWords(word: string): string {
  return [
    `I don’t know ${code(`operators ${cut(word, 40)}`)}. This is what I know:`,
    `${code(`${COMMAND} operators`)}  who is an operator`,
    `${code(`${COMMAND} operators add [engineer | superadmin]`)}  invite somebody`,
    `${code(`${COMMAND} operators reset`)}  their device is lost`,
    `${code(`${COMMAND} operators disable`)}  take every right from them`,
    `${code(`${COMMAND} operators unlock`)}  end the lock that wrong codes brought`,
    `${code(`${COMMAND} operators rotate`)}  a new secret of your own`,
    `${code(`${COMMAND} operators confirm`)}  it was you who used your link`,
  ].join('\n');
}
