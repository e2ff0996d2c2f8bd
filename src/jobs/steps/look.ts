import type { Database } from '../../db/database.js';
import type { DueLook, LookedAt } from '../../db/looks.js';
import type { LookAtApp } from '../../heroku/look.js';
import { type DetectionAction, planNotices } from '../../promotions/detection.js';
import { REFRESH_EVERY_MS, REFRESH_SOON_MS } from '../../promotions/evidence-refresh.js';
import { conclude, type Look, lookAgainAfterMs, type WatchedPromotion } from '../../promotions/notice.js';
import type { Thresholds } from '../../promotions/stuck.js';
import type { DetectDependencies } from './detect.js';
import { recordDetection } from './record-detection.js';
import { defineStep, type Step } from './step.js';

export interface LookDependencies extends Omit<DetectDependencies, 'onCounted' | 'db'> {
  readonly db: Pick<Database, 'alerts' | 'evidence' | 'groups' | 'looks'>;
  /** null: no API key is configured, so nothing can be proven. */
  readonly lookAtApp: LookAtApp | null;
  readonly thresholds: Thresholds;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** See `Runtime`. */
  readonly patience: number;
}

/** How long one app may take, and how long after the first one more is started: alerts wait behind this. */
const WITHIN_MS = 5_000;
const BEGIN_WITHIN_MS = 5_000;
/** How many apps are asked about at once, and how many one tick starts with; the rest are first at the next. */
const AT_ONCE = 10;
const MOST_PER_TICK = 200;

interface Proven {
  readonly promotion: WatchedPromotion['promotion'];
  readonly look: Look | null;
  readonly unlessLeased: boolean;
}

/** Asks Heroku about promotions that have been deploying for a while; opens a notice if something is proven. */
export function lookStep(deps: LookDependencies): Step {
  const { db, elapsed, patience, lookAtApp, thresholds } = deps;
  const { noticeAfterMs } = thresholds;
  let until = 0;

  const lookedAt = (at: Date, forMs: number): LookedAt => ({
    promotedBy: new Date(at.getTime() - forMs),
    promotedAfter: new Date(at.getTime() - thresholds.warningAfterMs),
    noticeAfterMs: forMs,
  });

  async function proven(app: DueLook, at: Date, forMs: number, look: LookAtApp): Promise<readonly Proven[]> {
    const again = lookAgainAfterMs(at.getTime() - app.newest.getTime());
    const watched = await db.looks.claim(app, lookedAt(at, forMs), again);
    if (watched.length === 0) return [];
    const promotions = watched.map(({ promotion }) => promotion);
    const { looks, waitMs } = await look(app.herokuApp, promotions, WITHIN_MS * patience);
    if (waitMs !== null) {
      until = 0;
      await db.looks.postpone(waitMs);
    }
    return watched.flatMap((one): Proven[] => {
      const { promotion } = one;
      const found = looks.get(promotion.id) ?? null;
      const conclusion = conclude(one, found, at, forMs);
      return conclusion === null ? [] : [{ promotion, look: found, unlessLeased: conclusion === 'live' }];
    });
  }

  async function open(found: readonly Proven[], at: Date): Promise<void> {
    if (found.length === 0) return;
    const actions = planNotices(found, await db.alerts.individualAlerts(), {
      individualPerHour: deps.individualPerHour,
      channelOf: deps.channelOf,
      quietUntil: (herokuApp) => deps.quietUntil(herokuApp, at),
    });
    const failures = await recordAll(actions, at);
    // The message shows the evidence that proved it, rather than asking again.
    await db.evidence.store(
      found.flatMap(({ promotion, look }) =>
        look === null
          ? []
          : [
              {
                promotion,
                evidence: look.evidence,
                againAfterMs: look.evidence.kind === 'read' ? REFRESH_EVERY_MS.notice : REFRESH_SOON_MS,
              },
            ],
      ),
      { announce: false },
    );
    if (failures.length > 0) throw failures[0];
  }

  /** One failure doesn't stop the others. */
  async function recordAll(actions: readonly DetectionAction[], at: Date): Promise<readonly unknown[]> {
    const failures: unknown[] = [];
    for (const action of actions) {
      try {
        await recordDetection(db, action, at);
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  return defineStep({
    async gather(at) {
      until = elapsed() + BEGIN_WITHIN_MS * patience;
      if (lookAtApp === null || noticeAfterMs === null) return [];
      return db.looks.due(lookedAt(at, noticeAfterMs), MOST_PER_TICK);
    },
    decide: (due) => chunks(due).map((apps) => ({ kind: 'look' as const, apps })),
    async act({ apps }, at) {
      if (lookAtApp === null || noticeAfterMs === null || elapsed() > until) return;
      const looked = await Promise.allSettled(apps.map((app) => proven(app, at, noticeAfterMs, lookAtApp)));
      await open(
        looked.flatMap((one) => (one.status === 'fulfilled' ? one.value : [])),
        at,
      );
      const failed = looked.find((one) => one.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  });
}

function chunks<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, index) =>
    all.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );
}
