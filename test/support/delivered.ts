import { eventually } from './eventually.js';
import type { RowStore } from './row-store.js';

/** Resolves once Slack shows what the rows say, and no delivery is under way. */
export const delivered = (rows: RowStore): Promise<void> =>
  eventually(async () => {
    const owed = await rows.query(
      `select kind from flag_promotions.messages where state = 'pending' or wanted > shown or lease_owner is not null`,
    );
    expect(owed).toEqual([]);
  });
