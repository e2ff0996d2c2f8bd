import { createHash } from 'node:crypto';
import type { Operator } from '../../operators/operator.js';
import { HOME_INTERVAL_MS, maintenanceMark } from '../../promotions/home.js';
import { severityDue } from '../../promotions/stuck.js';
import { HOME_ROWS, type HomeFacts, homeTab } from '../../views/home.js';
import { defineKind, type Sources } from '../kind.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    home: 'a home tab that somebody opened; the subject is that person';
  }
}

interface HomeOfViewer {
  readonly facts: HomeFacts;
  readonly viewer: Operator | null;
  readonly asOf: Date;
}

/** Publishing again does no harm; it is published only if something on it differs. */
export const home = defineKind<HomeOfViewer>({
  gone: 'close',
  unknownOutcome: 'post_again',
  async gather({ subject }, sources) {
    const asOf = await sources.db.now();
    const viewer = await sources.db.operators.find(subject);
    return { facts: await gatherHome(sources, asOf), viewer, asOf };
  },
  place: ({ subject }) => ({ to: 'home', userId: subject }),
  show({ facts, viewer, asOf }, { message }) {
    const as = fingerprint(facts, viewer);
    return {
      content: { home: homeTab(facts, viewer, asOf) },
      as,
      // On a further attempt, the earlier one may have shown something else.
      isShownAlready: message.shownAs === as && message.attempts <= 1,
      restMs: HOME_INTERVAL_MS,
    };
  },
});

/** A mark of what all tabs show: while it is the same, none has to be published. */
export async function markOfHomes(sources: Sources): Promise<string> {
  return fingerprint(await gatherHome(sources, await sources.db.now()), await sources.db.operators.list());
}

async function gatherHome({ db, thresholds, silentSince }: Sources, now: Date): Promise<HomeFacts> {
  const stuckBefore = new Date(now.getTime() - thresholds.warningAfterMs);
  const stuck = await db.promotions.stuck(stuckBefore, { offset: 0, limit: HOME_ROWS });
  const running = await db.promotions.withinTime(stuckBefore, HOME_ROWS);
  const { total } = await db.promotions.deploying();
  const missing = await db.rcaDebts.owed(HOME_ROWS);
  const last = await db.maintenance.last();
  return {
    stuck: stuck.rows.map((promotion) => ({
      promotion,
      severity: severityDue(promotion, now, thresholds) ?? 'notice',
    })),
    stuckTotal: stuck.total,
    running,
    runningTotal: Math.max(running.length, total - stuck.total),
    withoutRca: missing.rows,
    withoutRcaTotal: missing.total,
    withoutRcaIsAtLeast: missing.isAtLeast,
    resolved: await db.promotions.resolved(HOME_ROWS),
    maintenance: { last: last?.completedAt ?? null, silentSince: silentSince() },
    superadmins: await db.operators.superadmins(),
  };
}

/** Equal fingerprints look the same, except for times that only say how fresh it is. */
function fingerprint(facts: HomeFacts, viewers: Operator | null | readonly Operator[]): string {
  const seen = { ...facts, maintenance: maintenanceMark(facts.maintenance), viewers };
  return createHash('sha256').update(JSON.stringify(seen)).digest('base64');
}
