import type { CompletionOutcome } from '../db/completion.js';
import type { CompletionRow } from '../promotions/completion.js';
import { isProven, MOST_COMPLETED } from '../promotions/completion.js';
import type { Evidence, EvidenceRelease, UnavailableReason, Verdict } from '../promotions/evidence.js';
import { presentableValue } from '../promotions/evidence.js';
import { isDeploying, type Promotion } from '../promotions/promotion.js';
import type { ResolveDependencies } from './resolve.js';

/* Completes everything in a group that is proven live: what its form lists, and what happens once the code is right. */

type CompleteDependencies = ResolveDependencies & {
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
};
type FindDependencies = CompleteDependencies & {
  /** By the promotion's id; one request per Heroku app. Never rejects; answers within `deadlineMs`. */
  readonly readEvidenceOfMany: (
    promotions: readonly Promotion[],
    deadlineMs: number,
  ) => Promise<ReadonlyMap<string, Evidence>>;
};

/** Their values take one request an app. */
const LOOKED_AT = 1_000;
/** Of those with the target value, this many are checked for the release, too: each takes some requests. */
const CHECKED = 100;
const AT_ONCE = 10;
/** Asking again may help. */
const PASSING: ReadonlySet<UnavailableReason> = new Set(['no_answer', 'rate_limited', 'over_budget']);

export interface Proven {
  readonly promotion: Promotion;
  readonly evidence: Evidence;
}

/** What a form lists, and how many it leaves out. */
export interface LiveList {
  readonly listed: readonly Proven[];
  /** Also proven live, but left for next time. */
  readonly more: number;
  /** Open, and not proven live by Heroku's answer. */
  readonly others: number;
  /** Open, but there were too many, or Heroku didn't answer. */
  readonly unchecked: number;
}

/**
 * Asks Heroku about a group's open promotions, oldest first. Resolves within `deadlineMs`; what wasn't reached isn't
 * proven.
 */
export async function findLive(deps: FindDependencies, groupId: string, deadlineMs: number): Promise<LiveList> {
  const until = deps.elapsed() + deadlineMs;
  const { rows, total } = await deps.db.groups.members(groupId, { offset: 0, limit: LOOKED_AT });
  const promotions = rows.map(({ promotion }) => promotion);
  const values = await deps.readEvidenceOfMany(promotions, deadlineMs / 2);
  const live = promotions.filter(({ id }) => verdictIn(values, id) === 'live').slice(0, CHECKED);
  const releases = await readAll(deps, live, until - deps.elapsed());
  const proven = live.flatMap((promotion): Proven[] => {
    const found = releases.get(promotion.id);
    return found !== undefined && isProven(found) ? [{ promotion, evidence: found }] : [];
  });
  // Proven takes a release made since: what merely holds the value isn't proven once its release was read.
  const others = promotions.filter(({ id }) => {
    const evidence = releases.get(id) ?? values.get(id);
    if (evidence?.kind !== 'read') return evidence !== undefined && !PASSING.has(evidence.reason);
    return releases.has(id) ? !isProven(evidence) : evidence.verdict !== 'live';
  }).length;
  return {
    listed: proven.slice(0, MOST_COMPLETED),
    more: Math.max(0, proven.length - MOST_COMPLETED),
    others,
    unchecked: Math.max(0, total - proven.length - others),
  };
}

/** null if Heroku wasn't asked, or didn't answer. */
function verdictIn(evidence: ReadonlyMap<string, Evidence>, id: string): Verdict | null {
  const found = evidence.get(id);
  return found?.kind === 'read' ? found.verdict : null;
}

/** A few at a time; those that weren't reached in time are missing. */
async function readAll(
  { readEvidence, elapsed }: CompleteDependencies,
  promotions: readonly Promotion[],
  deadlineMs: number,
): Promise<ReadonlyMap<string, Evidence>> {
  const until = elapsed() + deadlineMs;
  const found = new Map<string, Evidence>();
  const waiting = [...promotions];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const left = Math.floor(until - elapsed());
      if (left < LEAST_MS) return;
      found.set(next.id, await readEvidence(next, left));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found;
}

/** Heroku answers nothing in less. */
const LEAST_MS = 100;

/** What the form carries for a row: its id, its fingerprint, and the release that proves it. */
export interface ListedRow {
  readonly id: string;
  readonly fingerprint: string;
  /** 0: Heroku named none in time. */
  readonly version: number;
  readonly orEarlier: boolean;
}

/** 72 bits of a keyed hash: a form has room for 50 of them. */
const FINGERPRINT_LENGTH = 12;

export function listedRow(deps: Pick<CompleteDependencies, 'fingerprint'>, { promotion, evidence }: Proven): ListedRow {
  const release = releaseOf(evidence);
  return {
    id: promotion.id,
    fingerprint: shortFingerprint(deps, promotion),
    version: release?.version ?? 0,
    orEarlier: release?.orEarlier ?? false,
  };
}

function shortFingerprint({ fingerprint }: Pick<CompleteDependencies, 'fingerprint'>, promotion: Promotion): string {
  return fingerprint(promotion).slice(0, FINGERPRINT_LENGTH);
}

function releaseOf(evidence: Evidence): EvidenceRelease | undefined {
  return evidence.kind === 'read' ? evidence.release : undefined;
}

export interface AskedCompletion {
  readonly operatorId: string;
  readonly groupId: string;
  readonly listed: readonly ListedRow[];
  /** When the form's evidence was read. */
  readonly shownAt: Date;
  /** As it was typed. */
  readonly code: string;
}

/**
 * Reads rows and evidence again, and completes those unchanged since the form showed them. `now`: by the database's
 * clock.
 */
export async function completeLive(
  deps: CompleteDependencies,
  { operatorId, groupId, listed, shownAt, code }: AskedCompletion,
  evidenceWithinMs: number,
): Promise<{ readonly outcome: CompletionOutcome; readonly now: Date }> {
  const { promotions } = await deps.db.promotions.findManyNow(listed.map(({ id }) => id));
  const reread = await readAll(deps, promotions.filter(isDeploying), evidenceWithinMs);
  const byId = new Map(promotions.map((promotion) => [promotion.id, promotion]));
  const rows = listed.map((row): CompletionRow => {
    const evidence = reread.get(row.id) ?? null;
    return {
      promotionId: row.id,
      shown: shownOf(row, byId.get(row.id) ?? null, shownAt, evidence),
      reread: evidence,
      isAsShown: (promotion) => shortFingerprint(deps, promotion) === row.fingerprint,
    };
  });
  // After Heroku was asked: a code lives for seconds.
  const now = await deps.db.now();
  const request = { operatorId, groupId, rows, takesSecondPerson: deps.takesSecondPerson };
  return { outcome: await deps.db.promotions.completeTogether(request, now, deps.readCode(code, now)), now };
}

/**
 * What the form showed of a row. It listed only live rows, so the value was the target, which the fingerprint covers.
 */
function shownOf(
  { version, orEarlier }: ListedRow,
  promotion: Promotion | null,
  checkedAt: Date,
  reread: Evidence | null,
): Evidence {
  const value = presentableValue(promotion?.targetValue ?? null);
  const shown = { kind: 'read', checkedAt, verdict: 'live', value } as const;
  if (version === 0) return shown;
  const release = reread === null ? undefined : releaseOf(reread);
  const isSame = release?.version === version && release.orEarlier === orEarlier;
  const other = { version, orEarlier, status: 'succeeded', createdAt: checkedAt, by: '' } as const;
  return { ...shown, release: isSame && release !== undefined ? release : other };
}
