import type { AcceptedCode, CodeCheck, RefusedCode } from './code-check.js';
import { isOperator, isSuperadmin, type Operator, type Role } from './operator.js';

/** Why somebody is sent a link: a new operator, a new secret of their own, or a replacement for a lost one. */
export type EnrolmentPurpose = 'add' | 'rotate' | 'reset';
export type EnrolmentEnd = 'expired' | 'replaced' | 'cancelled' | 'declined' | 'too_many_codes' | 'too_many_words';

/** How long a link lives, and how long the word may take after its first code. */
export const ENROLMENT_LIFE_MS = 15 * 60_000;

/** An enrolment: sent as a link, proved by a first code, activated by the spoken word; or ended. */
export interface Enrolment {
  readonly id: string;
  readonly slackUserId: string;
  readonly role: Role;
  readonly purpose: EnrolmentPurpose;
  /** Had the link sent. */
  readonly invitedBy: string;
  readonly state: 'sent' | 'proved' | 'activated' | 'ended';
  readonly endReason: EnrolmentEnd | null;
  readonly failedAttempts: number;
  readonly wrongWords: number;
  readonly expiresAt: Date;
}

/** A new secret that somebody asked for themselves. */
export function isOwnEnrolment({ invitedBy, slackUserId }: Pick<Enrolment, 'invitedBy' | 'slackUserId'>): boolean {
  return invitedBy === slackUserId;
}

/** Whether a link still takes a first code, or why not. */
export type LinkState = 'open' | 'unknown' | 'used' | EnrolmentEnd;

export function linkState(enrolment: Enrolment | null, now: Date): LinkState {
  if (enrolment === null) return 'unknown';
  if (enrolment.state === 'ended') return enrolment.endReason ?? 'cancelled';
  if (enrolment.state !== 'sent') return 'used';
  return enrolment.expiresAt > now ? 'open' : 'expired';
}

export type FirstCodeCheck =
  | { readonly kind: 'right'; readonly step: number }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'wrong' };

export type FirstCodeRefusal =
  /** `left`: wrong codes before the link dies; 0: it died. */
  | { readonly kind: 'code_refused'; readonly reason: 'malformed' | 'wrong'; readonly left: number }
  | { readonly kind: 'closed'; readonly state: Exclude<LinkState, 'open'> };
export type FirstCodeDecision = { readonly kind: 'proved'; readonly step: number } | FirstCodeRefusal;

/** An enrolment ends at this many wrong words. */
export const WRONG_WORDS_MOST = 3;

/** A link dies at this many wrong first codes. */
export const FIRST_CODES_MOST = 5;

/** Decides a first code from the row that the caller has locked; checks it only if the link is open. */
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
  /** Only the person who had the link sent may confirm. */
  | { readonly kind: 'not_inviter'; readonly invitedBy: string }
  /** The sender is no longer a superadmin or, for their own new secret, no longer an operator. */
  | { readonly kind: 'not_superadmin' | 'not_operator' }
  | { readonly kind: 'last_superadmin' };
export type ConfirmationDecision =
  | { readonly kind: 'activate'; readonly check: AcceptedCode }
  | ConfirmationRefusal
  | { readonly kind: 'code_refused'; readonly check: RefusedCode }
  /** `left`: wrong words before the enrolment ends; 0: it ended. */
  | { readonly kind: 'wrong_word'; readonly left: number };

export interface ConfirmationFacts {
  readonly open: Enrolment | null;
  readonly confirmedBy: string;
  /** Who confirms, as an operator. */
  readonly actor: Operator | null;
  readonly isLastSuperadmin: boolean;
}

/** Why this person may not confirm, or nobody can; null if they may. */
export function refuseConfirmation(
  { open, confirmedBy, actor, isLastSuperadmin }: ConfirmationFacts,
  now: Date,
): ConfirmationRefusal | null {
  if (open === null || (open.state !== 'sent' && open.state !== 'proved')) return { kind: 'nothing_to_confirm' };
  if (open.invitedBy !== confirmedBy) return { kind: 'not_inviter', invitedBy: open.invitedBy };
  if (open.expiresAt <= now) return { kind: 'expired' };
  if (open.state === 'sent') return { kind: 'code_first' };
  // The secret in force confirms one's own new secret: a Slack account alone gets nobody a new one.
  if (open.purpose === 'rotate') return isOperator(actor) ? null : { kind: 'not_operator' };
  if (!isSuperadmin(actor)) return { kind: 'not_superadmin' };
  return isLastSuperadmin && open.role !== 'superadmin' ? { kind: 'last_superadmin' } : null;
}

/**
 * Decides, from rows that the caller has locked, whether the spoken word makes somebody an operator. The code comes
 * first: without a right one nobody learns whether a word is right, or uses up a try.
 */
export function decideConfirmation(
  facts: ConfirmationFacts,
  now: Date,
  { checkCode, isWord }: { readonly checkCode: () => CodeCheck; readonly isWord: () => boolean },
): ConfirmationDecision {
  const refusal = refuseConfirmation(facts, now);
  if (refusal !== null) return refusal;
  const check = checkCode();
  if (check.kind !== 'accepted') return { kind: 'code_refused', check };
  if (isWord()) return { kind: 'activate', check };
  return { kind: 'wrong_word', left: Math.max(0, WRONG_WORDS_MOST - (facts.open?.wrongWords ?? 0) - 1) };
}
