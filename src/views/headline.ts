import { deployingSince, endedAt, type Promotion } from '../promotions/promotion.js';
import type { Severity } from '../promotions/stuck.js';
import { code, person, when } from './text.js';

/* What every surface says of a promotion in one sentence: that it is stuck, or how it ended. */

export const HEADLINE: Record<Severity, string> = {
  warning: ':warning: *Warning*',
  critical: ':rotating_light: *CRITICAL*',
};

/** A clause: what is stuck, where, and since when. */
export function isStuck(promotion: Promotion): string {
  return `${code(promotion.flagKey)} on ${code(promotion.herokuApp)} is stuck in deploying, since ${when(deployingSince(promotion))}`;
}

const OUTCOMES: ReadonlyMap<string, { icon: string; word: string }> = new Map([
  ['deployed', { icon: ':white_check_mark:', word: 'completed' }],
  ['failed', { icon: ':no_entry:', word: 'failed' }],
  ['cancelled', { icon: ':heavy_minus_sign:', word: 'cancelled' }],
]);

/** One sentence: what became of the promotion, who said so, and when. */
export function outcomeHeadline(promotion: Promotion, name: string = person(promotion.resolvedBy)): string {
  const { flagKey, herokuApp, state, resolvedBy } = promotion;
  const what = `${code(flagKey)} on ${code(herokuApp)}`;
  const outcome = OUTCOMES.get(state);
  if (outcome === undefined) return `:grey_question: ${what} is no longer deploying; its state is now ${code(state)}`;
  const at = endedAt(promotion);
  const time = at === null ? '' : `, ${when(at)}`;
  return resolvedBy === null
    ? `${outcome.icon} ${what} was set to *${outcome.word}* without an operator of this app${time}`
    : `${outcome.icon} ${what} was marked *${outcome.word}* by ${name}${time}`;
}
