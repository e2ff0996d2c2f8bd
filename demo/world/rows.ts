import pg from 'pg';
import { z } from 'zod';
import { moveDatabaseClock } from './database-clock.js';

/** The database's rows, read as anybody could read them. */
export interface Row {
  readonly id: string;
  readonly flagKey: string;
  readonly state: string;
  readonly checkpoint: string | null;
  readonly attempts: number;
  /** Whether a promoter is working on it, or was when it was killed. */
  readonly leased: boolean;
  readonly lastError: string | null;
  readonly resolvedBy: string | null;
  readonly rcaUrl: string | null;
}

export interface RowReader {
  promotions(): Promise<readonly Row[]>;
  /** Each operator's last time step whose code was accepted: it is not accepted again. */
  usedSteps(): Promise<ReadonlyMap<string, number>>;
  /** Moves the clock that the database defers things by. */
  moveClock(offsetMs: number): Promise<void>;
  /** Makes the app update every message, as if its content had changed. */
  showAgain(): Promise<void>;
  close(): Promise<void>;
}

const promotion = z
  .object({
    id: z.string(),
    flag_key: z.string(),
    state: z.string(),
    checkpoint: z.string().nullable(),
    attempts: z.number(),
    leased: z.boolean(),
    last_error: z.string().nullable(),
    resolved_by: z.string().nullable(),
    rca_url: z.string().nullable(),
  })
  .transform(
    (row): Row => ({
      id: row.id,
      flagKey: row.flag_key,
      state: row.state,
      checkpoint: row.checkpoint,
      attempts: row.attempts,
      leased: row.leased,
      lastError: row.last_error,
      resolvedBy: row.resolved_by,
      rcaUrl: row.rca_url,
    }),
  );
const usedStep = z.object({ slack_user_id: z.string(), totp_last_step: z.coerce.number() });

export function readRows(databaseUrl: string): RowReader {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  // A broken idle connection is replaced with the next query, which reports what is wrong.
  pool.on('error', () => undefined);
  return {
    async promotions() {
      const { rows } = await pool.query(
        `select id::text, flag_key, state, checkpoint, coalesce(attempts, 0) as attempts,
                coalesce(lease_until > flag_promotions.clock(), false) as leased, last_error, resolved_by, rca_url
           from console_flag_promotions order by id`,
      );
      return z.array(promotion).parse(rows);
    },
    async usedSteps() {
      const { rows } = await pool.query(
        'select slack_user_id, totp_last_step from flag_promotions.operators where totp_last_step is not null',
      );
      return new Map(
        z
          .array(usedStep)
          .parse(rows)
          .map((row) => [row.slack_user_id, row.totp_last_step]),
      );
    },
    moveClock: (offsetMs) => moveDatabaseClock((sql) => pool.query(sql), offsetMs),
    async showAgain() {
      await pool.query(`update flag_promotions.messages set wanted = wanted + 1 where state = 'posted'`);
    },
    close: () => pool.end(),
  };
}
