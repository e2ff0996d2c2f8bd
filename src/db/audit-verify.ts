import { setImmediate as nextTurn } from 'node:timers/promises';
import * as z from 'zod';
import { hashEvent, isGenuine, isUnsigned, type StoredEvent } from '../audit/event.js';
import { IdRanges } from '../audit/id-ranges.js';
import { type AuditKeys, isSignature } from '../audit/keys.js';
import { GENESIS, hashSeal, type Seal, unsignedUntil } from '../audit/seal.js';
import { type Copies, findCopies } from './audit-copies.js';
import type { Knex } from './connection.js';
import { inTurns } from './in-turns.js';
import { presentOf } from './leases.js';
import { type ChainHead, type Fault, readChainHead, verifyChain } from './legacy-chain.js';
import { parseManyRows, parseRows } from './rows.js';
import { anyId, SEAL_COLUMNS, STORED_COLUMNS, sealRow, storedRow } from './stored-audit.js';

/** A seal that somebody kept elsewhere. */
export interface ExpectedSeal {
  readonly number: string;
  /** The first hex digits of its hash. */
  readonly hash: string;
}

export interface VerifyOptions {
  readonly expect?: ExpectedSeal | null;
  /** Further public keys that may have signed: base64. */
  readonly publicKeys?: readonly string[];
  /** Called with how many events are verified, and about how many there are. */
  readonly onProgress?: (verified: number, events: number) => void;
}

type SealName = Pick<Seal, 'number' | 'hash'>;

export type AuditVerdict =
  | {
      readonly intact: true;
      readonly events: number;
      readonly unsealed: number;
      readonly seal: SealName | null;
    }
  | {
      readonly intact: false;
      /** How many are valid before the first fault. */
      readonly events: number;
      readonly unsealed: number;
      readonly seal: SealName | null;
      readonly firstBrokenId: string;
      readonly reason: string;
      /** The first one, then what else was found. */
      readonly faults: readonly Fault[];
    };

const LEAST_ID = '-9223372036854775808';
const SEALS_PAGE = 20;
/** One lists hundreds of events. */
const SEALS_A_TURN = 1;
const EVENTS_PAGE = 1_000;
const EVENTS_A_TURN = 100;
/** More would help nobody. */
const MOST_FAULTS = 20;

/**
 * Recomputes the log outside the database and names the first bad event. `keys` null: MACs and signatures aren't
 * checked, so the seals may not be this app's.
 */
export async function verifyAuditLog(
  knex: Knex,
  keys: AuditKeys | null,
  options: VerifyOptions = {},
): Promise<AuditVerdict> {
  // One snapshot of events and seals, since writers go on meanwhile.
  return knex.transaction((trx) => new Verification(trx, keys, options).run(), {
    isolationLevel: 'repeatable read',
    readOnly: true,
  });
}

class Verification {
  readonly #faults: Fault[] = [];
  readonly #sealed = new IdRanges();
  readonly #trusted: ReadonlySet<string> | null;
  #verified = 0;
  #beforeFirstFault: number | null = null;
  #unsealed = 0;
  #last: Seal | null = null;
  /** By the first seal. */
  #unsignedUntil: number | null = null;
  /** Of all seals so far, so that a clock that was set back opens nothing again. */
  #latestAt = Number.NEGATIVE_INFINITY;
  /** An estimate. */
  #about = 0;
  #copies: Copies | null = null;
  /** The newest seal's key is known, so it vouches for all events before it. */
  #isVouchedFor = true;

  constructor(
    private readonly trx: Knex,
    private readonly keys: AuditKeys | null,
    private readonly options: VerifyOptions,
  ) {
    const trusted = [...(keys?.publicKeys ?? []), ...(options.publicKeys ?? [])];
    this.#trusted = trusted.length === 0 ? null : new Set(trusted);
  }

