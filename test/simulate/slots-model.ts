import type { ChannelSlots } from '../../src/slack/pace.js';
import type { DatabaseModel, Waits } from './database-model.js';
import type { Process } from './process.js';
import { isFarAhead } from './set-back-model.js';

/** The channel slots that replicas share. */
export interface SlotsModel extends Waits {
  slotsOf(process: Process): ChannelSlots;
}

export function createSlotsModel(db: DatabaseModel): SlotsModel {
  const slots = new Map<string, { readonly owner: string; readonly freeMs: number }>();
  return {
    slotsOf: (process) => ({
      take: (channel, owner, holdMs) =>
        db.run(process, () => {
          const slot = slots.get(channel);
          if (slot !== undefined && slot.freeMs > db.nowMs()) return Math.max(1, Math.ceil(slot.freeMs - db.nowMs()));
          slots.set(channel, { owner, freeMs: db.nowMs() + holdMs });
          return 0;
        }),
      giveBack: (channel, owner, pauseMs) =>
        db.run(process, () => {
          if (slots.get(channel)?.owner === owner) slots.set(channel, { owner, freeMs: db.nowMs() + pauseMs });
        }),
    }),
    areFar: () => [...slots.values()].some(({ freeMs }) => isFarAhead(freeMs, db.nowMs())),
    shorten() {
      for (const [channel, slot] of slots) slots.set(channel, { ...slot, freeMs: Math.min(slot.freeMs, db.nowMs()) });
    },
  };
}
