import type { StoredEvent } from '../audit/event.js';
import { IdRanges } from '../audit/id-ranges.js';
import type { Seal } from '../audit/seal.js';
import type { Knex } from './connection.js';
import { AuditLogError } from './errors.js';
import { type ChainHead, readChain, readChainHead } from './legacy-chain.js';
import { parseRows } from './rows.js';
import { SEAL_COLUMNS, STORED_COLUMNS, sealRow, storedRow } from './stored-audit.js';

const SEALS_PAGE = 100;
const EVENTS_PAGE = 1_000;

export interface Exported {
  /** Chained or sealed events. */
  readonly events: number;
  readonly seals: number;
}

type Say = (type: string, fields: object) => Promise<void>;

/**
 * The log as JSON lines, verified without a database by `scripts/verify-audit-export.mjs`: the old chain, each seal
 * after its events, the unsealed rest. `write` gets each line without its newline.
 */
export async function exportAuditLog(
  knex: Knex,
  publicKey: string | null,
  write: (line: string) => Promise<void>,
): Promise<Exported> {
  const say: Say = (type, fields) => write(JSON.stringify({ type, ...fields }));
  return knex.transaction(
    async (trx) => {
      await say('audit log', { version: 1, publicKey });
      const head = await readChainHead(trx);
      if ('reason' in head) {
        throw new AuditLogError(
          `The audit log can’t be exported: ${head.reason}. To see all that is wrong: flag-promotions audit verify`,
        );
      }
      const chained = await exportChain(trx, head, say);
      const { seals, sealed, ids } = await exportSeals(trx, say);
      for (const { from, to } of ids.gapsAfter(head.id)) await exportBetween(trx, from, to, say);
      const exported = { events: chained + sealed, seals };
      await say('end', exported);
      return exported;
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}

async function exportChain(trx: Knex, head: ChainHead, say: Say): Promise<number> {
  let events = 0;
  for (let last = 0n; last < head.id; ) {
    const rows = await readChain(trx, last, head);
    if (rows.length === 0) break;
    for (const { id, prev_hash: prevHash, hash, canonical } of rows) {
      await say('chained', { id, prevHash, hash, canonical });
      last = BigInt(id);
    }
    events += rows.length;
  }
  return events;
}

async function exportSeals(trx: Knex, say: Say) {
  const ids = new IdRanges();
  let seals = 0;
  let sealed = 0;
  let page: readonly Seal[] = [];
  do {
    page = await readSeals(trx, page.at(-1)?.number ?? '0');
    for (const seal of page) {
      for (const event of await readEvents(trx, seal)) await say('event', event);
      for (const { id } of seal.events) ids.add(BigInt(id));
      await say('seal', seal);
      sealed += seal.events.length;
    }
    seals += page.length;
  } while (page.length === SEALS_PAGE);
  return { seals, sealed, ids };
}

async function exportBetween(trx: Knex, from: bigint, to: bigint | null, say: Say): Promise<void> {
  let last = from;
  let page: readonly StoredEvent[];
  do {
    page = await readBetween(trx, last, to);
    for (const event of page) {
      await say('unsealed', event);
      last = BigInt(event.id);
    }
  } while (page.length === EVENTS_PAGE);
}

async function readSeals(trx: Knex, after: string): Promise<readonly Seal[]> {
  const found = await trx.raw(
    `select ${SEAL_COLUMNS} from flag_promotions.audit_seals s where s.number > ?::bigint order by s.number limit ?`,
    [after, SEALS_PAGE],
  );
  return parseRows(found, sealRow);
}

async function readEvents(trx: Knex, seal: Seal): Promise<readonly StoredEvent[]> {
  const found = await trx.raw(
    `select ${STORED_COLUMNS} from flag_promotions.audit_log e where e.id = any(?::bigint[]) order by e.id`,
    [seal.events.map(({ id }) => id)],
  );
  return parseRows(found, storedRow);
}

async function readBetween(trx: Knex, after: bigint, before: bigint | null): Promise<readonly StoredEvent[]> {
  const end = before?.toString() ?? null;
  const found = await trx.raw(
    `select ${STORED_COLUMNS} from flag_promotions.audit_log e
      where e.id > ?::bigint and (?::bigint is null or e.id < ?::bigint) order by e.id limit ?`,
    [after.toString(), end, end, EVENTS_PAGE],
  );
  return parseRows(found, storedRow);
}
