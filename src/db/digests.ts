import * as z from 'zod';
import type { MessageRef } from '../promotions/alert.js';
import type { Digest } from '../promotions/digest.js';
import type { Knex } from './connection.js';
import { type Lease, leasedRows, NO_FAILURE, type Postponement, waited } from './leases.js';
import { parseRows } from './rows.js';

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
  release(due: string, lease: Lease, postponement: Postponement | null): Promise<void>;
  of(due: string): Promise<Digest | null>;
}

const COLUMNS = 'd.due, d.due_at, d.state, d.channel, d.message_ts, d.created_at';
const OPEN = `d.state <> 'closed'`;

const digestRow = z
  .object({
    due: z.string(),
    due_at: z.date(),
    state: z.enum(['pending', 'posted', 'charting', 'closed']),
    channel: z.string().nullable(),
    message_ts: z.string().nullable(),
    created_at: z.date(),
  })
  .transform(
    (row): Digest => ({
      due: row.due,
      dueAt: row.due_at,
      state: row.state,
      message: row.channel === null || row.message_ts === null ? null : { channel: row.channel, ts: row.message_ts },
      createdAt: row.created_at,
    }),
  );

export function digests(knex: Knex): Digests {
  const leased = leasedRows(knex, 'flag_promotions.digests', 'd', 'due');
  const fenced = (due: string, lease: Lease, assignments: string, values: readonly (string | Date)[]) =>
    leased.fenced(knex, due, lease, assignments, values);

  async function of(due: string): Promise<Digest | null> {
    const found = await knex.raw(`select ${COLUMNS} from flag_promotions.digests d where d.due = ?`, [due]);
    return parseRows(found, digestRow)[0] ?? null;
  }

  return {
    async open(due, dueAt) {
      await knex.raw(`insert into flag_promotions.digests (due, due_at) values (?, ?) on conflict do nothing`, [
        due,
        dueAt,
      ]);
    },
    due: (now) => leased.due(OPEN, 'd.due', now, null),
    async claim(due, lease, now) {
      const attemptsBefore = await leased.claim(due, lease, `${OPEN} and ${waited('d')}`, [now]);
      const digest = attemptsBefore === null ? null : await of(due);
      return digest === null || attemptsBefore === null ? null : { digest, attemptsBefore };
    },
    recordPosted: (due, lease, message, at) =>
      fenced(due, lease, `state = 'posted', channel = ?, message_ts = ?, posted_at = ?, ${NO_FAILURE}`, [
        message.channel,
        message.ts,
        at,
      ]),
    recordCharting: (due, lease) => fenced(due, lease, `state = 'charting', updated_at = now()`, []),
    close: (due, lease) =>
      fenced(due, lease, `state = 'closed', lease_owner = null, lease_until = null, updated_at = now()`, []),
    release: leased.release,
    of,
  };
}
