import * as z from 'zod';
import type { StoredEvent } from '../audit/event.js';
import type { Seal } from '../audit/seal.js';

/** A stored event's select list, under the alias `e`: what seals are compared with. */
export const STORED_COLUMNS = `e.id, e.event::text as event, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
  e.action, e.actor, e.promotion_id, e.detail::text as detail, e.open, e.key, e.mac`;

/** An event inserted by hand may have any id. */
export const anyId = z.string().regex(/^-?\d+$/u);
export const storedFields = z.object({
  id: anyId,
  event: z.string().nullable(),
  at: z.string(),
  action: z.string(),
  actor: z.string(),
  promotion_id: anyId.nullable(),
  detail: z.string(),
  open: z.string().nullable(),
  key: z.string().nullable(),
  mac: z.string().nullable(),
});
type StoredFields = z.output<typeof storedFields>;
export const asStored = ({ promotion_id, key, mac, ...row }: StoredFields): StoredEvent => ({
  ...row,
  promotionId: promotion_id,
  mac: key === null || mac === null ? null : { keyId: key, mac },
});
export const storedRow = storedFields.transform(asStored);

/** A seal's select list, under the alias `s`. */
export const SEAL_COLUMNS = `s.number, s.prev_hash, s.hash, to_char(s.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, s.public_key,
  s.signature, s.event_ids, s.event_hashes, s.refused, s.through, s.gaps`;
const HASH_BYTES = 32;
export const sealRow = z
  .object({
    number: anyId,
    prev_hash: z.string(),
    hash: z.string(),
    at: z.string(),
    public_key: z.string(),
    signature: z.string(),
    event_ids: z.array(anyId),
    event_hashes: z.instanceof(Buffer),
    refused: z.array(anyId),
    through: anyId,
    gaps: z.string(),
  })
  .transform(
    (row): Seal => ({
      number: row.number,
      prevHash: row.prev_hash,
      hash: row.hash,
      at: row.at,
      publicKey: row.public_key,
      signature: row.signature,
      events: row.event_ids.map((id, index) => ({
        id,
        hash: row.event_hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES).toString('hex'),
      })),
      refused: row.refused,
      through: row.through,
      gaps: row.gaps,
    }),
  );
