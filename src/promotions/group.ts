import { type Attention, isQuiet, keepsBack } from './attention.js';
import { type Evidence, type Verdict, verdictOf } from './evidence.js';
import type { Promotion } from './promotion.js';
import type { Severity } from './stuck.js';

/** A promotion that a group tells of. */
export interface GroupMember {
  readonly promotion: Promotion;
  readonly severity: Severity;
  /** Who is on it, and whether it is snoozed. */
  readonly attention: Attention | null;
}

/** The promotions that a group tells of, at one moment. */
export interface GroupFacts {
  /** Those whose alert is open, the ones that are deploying the longest first. */
  readonly open: readonly GroupMember[];
  /** Those that ended, by how. */
  readonly completed: number;
  readonly failed: number;
  readonly endedOtherwise: number;
}

/** How many open promotions have each verdict. */
export type VerdictCounts = Readonly<Record<Verdict, number>>;

/** Counts what is open by what Heroku says of it; what wasn't asked about is `unknown`. */
export function countVerdicts(open: readonly GroupMember[], evidence: ReadonlyMap<string, Evidence>): VerdictCounts {
  const counts: Record<Verdict, number> = {
    live: 0,
    not_live: 0,
    release_running: 0,
    release_failed: 0,
    changed_since: 0,
    unknown: 0,
  };
  for (const { promotion } of open) {
    const found = evidence.get(promotion.id);
    counts[found === undefined ? 'unknown' : verdictOf(found)] += 1;
  }
  return counts;
}

/** An open critical of a group. */
export interface GroupedCritical {
  readonly promotionId: string;
  readonly herokuApp: string;
  /** When the channel was told of it by name; null where it wasn't. */
  readonly namedAt: Date | null;
  /** Whether a reply that names it is still on its way. */
  readonly isNamingPending: boolean;
}

/** A group with open criticals. */
export interface GroupWithCriticals {
  readonly groupId: string;
  /** How many replies have named criticals so far. */
  readonly namings: number;
  /** The oldest first. */
  readonly criticals: readonly GroupedCritical[];
}

export interface NameCriticals {
  readonly kind: 'name_criticals';
  readonly groupId: string;
  /** Which reply of the group this is: of several replicas one makes it. */
  readonly ordinal: number;
  readonly promotionIds: readonly string[];
}

/**
 * Decides which grouped criticals to name in the channel: those new in a group, and again after
 * `repeatEveryMs`, unless somebody is on them or snoozed them. One reply per group. Pure; in the input's order.
 */
export function planGroups(
  groups: readonly GroupWithCriticals[],
  attention: ReadonlyMap<string, Attention>,
  now: Date,
  repeatEveryMs: number,
): NameCriticals[] {
  return groups.flatMap(({ groupId, namings, criticals }): NameCriticals[] => {
    const promotionIds = criticals
      .filter((critical) => isNamingDue(critical, attention.get(critical.promotionId), now, repeatEveryMs))
      .map(({ promotionId }) => promotionId);
    return promotionIds.length === 0 ? [] : [{ kind: 'name_criticals', groupId, ordinal: namings + 1, promotionIds }];
  });
}

function isNamingDue(
  { namedAt, isNamingPending }: GroupedCritical,
  attention: Attention | undefined,
  now: Date,
  repeatEveryMs: number,
): boolean {
  if (isNamingPending) return false;
  if (namedAt === null) return attention === undefined || !isQuiet(attention);
  const dueAt = new Date(namedAt.getTime() + repeatEveryMs);
  return now >= dueAt && !keepsBack(attention, dueAt);
}
