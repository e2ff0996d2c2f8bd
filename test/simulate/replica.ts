import pino from 'pino';
import { createHerokuOver } from '../../src/heroku/heroku.js';
import { createLook } from '../../src/heroku/look.js';
import { createPromoter } from '../../src/jobs/promoter.js';
import { createOutbox, LEASE_MS as MESSAGE_LEASE_MS } from '../../src/outbox/outbox.js';
import { conclude, type WatchedPromotion } from '../../src/promotions/notice.js';
import { overdueAfterMs } from '../../src/promotions/overdue.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import type { DatabaseModel } from './database-model.js';
import type { HerokuModel } from './heroku-model.js';
import { ALERT_CHANNEL, kindsOf } from './kinds.js';
import type { MessagesModel } from './messages-model.js';
import { overdueIn } from './overdue-model.js';
import type { PagerModel } from './pager-model.js';
import type { Process } from './process.js';
import { EPOCH_MS } from './process.js';
import type { PromotionRow, PromotionsModel } from './promotions-model.js';
import type { Sabotage } from './sabotage.js';
import type { SetBackModel } from './set-back-model.js';
import type { SlackModel } from './slack-model.js';

export interface Surroundings {
  readonly db: DatabaseModel;
  readonly promotions: PromotionsModel;
  readonly messages: MessagesModel;
  readonly setBack: SetBackModel;
  readonly heroku: HerokuModel;
  readonly slack: SlackModel;
  readonly pager: PagerModel;
  readonly random: () => number;
  /** Whether a proven promotion is reported before it is stuck. */
  readonly givesNotice: boolean;
  readonly pages: boolean;
  readonly count: (what: string) => void;
  /** A tick found nothing overdue: the outside monitor is told that all is well. */
  readonly onHeartbeat: (process: Process) => void;
  readonly sabotage: Sabotage | undefined;
}

const LEASE_MS = 20_000;
const LONGEST_LEASE_MS = Math.max(LEASE_MS, MESSAGE_LEASE_MS);
const POLL_MS = 500;
const TICK_MS = 60_000;
const MOST_PER_TICK = 200;
export const OVERDUE_AFTER_MS = overdueAfterMs(3 * TICK_MS);
/** A promotion this old is alerted: sooner than in reality, so that a run sees it. */
const STUCK_MS = 45_000;
/** The same for notices, which then come long before. */
const NOTICE_MS = 20_000;
const STUCK_AFTER_NOTICE_MS = 180_000;
/** A look's deadline is real time, and a run takes only a moment of it. */
const REAL_TIME_NEVER_COMES_MS = 600_000;
const SILENT = pino({ level: 'silent' });

