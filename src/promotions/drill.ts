import type { Evidence, ResolutionAction } from './evidence.js';
import type { PageStatus } from './page.js';
import type { Promotion } from './promotion.js';

/** In a drill, people practise on a promotion that doesn't exist. Nothing of it is in the promotions table. */

/** Nobody waits longer for people to react. */
export const DRILL_LIFE_MS = 60 * 60_000;

/** At most one drill in this time pages: it needs no code, and whoever holds a stolen Slack account could ring all night. */
export const PAGES_EVERY_MS = 60 * 60_000;

export type DrillEnd = 'resolved' | 'ended' | 'expired';

/** What a drill reaches besides Slack. */
export interface DrillReach {
  readonly pager: boolean;
  readonly webhook: boolean;
}

export const SLACK_ONLY: DrillReach = { pager: false, webhook: false };

export interface Drill {
  readonly id: string;
  /** A Slack user's id, or the command line. */
  readonly startedBy: string;
  readonly startedAt: Date;
  /** Whether it reaches the pager or the webhook, too. */
  readonly pages: boolean;
  /** When Slack showed it; null: not yet. */
  readonly toldAt: Date | null;
  readonly acknowledgedBy: string | null;
  readonly acknowledgedAt: Date | null;
  readonly resolvedBy: string | null;
  readonly action: ResolutionAction | null;
  /** null while it runs. */
  readonly endedAt: Date | null;
  readonly end: DrillEnd | null;
}

/** Milliseconds from the start to each step; null: not reached. */
export interface DrillTimes {
  readonly toldMs: number | null;
  readonly acknowledgedMs: number | null;
  readonly resolvedMs: number | null;
}

export function drillTimes({ startedAt, toldAt, acknowledgedAt, endedAt, end }: Drill): DrillTimes {
  const after = (at: Date | null) => (at === null ? null : Math.max(0, at.getTime() - startedAt.getTime()));
  return {
    toldMs: after(toldAt),
    acknowledgedMs: after(acknowledgedAt),
    resolvedMs: end === 'resolved' ? after(endedAt) : null,
  };
}

/** The status its incident should have at the pager; a drill that is gone (null) is resolved. */
export function drillPageStatus(drill: Pick<Drill, 'acknowledgedAt' | 'endedAt'> | null): PageStatus {
  if (drill === null || drill.endedAt !== null) return 'resolved';
  return drill.acknowledgedAt === null ? 'triggered' : 'acknowledged';
}

/** Heroku's app names are in lower case, so this can't exist. The drill uses its alert route. */
export const PRETEND_APP = 'DRILL-not-a-real-app';

const DAY_MS = 24 * 60 * 60_000;

/** The promotion to practise on: stuck for a day. */
export function pretendPromotion(drill: Drill): Promotion {
  const since = new Date(drill.startedAt.getTime() - DAY_MS);
  const isOver = drill.end === 'resolved';
  return {
    id: `DRILL-${drill.id}`,
    flagKey: 'DRILL-not-a-real-flag',
    herokuApp: PRETEND_APP,
    configVar: 'DRILL',
    targetValue: 'true',
    previousValue: null,
    baseRelease: null,
    state: isOver ? (drill.action === 'failed' ? 'failed' : 'deployed') : 'deploying',
    checkpoint: null,
    markedBy: null,
    markedAt: since,
    promotedBy: null,
    promotedAt: since,
    deployedAt: isOver && drill.action !== 'failed' ? drill.endedAt : null,
    failedAt: isOver && drill.action === 'failed' ? drill.endedAt : null,
    failureReason: null,
    resolvedBy: drill.resolvedBy,
    resolutionNote: null,
    rcaUrl: null,
    lastError: null,
    createdAt: since,
    updatedAt: drill.endedAt ?? since,
  };
}

/** What Heroku would say; nobody asks it. */
export function pretendEvidence(drill: Drill): Evidence {
  return {
    kind: 'read',
    checkedAt: drill.startedAt,
    verdict: 'live',
    value: { kind: 'plain', value: 'true' },
  };
}
