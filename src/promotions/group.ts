import { type Attention, isQuiet, keepsBack } from './attention.js';
import { type Evidence, type Verdict, verdictOf } from './evidence.js';
import type { Promotion } from './promotion.js';
import type { Severity } from './stuck.js';

export interface GroupMember {
  readonly promotion: Promotion;
  readonly severity: Severity;
  readonly attention: Attention | null;
}

export interface GroupFacts {
  /** With an open alert; the longest deploying first. */
  readonly open: readonly GroupMember[];
  /** Those that ended, by how. */
  readonly completed: number;
  readonly failed: number;
  readonly endedOtherwise: number;
}

export type VerdictCounts = Readonly<Record<Verdict, number>>;

/** Counts open promotions by verdict; those not asked about are `unknown`. */
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

export interface GroupedCritical {
  readonly promotionId: string;
  readonly herokuApp: string;
  /** When a message in the channel named it; null: none has. */
  readonly namedAt: Date | null;
  /** Whether a reply that names it is on its way. */
  readonly isNamingPending: boolean;
}

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
  /** Which reply of the group this is, so that only one replica makes it. */
  readonly ordinal: number;
  readonly promotionIds: readonly string[];
}

/**
 * Decides which grouped criticals to name: new ones, and again after `repeatEveryMs`, unless attended or snoozed. One
 * reply per group. Pure; in the input's order.
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
