import { isOperator, isSuperadmin, type Operator, type Role } from './operator.js';

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
  readonly role: Role;
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
