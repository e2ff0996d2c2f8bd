import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../embedded/errors.js';
import { asRefusal } from '../errors.js';
import type { Say } from './adopt.js';
import type { Ask } from './ask.js';
import { describeFinding, describeFindings, type Finding } from './finding.js';
import { judge, type Judgement, type Judging } from './judge.js';
import { ConsoleTableError } from './refusal.js';
import { encodingFault } from './rights.js';

/** lock_not_available, query_canceled, deadlock_detected: somebody has the table for themselves. */
const IN_USE = new Set(['55P03', '57014', '40P01']);
const TRY_AGAIN_AFTER_MS = 2_000;
const GIVE_UP_AFTER_MS = 10 * 60_000;

const UNCHANGED = 'Nothing was changed.';

/**
 * Judges a database before it is migrated. While somebody has the console's table for themselves, it waits. `isCuredHere`: what
 * migrating itself will cure. Answers what will fail now and then, in lines for people.
 * @throws ConsoleTableError with what is wrong and what to run
 */
export async function refuseBeforeMigrating(
  ask: Ask,
  judging: Omit<Judging, 'tries'>,
  say: Say,
  isCuredHere: (finding: Finding) => boolean,
): Promise<readonly string[]> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS;
  for (;;) {
    try {
      const judgement = await judge(ask, { ...judging, tries: true });
      refuse(judgement, isCuredHere);
      const { findings, parties } = judgement;
      return findings
        .filter(({ weight }) => weight === 'limits')
        .map((finding) => describeFinding(finding, parties.curers));
    } catch (error) {
      if (!IN_USE.has(codeOf(error) ?? '')) throw error;
      if (performance.now() > giveUpAt) {
        throw new ConsoleTableError(
          `Somebody has had the console’s table for themselves for ten minutes. Let that transaction end, then migrate again. ${UNCHANGED}`,
        );
      }
      say('Somebody has the console’s table for themselves: trying again.');
      await sleep(TRY_AGAIN_AFTER_MS);
    }
  }
}

/**
 * Judges a database that is about to be worked with.
 * @throws ConsoleTableError with what is wrong and what to run
 */
export async function refuseUnusable(ask: Ask, judging: Judging, say: Say): Promise<void> {
  refuse(await judgeOrAsk(ask, judging, say));
}

/** Judges without waiting for whoever has the table for themselves: then only the catalog is asked. */
export async function judgeOrAsk(ask: Ask, judging: Judging, say: Say = () => undefined): Promise<Judgement> {
  try {
    return await judge(ask, judging);
  } catch (error) {
    if (!judging.tries || !IN_USE.has(codeOf(error) ?? '')) throw error;
    say('Somebody has the console’s table for themselves, so what the app writes to it was not tried.');
    return judge(ask, { ...judging, tries: false });
  }
}

function refuse({ parties, findings }: Judgement, isCuredHere: (finding: Finding) => boolean = () => false): void {
  const blocking = findings.filter((finding) => finding.weight === 'blocks' && !isCuredHere(finding));
  if (blocking.length > 0) throw new ConsoleTableError(describeFindings(blocking, parties.curers, UNCHANGED));
}

/**
 * Before anything else is asked, because our own questions are not only ASCII.
 * @throws ConsoleTableError
 */
export async function refuseEncoding(ask: Ask): Promise<void> {
  const says = await encodingFault(ask);
  if (says !== null) throw new ConsoleTableError(`${says} ${UNCHANGED}`);
}

/** Nobody sees what PostgreSQL says on its own: what it refuses in `work` is told in a sentence. */
export async function inWords<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal === null) throw error;
    throw new ConsoleTableError(
      `PostgreSQL does not let the app ${doing}: “${refusal.words}”. What it may lack: flag-promotions migrate --sql`,
      { cause: error },
    );
  }
}
