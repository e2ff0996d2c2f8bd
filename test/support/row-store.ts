import pg from 'pg';

/** Rows as another system would see them: plain SQL, past the app. */
export interface RowStore {
  query<T extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<T[]>;
  /** A promotion that the console marked and promoted; resolves with its id. */
  insertDeploying(promotion?: {
    /** Default: the table's own sequence. */
    readonly id?: string;
    readonly flagKey?: string;
    readonly app?: string;
    readonly configVar?: string;
    readonly markedAt?: string;
    readonly promotedAt?: string | null;
    readonly promotedBy?: string | null;
    readonly checkpoint?: string | null;
    /** Whether promoters get a NOTIFY; default true. */
    readonly isAnnounced?: boolean;
  }): Promise<string>;
  close(): Promise<void>;
}

export function createRowStore(url: string): RowStore {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  // A restarted server cuts idle connections; the next query makes a new one.
  pool.on('error', () => undefined);
  const store: RowStore = {
    async query<T extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) {
      return (await pool.query<T>(sql, [...values])).rows;
    },
    async insertDeploying(promotion = {}) {
      const flagKey = promotion.flagKey ?? 'console_heroku_log_drain_alerting';
      const promotedAt = promotion.promotedAt === undefined ? '2026-05-09T04:28:00Z' : promotion.promotedAt;
      const [row] = await store.query<{ id: string }>(
        `insert into console_flag_promotions
           (id, flag_key, heroku_app, config_var, state, checkpoint, marked_by, marked_at, promoted_by, promoted_at)
         values (coalesce($8, nextval(pg_get_serial_sequence('console_flag_promotions', 'id'))),
                 $1, $2, $3, 'deploying', $4, 'console', $5, $6, $7) returning id`,
        [
          flagKey,
          promotion.app ?? 'raxx-console-prod',
          promotion.configVar ?? `FLAG_${flagKey.toUpperCase()}`,
          promotion.checkpoint ?? null,
          promotion.markedAt ?? '2026-05-07T00:00:00Z',
          promotion.promotedBy === undefined ? 'kris@raxx.example' : promotion.promotedBy,
          promotedAt,
          promotion.id ?? null,
        ],
      );
      if (row === undefined) throw new Error('No row was inserted.');
      // As the app itself would: without NOTIFY, only the promoter's slow poll finds a row.
      if (promotion.isAnnounced !== false) await store.query(`select pg_notify('flag_promotions_due', '')`);
      return row.id;
    },
    close: () => pool.end(),
  };
  return store;
}
