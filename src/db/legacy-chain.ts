import { createHash } from 'node:crypto';
import * as z from 'zod';
import { GENESIS } from '../audit/seal.js';
import type { Knex } from './connection.js';
import { parseRows } from './rows.js';

/* The trigger's chain from before the seals. The first seal continues from its head. */

export interface ChainHead {
  readonly id: bigint;
  readonly hash: string;
}

/** A fault, with the first event it concerns. */
export interface Fault {
  readonly id: string;
  readonly reason: string;
}

const anyId = z.string().regex(/^-?\d+$/u);
const chainRow = z.object({
  id: anyId,
  prev_hash: z.string().nullable(),
  hash: z.string().nullable(),
  canonical: z.string(),
});
export type ChainRow = z.output<typeof chainRow>;
/** Few enough that checking a page blocks nothing else. */
const PAGE = 500;

/** @throws only the database's errors; a malformed head is a fault */
export async function readChainHead(trx: Knex): Promise<ChainHead | Fault> {
  const [head, another] = parseRows(
    await trx.raw('select last_id, last_hash from flag_promotions.audit_head limit 2'),
    z.object({ last_id: anyId, last_hash: z.string() }),
  );
  if (head === undefined) return { id: '0', reason: 'the head of the chain is missing' };
  if (another !== undefined) return { id: '0', reason: 'the chain has more than one head' };
  return { id: BigInt(head.last_id), hash: head.last_hash };
}

export async function readChain(trx: Knex, after: bigint, head: ChainHead): Promise<readonly ChainRow[]> {
  // Not by the trigger's function: whoever alters rows could have altered that too.
  const page = await trx.raw(
    `select id, prev_hash, hash,
            jsonb_build_array(prev_hash, id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                              action, actor, promotion_id, detail)::text as canonical
       from flag_promotions.audit_log where id > ? and id <= ? order by id limit ?`,
    [after.toString(), head.id.toString(), PAGE],
  );
  return parseRows(page, chainRow);
}

/** Recomputes the chain up to its head; answers the first bad event. */
export async function verifyChain(
  trx: Knex,
  head: ChainHead,
  onVerified: (events: number) => void,
): Promise<Fault | null> {
  let last: ChainHead = { id: 0n, hash: GENESIS };
  while (last.id < head.id) {
    const rows = await readChain(trx, last.id, head);
    for (const row of rows) {
      const fault = faultAfter(last, row);
      if (fault !== null) return fault;
      last = { id: BigInt(row.id), hash: row.hash ?? '' };
      onVerified(1);
    }
    if (rows.length === 0) return { id: `${last.id + 1n}`, reason: `events from ${last.id + 1n} on are missing` };
  }
  return last.hash === head.hash
    ? null
    : { id: last.id.toString(), reason: 'the head of the chain remembers another one' };
}

function faultAfter(last: ChainHead, row: ChainRow): Fault | null {
  const expected = last.id + 1n;
  if (BigInt(row.id) !== expected) return { id: expected.toString(), reason: `event ${expected} is missing` };
  if (row.prev_hash !== last.hash) return { id: row.id, reason: 'it does not follow the event before it' };
  const hash = createHash('sha256').update(row.canonical, 'utf8').digest('hex');
  return hash === row.hash ? null : { id: row.id, reason: 'its content is not what was recorded' };
}
