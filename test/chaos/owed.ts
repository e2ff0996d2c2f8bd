import { setTimeout as sleep } from 'node:timers/promises';
import type { TestBed } from '../support/app.js';
import type { RowStore } from '../support/row-store.js';

/** How many messages Slack doesn't show as their rows say. */
export async function countOwed(rows: RowStore): Promise<number> {
  const [row] = await rows.query<{ n: number }>(
    `select count(*)::int as n from flag_promotions.messages
      where state = 'pending' or (state = 'posted' and wanted > shown)`,
  );
  return row?.n ?? -1;
}

/** As if dead processes' leases, their channel slots, and the waits between attempts had expired. */
export async function endWaits(rows: RowStore): Promise<void> {
  await rows.query(
    `update flag_promotions.messages
        set next_attempt_at = null, lease_until = case when lease_owner is not null then flag_promotions.clock() end`,
  );
  await rows.query('delete from flag_promotions.channel_slots');
}

/** How many completed alerts lack something in the end: each has its outcome, no buttons and one reply. */
export async function misshownAsCompleted(bed: TestBed): Promise<number> {
  // What is delivered after the answer takes a moment.
  for (let looks = 0; (await countOwed(bed.rows)) > 0 && looks < 100; looks += 1) await sleep(100);
  const alert = await bed.alert();
  const replies = (await bed.slack.thread(bed.slack.channels.alerts, alert.ts)).filter(({ text }) =>
    text.includes('was resolved as *completed*'),
  );
  return [
    alert.text.includes('*completed*'),
    !JSON.stringify(alert.raw).includes('mark_completed'),
    replies.length === 1,
  ].filter((isRight) => !isRight).length;
}
