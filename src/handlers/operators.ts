import * as z from 'zod';
import {
  ADMINISTRATION_ACTIONS,
  type AdministrationAction,
  type AdministrationRefusal,
  refuseAdministrator,
} from '../operators/administration.js';
import { ROLES, type Role } from '../operators/operator.js';
import { bare } from '../promotions/typed.js';
import { referenceNote } from '../reference.js';
import { SlackError } from '../slack/errors.js';
import { type Answer, notice, textAnswer } from '../views/blocks.js';
import { BLOCK, COMMAND } from '../views/ids.js';
import {
  administeredWords,
  administrationModal,
  administrationRefusalWords,
  administrationTitle,
  enrolmentMessage,
  linksOffWords,
  membershipWords,
  OPERATORS_WORDS,
  operatorsAnswer,
  operatorsUsageWords,
} from '../views/operators.js';
import { withTimeout } from '../with-timeout.js';
import { answer, type Opening, openModal } from './answer.js';
import { noteRefusedCode, underFields } from './code-refused.js';
import type { HandlerDependencies } from './dependencies.js';
import { refuseOutsider } from './outsider.js';
import { commandConfirm } from './enrolment.js';
import { mentionedPerson } from './mentioned.js';
import { nearMiss } from './near-miss.js';
import { type AckSubmission, answerSubmission, type Decided, type SubmitAnswer } from './submission.js';
import { type Command, type Submission, unpackSubmission } from './unpack.js';

/** The form's state. It grants nothing: rights and rows are read again. */
const formState = z.object({ action: z.enum(ADMINISTRATION_ACTIONS), answerUrl: z.string() });
type FormState = z.output<typeof formState>;

const ANNOUNCE_WITHIN_MS = 2_000;
/** Announced at once. An invitation activates nothing yet: superadmins hear of it at the next tick. */
const IN_FORCE: ReadonlySet<AdministrationAction> = new Set(['reset', 'disable', 'unlock']);
const LINKED: ReadonlySet<AdministrationAction> = new Set(['add', 'reset', 'rotate']);

/** `/flag-promotions operators [list | add | reset | disable | unlock | rotate | confirm]`. */
export async function commandOperators(deps: HandlerDependencies, command: Command, rest: string): Promise<void> {
  const [typed = '', ...more] = rest.split(/\s+/u);
  const word = bare(typed).toLowerCase();
  const action = ADMINISTRATION_ACTIONS.find((known) => known === word);
  if (action !== undefined) return openForm(deps, command, action, more);
  switch (word) {
    case '':
    case 'list':
      return answer(deps, command.responseUrl, await listed(deps));
    case 'confirm':
      return commandConfirm(deps, command, more);
    default:
      return answer(deps, command.responseUrl, textAnswer(operatorsUsageWords(typed, nearMiss(word, OPERATORS_WORDS))));
  }
}

async function listed(deps: HandlerDependencies): Promise<Answer> {
  const now = await deps.db.now();
  return operatorsAnswer(await deps.db.operators.list(), await deps.db.enrolments.open(now), now);
}

async function openForm(
  deps: HandlerDependencies,
  command: Command,
  action: AdministrationAction,
  typed: readonly string[],
): Promise<void> {
  await openModal(deps, command, administrationTitle(action), async (): Promise<Opening> => {
    const refusal = await refuse(deps, action, command.userId);
    if (refusal !== null) return { kind: 'answer', answer: textAnswer(refusal) };
    const state: FormState = { action, answerUrl: command.responseUrl };
    return {
      kind: 'modal',
      view: administrationModal({
        action,
        personId: mentionedPerson(typed),
        role: ROLES.find((role) => typed.some((word) => bare(word).toLowerCase() === role)) ?? 'engineer',
        privateMetadata: JSON.stringify(state),
      }),
    };
  });
}

/** Why this person may not, or nobody can; null if they may. The database checks again as it writes. */
async function refuse(deps: HandlerDependencies, action: AdministrationAction, userId: string): Promise<string | null> {
  const kind = refuseAdministrator(action, await deps.db.operators.find(userId));
  if (kind !== null) {
    await deps.db.denials.record({
      at: deps.now(),
      actor: userId,
      promotionId: null,
      attempted: `operators ${action}`,
      reason: kind,
    });
    const words = await refusalWords(deps, { kind });
    return words.kind === 'sentence' ? words.text : Object.values(words.errors).join(' ');
  }
  return LINKED.has(action) && deps.publicUrl === null ? linksOffWords(action) : null;
}

