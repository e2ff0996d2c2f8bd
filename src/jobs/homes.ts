import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Database } from '../db/database.js';
import type { Home } from '../db/homes.js';
import type { Lease } from '../db/leases.js';
import type { Operator } from '../operators/operator.js';
import { HOME_INTERVAL_MS, HOME_WATCHED_MS, maintenanceMark } from '../promotions/home.js';
import { severityDue, type Thresholds } from '../promotions/stuck.js';
import type { Slack } from '../slack/slack.js';
import { HOME_ROWS, type HomeFacts, homeTab } from '../views/home.js';
import { LEASE_MS, postponed } from './attempts.js';

export interface HomesDependencies {
  readonly db: Pick<Database, 'homes' | 'promotions' | 'rcaDebts' | 'operators' | 'maintenance'>;
  readonly slack: Slack;
  readonly thresholds: Thresholds;
  /** null while maintenance completes in this process as it should; else since when it does not. */
  readonly silentSince: () => Date | null;
  readonly now: () => Date;
  /** Yields [0, 1). */
  readonly random: () => number;
  /** Names the holder of a lease, another at each call. */
  readonly newOwner: () => string;
  readonly log: Logger;
}

/** Keeps the home tabs up to date that somebody may be looking at. */
export interface Homes {
  /** Somebody opened theirs: publishes it at once. Rejects where the database does not answer, or Slack refuses. */
  open(slackUserId: string): Promise<void>;
  /** Publishes to those on which something has changed. Never rejects: what fails is due at the next call. */
  refresh(): Promise<void>;
  /** Something changed: has them refreshed soon, several changes at once. */
  changed(): void;
  /** Waits for what is under way. */
  stop(): Promise<void>;
}

/** How many tabs one refresh looks after: more people than that are not on call. */
const TABS = 100;

/** A tab is a picture of the rows: what is lost on the way is painted anew from them, at the latest by the next tick. */
export function createHomes(deps: HomesDependencies): Homes {
  const { db, slack, log } = deps;
  let soon: NodeJS.Timeout | null = null;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  async function gather(): Promise<HomeFacts> {
    const now = deps.now();
    const stuckBefore = new Date(now.getTime() - deps.thresholds.warningAfterMs);
    const stuck = await db.promotions.stuck(stuckBefore, { offset: 0, limit: HOME_ROWS });
    // The oldest first: after what is stuck comes what is within its time.
    const deploying = await db.promotions.stuck(now, { offset: stuck.total, limit: HOME_ROWS });
    const owed = await db.rcaDebts.owed(HOME_ROWS);
    const last = await db.maintenance.last();
    return {
      stuck: stuck.rows.map((promotion) => ({
        promotion,
        severity: severityDue(promotion, now, deps.thresholds) ?? 'warning',
      })),
      stuckTotal: stuck.total,
      running: deploying.rows,
      runningTotal: Math.max(0, deploying.total - stuck.total),
      withoutRca: owed.rows,
      withoutRcaTotal: owed.total,
      withoutRcaIsAtLeast: owed.isAtLeast,
      resolved: await db.promotions.resolved(HOME_ROWS),
      maintenance: { last: last?.completedAt ?? null, silentSince: deps.silentSince() },
      superadmins: await db.operators.superadmins(),
    };
  }

  async function publish(home: Home, viewer: Operator | null, facts: HomeFacts, publishedBefore: Date): Promise<void> {
    const shown = fingerprint(facts, viewer);
    if (shown === home.shown) return;
    const lease: Lease = { owner: deps.newOwner(), durationMs: LEASE_MS };
    const attempts = await db.homes.claim(home.slackUserId, lease, publishedBefore);
    if (attempts === null) return changed();
    try {
      await slack.publishHome(home.slackUserId, homeTab(facts, viewer, deps.now()));
      await db.homes.recordPublished(home.slackUserId, lease, shown, deps.now());
    } catch (error) {
      await db.homes.release(home.slackUserId, lease, postponed(error, attempts, deps));
      throw error;
    }
  }

  async function refresh(): Promise<void> {
    const now = deps.now();
    const tabs = await db.homes.watched(new Date(now.getTime() - HOME_WATCHED_MS), now, TABS);
    if (tabs.length === 0) return;
    const facts = await gather();
    const operators = await db.operators.among(tabs.map((home) => home.slackUserId));
    const publishedBefore = new Date(now.getTime() - HOME_INTERVAL_MS);
    for (const home of tabs) {
      const viewer = operators.get(home.slackUserId) ?? null;
      await publish(home, viewer, facts, publishedBefore).catch((error: unknown) =>
        log.warn({ err: error }, 'a home tab is behind; it is published again later'),
      );
    }
  }

  function changed(): void {
    if (stopped || soon !== null) return;
    soon = setTimeout(() => {
      soon = null;
      void homes.refresh();
    }, HOME_INTERVAL_MS);
    soon.unref();
  }

  const homes: Homes = {
    async open(slackUserId) {
      await db.homes.opened(slackUserId, deps.now());
      const viewer = await db.operators.find(slackUserId);
      await publish({ slackUserId, shown: null }, viewer, await gather(), deps.now());
    },
    refresh() {
      // One after the other: two at a time would only wait for one another's leases.
      running = running.then(refresh).catch((error: unknown) => {
        log.warn({ err: error }, 'the home tabs could not be refreshed; the next tick tries again');
      });
      return running;
    },
    changed,
    async stop() {
      stopped = true;
      if (soon !== null) clearTimeout(soon);
      await running;
    },
  };
  return homes;
}

/** Two that are equal look the same, but for times that only say how fresh it is. */
function fingerprint(facts: HomeFacts, viewer: Operator | null): string {
  const seen = { ...facts, maintenance: maintenanceMark(facts.maintenance), viewer };
  return createHash('sha256').update(JSON.stringify(seen)).digest('base64');
}
