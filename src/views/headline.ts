import { deployingSince, endedAt, type Promotion, UNKNOWN_TIME } from '../promotions/promotion.js';
import { wasAlone } from '../promotions/second-person.js';
import type { Severity } from '../promotions/stuck.js';
import { code, key, person, span, utc, when } from './text.js';

/** One sentence about a promotion, the same everywhere: that it is stuck, or how it ended. */

export const SEVERITY_SIGN: Readonly<Record<Severity, string>> = {
  notice: ':information_source:',
  warning: ':warning:',
  critical: ':rotating_light:',
};

export const HEADLINE: Readonly<Record<Severity, string>> = {
  notice: `${SEVERITY_SIGN.notice} *Notice*`,
  warning: `${SEVERITY_SIGN.warning} *Warning*`,
  critical: `${SEVERITY_SIGN.critical} *CRITICAL*`,
};

export function subject({ flagKey, herokuApp }: Pick<Promotion, 'flagKey' | 'herokuApp'>): string {
  return `${key(flagKey)} on ${key(herokuApp)}`;
}

/** A clause whose age stays true. */
export function isStuck(promotion: Promotion): string {
  return `${subject(promotion)} has been stuck since ${sinceWhen(promotion)}`;
}

/** When it began to deploy; an impossible start is shown with what is recorded. */
export function sinceWhen(promotion: Promotion): string {
  const { oddStart = null } = promotion;
  const since = when(deployingSince(promotion));
  if (oddStart === null) return since;
  const recorded = oddStart.kind === 'ahead' ? `${utc(oddStart.at)}, in the future` : INFINITE[oddStart.sign];
  return `${since} (recorded: ${recorded})`;
}

const INFINITE = { [1]: '`infinity`', [-1]: '`-infinity`' } as const;

/** `2 d 9 h`: how long it has been deploying; null: nobody knows since when. */
export function stuckFor(promotion: Promotion, asOf: Date): string | null {
  const since = deployingSince(promotion);
  return since.getTime() === UNKNOWN_TIME.getTime() ? null : span(asOf.getTime() - since.getTime());
}

/** For auditors: one person did everything; empty if there were more. */
export function aloneWords(promotion: Promotion): string[] {
  return wasAlone(promotion) ? ['one person marked, promoted and resolved it'] : [];
}

const OUTCOMES: ReadonlyMap<string, { icon: string; word: string; as: string }> = new Map([
  ['deployed', { icon: ':white_check_mark:', word: 'completed', as: 'resolved as ' }],
  ['failed', { icon: ':no_entry:', word: 'failed', as: 'resolved as ' }],
  ['cancelled', { icon: ':heavy_minus_sign:', word: 'cancelled', as: '' }],
]);

/** One sentence: how it ended, who resolved it, and when. */
export function outcomeHeadline(promotion: Promotion, name: string = person(promotion.resolvedBy)): string {
  const { state, resolvedBy } = promotion;
  const what = subject(promotion);
  const outcome = OUTCOMES.get(state);
  if (outcome === undefined) return `:grey_question: ${what} is no longer deploying; its state is now ${code(state)}`;
  const at = endedAt(promotion);
  const time = at === null ? '' : `, ${when(at)}`;
  return resolvedBy === null
    ? `${outcome.icon} ${what} ended as *${outcome.word}* without an operator${time}`
    : `${outcome.icon} ${what} was ${outcome.as}*${outcome.word}* by ${name}${time}`;
}
