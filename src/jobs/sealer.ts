import type { Logger } from 'pino';
import { hashEvent, isUnsigned } from '../audit/event.js';
import {
  GENESIS,
  gapsText,
  isWhole,
  type Judged,
  judgeUnsealed,
  MOST_GAPS,
  type Seal,
  shortSeal,
  signSeal,
  unsignedUntil,
} from '../audit/seal.js';
import type { FoundUnsealed, SealBase, SealWritten, Seals } from '../db/seals.js';
import { withoutReference } from '../reference.js';
import type { Timers } from './timers.js';

export interface SealerDependencies {
  readonly seals: Seals;
  readonly timers: Timers;
  readonly log: Logger;
  /** Whether to continue seals whose key is lost. */
  readonly takesAnyKey: boolean;
  /** Messages that show a seal need an update. Not awaited. */
  readonly onShown: (messageIds: readonly string[]) => void;
  /** There is a seal that the witness lacks. Not awaited. */
  readonly onSealed: () => void;
  /** Events were found that this app didn't write. Called once for each. */
  readonly onRefused: (events: number) => void;
}

/** Chains and signs new audit events soon after their commit. Every replica has one. */
export interface Sealer {
  start(): void;
  /**
   * Seals everything now.
   * @throws if events remain that can't be sealed, with why
   */
  seal(): Promise<void>;
  /** Events by others that this process found. */
  refused(): readonly string[];
  /** Seals what is left, then starts nothing more. */
  stop(): Promise<void>;
}

/** Under load, events that come within this time share a seal. */
const PAUSE_MS = 250;

/** Nobody can say yet whether the app wrote these events, so they wait. */
class UnsealedError extends Error {
  override readonly name = 'UnsealedError';
}

