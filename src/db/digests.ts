import * as z from 'zod';
import type { MessageRef } from '../promotions/alert.js';
import type { Digest } from '../promotions/digest.js';
import type { Knex } from './connection.js';
import { free, type Lease, type Postponement, waited } from './leases.js';
import { count, parseRows, rowCount } from './rows.js';

const dueRow = z.object({ due: z.string() });

export interface ClaimedDigest {
  readonly digest: Digest;
  /** How many deliveries were begun before this one. */
  readonly attemptsBefore: number;
}

/** The digests that were due, and how far each got. */
export interface Digests {
  /** A digest is due; nothing where that is known. */
  open(due: string, dueAt: Date): Promise<void>;
  /** What is not delivered yet, that nobody is working on. `now` is the app's clock. */
  due(now: Date): Promise<readonly string[]>;
  claim(due: string, lease: Lease, now: Date): Promise<ClaimedDigest | null>;
  /** Each is fenced by the lease: false where it was lost, and nothing was written. */
  recordPosted(due: string, lease: Lease, message: MessageRef, at: Date): Promise<boolean>;
  /** Before its chart is shared: a chart is tried once. */
  recordCharting(due: string, lease: Lease): Promise<boolean>;
  close(due: string, lease: Lease): Promise<boolean>;
  release(due: string, lease: Lease, postponement: Postponement | null): Promise<boolean>;
  of(due: string): Promise<Digest | null>;
}

const COLUMNS = 'd.due, d.due_at, d.state, d.channel, d.message_ts, d.attempts, d.created_at';
const FREE = `d.state <> 'closed' and ${free('d')} and ${waited('d')}`;

const digestRow = z
  .object({
    due: z.string(),
    due_at: z.date(),
    state: z.enum(['pending', 'posted', 'charting', 'closed']),
    channel: z.string().nullable(),
    message_ts: z.string().nullable(),
    attempts: count,
    created_at: z.date(),
  })
  .transform((row) => ({
    attempts: row.attempts,
    digest: {
      due: row.due,
      dueAt: row.due_at,
      state: row.state,
      message: row.channel === null || row.message_ts === null ? null : { channel: row.channel, ts: row.message_ts },
      createdAt: row.created_at,
    } satisfies Digest,
  }));

export function digests(knex: Knex): Digests {
  async function fenced(due: string, lease: Lease, assignments: string, values: readonly (string | Date | null)[]) {
    const updated = await knex.raw(
      `update flag_promotion_digests set ${assignments}, updated_at = now() where due = ? and lease_owner = ?`,
      [...values, due, lease.owner],
    );
    return rowCount(updated) === 1;
  }

  return {
    async open(due, dueAt) {
      await knex.raw(`insert into flag_promotion_digests (due, due_at) values (?, ?) on conflict do nothing`, [
        due,
        dueAt,
      ]);
    },
    async due(now) {
      const found = await knex.raw(`select d.due from flag_promotion_digests d where ${FREE} order by d.due`, [now]);
      return parseRows(found, dueRow).map((row) => row.due);
    },
    async claim(due, lease, now) {
      const claimed = await knex.raw(
        `update flag_promotion_digests d
            set lease_owner = ?, lease_until = clock_timestamp() + ? * interval '1 millisecond', attempts = d.attempts + 1
          where d.due = ? and ${FREE} returning ${COLUMNS}`,
        [lease.owner, lease.durationMs, due, now],
      );
      const [row] = parseRows(claimed, digestRow);
      return row === undefined ? null : { digest: row.digest, attemptsBefore: row.attempts - 1 };
    },
    recordPosted: (due, lease, message, at) =>
      fenced(
        due,
        lease,
        `state = 'posted', channel = ?, message_ts = ?, posted_at = ?, attempts = 0, next_attempt_at = null, last_error = null`,
        [message.channel, message.ts, at],
      ),
    recordCharting: (due, lease) => fenced(due, lease, `state = 'charting'`, []),
    close: (due, lease) => fenced(due, lease, `state = 'closed', lease_owner = null, lease_until = null`, []),
    release: (due, lease, postponement) =>
      fenced(due, lease, 'lease_owner = null, lease_until = null, next_attempt_at = ?, last_error = ?', [
        postponement?.nextAttemptAt ?? null,
        postponement?.lastError ?? null,
      ]),
    async of(due) {
      const found = await knex.raw(`select ${COLUMNS} from flag_promotion_digests d where d.due = ?`, [due]);
      return parseRows(found, digestRow)[0]?.digest ?? null;
    },
  };
}
