import type { Logger } from 'pino';
import type { Database } from '../db/database.js';
import type { Overdue } from '../promotions/overdue.js';
import { awaitsSlot } from '../slack/errors.js';
import type { MaintenanceAction } from './actions.js';
import { type AttentionDependencies, attentionStep } from './steps/attention.js';
import { type AutoCompleteDependencies, autoCompleteStep } from './steps/auto-complete.js';
import { type DeliverDependencies, deliverStep } from './steps/deliver.js';
import { type DetectDependencies, detectStep } from './steps/detect.js';
import { nameCriticalsStep } from './steps/name-criticals.js';
import { type PruneDependencies, pruneStep } from './steps/prune.js';
import { type QueueDigestDependencies, queueDigestStep } from './steps/queue-digest.js';
import { type RefreshEvidenceDependencies, refreshEvidenceStep } from './steps/refresh-evidence.js';
import { remindOfRcasStep } from './steps/remind-of-rcas.js';
import type { PlannedAction, Step } from './steps/step.js';

export interface MaintenanceDependencies
  extends Omit<
    AttentionDependencies &
      AutoCompleteDependencies &
      DeliverDependencies &
      DetectDependencies &
      PruneDependencies &
      RefreshEvidenceDependencies &
      QueueDigestDependencies,
    'db' | 'onCounted'
  > {
  readonly db: Database;
  /** The present by the database's clock; rejects where this process may not act. */
  readonly startTick: () => Promise<Date>;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** See the core. */
  readonly findOverdue: () => Promise<Overdue | null>;
  readonly log: Logger;
}

/** What one tick decided and did. */
export interface MaintenanceReport {
  readonly at: Date;
  readonly deploying: number;
  readonly stuck: number;
  readonly actions: readonly MaintenanceAction[];
  readonly failures: readonly MaintenanceFailure[];
  /** What is owed for too long now, after all of it; a failure alone is no such thing: the next tick tries again. */
  readonly overdue: Overdue | null;
}

export interface MaintenanceFailure {
  readonly action: MaintenanceAction;
  readonly error: unknown;
}

/** How long a tick goes on with what can wait for the next. */
const BUDGET_MS = 45_000;

/**
 * One tick of the watchdog: a list of steps, each of which reads, decides and acts. One failure never stops the rest; each is
 * in the report. To wait for a channel's slot at Slack is none. `dryRun`: the same list without acting.
 *
 * Rejects where a step can't read what it needs. Nothing is lost by that: everything that is owed stands in the rows.
 */
export async function runMaintenance(
  deps: MaintenanceDependencies,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<MaintenanceReport> {
  const { db } = deps;
  const at = await deps.startTick();
  const deadline = deps.elapsed() + BUDGET_MS;
  let counts = { deploying: 0, stuck: 0 };
  const steps = stepsOf({ ...deps, onCounted: (counted) => (counts = counted) });

  const actions: MaintenanceAction[] = [];
  const failures: MaintenanceFailure[] = [];
  for (const step of steps) {
    for (const planned of await step.plan(at)) {
      if (step.canWait && deps.elapsed() > deadline) break;
      actions.push(planned.action);
      if (!dryRun) failures.push(...(await attempt(planned, deps.log)));
    }
  }
  if (!dryRun) await db.maintenance.record(counts);
  return { at, ...counts, actions, failures, overdue: await deps.findOverdue() };
}

/** In this order: what is recorded is delivered in the same tick, and what is completed has been told of by then. */
function stepsOf(deps: MaintenanceDependencies & Pick<DetectDependencies, 'onCounted'>): readonly Step[] {
  return [
    detectStep(deps),
    refreshEvidenceStep(deps),
    attentionStep(deps),
    nameCriticalsStep(deps),
    remindOfRcasStep(deps),
    queueDigestStep(deps),
    deliverStep(deps),
    autoCompleteStep(deps),
    pruneStep(deps),
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
