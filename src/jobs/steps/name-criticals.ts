import type { Database } from '../../db/database.js';
import { NO_ATTENTION } from '../../promotions/attention.js';
import { planGroups } from '../../promotions/group.js';
import type { Thresholds } from '../../promotions/stuck.js';
import { defineStep, type Step } from './step.js';

export interface NameCriticalsDependencies {
  readonly db: Pick<Database, 'groups' | 'attention'>;
  readonly thresholds: Pick<Thresholds, 'repeatCriticalEveryMs'>;
}

/** Names grouped criticals in the channel: after `detect`, so in the same tick. */
export function nameCriticalsStep({ db, thresholds }: NameCriticalsDependencies): Step {
  return defineStep({
    async gather() {
      const groups = await db.groups.withCriticals();
      return { groups, attention: groups.length === 0 ? NO_ATTENTION : await db.attention.all() };
    },
    decide: ({ groups, attention }, at) => planGroups(groups, attention, at, thresholds.repeatCriticalEveryMs),
    act: (action) => db.groups.nameCriticals(action),
  });
}
