import { type Drill, PRETEND_APP } from '../../promotions/drill.js';
import { drillMessage } from '../../views/drill.js';
import { defineKind } from '../kind.js';
import { showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    drill: 'the alert of a drill; the subject is the drill';
  }
}

/** Goes to the alerts' channel and mentions whom criticals mention, so that those are practised, too. */
export const drill = defineKind<{
  readonly drill: Drill;
  readonly asOf: Date;
  readonly mention: string | null;
  readonly undelivered: readonly string[];
}>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather({ subject }, { db, routeOf }) {
    const found = await db.drills.find(subject);
    const { mention } = routeOf(PRETEND_APP);
    if (found === null) return null;
    return { drill: found, asOf: await db.now(), mention, undelivered: await db.paging.undeliveredOfDrill(subject) };
  },
  place: (_message, _facts, { routeOf }) => ({ to: 'channel', route: routeOf(PRETEND_APP).channel }),
  show({ drill: of, asOf, mention, undelivered }, { isNew }) {
    // It ended before Slack took it: no need to post it.
    return isNew && of.endedAt !== null ? null : showing(drillMessage(of, asOf, isNew ? mention : null, undelivered));
  },
});
