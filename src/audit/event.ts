import { createHash, randomBytes } from 'node:crypto';
import type { AuditKeys, EventMac } from './keys.js';

/** An event as known to the process that writes it. */
export interface WrittenEvent {
  /** null: the database sets it by its own clock. */
  readonly at: Date | null;
  readonly action: string;
  readonly actor: string;
  /** undefined: its promotion gets its id in the same statement. */
  readonly promotionId: string | null | undefined;
  readonly detail: unknown;
}

export interface Stamp {
  /** A UUID, so that no event can be written twice. */
  readonly event: string;
  /** What the database fills in, so the seal covers it and the MAC can't: `at`, `promotion`, both, or nothing. */
  readonly open: string;
  /** null: written by a process without keys. */
  readonly mac: EventMac | null;
}

/** An event as stored, each part as the database writes it. */
export interface StoredEvent {
  readonly id: string;
  /** null, like the fields derived from it: older than the seals, or not written by this app. */
  readonly event: string | null;
  /** `2026-05-09T04:28:31.000000Z` */
  readonly at: string;
  readonly action: string;
  readonly actor: string;
  readonly promotionId: string | null;
  /** JSON, as jsonb writes it. */
  readonly detail: string;
  readonly open: string | null;
  readonly mac: EventMac | null;
}

const AT = 'at';
const PROMOTION = 'promotion';

export function stampEvent(keys: AuditKeys | null, written: WrittenEvent): Stamp {
  const event = newEventId();
  const open = [...(written.at === null ? [AT] : []), ...(written.promotionId === undefined ? [PROMOTION] : [])].join(
    ' ',
  );
  const detail: unknown = JSON.parse(JSON.stringify(written.detail));
  const at = written.at === null ? null : written.at.toISOString().replace('Z', '000Z');
  const text = macText({ ...written, event, open, at, promotionId: written.promotionId ?? null, detail });
  return { event, open, mac: keys?.macOf(text) ?? null };
}

/** Written by the version before the seals, or by anybody else. */
export const isUnsigned = ({ event, mac }: StoredEvent): boolean => event === null && mac === null;

/**
 * Whether this app wrote an event exactly so, except for its open parts. null: can't tell without the key. False for an
 * event without a MAC.
 */
export function isGenuine(keys: AuditKeys, stored: StoredEvent): boolean | null {
  const { event, open, mac } = stored;
  if (event === null || open === null || mac === null) return false;
  const isOpen = (part: string) => open.split(' ').includes(part);
  const text = macText({
    ...stored,
    event,
    open,
    at: isOpen(AT) ? null : stored.at,
    promotionId: isOpen(PROMOTION) ? null : stored.promotionId,
    detail: JSON.parse(stored.detail),
  });
  return keys.isMac(text, mac);
}

interface Covered {
  readonly event: string;
  readonly open: string;
  readonly at: string | null;
  readonly action: string;
  readonly actor: string;
  readonly promotionId: string | null;
  readonly detail: unknown;
}

function macText({ event, open, at, action, actor, promotionId, detail }: Covered): string {
  return JSON.stringify(['flag-promotions event v1', event, open, at, action, actor, promotionId, sorted(detail)]);
}

/** jsonb orders keys its own way. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return entries.sort(([one], [other]) => (one < other ? -1 : 1));
}

/** What a seal holds of an event: SHA-256 in hex over all that is stored of it. */
export function hashEvent({ id, event, at, action, actor, promotionId, detail, open, mac }: StoredEvent): string {
  const all = [id, event, at, action, actor, promotionId, detail, open, mac?.keyId ?? null, mac?.mac ?? null];
  return createHash('sha256')
    .update(JSON.stringify(['flag-promotions stored event v1', ...all]))
    .digest('hex');
}

/** Version 7 starts with its time, so an index on it grows at its end. */
function newEventId(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, '$1-$2-$3-$4-$5');
}
