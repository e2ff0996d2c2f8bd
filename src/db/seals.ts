import * as z from 'zod';
import type { AuditKeys } from '../audit/keys.js';
import { GENESIS, type Seal, type Unsealed } from '../audit/seal.js';
import { ENDINGS } from '../promotions/audit-actions.js';
import type { AuditWriter } from './audit-writer.js';
import { type Knex, runPrepared } from './connection.js';
import { CLOCK, fromNow, isFree, LEASED_UNTIL, type Lease, mayTryAgain, type Postponement } from './leases.js';
import { countRow, idColumn, parseRows, rowCount } from './rows.js';
import { anyId, asStored, SEAL_COLUMNS, STORED_COLUMNS, sealRow, storedFields } from './stored-audit.js';

/** The seal before. */
export interface SealBase {
  /** 0 if there is no seal yet. */
  readonly number: string;
  /** If there is no seal yet, that of the chain before. */
  readonly hash: string;
  readonly through: string;
  readonly gaps: string;
  /** null if there is no seal yet. */
  readonly publicKey: string | null;
}

export interface FoundUnsealed {
  readonly base: SealBase;
  /** Needed even without events: a chain from before the seals waits, or the key is new. */
  readonly wantsSeal: boolean;
  readonly unsealed: Omit<Unsealed, 'bad' | 'takesUnsigned'>;
  /** There may be more events. */
  readonly isCut: boolean;
}

interface SealedResolution {
  readonly action: string;
  readonly actor: string;
  readonly promotionId: string;
  readonly reference: string | null;
}

export interface SealWritten {
  readonly resolutions: readonly SealedResolution[];
  /** Slack messages that will show it. */
  readonly messageIds: readonly string[];
}

/** How far a witness is behind. */
export interface WitnessClaim {
  /** Beyond the newest seal if somebody changed it, or if seals are gone. */
  readonly sentTo: string;
  readonly newest: string;
  readonly attempts: number;
}

export interface Seals {
  /** null: this pool has none. */
  readonly keys: AuditKeys | null;
  /** See AuditWriter. */
  whenAppended(onAppended: () => void): void;
  /** A page of unsealed events with ids above `beyond`. One statement, whose cost is what it finds. */
  findUnsealed(beyond?: bigint): Promise<FoundUnsealed>;
  find(number: string): Promise<Seal | null>;
  /** null if another process wrote this number first. */
  write(seal: Seal): Promise<SealWritten | null>;
  /** The seals after this one, in order. */
  after(number: string, limit: number): Promise<readonly Seal[]>;
  /** Whether a witness (its address's hash) lacks seals that may be sent now. */
  isOwed(witness: string): Promise<boolean>;
  /** null if another replica sends, it has to wait, or it lacks nothing. */
  claimWitness(witness: string, lease: Lease): Promise<WitnessClaim | null>;
  /** It accepted every seal up to this one. False if the lease was lost. */
  recordSent(witness: string, lease: Lease, number: string): Promise<boolean>;
  releaseWitness(witness: string, lease: Lease, postponement: Postponement | null): Promise<void>;
}

/** A page this size is read, checked and written in a moment. */
const PAGE = 500;

const gapsOf = z
  .string()
  .transform((text): unknown => JSON.parse(text))
  .pipe(
    z.array(
      z
        .tuple([anyId, anyId, anyId, z.number()])
        .transform(([from, to, xmax, since]) => ({ from: BigInt(from), to: BigInt(to), xmax: BigInt(xmax), since })),
    ),
  );
const unsealedRow = z.object({
  number: anyId,
  hash: z.string(),
  through: anyId,
  gaps: z.string(),
  public_key: z.string().nullable(),
  xmin: anyId,
  xmax: anyId,
  now: z.date(),
  event_id: anyId.nullable(),
});
const copiesRow = z.object({ copies: z.coerce.number() });

const resolutionRow = z.object({
  action: z.string(),
  actor: z.string(),
  promotion_id: idColumn,
  reference: z.string().nullable(),
});
const RESOLUTIONS: readonly string[] = ['console.flag.promotion.ops_complete', 'console.flag.promotion.ops_failed'];

