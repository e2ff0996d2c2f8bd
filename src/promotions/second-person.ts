import { matchesGlob } from './glob.js';
import type { Promotion } from './promotion.js';

/** Whether an app needs a second person: who marked or promoted a promotion may not promote or resolve it. */
export type TakesSecondPerson = (promotion: Pick<Promotion, 'herokuApp'>) => boolean;

/** `apps`: names where `*` stands for any characters. Heroku's are in lower case, whatever another system writes. */
export function takesSecondPerson(apps: readonly string[]): TakesSecondPerson {
  return ({ herokuApp }) => apps.some((app) => matchesGlob(app.toLowerCase(), herokuApp.toLowerCase()));
}

export interface SamePerson {
  readonly kind: 'same_person';
  readonly part: 'marked' | 'promoted';
}

/**
 * Why a person may not act alone; null if they may. Another system's name for a person is no Slack id, so it never
 * matches.
 */
export function refuseSamePerson(
  promotion: Promotion,
  operatorId: string,
  takes: TakesSecondPerson,
): SamePerson | null {
  if (!takes(promotion)) return null;
  if (promotion.promotedBy === operatorId) return { kind: 'same_person', part: 'promoted' };
  return promotion.markedBy === operatorId ? { kind: 'same_person', part: 'marked' } : null;
}

export function wasAlone({ markedBy, promotedBy, resolvedBy }: Promotion): boolean {
  return resolvedBy !== null && resolvedBy === promotedBy && resolvedBy === markedBy;
}
