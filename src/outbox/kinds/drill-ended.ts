import type { Drill } from '../../promotions/drill.js';
import { drillEndedReply } from '../../views/drill.js';
import { defineKind } from '../kind.js';
import { inThread, showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    drill_ended: 'a drill is over; the subject is the drill';
  }
}

/** In the drill's thread: how long each step took. Names who resolved it without a mention: they know. */
export const drillEnded = defineKind<{ readonly drill: Drill; readonly by: string | null }>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather({ subject }, { db, slack }) {
    const drill = await db.drills.find(subject);
    if (drill === null) return null;
    return { drill, by: drill.resolvedBy === null ? null : await slack.nameOf(drill.resolvedBy) };
  },
  place: (message) => inThread(message),
  show: ({ drill, by }, { isNew }) => (isNew ? showing(drillEndedReply(drill, by)) : null),
});
