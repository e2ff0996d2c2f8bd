import { Socket } from 'node:net';
import pg from 'pg';
import * as z from 'zod';
import { type BackendKey, requestCancel } from './server/cancel.js';
import type { Tls } from './server/tls.js';
import { rememberWords } from './errors.js';

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
/** As a session's statement_timeout is without a pooler. */
const POOLED_STATEMENT_MS = 10_000;
const CANCELLED_WITHIN_MS = 3_000;

/** pg's names of what a server says first. */
const AUTHENTICATION = [
  'authenticationOk',
  'authenticationCleartextPassword',
  'authenticationMD5Password',
  'authenticationSASL',
];

const GREETING = `select pg_backend_pid() as pid, pg_is_in_recovery() as standby,
                         current_setting('server_version_num')::integer as version`;
const greetingRow = z.object({ pid: z.number(), standby: z.boolean(), version: z.number() });

/** SQLSTATEs that say that a table, a column or an enum's word is no longer there, or of another type. */
const OUTDATED = new Set(['42P01', '42703', '42704', '42804', '42883', '22P02', '3F000']);

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/** A pool's connection to the primary, which knows when it is one no longer. */
export class PrimaryClient extends pg.Client {
  /** What the server tells of the session by itself, at the start and whenever it changes. */
  readonly #settings = new Map<string, string>();
  /** How each statement is said to this database. */
  #translate: (sql: string) => string = (sql) => sql;
  #isStandby = false;
  #tellsOfStandby = false;
  #isLost = false;
  #wasAnswered = false;
  #key: BackendKey | null = null;
  #isPooled = false;
  #serverVersion = 0;
  /** Behind a pooler: has the server cancel what it does for this connection. */
  #cancel: (() => void) | null = null;
  #isCancelled = false;
  /** null: a statement may take its time. */
  readonly #statementMs: number | null;

  /** `silentAfterMs`: after how long without a word the connection is given up; null: never. */
  constructor(config: pg.ClientConfig, silentAfterMs: number | null = SILENT_AFTER_MS) {
    super(config);
    this.#statementMs = silentAfterMs === null ? null : Math.min(POOLED_STATEMENT_MS, silentAfterMs);
    const { connection } = this;
    connection.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) => {
      this.#settings.set(parameterName, parameterValue);
      // PostgreSQL 14 and newer tell it at the start and whenever it changes.
      if (parameterName !== 'in_hot_standby') return;
      this.#tellsOfStandby = true;
      this.#isStandby = parameterValue === 'on';
    });
    this.#translateAll();
    for (const question of AUTHENTICATION) {
      connection.once(question, () => {
        this.#wasAnswered = true;
      });
    }
    connection.on('backendKeyData', (key: BackendKey) => {
      this.#key = key;
    });
    connection.on('errorMessage', (error: pg.DatabaseError) => {
      rememberWords(error);
      if (DROPPED_AFTER.test(error.code ?? '')) this.#isLost = true;
    });
    const lose = () => {
      this.#isLost = true;
    };
    // An error that nobody hears would end the process.
    this.on('error', lose);
    this.on('end', lose);
    // By then the stream is the one that stays: TLS takes the place of the first.
    connection.once('readyForQuery', () => {
      if (connection.stream instanceof Socket) connection.stream.on('timeout', () => this.#onSilence());
      this.#hearWithin(silentAfterMs);
    });
    connection.on('readyForQuery', () => {
      if (this.#isCancelled) this.#hearWithin(this.#statementMs);
      this.#isCancelled = false;
    });
  }

  /** For a pool: whether it can be used again. */
  get isUsable(): boolean {
    return !this.#isLost;
  }

  /** Whether anybody spoke PostgreSQL's protocol. */
  get wasAnswered(): boolean {
    return this.#wasAnswered;
  }

  /** Whether the server says by itself that it is a standby, or becomes one. If not, greet() asks. */
  get tellsOfStandby(): boolean {
    return this.#tellsOfStandby;
  }

  /** After greet(): whether what answered the connection is not the server itself. */
  get isPooled(): boolean {
    return this.#isPooled;
  }

  /** After greet(): such as 130022. */
  get serverVersion(): number {
    return this.#serverVersion;
  }

  get isStandby(): boolean {
    return this.#isStandby;
  }

  /** The session's TimeZone. */
  get timeZone(): string {
    return this.#settings.get('TimeZone') ?? 'UTC';
  }

  /** From now on each statement is translated before it is sent; `onOutdated`: what the translation is made for has changed. */
  speak(translate: (sql: string) => string, onOutdated: () => void): void {
    this.#translate = translate;
    this.connection.on('errorMessage', ({ code }: pg.DatabaseError) => {
      if (!OUTDATED.has(code ?? '')) return;
      this.#isLost = true;
      onOutdated();
    });
  }

  /** Sets what a database may have by default, and neither our statements nor pg's parsers know. Poolers keep it apart. */
  async settle(): Promise<void> {
    if (this.#settings.get('DateStyle')?.startsWith('ISO') === false) await this.query('set DateStyle = ISO');
    if (this.#settings.get('standard_conforming_strings') === 'off') {
      await this.query('set standard_conforming_strings = on');
    }
  }

  /** Asks what the server is like. A pooler that has no server free may keep it waiting. */
  async greet(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.connection.stream.destroy(new Error('timeout expired')), withinMs);
    try {
      const { rows } = await this.query(GREETING);
      const { pid, standby, version } = greetingRow.parse(rows[0]);
      this.#isStandby = standby;
      this.#serverVersion = version;
      this.#isPooled = pid !== this.#key?.processID;
    } finally {
      clearTimeout(timer);
    }
  }

  /** @throws StandbyError if it leads to a standby */
  refuseStandby(): void {
    if (this.#isStandby) throw new StandbyError();
  }

  /**
   * To be called behind a pooler, where each transaction may have another session: so nothing is prepared by name, and
   * statements are bounded from this side. A slow one is cancelled on the server, because the end of this connection alone
   * would leave it running there, with its locks.
   */
  usePooler(tls: Tls): void {
    const query = this.query.bind(this);
    Object.defineProperty(this, 'query', {
      value: (statement: unknown, ...rest: unknown[]) => Reflect.apply(query, this, [withoutName(statement), ...rest]),
    });
    this.#cancel = () => {
      if (this.#key !== null) requestCancel({ host: this.host, port: this.port, tls }, this.#key);
    };
    this.#hearWithin(this.#statementMs);
  }

  /** At the one place where statements leave, whoever asks. */
  #translateAll(): void {
    const { connection } = this;
    const query = connection.query.bind(connection);
    const parse = connection.parse.bind(connection);
    connection.query = (text) => query(this.#translate(text));
    connection.parse = (statement, more) => parse({ ...statement, text: this.#translate(statement.text) }, more);
  }

  #hearWithin(ms: number | null): void {
    const { stream } = this.connection;
    if (stream instanceof Socket) stream.setTimeout(ms ?? 0);
  }

  #onSilence(): void {
    if (this.#cancel === null || this.#isCancelled) {
      this.connection.stream.destroy(new Error('connection terminated: the server fell silent'));
      return;
    }
    // pg's own mark: it waits for no answer.
    if (Reflect.get(this, 'readyForQuery') === true) return;
    this.#isCancelled = true;
    this.#cancel();
    this.#hearWithin(CANCELLED_WITHIN_MS);
  }
}

function withoutName(statement: unknown): unknown {
  return typeof statement === 'object' && statement !== null && 'name' in statement
    ? { ...statement, name: undefined }
    : statement;
}
