import type { Drift } from '../../promotions/drift.js';
import type { Standing } from '../../promotions/follow-up.js';
import { isRevertible } from '../../promotions/progress.js';
import { driftGroupMessage } from '../../views/drift.js';
import { defineKind } from '../kind.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    drift_group: 'several of what was deployed were changed on Heroku since';
  }
}

interface DriftGroupFacts {
  readonly shown: readonly { readonly drift: Drift; readonly standing: Standing; readonly isOpen: boolean }[];
  readonly total: number;
}

/** This many have buttons in the message; the rest are counted. */
const SHOWN = 10;

/** One message for several: what a first check found may be years old, and hundreds may change at once. */
export const driftGroup = defineKind<DriftGroupFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather({ id }, { db }) {
    const members = await db.drifts.ofGroup(id);
    const shown = [];
    for (const { drift, promotion } of members.slice(0, SHOWN)) {
      const standing = await db.followUps.standing(promotion.id);
      if (standing === null) continue;
      const isOpen = drift.state === 'open' && isRevertible({ promotion: standing.promotion, since: standing });
      shown.push({ drift, standing, isOpen });
    }
    return { shown, total: members.length };
  },
  place: ({ subject }) => ({ to: 'channel', route: subject }),
  show({ shown, total }, { isNew, refused }) {
    if (total === 0 || (isNew && total <= SHOWN && !shown.some(({ isOpen }) => isOpen))) return null;
    return { content: { message: driftGroupMessage({ shown, total, refusedRoute: refused }) } };
  },
});