export function createSealer(deps: SealerDependencies): Sealer {
  const { seals, timers, log } = deps;
  const { keys } = seals;
  const refused = new Set<string>();
  /** The newest seal known to be whole. */
  let checked: Seal | null = null;
  let running: Promise<void> = Promise.resolve();
  let isWaiting = false;
  let isStopped = false;

  /** Continues only after a seal of ours: a forged one could decide what is sealed next, a missing one hide events. */
  async function check(base: SealBase): Promise<void> {
    const { number, hash } = base;
    const isBase = (seal: Seal) => seal.hash === hash && seal.through === base.through && seal.gaps === base.gaps;
    if (checked?.number === number && isBase(checked)) return;
    if (checked !== null && (await seals.find(checked.number))?.hash !== checked.hash) {
      throw new UnsealedError(`seal ${shortSeal(checked)}, which this process has seen, is gone from the audit log`);
    }
    if (number === '0') return;
    const seal = await seals.find(number);
    const isKnown = deps.takesAnyKey || keys?.publicKeys.includes(seal?.publicKey ?? '') === true;
    if (seal === null || !isBase(seal) || !isWhole(seal) || !isKnown) {
      throw new UnsealedError(
        `seal ${number} is not one of this app’s, or of a key that TOTP_ENCRYPTION_KEY does not give`,
      );
    }
    checked = seal;
  }

  async function takesUnsigned({ base, unsealed }: FoundUnsealed): Promise<boolean> {
    if (!unsealed.events.some(isUnsigned)) return false;
    if (base.number === '0') return base.hash !== GENESIS;
    const first = await seals.find('1');
    const isOurs = first !== null && isWhole(first) && keys?.publicKeys.includes(first.publicKey) === true;
    // The time of a seal that was checked counts, too: the database's clock may be set back, or replaced.
    const now = Math.max(unsealed.now.getTime(), Date.parse(checked?.at ?? first?.at ?? ''));
    return isOurs && now <= unsignedUntil(first);
  }

  /** Skips what others wrote, however much it is. */
  async function findSealable(): Promise<{ readonly found: FoundUnsealed; readonly judged: Judged } | null> {
    if (keys === null) return null;
    let bad: readonly string[] = [];
    let beyond = 0n;
    for (;;) {
      const found = await seals.findUnsealed(beyond);
      await check(found.base);
      const judged = judgeUnsealed(keys, { ...found.unsealed, bad, takesUnsigned: await takesUnsigned(found) });
      note(judged);
      if (found.unsealed.events.length === 0 && !found.wantsSeal) return null;
      const isNothing = judged.sealed.length === 0;
      if (!isNothing || !found.isCut) return { found, judged };
      bad = judged.bad;
      beyond = BigInt(found.unsealed.events.at(-1)?.id ?? '0');
    }
  }

  /** Returns whether there may be more. */
  async function sealPage(): Promise<boolean> {
    const sealable = await findSealable();
    if (sealable === null) return false;
    const { found, judged } = sealable;
    if (judged.sealed.length === 0 && !found.wantsSeal) {
      if (judged.unknown.length > 0) throw unknownKey(judged.unknown);
      return false;
    }
    if (judged.gaps.length > MOST_GAPS) throw new UnsealedError(`${judged.gaps.length} gaps in the audit log`);
    const seal = nextSeal(found, judged);
    const written = await seals.write(seal);
    // Another replica was first; find anew what it left.
    if (written === null) return true;
    checked = seal;
    tell(seal, written);
    return found.isCut || judged.unknown.length > 0;
  }

  function tell(seal: Seal, { resolutions, messageIds }: SealWritten): void {
    for (const resolution of resolutions) {
      log.info({ ...resolution, seal: shortSeal(seal) }, 'the audit log holds a resolution');
    }
    if (messageIds.length > 0) deps.onShown(messageIds);
    deps.onSealed();
  }

  function nextSeal({ base, unsealed }: FoundUnsealed, judged: Judged): Seal {
    if (keys === null) throw new Error('There is no key for the audit log.');
    return signSeal(keys, {
      number: (BigInt(base.number) + 1n).toString(),
      prevHash: base.hash,
      at: unsealed.now.toISOString(),
      events: judged.sealed.map((event) => ({ id: event.id, hash: hashEvent(event) })),
      refused: judged.refused,
      through: judged.through.toString(),
      gaps: gapsText(judged.gaps),
    });
  }

  function note({ bad }: Judged): void {
    const fresh = bad.filter((id) => !refused.has(id));
    if (fresh.length === 0) return;
    for (const id of fresh) refused.add(id);
    log.error({ events: fresh }, 'the audit log has events that this app did not write; they are not sealed');
    deps.onRefused(fresh.length);
  }

  async function sealAll(): Promise<void> {
    while (await sealPage());
  }

  /** One at a time. */
  function seal(): Promise<void> {
    const next = running.then(sealAll);
    running = next.catch(() => undefined);
    return next;
  }

  function wake(): void {
    // The one that waits will see this too.
    if (isWaiting || isStopped) return;
    isWaiting = true;
    const pausing = running;
    running = pausing.then(async () => {
      isWaiting = false;
      await sealAll().catch((error: unknown) =>
        log.warn({ err: error }, 'the audit log could not be sealed; the next tick tries again'),
      );
      if (!isStopped) await timers.sleep(PAUSE_MS, stopping.signal);
    });
  }

  const stopping = new AbortController();
  return {
    start: () => seals.whenAppended(() => withoutReference(wake)),
    seal,
    refused: () => [...refused],
    async stop() {
      isStopped = true;
      stopping.abort();
      await seal().catch((error: unknown) => log.warn({ err: error }, 'the last events are not sealed yet'));
    },
  };
}

/**
 * Seals everything now. Updating messages and the witness is left to the running app.
 * @throws if events remain that can't be sealed, with why
 */
export async function sealOnce(
  deps: Pick<SealerDependencies, 'seals' | 'timers' | 'log' | 'takesAnyKey'>,
): Promise<void> {
  const ignored = () => undefined;
  await createSealer({ ...deps, onShown: ignored, onSealed: ignored, onRefused: ignored }).seal();
}

function unknownKey(ids: readonly string[]): UnsealedError {
  const which = ids.length === 1 ? `event ${ids[0]}` : `${ids.length} events, the first of them ${ids[0]},`;
  return new UnsealedError(
    `${which} of the audit log can’t be checked: it was written under another TOTP_ENCRYPTION_KEY`,
  );
}
