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
  /** Promotes a flag, unless another promotion is at work on its config var: then it answers false. */
  promote(): boolean;
  /** Sets a value on Heroku, or reverts ours. */
  meddle(): void;
  /** Resolves a promotion by hand: a transaction that holds its row for a moment. */
  resolve(): void;
  deleteMessage(): void;
  /** Archives a channel, or opens it again. */
  closeChannel(): void;
  /** Another writer of the table changes what a promotion sets, or takes that back. */
  rewrite(): void;
  /** What was changed so is as it was promoted. */
  restoreRows(): void;
}

export function createPeople(
  { db, promotions, heroku, slack, random }: Surroundings,
  scheduler: Scheduler,
  count: (what: string) => void,
  apps: readonly string[],
): People {
  const underWay = () => [...promotions.rows.values()].filter(({ promotion }) => promotion.state === 'deploying');

  function setTarget(id: string, targetValue: string): void {
    const promotion = promotions.rows.get(id)?.promotion;
    if (promotion?.state === 'deploying') promotions.change(id, { promotion: { ...promotion, targetValue } }, []);
  }

  return {
    promote() {
      const herokuApp = pick(random, apps);
      const configVar = pick(random, VARS);
      const isBusy = underWay().some(
        ({ promotion }) => promotion.herokuApp === herokuApp && promotion.configVar === configVar,
      );
      if (isBusy) return false;
      const id = String(promotions.rows.size + 1);
      count('promotions');
      promotions.promote(promoted({ id, herokuApp, configVar, targetValue: targetOf(id) }, db.now()));
      return true;
    },

    meddle() {
      count('changes by others');
      const value = pick(random, [null, 'off', 'by-hand-1', 'by-hand-2']);
      heroku.change(pick(random, apps), pick(random, VARS), value);
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

    rewrite() {
      const open = underWay();
      if (open.length === 0) return;
      const { id } = pick(random, open).promotion;
      count('rewritten rows');
      db.lock(id, (unlock) => {
        const isRestored = promotions.rows.get(id)?.promotion.targetValue !== targetOf(id);
        setTarget(id, isRestored ? targetOf(id) : `${targetOf(id)}-else`);
        unlock();
      });
    },

    restoreRows() {
      for (const { promotion } of underWay()) setTarget(promotion.id, targetOf(promotion.id));
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

/** The same of a value that another writer of the table set in its row. */
export function promotionOfTarget(value: string | null): string | null {
  return value?.startsWith('on-') === true ? (value.split('-')[1] ?? null) : null;
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
