import { type CodeCheck, isOperator, isSuperadmin, type Operator } from './resolution.js';

/** Why somebody is sent a link: a new operator, a new secret of their own, or one in place of a lost one. */
export type EnrolmentPurpose = 'add' | 'rotate' | 'reset';
/** Why an enrolment came to nothing. */
export type EnrolmentEnd = 'expired' | 'replaced' | 'cancelled' | 'declined' | 'too_many_codes';

/** A link, how long it lives, and how long its person has to say in Slack that it was them who used it. */
export const ENROLMENT_LIFE_MS = 15 * 60_000;

/** An enrolment on its way: sent as a link, proved by a first code, activated by its person in Slack; or ended. */
export interface Enrolment {
  readonly id: string;
  readonly slackUserId: string;
  readonly role: Operator['role'];
  readonly purpose: EnrolmentPurpose;
  /** Who had the link sent. */
  readonly invitedBy: string;
  readonly state: 'sent' | 'proved' | 'activated' | 'ended';
  readonly endReason: EnrolmentEnd | null;
  readonly failedAttempts: number;
  readonly expiresAt: Date;
}

/** What a link is good for: a first code, or nothing any more. */
export type LinkState = 'open' | 'unknown' | 'used' | EnrolmentEnd;

export function linkState(enrolment: Enrolment | null, now: Date): LinkState {
  if (enrolment === null) return 'unknown';
  if (enrolment.state === 'ended') return enrolment.endReason ?? 'cancelled';
  if (enrolment.state !== 'sent') return 'used';
  return enrolment.expiresAt > now ? 'open' : 'expired';
}

/** What a first code turned out to be. */
export type FirstCodeCheck =
  | { readonly kind: 'right'; readonly step: number }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'wrong' };

export type FirstCodeRefusal =
  /** `left`: how many wrong codes the link still lives through; none: this was the last. */
  | { readonly kind: 'code_refused'; readonly reason: 'malformed' | 'wrong'; readonly left: number }
  | { readonly kind: 'closed'; readonly state: Exclude<LinkState, 'open'> };
export type FirstCodeDecision = { readonly kind: 'proved'; readonly step: number } | FirstCodeRefusal;

/** A link that was given this many wrong first codes is dead. */
export const FIRST_CODES_MOST = 5;

/** Decides a first code from the row that the caller holds locked; it is looked at only where the link is open. */
export function decideFirstCode(enrolment: Enrolment, now: Date, check: () => FirstCodeCheck): FirstCodeDecision {
  const state = linkState(enrolment, now);
  if (state !== 'open') return { kind: 'closed', state };
  const checked = check();
  if (checked.kind === 'right') return { kind: 'proved', step: checked.step };
  const failures = enrolment.failedAttempts + (checked.kind === 'wrong' ? 1 : 0);
  return { kind: 'code_refused', reason: checked.kind, left: Math.max(0, FIRST_CODES_MOST - failures) };
}

export type ConfirmationRefusal =
  | { readonly kind: 'nothing_to_confirm' }
  /** The link was not used yet. */
  | { readonly kind: 'code_first' }
  | { readonly kind: 'expired' }
  /** Who had it sent is no superadmin any more. */
  | { readonly kind: 'inviter_gone'; readonly invitedBy: string }
  /** A new secret brings nobody back who was disabled meanwhile. */
  | { readonly kind: 'disabled' };
export type ConfirmationDecision = { readonly kind: 'activate' } | ConfirmationRefusal;

/** Decides whether the person's own word in Slack makes them an operator, from rows that the caller holds locked. */
export function decideConfirmation(
  open: Enrolment | null,
  around: { readonly person: Operator | null; readonly inviter: Operator | null },
  now: Date,
): ConfirmationDecision {
  if (open === null) return { kind: 'nothing_to_confirm' };
  if (open.expiresAt <= now) return { kind: 'expired' };
  if (open.state !== 'proved') return { kind: open.state === 'sent' ? 'code_first' : 'nothing_to_confirm' };
  if (open.purpose === 'rotate') return isOperator(around.person) ? { kind: 'activate' } : { kind: 'disabled' };
  return isSuperadmin(around.inviter) ? { kind: 'activate' } : { kind: 'inviter_gone', invitedBy: open.invitedBy };
}

/** What can be done about an operator from Slack. `rotate` is about oneself, everything else about somebody. */
export const ADMINISTRATION_ACTIONS = ['add', 'reset', 'disable', 'unlock', 'rotate'] as const;
export type AdministrationAction = (typeof ADMINISTRATION_ACTIONS)[number];

export interface AdministrationRequest {
  readonly action: AdministrationAction;
  readonly personId: string;
  /** For `add`. */
  readonly role: Operator['role'];
  readonly askedBy: string;
}

export type AdministrationRefusal =
  | { readonly kind: 'not_superadmin' }
  | { readonly kind: 'not_operator' }
  /** Nobody adds, resets or unlocks themselves. */
  | { readonly kind: 'yourself' }
  | { readonly kind: 'unknown_person' }
  | { readonly kind: 'already_operator'; readonly role: Operator['role'] }
  | { readonly kind: 'already_disabled' }
  | { readonly kind: 'last_superadmin' }
  | { readonly kind: 'code_refused'; readonly check: Exclude<CodeCheck, { kind: 'accepted' }> };

export type AdministrationDecision =
  | { readonly kind: 'do'; readonly check: Extract<CodeCheck, { kind: 'accepted' }> }
  | AdministrationRefusal;

/** Decides from rows that the caller holds locked; the code is checked last, so that a refusal never burns one. */
export function decideAdministration(
  request: AdministrationRequest,
  locked: {
    readonly actor: Operator | null;
    readonly person: Operator | null;
    /** The person is the only superadmin there is. */
    readonly isLastSuperadmin: boolean;
  },
  checkCode: () => CodeCheck,
): AdministrationDecision {
  const refusal = refuseAdministration(request, locked);
  if (refusal !== null) return refusal;
  const check = checkCode();
  return check.kind === 'accepted' ? { kind: 'do', check } : { kind: 'code_refused', check };
}

function refuseAdministration(
  { action, role, personId, askedBy }: AdministrationRequest,
  locked: { readonly actor: Operator | null; readonly person: Operator | null; readonly isLastSuperadmin: boolean },
): AdministrationRefusal | null {
  const roleProblem = refuseAdministrator(action, locked.actor);
  if (roleProblem !== null) return { kind: roleProblem };
  const isSelf = personId === askedBy;
  if (action === 'rotate') return isSelf ? null : { kind: 'not_superadmin' };
  if (isSelf && action !== 'disable') return { kind: 'yourself' };
  const { person } = locked;
  if (action === 'add') {
    return isOperator(person) && person.role === role ? { kind: 'already_operator', role } : null;
  }
  if (person === null) return { kind: 'unknown_person' };
  if (action === 'disable' && person.disabledAt !== null) return { kind: 'already_disabled' };
  return action === 'disable' && locked.isLastSuperadmin ? { kind: 'last_superadmin' } : null;
}

/** Why a person's role does not allow it; null where it does. */
export function refuseAdministrator(
  action: AdministrationAction,
  actor: Operator | null,
): 'not_superadmin' | 'not_operator' | null {
  if (action === 'rotate') return isOperator(actor) ? null : 'not_operator';
  return isSuperadmin(actor) ? null : 'not_superadmin';
}
