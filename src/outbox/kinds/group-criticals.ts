import type { GroupMember } from '../../promotions/group.js';
import { groupCriticalsReply } from '../../views/group.js';
import { defineKind } from '../kind.js';
import { inThread, showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    group_criticals: 'criticals of a group, by name; the subject is the group, the ordinal counts its replies';
  }
}

interface NamedCriticals {
  readonly criticals: readonly GroupMember[];
  /** The apps of one channel may mention different people. */
  readonly mentions: readonly string[];
}

/** A grouped critical mustn't go unseen: it is named in the channel, as an individual one would be. */
export const groupCriticals = defineKind<NamedCriticals>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather({ id }, { db, routeOf }) {
    const criticals = await db.groups.namedIn(id);
    const apps = new Set(criticals.map(({ promotion }) => promotion.herokuApp));
    const mentions = [...apps].map((app) => routeOf(app).mention);
    return { criticals, mentions: [...new Set(mentions.filter((mention) => mention !== null))] };
  },
  place: (message, _facts, { broadcastCriticals }) => inThread(message, broadcastCriticals),
  show: ({ criticals, mentions }, { isNew, message }) =>
    isNew && criticals.length > 0 ? showing(groupCriticalsReply(message.subject, criticals, mentions)) : null,
});
