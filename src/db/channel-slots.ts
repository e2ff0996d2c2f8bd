import * as z from 'zod';
import type { Knex } from './connection.js';
import { parseRows, rowCount } from './rows.js';

const waitRow = z.object({ wait: z.coerce.number() });

/** Which replica may post to a channel, by the database's clock. */
export interface ChannelSlots {
  /** Claims the slot for `holdMs`; answers 0, or for how many milliseconds it may still be another's. */
  take(channel: string, owner: string, holdMs: number): Promise<number>;
  /** Releases the owner's slot, free again after `pauseMs`. Does nothing if another has it by now. */
  giveBack(channel: string, owner: string, pauseMs: number): Promise<void>;
}

const LATER = `clock_timestamp() + ? * interval '1 millisecond'`;

export function channelSlots(knex: Knex): ChannelSlots {
  return {
    async take(channel, owner, holdMs) {
      const taken = await knex.raw(
        `insert into flag_promotions.channel_slots as t (channel, owner, free_at) values (?, ?, ${LATER})
         on conflict (channel) do update set owner = excluded.owner, free_at = excluded.free_at
           where t.free_at <= clock_timestamp() returning 1`,
        [channel, owner, holdMs],
      );
      if (rowCount(taken) > 0) return 0;
      const others = await knex.raw(
        `select extract(epoch from free_at - clock_timestamp()) * 1000 as wait from flag_promotions.channel_slots where channel = ?`,
        [channel],
      );
      // If it became free in between, the next look gets it.
      return Math.max(1, Math.ceil(parseRows(others, waitRow)[0]?.wait ?? 0));
    },
    async giveBack(channel, owner, pauseMs) {
      await knex.raw(`update flag_promotions.channel_slots set free_at = ${LATER} where channel = ? and owner = ?`, [
        pauseMs,
        channel,
        owner,
      ]);
    },
  };
}
