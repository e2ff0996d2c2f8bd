import { createHash } from 'node:crypto';
import { isGenuine, isUnsigned, type StoredEvent } from './event.js';
import { type AuditKeys, isSignature } from './keys.js';

/** Before the very first event. */
export const GENESIS = '0'.repeat(64);

/** A seal's hash covers all of this. */
export interface SealContent {
  readonly number: string;
  /** The previous seal's hash; for the first seal, that of the chain kept before there were seals. */
  readonly prevHash: string;
  /** `2026-05-09T04:28:31.000Z` */
  readonly at: string;
  readonly publicKey: string;
  readonly events: readonly { readonly id: string; readonly hash: string }[];
  /** Ids of events found among them that this app didn't write. */
  readonly refused: readonly string[];
  /** Every event up to this one is sealed, refused, or in a gap. */
  readonly through: string;
  /** JSON of what isn't sealed up to there: see `Gap`. */
  readonly gaps: string;
}

export interface Seal extends SealContent {
  readonly hash: string;
  readonly signature: string;
}

/** Ids up to `through` that weren't visible yet, or whose event this process can't judge. */
export interface Gap {
  readonly from: bigint;
  readonly to: bigint;
  /** A transaction that may still commit one of them began before this transaction id. */
  readonly xmax: bigint;
  /** Milliseconds. */
  readonly since: number;
}

export function hashSeal({ number, prevHash, at, publicKey, events, refused, through, gaps }: SealContent): string {
  const listed = events.map(({ id, hash }) => [id, hash]);
  const content = ['flag-promotions seal v1', number, prevHash, at, publicKey, listed, refused, through, gaps];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

export function signSeal(keys: AuditKeys, content: Omit<SealContent, 'publicKey'>): Seal {
  const whole = { ...content, publicKey: keys.publicKey };
  const hash = hashSeal(whole);
  return { ...whole, hash, signature: keys.sign(hash) };
}

/** Whether a seal is unchanged since it was signed, whoever holds its key. */
export function isWhole(seal: Seal): boolean {
  return hashSeal(seal) === seal.hash && isSignature(seal.hash, seal.signature, seal.publicKey);
}

/** For how long after the upgrade to seals older processes may still write events without MACs. */
const UPGRADE_MS = 10 * 60_000;

/**
 * Until when a seal may hold events without MACs, in milliseconds, by what the first seal signs: nothing else in the
 * database is out of its owner's reach. Never, unless it continues the chain of an earlier version.
 */
export const unsignedUntil = ({ prevHash, at }: Pick<Seal, 'prevHash' | 'at'>): number =>
  prevHash === GENESIS ? Number.NEGATIVE_INFINITY : Date.parse(at) + UPGRADE_MS;

/** A seal's name for people: `57:1f0c2ab94d3e`. */
export function shortSeal({ number, hash }: Pick<Seal, 'number' | 'hash'>): string {
  return `${number}:${hash.slice(0, 12)}`;
}

export const gapsText = (gaps: readonly Gap[]): string =>
  JSON.stringify(gaps.map(({ from, to, xmax, since }) => [`${from}`, `${to}`, `${xmax}`, since]));

/** The app's own processes can't hold a transaction open longer. */
const GAP_MS = 60_000;
/** While keys are rotated, replicas may have different ones for this long. */
const UNKNOWN_MS = 10 * 60_000;
/** Failures alone never leave this many gaps. */
export const MOST_GAPS = 1_000;

/** What isn't sealed yet, as seen at one moment. */
export interface Unsealed {
  readonly through: bigint;
  readonly gaps: readonly Gap[];
  /** Ordered by id. `copies`: how many events have its UUID. */
  readonly events: readonly (StoredEvent & { readonly copies: number })[];
  /** All transactions before this one have ended, and none from that one on had begun. */
  readonly xmin: bigint;
  readonly xmax: bigint;
  readonly now: Date;
  /** Ids of events already judged not to be this app's. */
  readonly bad: readonly string[];
  /** Whether events without a MAC may come from the previous version. */
  readonly takesUnsigned: boolean;
}

export interface Judged {
  readonly sealed: readonly StoredEvent[];
  /** Up to `through`, not this app's. */
  readonly refused: readonly string[];
  /** The same, wherever they are. */
  readonly bad: readonly string[];
  /** Written under a key unknown here. */
  readonly unknown: readonly string[];
  readonly through: bigint;
  readonly gaps: readonly Gap[];
}

/**
 * Decides what goes into the next seal. Events of others neither go into it nor hold it up: they don't even move
 * `through`, so an odd id far ahead hides nothing. Late commits are found in a gap.
 */
export function judgeUnsealed(keys: AuditKeys, unsealed: Unsealed): Judged {
  const { through, events, takesUnsigned } = unsealed;
  const sealed: StoredEvent[] = [];
  const bad: string[] = [...unsealed.bad];
  const unknown: string[] = [];
  for (const event of events) {
    const genuine = isUnsigned(event) ? takesUnsigned : event.copies > 1 ? false : isGenuine(keys, event);
    if (genuine === true) sealed.push(event);
    else if (genuine === false || hasWaited(unsealed, BigInt(event.id))) bad.push(event.id);
    else unknown.push(event.id);
  }
  const reached = sealed.reduce((most, { id }) => (BigInt(id) > most ? BigInt(id) : most), through);
  const refused = bad.filter((id) => BigInt(id) <= reached);
  const done = new Set([...sealed.map(({ id }) => id), ...refused]);
  const gaps = remainingGaps(unsealed, reached, done, new Set(unknown));
  return { sealed, refused, bad, unknown, through: reached, gaps };
}

/** The replica with its key would have sealed it by now. */
function hasWaited({ gaps, now }: Unsealed, id: bigint): boolean {
  return gaps.some((gap) => id >= gap.from && id <= gap.to && now.getTime() - gap.since > UNKNOWN_MS);
}

function remainingGaps(
  { through, gaps, xmin, xmax, now }: Unsealed,
  reached: bigint,
  done: ReadonlySet<string>,
  unknown: ReadonlySet<string>,
): readonly Gap[] {
  const fresh: readonly Gap[] =
    reached > through ? [{ from: through + 1n, to: reached, xmax, since: now.getTime() }] : [];
  const seen = [...done].map(BigInt).sort((one, other) => (one < other ? -1 : 1));
  const mayExpire = (gap: Gap) => xmin >= gap.xmax && now.getTime() - gap.since > GAP_MS;
  const left = [...gaps, ...fresh].flatMap((gap) => without(gap, seen));
  return left.flatMap((gap) =>
    mayExpire(gap)
      ? [...unknown]
          .map(BigInt)
          .filter((id) => id >= gap.from && id <= gap.to)
          .map((id) => ({ ...gap, from: id, to: id }))
      : [gap],
  );
}

/** What is left of a gap; `ids` sorted. */
function without(gap: Gap, ids: readonly bigint[]): Gap[] {
  const left: Gap[] = [];
  let { from } = gap;
  for (const id of ids) {
    if (id < from || id > gap.to) continue;
    if (id > from) left.push({ ...gap, from, to: id - 1n });
    from = id + 1n;
  }
  return from <= gap.to ? [...left, { ...gap, from }] : left;
}