export function seals(knex: Knex, writer: AuditWriter): Seals {
  return {
    keys: writer.keys,
    whenAppended: (onAppended) => writer.listen(onAppended),
    async findUnsealed(beyond = 0n) {
      const found = await runPrepared(knex, { sql: UNSEALED, values: [beyond.toString()] });
      const rows = parseRows(found, unsealedRow);
      const [first] = rows;
      if (first === undefined) throw new Error('The seals had no row.');
      const { number, hash, through, gaps, public_key: publicKey } = first;
      const events = rows.every((row) => row.event_id !== null)
        ? parseRows(found, storedFields.extend(copiesRow.shape)).map(({ copies, ...row }) => ({
            ...asStored(row),
            copies,
          }))
        : [];
      return {
        base: { number, hash, through, gaps, publicKey },
        wantsSeal: publicKey === null ? hash !== GENESIS : publicKey !== writer.keys?.publicKey,
        unsealed: {
          through: BigInt(through),
          gaps: gapsOf.parse(gaps),
          events,
          xmin: BigInt(first.xmin),
          xmax: BigInt(first.xmax),
          now: first.now,
        },
        isCut: events.length >= PAGE,
      };
    },
    async find(number) {
      const found = await knex.raw(
        `select ${SEAL_COLUMNS} from flag_promotions.audit_seals s where s.number = ?::bigint`,
        [number],
      );
      return parseRows(found, sealRow)[0] ?? null;
    },
    async write(seal) {
      const ids = seal.events.map(({ id }) => id);
      const hashes = seal.events.map(({ hash }) => hash).join('');
      const written = await runPrepared(knex, {
        sql: WRITE,
        values: [
          seal.number,
          seal.prevHash,
          seal.hash,
          seal.at,
          seal.publicKey,
          seal.signature,
          ids,
          hashes,
          [...seal.refused],
          seal.through,
          seal.gaps,
          [...ENDINGS],
          `${seal.number}:${seal.hash}`,
          [...RESOLUTIONS],
        ],
      });
      const [row] = parseRows(written, writtenRow);
      if (row === undefined) return null;
      return {
        messageIds: row.messages,
        resolutions: row.resolutions.map(({ promotion_id: promotionId, ...rest }) => ({ ...rest, promotionId })),
      };
    },
    async after(number, limit) {
      const found = await knex.raw(
        `select ${SEAL_COLUMNS} from flag_promotions.audit_seals s where s.number > ?::bigint order by s.number limit ?`,
        [number, limit],
      );
      return parseRows(found, sealRow);
    },
    async isOwed(witness) {
      const found = await knex.raw(
        `select count(*) as n from (select 1) one
           left join flag_promotions.audit_witnesses w on w.witness = ?
          where ${NEWEST} <> coalesce(w.sent_to, 0) and (w.witness is null or (${isFree('w')} and ${mayTryAgain('w')}))`,
        [witness],
      );
      return parseRows(found, countRow)[0]?.n === 1;
    },
    async claimWitness(witness, lease) {
      await knex.raw(
        `insert into flag_promotions.audit_witnesses (witness, owed_since) values (?, ${CLOCK}) on conflict do nothing`,
        [witness],
      );
      const claimed = await knex.raw(
        `update flag_promotions.audit_witnesses w
            set lease_owner = ?, ${LEASED_UNTIL}, attempts = w.attempts + 1, owed_since = coalesce(w.owed_since, ${CLOCK})
          where w.witness = ? and ${isFree('w')} and ${mayTryAgain('w')} and ${NEWEST} <> w.sent_to
         returning w.sent_to, ${NEWEST} as newest, w.attempts`,
        [lease.owner, lease.durationMs, witness],
      );
      const [row] = parseRows(claimed, z.object({ sent_to: anyId, newest: anyId, attempts: z.number() }));
      return row === undefined ? null : { sentTo: row.sent_to, newest: row.newest, attempts: row.attempts };
    },
    async recordSent(witness, lease, number) {
      const updated = await knex.raw(
        `update flag_promotions.audit_witnesses w
            set sent_to = ?::bigint, ${LEASED_UNTIL}, attempts = 0, next_attempt_at = null, last_error = null,
                owed_since = case when ${NEWEST} > ?::bigint then ${CLOCK} end
          where w.witness = ? and w.lease_owner = ?`,
        [number, lease.durationMs, number, witness, lease.owner],
      );
      return rowCount(updated) === 1;
    },
    async releaseWitness(witness, lease, postponement) {
      await knex.raw(
        `update flag_promotions.audit_witnesses w
            set lease_owner = null, lease_until = null,
                next_attempt_at = case when ? then ${fromNow()} end, last_error = ?
          where w.witness = ? and w.lease_owner = ?`,
        [postponement !== null, postponement?.waitMs ?? 0, postponement?.lastError ?? null, witness, lease.owner],
      );
    },
  };
}

