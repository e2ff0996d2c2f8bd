import { setTimeout as sleep } from 'node:timers/promises';
import { findPlace, type Place } from './embedded/account.js';
import { EmbeddedPostgresError, messageOf, unlessCode } from './embedded/errors.js';
import {
  type LaunchOptions,
  type Launched,
  launch,
  leaveServer,
  logTail,
  lookForServer,
  type Use,
} from './embedded/server.js';
import { NoDatabaseError } from './errors.js';

export { EmbeddedPostgresError };

const START_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 40;

export interface EmbeddedPostgres {
  /** The superuser's. It holds the password: don't log it. */
  readonly connectionString: string;
  /** Whether the server ran already, for another process or left by a killed one. */
  readonly adopted: boolean;
  /** Ends this process's use; the last user stops the server. Close your connections first, or they are cut. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  readonly dataDir: string;
  /** Whether to create the data folder and `database` if missing. */
  readonly create: boolean;
  readonly database?: string;
  readonly log?: (line: string) => void;
  /** Called if the server ends, or drops this process's session. It isn't restarted. */
  readonly onLost?: () => void;
  /** Merged over the server's usual settings. */
  readonly settings?: Readonly<Record<string, string>>;
  /** False: the server gets the signals of this process's group, such as Ctrl-C. */
  readonly detached?: boolean;
}

/**
 * Uses the project's own PostgreSQL in `<dataDir>/postgres`: the running server, or one that it starts on a free port
 * of 127.0.0.1. The server survives a SIGKILL of this process, and the next start adopts it.
 * @throws NoDatabaseError if there is no database and `create` is false
 * @throws EmbeddedPostgresError if it can't be started, after a minute at the latest
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, create, database = 'flag_promotions', log = () => undefined, onLost = () => undefined } = options;
  try {
    const place = await findPlace(dataDir, create);
    const { use, adopted } = await acquire(place, { ...options, log });
    log(`${adopted ? 'using the running' : 'started'} PostgreSQL, pid ${use.pid}, in ${place.cluster}`);
    let left: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      left ??= leaveServer(place, use, log);
      return left;
    };
    use.session.once('end', () => {
      if (left !== undefined) return;
      left = Promise.resolve();
      onLost();
    });
    try {
      if (create) await createDatabase(use, database);
    } catch (error) {
      await stop();
      throw error;
    }
    return { connectionString: use.connectionString(database), adopted, stop };
  } catch (error) {
    if (error instanceof EmbeddedPostgresError || error instanceof NoDatabaseError) throw error;
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL in ${dataDir} could not be started: ${messageOf(error)}. Check the permissions and the ` +
        'free space of DATA_DIR, or set DATABASE_URL to the URL of a PostgreSQL server.',
      { cause: error },
    );
  }
}

async function acquire(place: Place, options: LaunchOptions): Promise<{ use: Use; adopted: boolean }> {
  const deadline = Date.now() + START_LIMIT_MS;
  let launched: Launched | undefined;
  let why = '';
  while (Date.now() < deadline) {
    const look = await lookForServer(place);
    if (look.kind === 'running') return { use: look.use, adopted: launched?.pid !== look.use.pid };
    if (look.kind === 'busy') why = look.why;
    if (launched?.ended !== undefined) {
      why = await reasonToRetry(place, launched);
      launched = undefined;
    } else if (look.kind === 'absent' && launched === undefined) {
      launched = await launch(place, options, look.stalePid);
    }
    await sleep(LOOK_EVERY_MS);
  }
  throw failure(place, `wasn't ready within ${START_LIMIT_MS / 1000} s`, `${why}\n${await logTail(place, 0)}`);
}

/** @throws EmbeddedPostgresError if a retry can't help */
async function reasonToRetry(place: Place, launched: Launched): Promise<string> {
  const tail = await logTail(place, launched.logOffset);
  // Another process was faster, or a dying server still holds a lock: both pass.
  if (/lock file|pre-existing shared memory|could not (bind|create any TCP)/iu.test(tail)) return tail;
  throw failure(place, `ended at once (${launched.ended})`, tail);
}

function failure(place: Place, what: string, tail: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The embedded PostgreSQL in ${place.cluster} ${what}. No data was changed. ${place.logFile} ends with:\n${tail.trim()}`,
  );
}

async function createDatabase({ session }: Use, database: string): Promise<void> {
  const { rowCount } = await session.query('select 1 from pg_database where datname = $1', [database]);
  if (rowCount !== 0) return;
  const made = session.query(`create database ${session.escapeIdentifier(database)} template template0`);
  // A process that starts at the same time may create it first.
  await unlessCode(made, '42P04', '23505');
}
