import { deployingSince, endedAt, type Promotion, UNKNOWN_TIME } from '../promotions/promotion.js';
import { wasAlone } from '../promotions/second-person.js';
import type { Severity } from '../promotions/stuck.js';
import { code, key, person, span, utc, when } from './text.js';

/* What every surface says of a promotion in one sentence: that it is stuck, or how it ended. */

export const HEADLINE: Record<Severity, string> = {
  warning: ':warning: *Warning*',
  critical: ':rotating_light: *CRITICAL*',
};

/** What is promoted, and where. */
export function subject({ flagKey, herokuApp }: Pick<Promotion, 'flagKey' | 'herokuApp'>): string {
  return `${key(flagKey)} on ${key(herokuApp)}`;
}

/** A clause whose age stays true: what is stuck, where, and since when. */
export function isStuck(promotion: Promotion): string {
  return `${subject(promotion)} has been stuck since ${sinceWhen(promotion)}`;
}

/** When it began to deploy; a start that can't be true is named as what it is. */
export function sinceWhen(promotion: Promotion): string {
  const { oddStart = null } = promotion;
  const since = when(deployingSince(promotion));
  if (oddStart === null) return since;
  const recorded = oddStart.kind === 'ahead' ? `${utc(oddStart.at)}, in the future` : INFINITE[oddStart.sign];
  return `${since} (recorded: ${recorded})`;
}

const INFINITE = { [1]: '`infinity`', [-1]: '`-infinity`' } as const;

/** `2 d 9 h`: for how long it is deploying; null where nobody knows since when. */
export function stuckFor(promotion: Promotion, asOf: Date): string | null {
  const since = deployingSince(promotion);
  return since.getTime() === UNKNOWN_TIME.getTime() ? null : span(asOf.getTime() - since.getTime());
}

/** What an auditor would ask about a promotion that has ended; nothing where it was more than one. */
export function aloneWords(promotion: Promotion): string[] {
  return wasAlone(promotion) ? ['one person marked, promoted and resolved it'] : [];
}

const OUTCOMES: ReadonlyMap<string, { icon: string; word: string; as: string }> = new Map([
  ['deployed', { icon: ':white_check_mark:', word: 'completed', as: 'resolved as ' }],
  ['failed', { icon: ':no_entry:', word: 'failed', as: 'resolved as ' }],
  ['cancelled', { icon: ':heavy_minus_sign:', word: 'cancelled', as: '' }],
]);

/** One sentence: what became of the promotion, who said so, and when. */
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
