import type { DatabaseConfig } from '../config.js';
import { describeAdopted } from '../db/console/describe.js';
import { scriptOf } from '../db/console/script.js';
import { migrate, rollBackAll, rollBackTo } from '../db/migrate.js';
import { describeDatabase, otherRunner, reachServer, withMigrationUrl } from '../db/open.js';
import { judgeFor } from '../db/usable.js';

export interface MigrateOptions {
  readonly rollback?: boolean;
  readonly to?: string;
  readonly sql?: boolean;
  readonly role?: string;
}

interface Around {
  /** Hears of progress, each line perhaps several times. */
  readonly say: (line: string) => void;
  readonly log: Parameters<typeof reachServer>[2];
}

/** The command `migrate`. Returns the lines to print. @throws what {@link migrate} and {@link reachServer} throw */
export async function runMigrate(
  config: DatabaseConfig,
  options: MigrateOptions,
  { say, log }: Around,
): Promise<readonly string[]> {
  const undoes = options.to !== undefined || options.rollback === true;
  const database = await reachServer(config.database, !undoes && options.sql !== true, log);
  try {
    const role = options.role ?? (undoes ? null : await otherRunner(database));
    return await withMigrationUrl(database, (url) =>
      options.sql === true ? script(url, role, config) : asAsked(url, { ...options, role }, config, say),
    );
  } finally {
    await database.close();
  }
}

async function asAsked(
  url: string,
  { rollback, to, role }: Omit<MigrateOptions, 'role'> & { readonly role: string | null },
  { console: settings }: DatabaseConfig,
  say: (line: string) => void,
): Promise<readonly string[]> {
  if (to !== undefined) {
    const names = await rollBackTo(url, to);
    return [names.length === 0 ? 'Nothing to undo.' : `Undone: ${names.toReversed().join(', ')}.`];
  }
  if (rollback === true) {
    const isAllGone = await rollBackAll(url, { console: settings, say });
    const left = 'The schema flag_promotions stays: it is another account’s, or holds something else.';
    return ['Every migration is undone.', ...(isAllGone ? [] : [left])];
  }
  const { promotions, notes } = await migrate(url, { console: settings, say, survey: true, role });
  return [...(promotions === null ? [] : describeAdopted(promotions)), ...notes, 'The schema is up to date.'];
}

/** The SQL for others to run. */
async function script(
  url: string,
  role: string | null,
  { database, console: settings }: DatabaseConfig,
): Promise<readonly string[]> {
  return scriptOf(await judgeFor(url, settings, role), describeDatabase(database));
}
