import type { Logger } from 'pino';
import type { ChoresDue } from '../db/chores.js';
import type { Database } from '../db/database.js';
import type { Overdue } from '../promotions/overdue.js';
import { awaitsSlot } from '../slack/errors.js';
import type { MaintenanceAction } from './actions.js';
import { type AttentionDependencies, attentionStep } from './steps/attention.js';
import { type AutoCompleteDependencies, autoCompleteStep } from './steps/auto-complete.js';
import { type DriftDependencies, findAppsStep, lookForDriftStep, tellDriftStep } from './steps/drift.js';
import { type DeliverDependencies, deliverOutsideStep, deliverStep } from './steps/deliver.js';
import { endDrillsStep } from './steps/end-drills.js';
import { type DetectDependencies, detectStep, type TickCounts } from './steps/detect.js';
import { type LookDependencies, lookStep } from './steps/look.js';
import { nameCriticalsStep } from './steps/name-criticals.js';
import { type PageDependencies, pageStep } from './steps/page.js';
import { type PruneDependencies, pruneStep } from './steps/prune.js';
import { type QueueDigestDependencies, queueDigestStep } from './steps/queue-digest.js';
import { type RefreshEvidenceDependencies, refreshEvidenceStep } from './steps/refresh-evidence.js';
import { remindOfRcasStep } from './steps/remind-of-rcas.js';
import { type ShortenWaitsDependencies, shortenWaitsStep } from './steps/shorten-waits.js';
import { type VerifyDependencies, verifyStep } from './steps/verify.js';
import type { PlannedAction, Step } from './steps/step.js';
import { type WebhookDependencies, webhookStep } from './steps/webhook.js';

export interface MaintenanceDependencies
  extends Omit<
    AttentionDependencies &
      AutoCompleteDependencies &
      DeliverDependencies &
      DetectDependencies &
      LookDependencies &
      PageDependencies &
      PruneDependencies &
      RefreshEvidenceDependencies &
      ShortenWaitsDependencies &
      VerifyDependencies &
      DriftDependencies &
      QueueDigestDependencies &
      WebhookDependencies,
    'db' | 'onCounted' | 'onOwed'
  > {
  readonly db: Database;
  /** The time by the database's clock; rejects if this process may not act. */
  readonly startTick: () => Promise<Date>;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** What each tick ends with; not planned, because it depends on everything before. */
  readonly closing: readonly PlannedAction[];
  /** See the core. */
  readonly findOverdue: () => Promise<Overdue | null>;
  readonly log: Logger;
}

export interface MaintenanceReport extends TickCounts {
  readonly at: Date;
  readonly actions: readonly MaintenanceAction[];
  readonly failures: readonly MaintenanceFailure[];
  /** What is overdue after this tick. A failure alone isn't: the next tick tries again. */
  readonly overdue: Overdue | null;
}

interface MaintenanceFailure {
  readonly action: MaintenanceAction;
  readonly error: unknown;
}

/** How long a tick continues with work that can wait for the next. */
const BUDGET_MS = 45_000;

/**
 * One tick: steps that read, decide and act. A failure never stops the rest and is reported; waiting for a Slack slot
 * isn't one. `dryRun`: without acting. Rejects if a step can't read; nothing is lost, pending work is in the rows.
 */
export async function runMaintenance(
  deps: MaintenanceDependencies,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<MaintenanceReport> {
  const { db } = deps;
  const at = await deps.startTick();
  const deadline = deps.elapsed() + BUDGET_MS;
  let counts: TickCounts = { deploying: 0, stuck: 0, noticed: 0 };
  const chores = await db.chores.due(at, new Date(at.getTime() - deps.pruneAfterMs), deps.longestLeaseMs);
  const steps = stepsOf({ ...deps, onCounted: (counted) => (counts = counted) }, chores);

  const actions: MaintenanceAction[] = [];
  const failures: MaintenanceFailure[] = [];
  for (const step of steps) {
    for (const planned of await step.plan(at)) {
      if (step.canWait && deps.elapsed() > deadline) break;
      actions.push(planned.action);
      if (!dryRun) failures.push(...(await attempt(planned, deps.log)));
    }
  }
  if (!dryRun) {
    for (const planned of deps.closing) failures.push(...(await attempt(planned, deps.log)));
    await db.maintenance.record(counts);
  }
  return { at, ...counts, actions, failures, overdue: await deps.findOverdue() };
}

/**
 * In this order people are paged first, what is recorded is delivered in the same tick, and completed rows have their
 * alert.
 */
function stepsOf(
  deps: MaintenanceDependencies & Pick<DetectDependencies, 'onCounted'>,
  chores: ChoresDue,
): readonly Step[] {
  let isOwedOutside = true;
  return [
    ...(chores.shortenWaits ? [shortenWaitsStep(deps)] : []),
    // Before and after `detect`, which forgets the earlier alerts of rows that were set back.
    webhookStep(deps),
    detectStep(deps),
    webhookStep(deps),
    pageStep({ ...deps, onOwed: (isOwed) => (isOwedOutside = isOwed) }),
    deliverOutsideStep(deps, 'page', () => isOwedOutside),
    refreshEvidenceStep(deps),
    lookStep(deps),
    ...(chores.verify ? [verifyStep(deps)] : []),
    ...(chores.drift ? [findAppsStep(deps), lookForDriftStep(deps), tellDriftStep(deps)] : []),
    attentionStep(deps),
    nameCriticalsStep(deps),
    remindOfRcasStep(deps),
    queueDigestStep(deps),
    ...(chores.drills ? [endDrillsStep(deps)] : []),
    deliverStep(deps),
    ...(deps.sendsWebhooks ? [deliverOutsideStep(deps, 'webhook')] : []),
    autoCompleteStep(deps),
    ...(chores.prune ? [pruneStep(deps)] : []),
  ];
}

async function attempt({ action, act }: PlannedAction, log: Logger): Promise<readonly MaintenanceFailure[]> {
  try {
    await act();
    return [];
  } catch (error) {
    if (awaitsSlot(error)) {
      log.info({ action }, 'there is more to say than Slack takes at once; a later tick says this');
      return [];
    }
    log.error({ err: error, action }, 'a maintenance action failed; the next tick tries again');
    return [{ action, error }];
  }
}
