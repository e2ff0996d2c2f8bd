import type { Say } from './console/adopt.js';
import { type Ask, askOf } from './console/ask.js';
import { refuseWithoutBasics } from './console/basics.js';
import { type Inspected, inspectConsole } from './console/ensure.js';
import { describeFinding } from './console/finding.js';
import { judge, type Judgement, type Judging } from './console/judge.js';
import { inWords, refuseUnusable } from './console/refuse.js';
import { readParties } from './console/judged.js';
import { judgeWrites } from './console/rights.js';
import { whenFree } from './console/trial.js';
import type { ConsoleSettings } from './console/settings.js';
import { isUpToDate, type Progress, progressOf, withClient } from './migrate.js';
import { ServerError } from './server/trouble.js';

/* Whether the app can work in a database as it is now. */

interface Looked {
  readonly inspected: Inspected;
  readonly progress: Progress;
}

async function look(ask: Ask, settings: ConsoleSettings): Promise<Looked> {
  return { inspected: await inspectConsole(ask, settings), progress: await progressOf(ask) };
}

const judgingOf = ({ inspected, progress }: Looked): Pick<Judging, 'inspected' | 'lacksMigrations'> => ({
  inspected,
  lacksMigrations: progress === 'behind',
});

interface Preparing {
  readonly say?: Say;
  /** Whether to rehearse the writes, too. */
  readonly tries: boolean;
}

/**
 * To be called before the app uses a database. Answers what it is like.
 * @throws ConsoleTableError if it can't work there, with what to run
 */
export async function refuseUnusableDatabase(
  connectionString: string,
  settings: ConsoleSettings,
  { say = () => undefined, tries }: Preparing,
): Promise<Inspected> {
  return withClient(connectionString, (client) =>
    inWords('work with the database', async () => {
      const ask = askOf(client);
      await refuseWithoutBasics(ask);
      const looked = await whenFree(say, () => look(ask, settings));
      await refuseUnusable(ask, { ...judgingOf(looked), role: null, tries }, say);
      return looked.inspected;
    }),
  );
}

/**
 * The same for most starts, which look once. Null: there is something to migrate, and nothing was judged.
 * @throws ServerError if the database is read-only
 * @throws ConsoleTableError if the app can't work there, with what to run
 */
export async function inspectUpToDate(
  connectionString: string,
  settings: ConsoleSettings,
  { say }: { readonly say: Say },
): Promise<Inspected | null> {
  return inWords('migrate', () =>
    withClient(connectionString, async (client) => {
      const ask = askOf(client);
      await refuseWithoutBasics(ask);
      await requireWrites(ask);
      const looked = await whenFree(say, () => look(ask, settings));
      const { inspected, progress } = looked;
      if (!isUpToDate(inspected, progress, settings)) return null;
      await inWords('work with the database', () =>
        refuseUnusable(ask, { ...judgingOf(looked), role: null, tries: true }, say),
      );
      return inspected;
    }),
  );
}

/** Before any write. A supervisor should retry what may pass: a provider lifts its guard, or a standby is promoted. */
async function requireWrites(ask: Ask): Promise<void> {
  const [finding] = await judgeWrites(ask);
  if (finding === undefined) return;
  const { curers } = await readParties(ask, { oid: null, schema: '' }, null);
  const trouble = { kind: 'read_only', says: describeFinding(finding, curers) };
  throw new ServerError('DATABASE_URL', finding.mayPass === true ? { ...trouble, mayPass: true } : trouble);
}

/**
 * What prevents the app from working, and who has to run what, for this account or the `role` that runs the app.
 * @throws ConsoleTableError if it is unclear which table is meant, or SQL can't help
 */
export async function judgeFor(
  connectionString: string,
  settings: ConsoleSettings,
  role: string | null,
): Promise<Judgement> {
  return withClient(connectionString, (client) =>
    inWords('look at the database', async () => {
      const ask = askOf(client);
      await refuseWithoutBasics(ask);
      if (role !== null) await refuseWithoutBasics(ask, role);
      return judge(ask, { ...judgingOf(await look(ask, settings)), role, tries: true });
    }),
  );
}
