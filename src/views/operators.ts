import type { AdministrationAction, AdministrationRefusal } from '../operators/administration.js';
import type { Enrolment } from '../operators/enrolment.js';
import type { Membership } from '../promotions/membership.js';
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
      'They get a link in a direct message. It works once, for 15 minutes. They type a first code there and see a word. Call them, hear the word, and type it here. Until then nothing is active.',
  },
  reset: {
    title: 'Reset an operator',
    submit: 'Reset',
    explains:
      'For a lost device. Their secret and recovery codes stop working *at once*. They get a link in a direct message to set up new ones, and see a word there. Call them, hear the word, and type it here.',
  },
  disable: { title: 'Disable an operator', submit: 'Disable', explains: 'Takes away all their rights, at once.' },
  unlock: { title: 'Unlock an operator', submit: 'Unlock', explains: 'Clears the lock after wrong codes.' },
  rotate: {
    title: 'Rotate your secret',
    submit: 'Send the link',
    explains:
      'You get a link in a direct message to set up a new secret and recovery codes. The old ones work until you confirm the new ones.',
  },
};

export function administrationTitle(action: AdministrationAction): string {
  return WORDS[action].title;
}

const ROLE_LABELS = {
  engineer: 'Engineer: marks, cancels, links RCAs',
  superadmin: 'Superadmin: also promotes and resolves',
} as const;

/** A superadmin changes an operator, or an operator replaces their own secret. */
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

/** `link`: what came of the direct message, if there was one. */
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
    disable: `:no_entry: ${who} is disabled and has no rights.`,
    unlock: `:unlock: ${who} is unlocked.`,
    rotate: ':key: Your new secret is ready to set up.',
  };
  return link === null ? lead[action] : `${lead[action]} ${deliveryWords(action, link)}`;
}

function deliveryWords(
  action: AdministrationAction,
  link: { readonly until: Date; readonly delivery: 'sent' | 'not_sent' | 'not_known' },
): string {
  const whose = action === 'rotate' ? 'your' : 'their';
  const again = `Send a new one, which ends this one: \`${COMMAND} operators ${action}\``;
  switch (link.delivery) {
    case 'sent':
      return `The link is in ${whose} direct messages with this app and works until ${when(link.until)}.${action === 'rotate' ? '' : ` After their first code I’ll ask you for the word on their page: *call them*.`}`;
    case 'not_sent':
      return `*But Slack refused the direct message*, so nobody has the link. ${again}`;
    case 'not_known':
      return `*But Slack did not say whether the direct message arrived.* ${again}`;
  }
}

/** Under its field, else a sentence. */
export function administrationRefusalWords(
  refusal: AdministrationRefusal,
  around: { readonly now: Date; readonly superadmins: readonly Operator[] },
):
  | { readonly kind: 'field_errors'; readonly errors: FieldErrors }
  | { readonly kind: 'sentence'; readonly text: string } {
  const underPerson = (text: string) => ({ kind: 'field_errors' as const, errors: { [BLOCK.person]: text } });
  switch (refusal.kind) {
    case 'not_superadmin':
      return { kind: 'sentence', text: needsSuperadmin('change operators', around.superadmins) };
    case 'not_operator':
      return { kind: 'sentence', text: needsOperator('rotate a secret', around.superadmins) };
    case 'yourself':
      return underPerson(
        `You can’t do this for yourself. Ask another superadmin. For a new secret: ${COMMAND} operators rotate`,
      );
    case 'unknown_person':
      return underPerson(`They are not an operator. Add them: ${COMMAND} operators add`);
    case 'already_operator':
      return underPerson(`They already have this role. For a lost device: ${COMMAND} operators reset`);
    case 'already_disabled':
      return underPerson('They are already disabled.');
    case 'last_superadmin':
      return underPerson(
        'They are the last superadmin. Without one, nobody can promote or resolve. Add another one first.',
      );
    case 'code_refused':
      return { kind: 'field_errors', errors: { [BLOCK.code]: codeWords(refusal.check, around.now) } };
  }
}

/** Why somebody can't become an operator, for their field. */
export function membershipWords(membership: Exclude<Membership, 'member'>): string {
  switch (membership) {
    case 'bot':
      return 'A bot can’t be an operator. Choose a person.';
    case 'guest':
      return 'A guest can’t be an operator. Choose a full member.';
    case 'external_user':
      return 'They belong to another workspace. Choose somebody of this one.';
    case 'deactivated':
      return 'Their Slack account is deactivated.';
    case 'unknown':
      return 'Slack doesn’t know this person.';
  }
}

