import { matchesGlob } from './glob.js';
import type { Promotion } from './promotion.js';

/** Whether a promotion's app takes a second person: whoever promotes or resolves must have done nothing of it before. */
export type TakesSecondPerson = (promotion: Pick<Promotion, 'herokuApp'>) => boolean;

/** `apps`: names in which `*` stands for any characters. Heroku's are in lower case, whatever another system writes. */
export function takesSecondPerson(apps: readonly string[]): TakesSecondPerson {
  return ({ herokuApp }) => apps.some((app) => matchesGlob(app.toLowerCase(), herokuApp.toLowerCase()));
}

/** A person may not do this to their own promotion. */
export interface SamePerson {
  readonly kind: 'same_person';
  readonly part: 'marked' | 'promoted';
}

/** Why a person may not do more; null where they may. Another system's name for a person is no Slack id, so it is another's. */
export function refuseSamePerson(
  promotion: Promotion,
  operatorId: string,
  takes: TakesSecondPerson,
): SamePerson | null {
  if (!takes(promotion)) return null;
  if (promotion.promotedBy === operatorId) return { kind: 'same_person', part: 'promoted' };
  return promotion.markedBy === operatorId ? { kind: 'same_person', part: 'marked' } : null;
}

/** Whether one person marked, promoted and resolved it. */
export function wasAlone({ markedBy, promotedBy, resolvedBy }: Promotion): boolean {
  return resolvedBy !== null && resolvedBy === promotedBy && resolvedBy === markedBy;
}
