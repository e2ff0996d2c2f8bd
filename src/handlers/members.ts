import type { Logger } from 'pino';
import type { Operators } from '../db/operators.js';
import type { Membership } from '../promotions/membership.js';
import type { Member, People } from '../slack/people.js';
import { withTimeout } from '../with-timeout.js';

export type Standing =
  | Member
  /** Slack doesn't answer: its last word on an operator; null: it never said anything. */
  | { readonly kind: Membership | null; readonly teams: null };

export interface Members {
  /** Asks Slack now, for anything that needs a right. Never rejects. */
  ask(userId: string): Promise<Standing>;
  /** The same, up to ten minutes old, for reading only. */
  look(userId: string): Promise<Standing>;
}

/** Opening a click's form and answering a submission must fit into Slack's three seconds. */
const ANSWER_WITHIN_MS = 700;
const LOOK_GOOD_FOR_MS = 10 * 60_000;
/** Only those who asked last are kept; the others are looked up again. */
const REMEMBERED_MOST = 5_000;

/**
 * Who somebody is in Slack. If Slack doesn't say, its last word on an operator counts, in any replica: nobody is locked
 * out at night because Slack is slow, and no guest gets in because of it.
 */
export function createMembers(deps: {
  readonly people: Pick<People, 'memberOf'>;
  readonly operators: Pick<Operators, 'recordMembership' | 'membershipOf'>;
  readonly elapsed: () => number;
  readonly patience: number;
  readonly log: Logger;
}): Members {
  const known = new Map<string, { readonly member: Member; readonly at: number }>();
  const asking = new Map<string, Promise<Member>>();

  async function askSlack(userId: string): Promise<Member> {
    const member = await deps.people.memberOf(userId);
    const before = known.get(userId)?.member.kind;
    known.delete(userId);
    known.set(userId, { member, at: deps.elapsed() });
    for (const oldest of known.keys()) {
      if (known.size <= REMEMBERED_MOST) break;
      known.delete(oldest);
    }
    // Most people were always members: nothing to record.
    if (member.kind === (before ?? (member.isHome ? 'member' : null)) || member.kind === 'unknown') return member;
    try {
      await deps.operators.recordMembership(userId, member.kind);
    } catch (error) {
      known.delete(userId);
      deps.log.warn({ err: error, who: userId }, 'what Slack says of somebody was not kept');
    }
    return member;
  }

  async function ask(userId: string): Promise<Standing> {
    const under = asking.get(userId) ?? askSlack(userId).finally(() => asking.delete(userId));
    asking.set(userId, under);
    try {
      const member = await withTimeout(ANSWER_WITHIN_MS * deps.patience, under);
      if (member !== null) return member;
    } catch (error) {
      deps.log.warn({ err: error, who: userId }, 'Slack does not say who somebody is; its last word counts');
    }
    // A late failure is nobody's fault.
    under.catch(() => undefined);
    // Without the database nobody gets anything done, and help doesn't need it.
    const heard = known.get(userId)?.member.kind;
    return { kind: (await deps.operators.membershipOf(userId).catch(() => null)) ?? heard ?? null, teams: null };
  }

  return {
    ask,
    async look(userId) {
      const last = known.get(userId);
      return last !== undefined && deps.elapsed() - last.at < LOOK_GOOD_FOR_MS ? last.member : ask(userId);
    },
  };
}