/** Without the app's own address there can be no link. */
export function linksOffWords(action: AdministrationAction): string {
  const instead =
    action === 'rotate' || action === 'reset'
      ? code('flag-promotions operators reset <Slack user id>')
      : code('flag-promotions operators add <Slack user id>');
  return `:link: I can’t send a link: I don’t know my own address. The app’s administrator can set \`PUBLIC_URL\`, or run ${instead}. Nothing was changed.`;
}

/** The direct message with the link, as a button: nothing fetches it for a preview. */
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
    reset: `:key: ${person(invitedBy)} reset your secret in flag-promotions. The old one no longer works.`,
    rotate: ':key: You asked for a new secret in flag-promotions. The old one works until you confirm the new one.',
  }[purpose];
  const text = `${lead} Use the link before ${when(expiresAt)} to set up an authenticator app. It works once; don’t forward it.`;
  return {
    text,
    blocks: [
      section(text),
      {
        type: 'actions',
        elements: [button(ACTION.openEnrolment, 'Set up the authenticator', { url, style: 'primary' })],
      },
      context(
        purpose === 'rotate'
          ? 'Then confirm here that it was you. You didn’t expect this? Tell a superadmin.'
          : `The page then shows a word: tell it ${person(invitedBy)} by voice or phone, not in Slack. You didn’t expect this? Tell a superadmin.`,
      ),
    ],
  };
}

export interface ListedOperator extends Operator {
  readonly lockedUntil: Date | null;
  readonly recoveryCodes: number;
}

/** This many fit into a section of 3,000 characters with room to spare. */
const SHOWN_PER_SECTION = 3;
const SECTIONS_MOST = 40;

export function operatorsAnswer(operators: readonly ListedOperator[], open: readonly Enrolment[], now: Date): Answer {
  if (operators.length === 0 && open.length === 0) {
    const text = `There are no operators yet. The app’s administrator adds the first: ${code('flag-promotions operators add <Slack user id> --role superadmin')}`;
    return { text, blocks: [section(text)] };
  }
  const lines = [...operators.map((operator) => operatorLine(operator, now)), ...open.map(openLine)];
  const blocks: Block[] = [section('*Operators*')];
  for (let from = 0; from < lines.length && blocks.length <= SECTIONS_MOST; from += SHOWN_PER_SECTION) {
    blocks.push(section(lines.slice(from, from + SHOWN_PER_SECTION).join('\n')));
  }
  const left = lines.length - SHOWN_PER_SECTION * SECTIONS_MOST;
  if (left > 0) blocks.push(context(`And ${left} more. All, on the command line: \`flag-promotions operators list\``));
  blocks.push(
    context(
      `To change them: \`${COMMAND} operators add\`, \`reset\`, \`disable\` or \`unlock\` (superadmin and code). To renew your own secret: \`rotate\``,
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
      ? [
          recoveryCodes === 0
            ? 'no recovery codes'
            : `${recoveryCodes} recovery ${recoveryCodes === 1 ? 'code' : 'codes'} left`,
        ]
      : []),
  ];
  return `${person(slackUserId)}  ${facts.join(' · ')}`;
}

function openLine({ slackUserId, role, purpose, state, invitedBy, expiresAt }: Enrolment): string {
  const what = purpose === 'rotate' ? 'a new secret' : `invited as ${role} by ${person(invitedBy)}`;
  const step = state === 'sent' ? 'link not used yet' : 'word not typed yet';
  return `${person(slackUserId)}  ${what} · ${step} · until ${when(expiresAt)}`;
}

const OPERATORS_HELP = [
  { word: 'list', usage: '', does: 'who is an operator' },
  { word: 'add', usage: 'add [engineer | superadmin]', does: 'invite somebody' },
  { word: 'reset', usage: 'reset', does: 'their device is lost' },
  { word: 'disable', usage: 'disable', does: 'take away all their rights' },
  { word: 'unlock', usage: 'unlock', does: 'clear the lock after wrong codes' },
  { word: 'rotate', usage: 'rotate', does: 'a new secret for yourself' },
  { word: 'confirm', usage: 'confirm @person', does: 'type the word that you heard from them' },
] as const;
export const OPERATORS_WORDS = OPERATORS_HELP.map(({ word }) => word);

/** `meant`: the known word that an unknown one resembles. */
export function operatorsUsageWords(word: string, meant: (typeof OPERATORS_WORDS)[number] | null): string {
  const guess = meant === null ? '' : ` Did you mean ${code(`${COMMAND} operators ${meant}`)}?`;
  return [
    `I don’t know ${code(`operators ${cut(word, 40)}`)}.${guess} Type ${code(COMMAND)} and one of these:`,
    ...OPERATORS_HELP.map(({ usage, does }) => `${code(`operators ${usage}`)} ${does}`),
  ].join('\n');
}
