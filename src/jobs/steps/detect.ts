import type { Database } from '../../db/database.js';
import { NO_ATTENTION } from '../../promotions/attention.js';
import { type Planning, planDetection } from '../../promotions/detection.js';
import { severityDue, type Thresholds } from '../../promotions/stuck.js';
import { recordDetection } from './record-detection.js';
import { defineStep, type Step } from './step.js';

/** How many promotions are deploying, stuck, and only noticed so far. */
export interface TickCounts {
  readonly deploying: number;
  readonly stuck: number;
  readonly noticed: number;
}

export interface DetectDependencies extends Pick<Planning, 'individualPerHour' | 'channelOf'> {
  readonly db: Pick<Database, 'alerts' | 'groups' | 'messages' | 'attention'>;
  /** When the quiet hours for an app's warnings end; null if there are none now. */
  readonly quietUntil: (herokuApp: string, at: Date) => Date | null;
  readonly thresholds: Thresholds;
  readonly onCounted: (counts: TickCounts) => void;
}

export function detectStep(deps: DetectDependencies): Step {
  const { db, thresholds } = deps;
  return defineStep({
    async gather(at) {
      const detected = await db.alerts.gather(new Date(at.getTime() - thresholds.warningAfterMs));
      const stuck = detected.stuck.filter(({ promotion }) => severityDue(promotion, at, thresholds) !== null).length;
      deps.onCounted({ deploying: detected.deploying, stuck, noticed: detected.stuck.length - stuck });
      return { detected, attention: detected.stuck.length === 0 ? NO_ATTENTION : await db.attention.all() };
    },
    decide: ({ detected, attention }, at) =>
      planDetection(detected, at, thresholds, {
        attention,
        individualPerHour: deps.individualPerHour,
        channelOf: deps.channelOf,
        quietUntil: (herokuApp) => deps.quietUntil(herokuApp, at),
      }),
    act: (action, at) => recordDetection(db, action, at),
  });
}