async function refusalWords(deps: HandlerDependencies, refusal: AdministrationRefusal) {
  const byRole = refusal.kind === 'not_superadmin' || refusal.kind === 'not_operator';
  if (byRole) deps.onDenied(refusal.kind);
  if (refusal.kind === 'code_refused') {
    noteRefusedCode(deps, refusal.check);
  }
  const superadmins = byRole ? await deps.db.operators.superadmins() : [];
  return administrationRefusalWords(refusal, { now: await deps.db.now(), superadmins });
}

interface Done {
  readonly personId: string;
  readonly role: Role;
  /** A new link, known only here: if Slack refuses it, it is lost with this process. */
  readonly link: { readonly url: string; readonly expiresAt: Date } | null;
}

export async function submitAdministration(
  deps: HandlerDependencies,
  body: unknown,
  ack: AckSubmission,
): Promise<void> {
  const submission = unpackSubmission(body);
  const { action, answerUrl } = formState.parse(JSON.parse(submission.privateMetadata));
  const title = administrationTitle(action);
  await answerSubmission<Done>(deps, submission, ack, {
    title,
    faultUnder: BLOCK.code,
    again: LINKED.has(action)
      ? 'Nobody got a link. Submit again with a fresh code: a newer link ends the older one.'
      : `Check: \`${COMMAND} operators\`. If it wasn’t saved, submit again with a fresh code.`,
    decide: () => decide(deps, submission, action),
    recognisesItself: false,
    meanwhile: 'The result comes where you typed the command.',
    saved: async () => notice(title, '*Saved.* The rest is where you typed the command.'),
    afterwards: async (done) => {
      const { personId, role, link } = done;
      const delivery = link === null ? null : await deliver(deps, submission.userId, action, done, link);
      // Others should know before the person hears that it is done, unless Slack is slow.
      if (IN_FORCE.has(action)) await withTimeout(ANNOUNCE_WITHIN_MS, deps.announce());
      const told = link === null || delivery === null ? null : { until: link.expiresAt, delivery };
      const note = delivery === null || delivery === 'sent' ? '' : referenceNote();
      await answer(deps, answerUrl, textAnswer(`${administeredWords(action, personId, role, told)}${note}`));
    },
  });
}

async function decide(
  deps: HandlerDependencies,
  submission: Submission,
  action: AdministrationAction,
): Promise<Decided<Done>> {
  const undone = (to: SubmitAnswer): Decided<Done> => ({ answer: to, done: null });
  const say = (text: string) => undone({ kind: 'view', view: notice(administrationTitle(action), text) });
  const outsider = await refuseOutsider(deps, submission);
  if (outsider !== null) return say(outsider.text);
  const { publicUrl } = deps;
  if (LINKED.has(action) && publicUrl === null) return say(linksOffWords(action));
  const personId = action === 'rotate' ? submission.userId : submission.field(BLOCK.person);
  if (action === 'add' || action === 'reset') {
    const { kind: membership } = await deps.slack.memberOf(personId);
    if (membership !== 'member') {
      return undone({ kind: 'errors', errors: { [BLOCK.person]: membershipWords(membership) } });
    }
  }
  const role = ROLES.find((name) => name === submission.field(BLOCK.role)) ?? 'engineer';
  const { token, link } = deps.newEnrolmentLink(personId);
  const now = await deps.db.now();
  const outcome = await deps.db.enrolments.administer(
    { action, personId, role, askedBy: submission.userId },
    link,
    now,
    deps.readCode(submission.field(BLOCK.code), now),
  );
  if (outcome.kind === 'done') {
    const { expiresAt } = outcome;
    const made = expiresAt === null ? null : { url: `${publicUrl ?? ''}/enrol/${token}`, expiresAt };
    return { answer: { kind: 'close' }, done: { personId, role: outcome.role, link: made } };
  }
  const words = await refusalWords(deps, outcome);
  return words.kind === 'sentence' ? say(words.text) : undone(underFields(outcome, words.errors));
}

/**
 * Sends the link to the one person it is for. Not through the outbox, whose rows would keep the link: if Slack refuses
 * it, a new link is needed.
 */
async function deliver(
  deps: HandlerDependencies,
  invitedBy: string,
  action: AdministrationAction,
  { personId, role }: Done,
  link: { readonly url: string; readonly expiresAt: Date },
): Promise<'sent' | 'not_sent' | 'not_known'> {
  const purpose = action === 'reset' || action === 'rotate' ? action : 'add';
  try {
    await deps.slack.sendDirectMessage(personId, enrolmentMessage({ purpose, role, invitedBy, ...link }));
    return 'sent';
  } catch (error) {
    deps.log.warn({ err: error }, 'the link of an enrolment may not have been delivered');
    return error instanceof SlackError && error.kind !== 'unknown_outcome' ? 'not_sent' : 'not_known';
  }
}
