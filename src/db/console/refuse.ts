import { codeOf } from '../embedded/errors.js';
import { asRefusal } from '../errors.js';
import { LIMIT_REACHED } from '../server/limits.js';
import type { Say } from './adopt.js';
import type { Ask } from './ask.js';
import { describeFinding, describeFindings, type Finding } from './finding.js';
import { judge, type Judgement, type Judging } from './judge.js';
import { ConsoleTableError, TableInUseError } from './refusal.js';
import { whenFree } from './trial.js';

const UNCHANGED = 'Nothing was changed.';

/**
 * Judges a database before it is migrated; waits while the console's table is locked exclusively. `isCuredHere`: what
 * migrating will cure. Answers what will fail now and then, for people.
 * @throws ConsoleTableError with what is wrong and what to run
 */
export async function refuseBeforeMigrating(
  ask: Ask,
  judging: Pick<Judging, 'inspected' | 'lacksMigrations' | 'role'>,
  say: Say,
  isCuredHere: (finding: Finding) => boolean,
): Promise<readonly string[]> {
  const judgement = await whenFree(say, () => judge(ask, { ...judging, tries: true, addsColumns: true, isCuredHere }));
  refuse(judgement, isCuredHere);
  const { findings, parties } = judgement;
  return findings
    .filter(({ weight }) => weight === 'limits')
    .map((finding) => describeFinding(finding, parties.curers));
}

/**
 * Judges a database before the app uses it.
 * @throws ConsoleTableError with what is wrong and what to run
 */
export async function refuseUnusable(ask: Ask, judging: Judging, say: Say): Promise<void> {
  refuse(await judgeOrAsk(ask, judging, say));
}

/** Judges without waiting for an exclusive lock on the table: then by the catalog alone. */
export async function judgeOrAsk(ask: Ask, judging: Judging, say: Say = () => undefined): Promise<Judgement> {
  try {
    return await judge(ask, judging);
  } catch (error) {
    if (!judging.tries || !(error instanceof TableInUseError)) throw error;
    say('Somebody has the console’s table for themselves, so what the app writes to it was not tried.');
    return judge(ask, { ...judging, tries: false });
  }
}

function refuse({ parties, findings }: Judgement, isCuredHere: (finding: Finding) => boolean = () => false): void {
  const blocking = findings.filter((finding) => finding.weight === 'blocks' && !isCuredHere(finding));
  if (blocking.length > 0) throw new ConsoleTableError(describeFindings(blocking, parties.curers, UNCHANGED));
}

/** Turns PostgreSQL's errors in `work` into sentences. */
export async function inWords<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const limit = LIMIT_REACHED[codeOf(error) ?? ''];
    // May pass: a lock ends, and whoever cancelled it won't always. So the app must not stay down.
    if (limit !== undefined) throw new TableInUseError(tooSlow(limit), { cause: error });
    const refusal = asRefusal(error);
    if (refusal === null) throw error;
    throw new ConsoleTableError(
      `PostgreSQL does not let the app ${doing}: “${refusal.words}”. What it may lack: flag-promotions migrate --sql`,
      { cause: error },
    );
  }
}

/** Directly, the app lifts an account's limits by itself. */
const tooSlow = (limit: string): string =>
  `PostgreSQL ended a statement: the account’s ${limit} is too short for it, or somebody cancelled it. Set DATABASE_DIRECT_URL to PostgreSQL’s own address, or run: alter role … set ${limit} = 0. Then try again.`;
