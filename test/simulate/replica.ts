import pino from 'pino';
import { createHerokuOver } from '../../src/heroku/heroku.js';
import { createPromoter } from '../../src/jobs/promoter.js';
import { createOutbox } from '../../src/outbox/outbox.js';
import type { DatabaseModel } from './database-model.js';
import type { HerokuModel } from './heroku-model.js';
import { ALERT_CHANNEL, kindsOf } from './kinds.js';
import type { MessagesModel } from './messages-model.js';
import type { Process } from './process.js';
import type { PromotionsModel } from './promotions-model.js';
import type { SlackModel } from './slack-model.js';

/** What a replica works with. */
export interface Surroundings {
  readonly db: DatabaseModel;
  readonly promotions: PromotionsModel;
  readonly messages: MessagesModel;
  readonly heroku: HerokuModel;
  readonly slack: SlackModel;
  readonly random: () => number;
}

const LEASE_MS = 20_000;
const POLL_MS = 500;
const TICK_MS = 60_000;
const MOST_PER_TICK = 200;
/** A promotion that is so old is alerted: sooner than in life, so that a run sees it. */
const STUCK_MS = 45_000;
const SILENT = pino({ level: 'silent' });

/** The real promoter and the real outbox in one process, as the app runs them. Answers what tells the promoter to stop. */
export function startReplica(process: Process, surroundings: Surroundings): () => Promise<void> {
  const { db, promotions, messages, heroku, slack, random } = surroundings;
  /** Behind some poolers nobody is ever told. */
  const isTold = random() < 0.7;
  let owners = 0;
  const newOwner = () => {
    owners += 1;
    return `${process.name}/${owners}`;
  };
  const outbox = createOutbox({
    messages: messages.messagesOf(process),
    slack: slack.slackOf(process),
    kinds: kindsOf(process, db, promotions),
    alertChannel: ALERT_CHANNEL,
    random,
    newOwner,
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
    pollMs: POLL_MS,
    untoldRestMs: POLL_MS,
    isTold: () => isTold,
    log: SILENT,
    whyRefused: async () => null,
    onChanged: (promotionId) => {
      // What fails is owed, and the next tick tries again.
      outbox.deliverAbout(promotionId).catch(() => undefined);
    },
  });

  /** One tick of maintenance, as far as messages depend on it. */
  async function tick(): Promise<void> {
    await db.run(process, detect);
    for (const id of await outbox.due(MOST_PER_TICK)) await outbox.deliver(id);
  }

  function detect(): void {
    for (const { promotion } of promotions.rows.values()) {
      const { id, state, promotedAt } = promotion;
      const isStuck = state === 'deploying' && db.now().getTime() - (promotedAt?.getTime() ?? 0) > STUCK_MS;
      if (isStuck) messages.queue({ kind: 'alert', subject: id, promotionId: id, rootId: null, isUrgent: true });
    }
  }

  let ticking = false;
  const tickUnlessUnderWay = (): void => {
    if (ticking) return;
    ticking = true;
    // A tick that fails is over: nothing is lost, the next one starts over.
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
