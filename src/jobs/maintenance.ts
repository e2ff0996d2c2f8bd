import type { Logger } from 'pino';
import type { Alerts, Detected } from '../db/alerts.js';
import type { MaintenanceRecords } from '../db/maintenance.js';
import type { ProgressMessages } from '../db/progress.js';
import type { RcaDebts } from '../db/rca-debt.js';
import type { Promotions } from '../db/promotions.js';
import type { Replies } from '../db/replies.js';
import type { Summaries } from '../db/summaries.js';
import { isForeign, isProvenLive } from '../promotions/auto-commit.js';
import { type DetectionAction, planDetection } from '../promotions/detection.js';
import { planRcaDebt, type RcaDebtAction, REMIND_AFTER_MS } from '../promotions/rca-debt.js';
import type { Evidence } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import type { Thresholds } from '../promotions/stuck.js';
import { planSummaries, type SummaryAction } from '../promotions/summary.js';
import { autoCommitNote } from '../views/evidence.js';
import type { Delivery } from './delivery.js';
import type { DeliveryOutcome } from './messages.js';

export interface MaintenanceDependencies {
  readonly db: {
    readonly alerts: Alerts;
    readonly replies: Replies;
    readonly progress: ProgressMessages;
    readonly promotions: Pick<Promotions, 'recover'>;
    readonly rcaDebts: RcaDebts;
    readonly summaries: Summaries;
    readonly maintenance: MaintenanceRecords;
  };
  readonly delivery: Delivery;
  /** Whether another system's stuck row is committed where Heroku proves it live. */
  readonly autoCommitLive: boolean;
  /** Never rejects; answers within `deadlineMs`. */
  readonly readEvidence: (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;
  readonly thresholds: Thresholds;
  /** How many alerts of an hour get a message of their own; the others are told in a summary. */
  readonly ownPerHour: number;
  readonly now: () => Date;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  readonly log: Logger;
}

/** What one tick decided and did. */
export interface MaintenanceReport {
  readonly at: Date;
  readonly deploying: number;
  readonly stuck: number;
  readonly actions: readonly MaintenanceAction[];
  readonly failures: readonly MaintenanceFailure[];
}

export type MaintenanceAction =
  | DetectionAction
  | RcaDebtAction
  | SummaryAction
  | { readonly kind: 'deliver_summary'; readonly summaryId: string }
  | { readonly kind: 'deliver_alert'; readonly alertId: string }
  | { readonly kind: 'deliver_reply'; readonly replyId: string }
  | { readonly kind: 'deliver_progress'; readonly promotionId: string }
  | { readonly kind: 'auto_commit'; readonly promotionId: string };

export interface MaintenanceFailure {
  readonly action: MaintenanceAction;
  readonly error: unknown;
}

/** How many closed criticals one tick looks at. */
const RCA_DEBTS_PER_TICK = 200;
/** How many rows one tick looks at to deliver, and how long it goes on: what is left is due at the next. */
const DELIVERIES_PER_TICK = 200;
const DELIVERY_BUDGET_MS = 45_000;

/**
 * One tick of the watchdog: gather what is stuck and what lacks its RCA, decide, record it, then deliver what is due, including what an
 * earlier or a killed process left behind. One failure never stops the rest; each is in the report.
 *
 * Rejects where what has to be gathered cannot be: then nothing was decided, and nothing is lost, because all that is
 * due stands in the rows.
 */
export async function runMaintenance(deps: MaintenanceDependencies): Promise<MaintenanceReport> {
  const { db, delivery, log } = deps;
  const at = deps.now();
  const detected = await db.alerts.gather(new Date(at.getTime() - deps.thresholds.warningAfterMs));

  const actions: MaintenanceAction[] = [];
  const failures: MaintenanceFailure[] = [];
  const attempt = async (action: MaintenanceAction, act: () => Promise<unknown>): Promise<void> => {
    actions.push(action);
    try {
      await act();
    } catch (error) {
      log.error({ err: error, action }, 'a maintenance action failed; the next tick tries again');
      failures.push({ action, error });
    }
  };

  const unsettled = await db.rcaDebts.unsettled(RCA_DEBTS_PER_TICK);
  const decided = [...planDetection(detected, at, deps.thresholds, deps.ownPerHour), ...planRcaDebt(unsettled, at)];
  for (const action of decided) await attempt(action, () => record(deps, action, at));
  // Of what has just been recorded: that all have ended is told with the end of the last.
  for (const action of await planOfSummaries(deps, at)) await attempt(action, () => record(deps, action, at));
  const deadline = deps.elapsed() + DELIVERY_BUDGET_MS;
  // First: one message shows what hundreds of them would.
  for (const summaryId of await db.summaries.due(at, DELIVERIES_PER_TICK)) {
    if (deps.elapsed() > deadline) break;
    await attempt({ kind: 'deliver_summary', summaryId }, async () => throwIfFailed(await delivery.summary(summaryId)));
  }
  for (const alertId of await db.alerts.due(at, DELIVERIES_PER_TICK)) {
    if (deps.elapsed() > deadline) break;
    await attempt({ kind: 'deliver_alert', alertId }, async () => throwIfFailed(await delivery.alert(alertId)));
  }
  for (const replyId of await db.replies.due(at, DELIVERIES_PER_TICK)) {
    if (deps.elapsed() > deadline) break;
    await attempt({ kind: 'deliver_reply', replyId }, async () => throwIfFailed(await delivery.reply(replyId)));
  }
  for (const promotionId of await db.progress.due(at, DELIVERIES_PER_TICK)) {
    if (deps.elapsed() > deadline) break;
    await attempt({ kind: 'deliver_progress', promotionId }, async () =>
      throwIfFailed(await delivery.progress(promotionId)),
    );
  }

  // Last: a row that is committed has its alert by now, in whose thread that is said.
  for (const { promotion, proof } of await provenLive(deps, detected)) {
    if (deps.elapsed() > deadline) break;
    await attempt({ kind: 'auto_commit', promotionId: promotion.id }, async () => {
      if (!(await db.promotions.recover(promotion.id, proof, autoCommitNote(proof), deps.now()))) return;
      for (const outcome of await delivery.promotion(promotion.id)) throwIfFailed(outcome);
    });
  }

  const report = { at, ...counts(detected), actions, failures };
  await db.maintenance.record({ completedAt: deps.now(), deploying: report.deploying, stuck: report.stuck });
  return report;
}

/** What `runMaintenance` would do now, without doing any of it. Deliveries of alerts yet to open are implied. */
export async function planMaintenance(
  deps: Pick<MaintenanceDependencies, 'db' | 'thresholds' | 'ownPerHour' | 'now' | 'autoCommitLive' | 'readEvidence'>,
): Promise<MaintenanceReport> {
  const at = deps.now();
  const detected = await deps.db.alerts.gather(new Date(at.getTime() - deps.thresholds.warningAfterMs));
  const unsettled = await deps.db.rcaDebts.unsettled(RCA_DEBTS_PER_TICK);
  const summaryIds = await deps.db.summaries.due(at, DELIVERIES_PER_TICK);
  const alertIds = await deps.db.alerts.due(at, DELIVERIES_PER_TICK);
  const replyIds = await deps.db.replies.due(at, DELIVERIES_PER_TICK);
  const progressIds = await deps.db.progress.due(at, DELIVERIES_PER_TICK);
  const proven = await provenLive(deps, detected);
  return {
    at,
    ...counts(detected),
    actions: [
      ...planDetection(detected, at, deps.thresholds, deps.ownPerHour),
      ...planRcaDebt(unsettled, at),
      ...(await planOfSummaries(deps, at)),
      ...summaryIds.map((summaryId): MaintenanceAction => ({ kind: 'deliver_summary', summaryId })),
      ...alertIds.map((alertId): MaintenanceAction => ({ kind: 'deliver_alert', alertId })),
      ...replyIds.map((replyId): MaintenanceAction => ({ kind: 'deliver_reply', replyId })),
      ...progressIds.map((promotionId): MaintenanceAction => ({ kind: 'deliver_progress', promotionId })),
      ...proven.map(({ promotion }): MaintenanceAction => ({ kind: 'auto_commit', promotionId: promotion.id })),
    ],
    failures: [],
  };
}

/** Of how many rows one tick asks Heroku, and for how long each. */
const PROOFS_PER_TICK = 10;
const PROOF_WITHIN_MS = 3_000;

/** The stuck rows of other systems that Heroku proves live; none where that is not asked for. */
async function provenLive(
  deps: Pick<MaintenanceDependencies, 'autoCommitLive' | 'readEvidence'>,
  detected: Detected,
): Promise<readonly { readonly promotion: Promotion; readonly proof: Evidence }[]> {
  if (!deps.autoCommitLive) return [];
  const foreign = detected.stuck.map(({ promotion }) => promotion).filter(isForeign);
  const asked = await Promise.all(
    foreign.slice(0, PROOFS_PER_TICK).map(async (promotion) => ({
      promotion,
      proof: await deps.readEvidence(promotion, PROOF_WITHIN_MS),
    })),
  );
  return asked.filter(({ promotion, proof }) => isProvenLive(promotion, proof));
}

async function planOfSummaries(
  deps: Pick<MaintenanceDependencies, 'db' | 'thresholds'>,
  at: Date,
): Promise<SummaryAction[]> {
  return planSummaries(await deps.db.summaries.gather(), at, { ...deps.thresholds, remindAfterMs: REMIND_AFTER_MS });
}

async function record(
  deps: MaintenanceDependencies,
  action: DetectionAction | RcaDebtAction | SummaryAction,
  at: Date,
): Promise<void> {
  switch (action.kind) {
    case 'open_alert':
      await deps.db.alerts.open(action.promotionId, action.severity, at);
      return;
    case 'open_grouped_alerts':
      await deps.db.summaries.openAlerts(action.alerts, at);
      return;
    case 'repeat_critical':
      await deps.db.replies.queueRepeat(action.promotionId, action.ordinal);
      return;
    case 'close_alerts':
      await deps.db.alerts.close(...action.promotionIds);
      return;
    case 'remind_of_rca':
      await deps.db.rcaDebts.remind(action.promotionId, action.alertId);
      return;
    case 'settle_rca':
      await deps.db.rcaDebts.settle(action.alertId);
      return;
    case 'call_about_summary':
      await deps.db.summaries.call(action.summaryId, action.calls, at);
      return;
    case 'end_summary':
      await deps.db.summaries.end(action.summaryId, at);
      return;
    case 'remind_of_summary_rca':
      await deps.db.summaries.remind(action.summaryId);
      return;
  }
}

function counts(detected: Detected): { deploying: number; stuck: number } {
  return { deploying: detected.deploying, stuck: detected.stuck.length };
}

function throwIfFailed(outcome: DeliveryOutcome): void {
  if (outcome.kind === 'failed') throw outcome.error;
}
