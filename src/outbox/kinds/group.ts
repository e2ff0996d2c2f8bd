import { countVerdicts } from '../../promotions/group.js';
import { type GroupView, groupMessage } from '../../views/group.js';
import { defineKind } from '../kind.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    group: 'many alerts in one message; the subject is the channel, the ordinal counts its groups';
  }
}

const EVIDENCE_WITHIN_MS = 3_000;
/** How often the verdicts are counted again while anything is open. */
const COUNT_AGAIN_MS = 15 * 60_000;

/** Mentions nobody: `group_criticals` does. Updated as its promotions end. */
export const group = defineKind<GroupView>({
  gone: 'post_again',
  unknownOutcome: 'find',
  async gather({ id }, { db, readEvidenceOfMany }) {
    const facts = await db.groups.facts(id);
    const asOf = await db.now();
    const evidence = await readEvidenceOfMany(
      facts.open.map(({ promotion }) => promotion),
      EVIDENCE_WITHIN_MS,
    );
    return { ...facts, groupId: id, verdicts: countVerdicts(facts.open, evidence), asOf };
  },
  place: ({ subject }) => ({ to: 'channel', route: subject }),
  show(facts, { isNew, refused }) {
    if (isNew && facts.open.length === 0) return null;
    return {
      content: { message: groupMessage(facts, refused) },
      refreshAfterMs: facts.open.length > 0 ? COUNT_AGAIN_MS : null,
    };
  },
});
