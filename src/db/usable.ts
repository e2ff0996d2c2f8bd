import type { Say } from './console/adopt.js';
import { type Ask, askOf } from './console/ask.js';
import { inspectConsole } from './console/ensure.js';
import { describeFinding } from './console/finding.js';
import { judge, type Judgement, type Judging } from './console/judge.js';
import { inWords, refuseEncoding, refuseUnusable } from './console/refuse.js';
import { readParties } from './console/judged.js';
import { judgeWrites } from './console/rights.js';
import type { ConsoleSettings } from './console/settings.js';
import { progressOf, withClient } from './migrate.js';
import { ServerError } from './server/trouble.js';

/* Whether the app can do its work in a database, as it is now. */

async function judgingOf(ask: Ask, settings: ConsoleSettings): Promise<Pick<Judging, 'inspected' | 'lacksMigrations'>> {
  await refuseEncoding(ask);
  const inspected = await inspectConsole(ask, settings);
  return { inspected, lacksMigrations: (await progressOf(ask)) === 'behind' };
}

/**
 * Before the app works with a database. `tries`: also by doing.
 * @throws ConsoleTableError where it can't do its work, with what to run
 */
export async function refuseUnusableDatabase(
  connectionString: string,
  settings: ConsoleSettings,
  { say = () => undefined, tries }: { readonly say?: Say; readonly tries: boolean },
): Promise<void> {
  await withClient(connectionString, (client) =>
    inWords('work with the database', async () => {
      const ask = askOf(client);
      await refuseUnusable(ask, { ...(await judgingOf(ask, settings)), role: null, tries }, say);
    }),
  );
}

/**
 * Before anything is written at a start. A supervisor should try again: a provider's guard is lifted, and then nobody thinks of
 * this app.
 * @throws ServerError where the database takes no writes
 */
export async function requireWrites(connectionString: string): Promise<void> {
  await withClient(connectionString, async (client) => {
    const ask = askOf(client);
    const [finding] = await judgeWrites(ask);
    if (finding === undefined) return;
    const { curers } = await readParties(ask, { oid: null, schema: '' }, null);
    throw new ServerError('DATABASE_URL', { kind: 'read_only', says: describeFinding(finding, curers), mayPass: true });
  });
}

/**
 * What stands in the app's way, and who has to run what, for the account itself or for the `role` that runs the app.
 * @throws ConsoleTableError where it isn't clear which table is meant, or SQL would not help
 */
export async function judgeFor(
  connectionString: string,
  settings: ConsoleSettings,
  role: string | null,
): Promise<Judgement> {
  return withClient(connectionString, (client) =>
    inWords('look at the database', async () => {
      const ask = askOf(client);
      return judge(ask, { ...(await judgingOf(ask, settings)), role, tries: true });
    }),
  );
}
