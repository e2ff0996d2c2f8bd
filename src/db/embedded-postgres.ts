import { EmbeddedPostgresError, messageOf } from './embedded/errors.js';
import { runServer } from './embedded/server.js';

export { EmbeddedPostgresError };

export interface EmbeddedPostgres {
  /** Of the superuser; holds the password, so it must not be logged. */
  readonly connectionString: string;
  /** Whether the server was already running, left by a killed process or shared with a living one. */
  readonly adopted: boolean;
  /**
   * Ends this process's use of the server. The last process to do so shuts it down and waits until it is gone (10 s,
   * then at once, without losing committed data). Close the own connections first: they are cut.
   * @throws EmbeddedPostgresError where it does not end.
   */
  stop(): Promise<void>;
}

/**
 * Starts (or adopts) the project's own PostgreSQL with its data in `<dataDir>/postgres`, and creates `database` in it
 * where it is missing.
 *
 * The server listens on a free port of 127.0.0.1, with a random password kept in its folder. It survives this process:
 * after a SIGKILL the next start finds the running server again. Several processes with the same DATA_DIR share one
 * server. Root hands it to the owner of the data, or to `nobody`.
 * @throws EmbeddedPostgresError with what happened, what it means and what to do; at the latest after a minute.
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  database?: string;
  log?: (line: string) => void;
}): Promise<EmbeddedPostgres> {
  const { dataDir, database = 'flag_promotions', log = () => undefined } = options;
  try {
    return await runServer({ dataDir, database, log });
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL in ${dataDir} could not be started: ${messageOf(error)}. Check the folder's permissions ` +
        'and free space, or set DATABASE_URL to use your own PostgreSQL.',
      { cause: error },
    );
  }
}
