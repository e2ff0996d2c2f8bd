import type { Alert } from '../../src/promotions/alert.js';
import type { Look, WatchedPromotion } from '../../src/promotions/notice.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import type { Thresholds } from '../../src/promotions/stuck.js';

/** Facts for tests: the incident's promotion and its alerts, each with whatever the test is about. */

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const PROMOTED_AT = new Date('2026-05-09T04:28:00Z');

/** A moment, counted from when the promotion began to deploy. */
export const momentAfter = (milliseconds: number): Date => new Date(PROMOTED_AT.getTime() + milliseconds);

export const THRESHOLDS: Thresholds = {
  noticeAfterMs: HOUR / 4,
  warningAfterMs: 12 * HOUR,
  criticalAfterMs: 24 * HOUR,
  repeatCriticalEveryMs: 24 * HOUR,
};

export function promotion(changes: Partial<Promotion> = {}): Promotion {
  return {
    id: '7',
    flagKey: 'console_heroku_log_drain_alerting',
    herokuApp: 'raxx-console-prod',
    configVar: 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING',
    targetValue: 'true',
    previousValue: null,
    baseRelease: null,
    state: 'deploying',
    checkpoint: null,
    markedBy: 'U0MARKER01',
    markedAt: new Date('2026-05-07T00:00:00Z'),
    promotedBy: 'U0PROMOTER',
    promotedAt: PROMOTED_AT,
    deployedAt: null,
    failedAt: null,
    failureReason: null,
    resolvedBy: null,
    resolutionNote: null,
    rcaUrl: null,
    lastError: null,
    createdAt: new Date('2026-05-07T00:00:00Z'),
    updatedAt: PROMOTED_AT,
    ...changes,
  };
}

export function alert(changes: Partial<Alert> = {}): Alert {
  return {
    id: '1',
    promotionId: '7',
    flagKey: 'console_heroku_log_drain_alerting',
    herokuApp: 'raxx-console-prod',
    severity: 'warning',
    groupId: null,
    openedAt: momentAfter(12 * HOUR),
    closedAt: null,
    vanishedAt: null,
    ...changes,
  };
}

/** A promotion that deploys, as the watchdog looks at it before it may be late. */
export const watched = (
  row: Partial<Promotion> = {},
  state: Partial<Omit<WatchedPromotion, 'promotion'>> = {},
): WatchedPromotion => ({
  promotion: promotion(row),
  leasedUntil: null,
  nextAttemptAt: null,
  heldUpSince: null,
  ...state,
});

/** A look at Heroku that found out nothing. */
export const silent = (reason: 'no_answer' | 'over_budget' | 'app_not_found'): Look => ({
  evidence: { kind: 'unavailable', checkedAt: momentAfter(15 * MINUTE), reason },
  releaseEndedAt: null,
});