  async run(): Promise<AuditVerdict> {
    const head = await readChainHead(this.trx);
    if ('reason' in head) this.#fault(head);
    else {
      await this.#verifyBefore();
      await this.#estimate();
      this.#copies = await findCopies(this.trx);
      const broken = await verifyChain(this.trx, head, () => this.#fits());
      if (broken !== null) this.#fault(broken);
      await this.#verifySeals(head);
      await this.#verifyRest(head);
      this.#verifyExpected();
    }
    const found = {
      events: this.#beforeFirstFault ?? this.#verified,
      unsealed: this.#unsealed,
      seal: this.#last === null ? null : { number: this.#last.number, hash: this.#last.hash },
    };
    const [first] = this.#faults;
    if (first === undefined) return { intact: true, ...found };
    return { intact: false, ...found, firstBrokenId: first.id, reason: first.reason, faults: this.#faults };
  }

  #fits(): void {
    this.#verified += 1;
    if (this.#verified % EVENTS_PAGE === 0) this.options.onProgress?.(this.#verified, this.#about);
  }

  #fault(fault: Fault): void {
    this.#beforeFirstFault ??= this.#verified;
    if (this.#faults.length < MOST_FAULTS) this.#faults.push(fault);
  }

  /** Ids begin with 1. */
  async #verifyBefore(): Promise<void> {
    const found = await this.trx.raw(
      'select id from flag_promotions.audit_log where id between ? and 0 order by id desc limit 1',
      [LEAST_ID],
    );
    const [odd] = parseRows(found, z.object({ id: anyId }));
    if (odd !== undefined) this.#fault({ id: odd.id, reason: 'the log begins with event 1' });
  }

  async #estimate(): Promise<void> {
    const found = await this.trx.raw('select coalesce(max(id), 0)::float as n from flag_promotions.audit_log');
    this.#about = parseRows(found, z.object({ n: z.number() }))[0]?.n ?? 0;
  }

  async #verifySeals(head: ChainHead): Promise<void> {
    let seals: readonly Seal[];
    do {
      seals = await parseManyRows(
        await this.trx.raw(
          `select ${SEAL_COLUMNS} from flag_promotions.audit_seals s where s.number > ?::bigint order by s.number limit ?`,
          [this.#last?.number ?? '0', SEALS_PAGE],
        ),
        sealRow,
        SEALS_A_TURN,
      );
      const events = await this.#storedOf(seals.flatMap((seal) => seal.events.map(({ id }) => id)));
      for (const seal of seals) {
        this.#unsignedUntil ??= unsignedUntil(seal);
        this.#latestAt = Math.max(this.#latestAt, Date.parse(seal.at));
        await this.#verifyEvents(seal, events);
        this.#verifySeal(seal, head);
        this.#last = seal;
      }
    } while (seals.length === SEALS_PAGE && this.#faults.length < MOST_FAULTS);
    if (this.#last !== null && !this.#isVouchedFor) {
      const { number } = this.#last;
      this.#fault({
        id: firstOf(this.#last),
        reason: `seal ${number} was signed with a key that TOTP_ENCRYPTION_KEY does not give`,
      });
    }
  }

