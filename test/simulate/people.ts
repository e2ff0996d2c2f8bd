import { INTENT } from '../../src/promotions/promoting.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import { pick } from '../chaos/scenario.js';
import { promotion } from '../promotions/make.js';
import { EPOCH_MS } from './process.js';
import { ROUTED_CHANNEL } from './kinds.js';
import type { Surroundings } from './replica.js';
import type { Scheduler } from './scheduler.js';

export const APPS = ['alpha', 'beta'];
const VARS = ['FLAG_A', 'FLAG_B'];

/** What people and other systems do, each at some moment. */
export interface People {
  /** Promotes a flag whose config var no other promotion is at work on. */
  promote(): void;
  /** Sets a value on Heroku, or reverts ours. */
  meddle(): void;
  /** Resolves a promotion by hand: a transaction that holds its row for a moment. */
  resolve(): void;
  deleteMessage(): void;
  /** Archives a channel, or opens it again. */
  closeChannel(): void;
}

export function createPeople(
  { db, promotions, heroku, slack, random }: Surroundings,
  scheduler: Scheduler,
  count: (what: string) => void,
): People {
  const underWay = () => [...promotions.rows.values()].filter(({ promotion }) => promotion.state === 'deploying');

  return {
    promote() {
      const herokuApp = pick(random, APPS);
      const configVar = pick(random, VARS);
      const isBusy = underWay().some(
        ({ promotion }) => promotion.herokuApp === herokuApp && promotion.configVar === configVar,
      );
      if (isBusy) return;
      const id = String(promotions.rows.size + 1);
      count('promotions');
      promotions.promote(promoted({ id, herokuApp, configVar, targetValue: targetOf(id) }, db.now()));
    },

    meddle() {
      count('changes by others');
      const value = pick(random, [null, 'off', 'by-hand-1', 'by-hand-2']);
      heroku.change(pick(random, APPS), pick(random, VARS), value);
    },

    resolve() {
      const open = underWay();
      if (open.length === 0) return;
      const { id } = pick(random, open).promotion;
      db.lock(id, (unlock) => {
        scheduler.after(random() * 200, () => {
          const promotion = promotions.rows.get(id)?.promotion;
          if (promotion?.state === 'deploying' && random() < 0.8) {
            const state = pick(random, ['deployed', 'failed'] as const);
            count('resolutions');
            promotions.change(id, { promotion: { ...promotion, state, resolvedBy: 'U1' } }, [state]);
          }
          unlock();
        });
      });
    },

    deleteMessage() {
      const standing = slack.messages.filter(({ deletedBy }) => deletedBy === null);
      if (standing.length === 0) return;
      const message = pick(random, standing);
      count('deleted messages');
      message.deletedBy = 'a person';
    },

    closeChannel() {
      count('archived channels');
      if (!slack.closed.delete(ROUTED_CHANNEL)) slack.closed.add(ROUTED_CHANNEL);
    },
  };
}

/** Each promotion sets its own value, and nobody else sets it: so a value names its promotion. */
export function targetOf(promotionId: string): string {
  return `on-${promotionId}`;
}

export function promotionOfTarget(value: string | null): string | null {
  return value?.startsWith('on-') === true ? value.slice('on-'.length) : null;
}

export function promoted(what: Pick<Promotion, 'id' | 'herokuApp' | 'configVar' | 'targetValue'>, at: Date): Promotion {
  return promotion({
    ...what,
    flagKey: what.configVar.toLowerCase(),
    checkpoint: INTENT,
    markedAt: at,
    promotedAt: at,
    createdAt: new Date(EPOCH_MS),
    updatedAt: at,
  });
}
