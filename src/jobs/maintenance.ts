import type { Logger } from 'pino';
import type { Alerts, Detected } from '../db/alerts.js';
import type { AttentionRecords } from '../db/attention.js';
import type { MaintenanceRecords } from '../db/maintenance.js';
import type { ProgressMessages } from '../db/progress.js';
import type { Promotions } from '../db/promotions.js';
import type { Pruning } from '../db/pruning.js';
import type { RcaDebts } from '../db/rca-debt.js';
import type { Replies } from '../db/replies.js';
import type { Summaries } from '../db/summaries.js';
import { type AttentionAction, planAttention } from '../promotions/attention.js';
import { isForeign, isProvenLive } from '../promotions/auto-commit.js';
import { type DetectionAction, planDetection } from '../promotions/detection.js';
import type { Evidence } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { planRcaDebt, type RcaDebtAction, REMIND_AFTER_MS } from '../promotions/rca-debt.js';
import type { Thresholds } from '../promotions/stuck.js';
import { planSummaries, type SummaryAction } from '../promotions/summary.js';
import { awaitsTurn } from '../slack/errors.js';
import { autoCommitNote } from '../views/evidence.js';
import type { Delivery } from './delivery.js';
import type { DigestJob } from './digest.js';
import type { DeliveryOutcome } from './messages.js';

