import type { RowStore } from '../support/row-store.js';

/** How many messages Slack doesn't show as their rows say. */
export async function countOwed(rows: RowStore): Promise<number> {
  const [row] = await rows.query<{ n: number }>(
    `select count(*)::int as n from flag_promotions.messages
      where state = 'pending' or (state = 'posted' and wanted > shown)`,
  );
  return row?.n ?? -1;
}

/** As if the leases of processes that died, their turns in a channel, and the waits between attempts, had run out. */
export async function endWaits(rows: RowStore): Promise<void> {
  await rows.query(
    `update flag_promotions.messages
        set next_attempt_at = null, lease_until = case when lease_owner is not null then flag_promotions.clock() end`,
  );
  await rows.query('delete from flag_promotions.channel_slots');
}