/** The real promoter and the real outbox in one process, as the app runs them. Returns how to stop the promoter. */
export function startReplica(process: Process, surroundings: Surroundings): () => Promise<void> {
  const { db, promotions, messages, setBack, heroku, slack, pager, random, givesNotice } = surroundings;
  const stuckMs = givesNotice ? STUCK_AFTER_NOTICE_MS : STUCK_MS;
  /** Behind some poolers NOTIFY never arrives. */
  const isTold = random() < 0.7;
  let owners = 0;
  const newOwner = () => {
    owners += 1;
    return `${process.name}/${owners}`;
  };
  const outbox = createOutbox({
    messages: messages.messagesOf(process),
    slack: slack.slackOf(process),
    outside: pager.outsideOf(process),
    tellFailure: async () => [],
    kinds: kindsOf(process, db, promotions, surroundings.sabotage),
    alertChannel: ALERT_CHANNEL,
    random,
    newOwner,
    now: process.now,
    elapsed: process.monotonicMs,
    onOutcome: () => undefined,
  });
  const promoter = createPromoter({
    whyNotSet: () => null,
    db: promotions.promotingOf(process),
    heroku: createHerokuOver(heroku.senderOf(process), { now: process.now }),
    now: process.now,
    timers: process,
    random,
    newOwner,
    leaseMs: LEASE_MS,
    verifies: true,
    pollMs: POLL_MS,
    untoldRestMs: POLL_MS,
    isTold: () => isTold,
    log: SILENT,
    whyRefused: async () => null,
    onChanged: (promotionId) => {
      // What fails stays due, and the next tick retries it.
      outbox.deliverAbout(promotionId).catch(() => undefined);
    },
  });

  /** One tick of maintenance, as far as messages depend on it. */
  async function tick(): Promise<void> {
    // Not a separate statement, as for overdue work: it would change what each recorded seed does.
    if (setBack.wasSetBack(LONGEST_LEASE_MS) && surroundings.sabotage !== 'set-back clock unnoticed') {
      surroundings.count('shortened waits');
      await setBack.shortenWaits(process, LONGEST_LEASE_MS).catch(() => undefined);
    }
    await db.run(process, detect);
    if (surroundings.pages)
      await Promise.all((await outbox.due(MOST_PER_TICK, 'page')).map((id) => outbox.deliver(id)));
    if (givesNotice) await look();
    for (const id of await outbox.due(MOST_PER_TICK)) await outbox.deliver(id);
    setBack.recordTick();
    const isGreen = overdueIn(db, promotions, messages, OVERDUE_AFTER_MS, surroundings.sabotage) === null;
    surroundings.count(isGreen ? 'heartbeats' : 'withheld heartbeats');
    if (isGreen) surroundings.onHeartbeat(process);
  }

  function detect(): void {
    for (const { promotion } of promotions.rows.values()) {
      const { id, state, promotedAt } = promotion;
      const isStuck = state === 'deploying' && db.now().getTime() - (promotedAt?.getTime() ?? 0) > stuckMs;
      if (!isStuck) continue;
      messages.queue({ kind: 'alert', subject: id, promotionId: id, rootId: null, isUrgent: true });
      if (surroundings.pages)
        messages.queue({ kind: 'page', subject: id, promotionId: id, rootId: null, isUrgent: true });
    }
  }

  const lookAtApp = createLook(createHerokuOver(heroku.senderOf(process), { now: process.now }), process.now, SILENT);

  /** Reads, asks Heroku, decides, and checks the row again before it opens, as the app's step does. */
  async function look(): Promise<void> {
    const { at, watched } = await db.run(process, () => ({ at: db.now(), watched: notToldOf() }));
    for (const app of new Set(watched.map(({ promotion }) => promotion.herokuApp))) {
      const its = watched.filter(({ promotion }) => promotion.herokuApp === app);
      const promotionsOfApp: readonly Promotion[] = its.map(({ promotion }) => promotion);
      const { looks } = await lookAtApp(app, promotionsOfApp, REAL_TIME_NEVER_COMES_MS);
      for (const one of its) {
        const { id } = one.promotion;
        const conclusion = conclude(one, looks.get(id) ?? null, at, NOTICE_MS);
        if (conclusion !== null) await db.run(process, () => giveNotice(id, conclusion === 'live'), [id]);
      }
    }
  }

  function notToldOf(): readonly WatchedPromotion[] {
    const told = new Set(
      [...messages.rows.values()].flatMap(({ kind, subject }) => (kind === 'alert' ? [subject] : [])),
    );
    return [...promotions.rows.values()]
      .filter(({ promotion }) => promotion.state === 'deploying' && !told.has(promotion.id))
      .map(watchedOf);
  }

  function giveNotice(id: string, unlessLeased: boolean): void {
    const row = promotions.rows.get(id);
    if (row === undefined) return;
    const isLeased = row.leaseUntilMs !== null && row.leaseUntilMs > db.nowMs();
    const mayOpen = row.promotion.state === 'deploying' && !(unlessLeased && isLeased);
    if (!mayOpen && surroundings.sabotage !== 'blind notice') return;
    surroundings.count('notices');
    messages.queue({ kind: 'alert', subject: id, promotionId: id, rootId: null, isUrgent: false });
  }

  let ticking = false;
  const tickUnlessUnderWay = (): void => {
    if (ticking) return;
    ticking = true;
    // A failed tick loses nothing: the next one starts over.
    tick()
      .catch(() => undefined)
      .finally(() => {
        ticking = false;
      });
  };
  process.every(TICK_MS, tickUnlessUnderWay);
  if (isTold) promotions.listen(process, promoter.wake);
  promoter.start();
  return promoter.stop;
}

function watchedOf({ promotion, leaseUntilMs, nextAttemptMs, heldUpSinceMs }: PromotionRow): WatchedPromotion {
  const at = (ms: number | null) => (ms === null ? null : new Date(EPOCH_MS + ms));
  return {
    promotion,
    leasedUntil: at(leaseUntilMs),
    nextAttemptAt: at(nextAttemptMs),
    heldUpSince: at(heldUpSinceMs),
  };
}