export interface MaintenanceDependencies {
  readonly db: {
    readonly alerts: Alerts;
    readonly replies: Replies;
    readonly progress: ProgressMessages;
    readonly promotions: Pick<Promotions, 'recover' | 'claimForProof'>;
    readonly attention: AttentionRecords;
    readonly rcaDebts: RcaDebts;
    readonly summaries: Summaries;
    readonly maintenance: MaintenanceRecords;
    readonly pruning: Pruning;
  };
  readonly delivery: Delivery;
  /** null where no digest is asked for. */
  readonly digest: DigestJob | null;
  /** Whether another system's stuck row is committed where Heroku proves it live. */
  readonly autoCommitLive: boolean;
  /** Never rejects; answers within `deadlineMs`. */
  readonly readEvidence: (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;
  /** When the quiet hours end in which warnings of a Heroku app wait; null where there are none now. */
  readonly heldUntil: (herokuApp: string, at: Date) => Date | null;
  readonly thresholds: Thresholds;
  /** How many alerts of an hour get a message of their own in each channel; the others are told in a summary. */
  readonly ownPerHour: number;
  /** The channel to which what is about a Heroku app goes. */
  readonly channelOf: (herokuApp: string) => string;
  /** How long what was told of a promotion is kept after it came to rest. */
  readonly pruneAfterMs: number;
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
  | AttentionAction
  | RcaDebtAction
  | SummaryAction
  | { readonly kind: 'deliver_summary'; readonly summaryId: string }
  | { readonly kind: 'deliver_alert'; readonly alertId: string }
  | { readonly kind: 'deliver_reply'; readonly replyId: string }
  | { readonly kind: 'deliver_progress'; readonly promotionId: string }
  | { readonly kind: 'deliver_digest'; readonly due: string }
  | { readonly kind: 'auto_commit'; readonly promotionId: string }
  | { readonly kind: 'prune'; readonly promotionId: string }
  | { readonly kind: 'prune_summary'; readonly summaryId: string };

export interface MaintenanceFailure {
  readonly action: MaintenanceAction;
  readonly error: unknown;
}

/** How many closed criticals one tick looks at. */
const RCA_DEBTS_PER_TICK = 200;
/** How many rows one tick looks at to deliver, and how long it goes on: what is left is due at the next. */
const DELIVERIES_PER_TICK = 200;
const DELIVERY_BUDGET_MS = 45_000;
/** Of how many promotions one tick removes what was told; an upgrade may find years of them. */
const PRUNED_PER_TICK = 100;

/**
 * One tick of the watchdog: gather what is stuck and what lacks its RCA, decide, record it, then deliver what is due, including what an
 * earlier or a killed process left behind. One failure never stops the rest; each is in the report. To wait for a turn at Slack
 * is none.
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
      if (awaitsTurn(error)) {
        log.info({ action }, 'there is more to say than Slack takes at once; a later tick says this');
        return;
      }
      log.error({ err: error, action }, 'a maintenance action failed; the next tick tries again');
      failures.push({ action, error });
    }
  };

  const unsettled = await db.rcaDebts.unsettled(RCA_DEBTS_PER_TICK);
  for (const action of [...(await planWatch(deps, detected, at)), ...planRcaDebt(unsettled, at)]) {
    await attempt(action, () => record(deps, action, at));
  }
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

  for (const digest of (await deps.digest?.plan(at)) ?? []) {
    if (deps.elapsed() > deadline) break;
    await attempt({ kind: 'deliver_digest', due: digest.due }, async () => deps.digest?.deliver(digest));
  }

  // Last: a row that is committed has its alert by now, in whose thread that is said.
  const askedAbout = deps.autoCommitLive
    ? await db.promotions.claimForProof(
        foreignOf(detected).map(({ id }) => id),
        { now: at, nextAt: new Date(at.getTime() + PROOF_EVERY_MS), limit: PROOFS_PER_TICK },
      )
    : [];
  for (const { promotion, proof } of await provenLive(deps, askedAbout)) {
    if (deps.elapsed() > deadline) break;
    await attempt({ kind: 'auto_commit', promotionId: promotion.id }, async () => {
      if (!(await db.promotions.recover(promotion.id, proof, autoCommitNote(proof), deps.now()))) return;
      for (const outcome of await delivery.promotion(promotion.id)) throwIfFailed(outcome);
    });
  }

  const restedBefore = new Date(at.getTime() - deps.pruneAfterMs);
  for (const promotionId of await db.pruning.prunable(restedBefore, PRUNED_PER_TICK)) {
    await attempt({ kind: 'prune', promotionId }, () => db.pruning.prune(promotionId, restedBefore));
  }
  for (const summaryId of await db.pruning.prunableSummaries(restedBefore, PRUNED_PER_TICK)) {
    await attempt({ kind: 'prune_summary', summaryId }, () => db.pruning.pruneSummary(summaryId, restedBefore));
  }

  const report = { at, ...counts(detected), actions, failures };
  await db.maintenance.record({ completedAt: deps.now(), deploying: report.deploying, stuck: report.stuck });
  return report;
}

/** What `runMaintenance` would do now, without doing any of it. Deliveries of alerts yet to open are implied. */
export async function planMaintenance(
  deps: Pick<
    MaintenanceDependencies,
    | 'db'
    | 'digest'
    | 'heldUntil'
    | 'thresholds'
    | 'ownPerHour'
    | 'channelOf'
    | 'now'
    | 'autoCommitLive'
    | 'readEvidence'
    | 'pruneAfterMs'
  >,
): Promise<MaintenanceReport> {
  const at = deps.now();
  const detected = await deps.db.alerts.gather(new Date(at.getTime() - deps.thresholds.warningAfterMs));
  const unsettled = await deps.db.rcaDebts.unsettled(RCA_DEBTS_PER_TICK);
  const summaryIds = await deps.db.summaries.due(at, DELIVERIES_PER_TICK);
  const alertIds = await deps.db.alerts.due(at, DELIVERIES_PER_TICK);
  const replyIds = await deps.db.replies.due(at, DELIVERIES_PER_TICK);
  const progressIds = await deps.db.progress.due(at, DELIVERIES_PER_TICK);
  const digests = (await deps.digest?.plan(at)) ?? [];
  const proven = await provenLive(deps, deps.autoCommitLive ? foreignOf(detected).slice(0, PROOFS_PER_TICK) : []);
  const restedBefore = new Date(at.getTime() - deps.pruneAfterMs);
  const prunable = await deps.db.pruning.prunable(restedBefore, PRUNED_PER_TICK);
  const emptied = await deps.db.pruning.prunableSummaries(restedBefore, PRUNED_PER_TICK);
  return {
    at,
    ...counts(detected),
    actions: [
      ...(await planWatch(deps, detected, at)),
      ...planRcaDebt(unsettled, at),
      ...(await planOfSummaries(deps, at)),
      ...summaryIds.map((summaryId): MaintenanceAction => ({ kind: 'deliver_summary', summaryId })),
      ...alertIds.map((alertId): MaintenanceAction => ({ kind: 'deliver_alert', alertId })),
      ...replyIds.map((replyId): MaintenanceAction => ({ kind: 'deliver_reply', replyId })),
      ...progressIds.map((promotionId): MaintenanceAction => ({ kind: 'deliver_progress', promotionId })),
      ...digests.map(({ due }): MaintenanceAction => ({ kind: 'deliver_digest', due })),
      ...proven.map(({ promotion }): MaintenanceAction => ({ kind: 'auto_commit', promotionId: promotion.id })),
      ...prunable.map((promotionId): MaintenanceAction => ({ kind: 'prune', promotionId })),
      ...emptied.map((summaryId): MaintenanceAction => ({ kind: 'prune_summary', summaryId })),
    ],
    failures: [],
  };
}

/** What is to be recorded of what is stuck, who is on it and what is snoozed. */
async function planWatch(
  deps: Pick<MaintenanceDependencies, 'db' | 'heldUntil' | 'thresholds' | 'ownPerHour' | 'channelOf'>,
  detected: Detected,
  at: Date,
): Promise<readonly (DetectionAction | AttentionAction)[]> {
  const attention = await deps.db.attention.all();
  const { ownPerHour, channelOf } = deps;
  const heldUntil = (herokuApp: string) => deps.heldUntil(herokuApp, at);
  return [
    ...planDetection(detected, at, deps.thresholds, { heldUntil, attention, ownPerHour, channelOf }),
    ...planAttention(detected.stuck, attention, at),
  ];
}

/** Of how many rows one tick asks Heroku, for how long each, and how often of one: each is up to a dozen requests. */
const PROOFS_PER_TICK = 10;
const PROOF_WITHIN_MS = 3_000;
const PROOF_EVERY_MS = 5 * 60_000;

/** The stuck rows that no promoter takes up, the oldest first. */
function foreignOf(detected: Detected): readonly Promotion[] {
  return detected.stuck.map(({ promotion }) => promotion).filter(isForeign);
}

/** Those of them that Heroku proves live. */
async function provenLive(
  deps: Pick<MaintenanceDependencies, 'readEvidence'>,
  candidates: readonly Promotion[],
): Promise<readonly { readonly promotion: Promotion; readonly proof: Evidence }[]> {
  const asked = await Promise.all(
    candidates.map(async (promotion) => ({ promotion, proof: await deps.readEvidence(promotion, PROOF_WITHIN_MS) })),
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
  action: DetectionAction | AttentionAction | RcaDebtAction | SummaryAction,
  at: Date,
): Promise<void> {
  switch (action.kind) {
    case 'open_alert':
      await deps.db.alerts.open(action.promotionId, action.severity, at, action.heldUntil);
      return;
    case 'open_grouped_alerts':
      await deps.db.summaries.openAlerts(action, at);
      return;
    case 'repeat_critical':
      await deps.db.replies.queueRepeat(action.promotionId, action.ordinal);
      return;
    case 'close_alerts':
      await deps.db.alerts.close(...action.promotionIds);
      return;
    case 'ask_owner':
      await deps.db.attention.askOwner(action.promotionId, action.owner, at);
      return;
    case 'lose_owner':
      await deps.db.attention.loseOwner(action.promotionId, action.owner, action.reason, at);
      return;
    case 'end_snooze':
      await deps.db.attention.endSnooze(action.promotionId, at);
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
