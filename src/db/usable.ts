import type { Say } from './console/adopt.js';
import { type Ask, askOf } from './console/ask.js';
import { inspectConsole } from './console/ensure.js';
import { describeFinding } from './console/finding.js';
import { judge, type Judgement, type Judging } from './console/judge.js';
import { inWords, refuseEncoding, refuseMissingRole, refuseUnusable } from './console/refuse.js';
import { readParties } from './console/judged.js';
import { judgeWrites } from './console/rights.js';
import { whenFree } from './console/trial.js';
import type { ConsoleSettings } from './console/settings.js';
import { isMigrated, progressOf, withClient } from './migrate.js';
import { ServerError } from './server/trouble.js';

/* Whether the app can work in a database as it is now. */

async function judgingOf(ask: Ask, settings: ConsoleSettings): Promise<Pick<Judging, 'inspected' | 'lacksMigrations'>> {
  await refuseEncoding(ask);
  const inspected = await inspectConsole(ask, settings);
  return { inspected, lacksMigrations: (await progressOf(ask)) === 'behind' };
}

interface Preparing {
  readonly say?: Say;
  /** Whether to rehearse the writes, too. */
  readonly tries: boolean;
}

/**
 * To be called before the app uses a database.
 * @throws ConsoleTableError if it can't work there, with what to run
 */
export async function refuseUnusableDatabase(
  connectionString: string,
  settings: ConsoleSettings,
  options: Preparing,
): Promise<void> {
  await withClient(connectionString, (client) => refuseUnusableBy(askOf(client), settings, options));
}

async function refuseUnusableBy(
  ask: Ask,
  settings: ConsoleSettings,
  { say = () => undefined, tries }: Preparing,
): Promise<void> {
  await inWords('work with the database', async () => {
    const judging = await whenFree(say, () => judgingOf(ask, settings));
    await refuseUnusable(ask, { ...judging, role: null, tries }, say);
  });
}

/**
 * What most starts need, on one connection. False: there is something to migrate, and nothing was judged.
 * @throws ServerError if the database is read-only
 * @throws ConsoleTableError if the app can't work there, with what to run
 */
export async function isUpToDate(
  connectionString: string,
  settings: ConsoleSettings,
  { say }: { readonly say: Say },
): Promise<boolean> {
  return withClient(connectionString, async (client) => {
    const ask = askOf(client);
    await requireWrites(ask);
    if (!(await inWords('migrate', () => isMigrated(ask, settings, say)))) return false;
    await refuseUnusableBy(ask, settings, { say, tries: true });
    return true;
  });
}

/** Before any write. A supervisor should retry: a provider lifts its guard, and nobody thinks of this app. */
async function requireWrites(ask: Ask): Promise<void> {
  const [finding] = await judgeWrites(ask);
  if (finding === undefined) return;
  const { curers } = await readParties(ask, { oid: null, schema: '' }, null);
  throw new ServerError('DATABASE_URL', { kind: 'read_only', says: describeFinding(finding, curers), mayPass: true });
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
      await refuseMissingRole(ask, role);
      return judge(ask, { ...(await judgingOf(ask, settings)), role, tries: true });
    }),
  );
}
