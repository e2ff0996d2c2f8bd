import type { Database } from '../../db/database.js';
import { NO_ATTENTION } from '../../promotions/attention.js';
import { type DetectionAction, type Planning, planDetection } from '../../promotions/detection.js';
import type { Thresholds } from '../../promotions/stuck.js';
import { defineStep, type Step } from './step.js';

export interface DetectDependencies extends Pick<Planning, 'individualPerHour' | 'channelOf'> {
  readonly db: Pick<Database, 'alerts' | 'groups' | 'messages' | 'attention'>;
  /** When the quiet hours end in which warnings of a Heroku app wait; null where there are none now. */
  readonly quietUntil: (herokuApp: string, at: Date) => Date | null;
  readonly thresholds: Thresholds;
  /** Hears how many are deploying, and how many of them are stuck. */
  readonly onCounted: (counts: { readonly deploying: number; readonly stuck: number }) => void;
}

/** Finds what is stuck, and what another system ended. */
export function detectStep(deps: DetectDependencies): Step {
  const { db, thresholds } = deps;
  return defineStep({
    async gather(at) {
      const detected = await db.alerts.gather(new Date(at.getTime() - thresholds.warningAfterMs));
      deps.onCounted({ deploying: detected.deploying, stuck: detected.stuck.length });
      return { detected, attention: detected.stuck.length === 0 ? NO_ATTENTION : await db.attention.all() };
    },
    decide: ({ detected, attention }, at) =>
      planDetection(detected, at, thresholds, {
        attention,
        individualPerHour: deps.individualPerHour,
        channelOf: deps.channelOf,
        quietUntil: (herokuApp) => deps.quietUntil(herokuApp, at),
      }),
    act: (action, at) => record(db, action, at),
  });
}

async function record(db: DetectDependencies['db'], action: DetectionAction, at: Date): Promise<unknown> {
  switch (action.kind) {
    case 'open_alert':
      return db.alerts.open(action, at, action.notBefore ?? null);
    case 'open_grouped_alerts':
      return db.groups.open(action, at);
    case 'repeat_critical':
      return db.alerts.repeat(action.promotionId, action.ordinal);
    case 'close_alerts':
      return db.alerts.close(...action.promotionIds);
  }
}
