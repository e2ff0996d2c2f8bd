import type { Logger } from 'pino';
import type { Seal } from '../audit/seal.js';
import { type HeldLease, holdLease } from '../db/held-lease.js';
import type { Seals, WitnessClaim } from '../db/seals.js';
import type { Fetch } from '../network/network.js';
import { sendSeal, witnessId } from '../network/witness.js';
import { backOffMs } from '../promotions/back-off.js';

export interface WitnessDependencies {
  readonly url: string;
  readonly seals: Pick<Seals, 'after' | 'isOwed' | 'claimWitness' | 'recordSent' | 'releaseWitness'>;
  readonly fetch: Fetch;
  readonly newOwner: () => string;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** Yields [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}

/** Keeps each seal elsewhere, where the database's owner can't take it back. */
export interface Witness {
  /** The hash of its address, which may hold a secret. */
  readonly id: string;
  /** Sends pending seals in order. Not awaited. */
  wake(): void;
  /**
   * Sends all pending seals.
   * @throws if the witness refuses one; it is sent again later
   */
  send(): Promise<void>;
  /** Aborts what is running. */
  stop(): Promise<void>;
}

const TIMEOUT_MS = 10_000;
const LEASE_MS = 30_000;
const PAGE = 100;

export function createWitness(deps: WitnessDependencies): Witness {
  const { seals, log } = deps;
  const witness = witnessId(deps.url);
  const stopping = new AbortController();
  /** The highest seal that it accepted from this process. */
  let accepted = 0n;
  let running: Promise<void> = Promise.resolve();
  let isWaiting = false;

  async function sendAll(): Promise<void> {
    if (stopping.signal.aborted || !(await seals.isOwed(witness))) return;
    const lease = holdLease({ owner: deps.newOwner(), durationMs: LEASE_MS }, deps.elapsed(), deps.elapsed);
    const claim = await seals.claimWitness(witness, lease);
    if (claim === null) return;
    try {
      await sendFrom(startOf(claim), lease);
      await seals.releaseWitness(witness, lease, null);
    } catch (error) {
      const waitMs = stopping.signal.aborted ? 0 : backOffMs({ kind: 'refused' }, claim.attempts, deps.random);
      await seals.releaseWitness(witness, lease, {
        waitMs,
        lastError: error instanceof WitnessError ? error.message : 'the seals could not be read or recorded',
      });
      throw error;
    }
  }

  /**
   * The row may be wrong: the database's owner could silence the witness with it, or seals are gone. Sending the last
   * one again corrects it.
   */
  function startOf({ sentTo, newest }: WitnessClaim): string {
    const isBeyond = BigInt(sentTo) > BigInt(newest);
    if (isBeyond || BigInt(sentTo) < accepted) {
      const found = { sentTo, newest, accepted: accepted.toString() };
      log.error(
        found,
        'the witness was sent other seals than the database says: somebody changed it, or seals are gone',
      );
    }
    if (!isBeyond) return sentTo;
    return accepted === 0n || accepted > BigInt(newest) ? '0' : (accepted - 1n).toString();
  }

  async function sendFrom(sentTo: string, lease: HeldLease): Promise<void> {
    let last = sentTo;
    let page: readonly Seal[];
    do {
      page = await seals.after(last, PAGE);
      for (const seal of page) {
        if (!lease.isFresh()) return;
        await post(seal);
        const confirmedAt = deps.elapsed();
        if (!(await seals.recordSent(witness, lease, seal.number))) return;
        accepted = BigInt(seal.number);
        lease.confirm(confirmedAt);
        last = seal.number;
      }
    } while (page.length > 0);
  }

  async function post(seal: Seal): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const answer = await sendSeal(deps.url, seal, { fetch: deps.fetch, signal });
    if (answer.kind === 'refused') throw new WitnessError(`the witness answered ${answer.status}`);
    if (answer.kind === 'not_reached') {
      throw new WitnessError(`the witness was not reached (${answer.code ?? 'no answer'})`);
    }
  }

  function send(): Promise<void> {
    const next = running.then(sendAll);
    running = next.catch(() => undefined);
    return next;
  }

  return {
    id: witness,
    send,
    wake() {
      if (isWaiting || stopping.signal.aborted) return;
      isWaiting = true;
      running = running.then(async () => {
        isWaiting = false;
        await sendAll().catch((error: unknown) =>
          log.warn({ err: error }, 'the witness did not take a seal; it is sent again'),
        );
      });
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Holds neither the address, which may hold a secret, nor an error of fetch, which may quote it. */
class WitnessError extends Error {
  override readonly name = 'WitnessError';
}
