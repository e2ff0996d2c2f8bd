import * as z from 'zod';
import type { Promotion } from '../../promotions/promotion.js';
import { completedTogetherReply } from '../../views/completion.js';
import { defineKind } from '../kind.js';
import { inThread, showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    completed_together: 'many of a group were completed by one code; the subject is that decision';
  }
}

const detailOf = z.object({ operator: z.string(), promotions: z.array(z.string()) });

interface CompletedFacts {
  readonly completed: readonly Promotion[];
  readonly count: number;
  readonly by: string;
}

/** One reply in the group's thread for all. Names who did it without a mention: they know. */
export const completedTogether = defineKind<CompletedFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather({ detail }, { db, slack }) {
    const { operator, promotions } = detailOf.parse(detail);
    const found = await db.promotions.findManyNow(promotions);
    return { completed: found.promotions, count: promotions.length, by: await slack.nameOf(operator) };
  },
  place: (message) => inThread(message),
  show: ({ completed, count, by }, { isNew }) => (isNew ? showing(completedTogetherReply(completed, count, by)) : null),
});
