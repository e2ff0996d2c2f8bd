import { countVerdicts } from '../../promotions/group.js';
import { type GroupView, groupMessage } from '../../views/group.js';
import { defineKind } from '../kind.js';
import { evidenceOfMany } from './alert-evidence.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    group: 'many alerts in one message; the subject is the channel, the ordinal counts its groups';
  }
}

/** Mentions nobody: `group_criticals` does. Updated as its promotions end and their evidence is refreshed. */
export const group = defineKind<GroupView>({
  gone: 'post_again',
  unknownOutcome: 'find',
  async gather({ id }, sources) {
    const facts = await sources.db.groups.facts(id);
    const evidence = await evidenceOfMany(facts.open, sources);
    return {
      ...facts,
      groupId: id,
      verdicts: countVerdicts(facts.open, evidence),
      asOf: await sources.db.now(),
      undelivered: await sources.db.paging.undeliveredOfGroup(id),
    };
  },
  place: ({ subject }) => ({ to: 'channel', route: subject }),
  show(facts, { isNew, refused }) {
    if (isNew && facts.open.length === 0) return null;
    return { content: { message: groupMessage(facts, refused) } };
  },
});