  async #verifyEvents(seal: Seal, stored: ReadonlyMap<string, StoredEvent>): Promise<void> {
    for (const { id, hash } of seal.events) {
      // Yields to other work.
      if (this.#verified % EVENTS_A_TURN === 0) await nextTurn();
      const event = stored.get(id);
      if (!this.#sealed.add(BigInt(id))) this.#fault({ id, reason: 'it is in two seals' });
      if (event === undefined) this.#fault({ id, reason: `event ${id} is missing` });
      else if (hashEvent(event) !== hash) this.#fault({ id, reason: 'its content is not what was sealed' });
      else if (this.#isForged(event)) this.#fault({ id, reason: 'the app did not write it' });
      // A copy can be sealed, too, if the database's owner hid the original while the app sealed the copy.
      else if (this.#copies?.isLater(id)) this.#fault({ id, reason: 'it is a copy of another event' });
      else this.#fits();
    }
  }

  #isForged(event: StoredEvent): boolean {
    if (event.mac === null) return !this.#takesUnsigned(event, this.#latestAt);
    return this.keys !== null && isGenuine(this.keys, event) === false;
  }

  /** False also for an invalid time. */
  #takesUnsigned(event: StoredEvent, at: number): boolean {
    return isUnsigned(event) && at <= (this.#unsignedUntil ?? Number.NEGATIVE_INFINITY);
  }

  #verifySeal(seal: Seal, head: ChainHead): void {
    const { number, hash, prevHash, signature, publicKey } = seal;
    const id = firstOf(seal);
    const expected = BigInt(this.#last?.number ?? '0') + 1n;
    const { expect } = this.options;
    if (BigInt(number) !== expected) this.#fault({ id, reason: `seal ${expected} is missing` });
    else if (prevHash !== (this.#last?.hash ?? head.hash)) {
      const before = this.#last === null ? 'the chain before the seals' : `seal ${this.#last.number}`;
      this.#fault({ id, reason: `seal ${number} does not follow ${before}` });
    }
    if (hashSeal(seal) !== hash) this.#fault({ id, reason: `seal ${number} is not what was signed` });
    else if (!isSignature(hash, signature, publicKey)) {
      this.#fault({ id, reason: `the signature of seal ${number} is wrong` });
    } else if (expect != null && BigInt(expect.number) === BigInt(number) && !hash.startsWith(expect.hash)) {
      this.#fault({ id, reason: `seal ${number} is ${hash}, not ${expect.hash}` });
    }
    this.#isVouchedFor = this.#trusted?.has(publicKey) ?? true;
  }

  async #storedOf(ids: readonly string[]): Promise<ReadonlyMap<string, StoredEvent>> {
    const stored = new Map<string, StoredEvent>();
    for (let start = 0; start < ids.length; start += EVENTS_PAGE) {
      const found = await this.trx.raw(
        `select ${STORED_COLUMNS} from flag_promotions.audit_log e where e.id = any(?::bigint[])`,
        [ids.slice(start, start + EVENTS_PAGE)],
      );
      for (const event of await parseManyRows(found, storedRow, EVENTS_A_TURN)) stored.set(event.id, event);
    }
    return stored;
  }

  /** Events in no seal: not sealed yet, or added by somebody else. */
  async #verifyRest(head: ChainHead): Promise<void> {
    // Before the first seal, its chain alone says that there was an upgrade.
    if (this.#unsignedUntil === null && head.hash !== GENESIS) this.#unsignedUntil = Number.POSITIVE_INFINITY;
    const now = Math.max(this.#latestAt, (await presentOf(this.trx)).getTime());
    for (const { from, to } of this.#sealed.gapsAfter(head.id)) {
      let last = from;
      let page: readonly StoredEvent[];
      do {
        page = await this.#readRest(last, to);
        await inTurns(page, (event) => this.#verifyUnsealed(event, now), EVENTS_A_TURN);
        last = BigInt(page.at(-1)?.id ?? last);
      } while (page.length === EVENTS_PAGE && this.#faults.length < MOST_FAULTS);
    }
  }

  #verifyUnsealed(event: StoredEvent, now: number): void {
    const reason = this.#faultOf(event, now);
    if (reason !== null) this.#fault({ id: event.id, reason });
    else {
      this.#unsealed += 1;
      this.#fits();
    }
  }

  #faultOf(event: StoredEvent, now: number): string | null {
    if (this.#copies?.isDoubled(event.id)) return 'it is a copy of another event';
    if (event.mac === null) return this.#takesUnsigned(event, now) ? null : 'the app did not write it';
    if (this.keys === null) return null;
    const genuine = isGenuine(this.keys, event);
    if (genuine === null) return 'it was written under a key that TOTP_ENCRYPTION_KEY does not hold';
    return genuine ? null : 'the app did not write it, or not like this';
  }

  async #readRest(after: bigint, before: bigint | null) {
    const found = await this.trx.raw(
      `select ${STORED_COLUMNS} from flag_promotions.audit_log e where e.id > ?::bigint and (?::bigint is null or e.id < ?::bigint) order by e.id limit ?`,
      [after.toString(), before?.toString() ?? null, before?.toString() ?? null, EVENTS_PAGE],
    );
    return parseManyRows(found, storedRow, EVENTS_A_TURN);
  }

  #verifyExpected(): void {
    const { expect } = this.options;
    if (expect == null || (this.#last !== null && BigInt(this.#last.number) >= BigInt(expect.number))) return;
    const end = this.#last === null ? 'has no seal' : `ends with seal ${this.#last.number}`;
    const id = this.#last === null ? 1n : BigInt(this.#last.through) + 1n;
    this.#fault({ id: id.toString(), reason: `the log ${end}: seal ${expect.number} is missing` });
  }
}

const firstOf = ({ events, through }: Seal): string => events[0]?.id ?? through;