const NEWEST = 'coalesce((select max(s.number) from flag_promotions.audit_seals s), 0)';

/** One row an event, or one without an event if there is none. */
const UNSEALED = `
  with last as (
    select s.number, s.hash, s.through, s.gaps, s.public_key from flag_promotions.audit_seals s order by s.number desc limit 1),
  base as (
    select coalesce(l.number, 0) as number, coalesce(l.hash, h.last_hash) as hash, coalesce(l.through, h.last_id) as through,
           coalesce(l.gaps, '[]') as gaps, l.public_key,
           pg_snapshot_xmin(pg_current_snapshot())::text as xmin, pg_snapshot_xmax(pg_current_snapshot())::text as xmax, ${CLOCK} as now
      from flag_promotions.audit_head h left join last l on true limit 1),
  found as (
    (select ${STORED_COLUMNS} from base b
      cross join lateral (select * from flag_promotions.audit_log e where e.id > greatest(b.through, ?::bigint) order by e.id limit ${PAGE}) e)
    union all
    (select ${STORED_COLUMNS} from base b
      cross join lateral (select (g ->> 0)::bigint as first, (g ->> 1)::bigint as last from jsonb_array_elements(b.gaps::jsonb) g) g
      cross join lateral (select * from flag_promotions.audit_log e where e.id between g.first and g.last limit ${PAGE}) e))
  select b.*, e.*, e.id as event_id,
         (select count(*) from flag_promotions.audit_log o where o.event = e.event::uuid) as copies
    from base b left join found e on true
   order by e.id`;

const writtenRow = z.object({
  messages: z.array(z.union([z.number(), z.string()]).transform(String)),
  resolutions: z.array(resolutionRow),
});

/** Writes the seal, and updates the replies that show it: those about a promotion's end. */
const WRITE = `
  with sealed as (
    insert into flag_promotions.audit_seals
      (number, prev_hash, hash, at, public_key, signature, event_ids, event_hashes, refused, through, gaps, first_id, last_id)
    select n.number, n.prev_hash, n.hash, n.at, n.public_key, n.signature, n.event_ids, n.event_hashes, n.refused, n.through, n.gaps,
           (select min(i) from unnest(n.event_ids) i), (select max(i) from unnest(n.event_ids) i)
      from (select ?::bigint as number, ?::text as prev_hash, ?::text as hash, ?::timestamptz as at, ?::text as public_key,
                   ?::text as signature, ?::bigint[] as event_ids, decode(?, 'hex') as event_hashes, ?::bigint[] as refused,
                   ?::bigint as through, ?::text as gaps) n
    on conflict do nothing returning event_ids),
  ended as (
    select e.action, e.actor, e.promotion_id, e.detail ->> 'reference' as reference
      from sealed s cross join lateral unnest(s.event_ids) i join flag_promotions.audit_log e on e.id = i
     where e.action = any(?::text[]) and e.promotion_id is not null),
  held as (
    select m.id from flag_promotions.messages m
     where m.kind = 'resolved' and m.promotion_id = any(array(select promotion_id from ended)) order by m.id for no key update),
  shown as (
    update flag_promotions.messages m set wanted = m.wanted + 1, detail = m.detail || jsonb_build_object('seal', ?::text)
      from held h where m.id = h.id and m.state <> 'closed' returning m.id, m.state)
  select coalesce((select jsonb_agg(id) from shown where state = 'posted'), '[]') as messages,
         coalesce((select jsonb_agg(ended) from ended where action = any(?::text[])), '[]') as resolutions
    from sealed`;
