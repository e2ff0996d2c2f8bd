import { Socket } from 'node:net';
import pg from 'pg';

/** The server is a standby: it takes no writes, and what it tells may be out of date. */
class StandbyError extends Error {
  /** PostgreSQL's own for a write there: read_only_sql_transaction. */
  readonly code = '25006';
  override readonly name = 'StandbyError';
  constructor() {
    super('the server is a standby, which takes no writes');
  }
}

/**
 * SQLSTATEs after which a connection is dropped: it takes no writes (25006), or the server is going, or a proxy lost it. After
 * a failover, or a provider's read-only guard, such a connection would stay as it is for as long as something uses it.
 */
const DROPPED_AFTER = /^(?:25006|08|57P)/u;
/** No statement takes that long, and no idle connection lives that long: the server is gone without a word. */
const SILENT_AFTER_MS = 40_000;

/** A pool's connection to the primary, which knows when it is one no longer. */
export class PrimaryClient extends pg.Client {
  #isStandby = false;
  #isLost = false;

  constructor(config: pg.ClientConfig, silentAfterMs = SILENT_AFTER_MS) {
    super(config);
    const { connection } = this;
    // PostgreSQL 14 and newer tell it at the start and whenever it changes.
    connection.on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
      if (status.parameterName === 'in_hot_standby') this.#isStandby = status.parameterValue === 'on';
    });
    connection.on('errorMessage', ({ code }: pg.DatabaseError) => {
      if (DROPPED_AFTER.test(code ?? '')) this.#isLost = true;
    });
    // By then the stream is the one that stays: TLS takes the place of the first.
    connection.once('readyForQuery', () => {
      const { stream } = connection;
      if (stream instanceof Socket) {
        stream.setTimeout(silentAfterMs, () =>
          stream.destroy(new Error('connection terminated: the server fell silent')),
        );
      }
    });
  }

  /** For a pool: whether it can be used again. */
  get isUsable(): boolean {
    return !this.#isLost;
  }

  /** Ends a new connection that leads to a standby. @throws StandbyError */
  async refuseStandby(): Promise<void> {
    if (!this.#isStandby) return;
    await this.end();
    throw new StandbyError();
  }
}
