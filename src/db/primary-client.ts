import { Socket } from 'node:net';
import pg from 'pg';
import * as z from 'zod';
import { type BackendKey, requestCancel } from './server/cancel.js';
import type { Tls } from './server/tls.js';
import { rememberWords } from './errors.js';
import { readInTurns } from './in-turns.js';

/** The server is a standby: read-only, and perhaps out of date. */
class StandbyError extends Error {
  /** PostgreSQL's own code for a write there: read_only_sql_transaction. */
  readonly code = '25006';
  override readonly name = 'StandbyError';
  constructor() {
    super('the server is a standby, which takes no writes');
  }
}

/**
 * SQLSTATEs that drop a connection: read-only (25006), server going, or lost by a proxy. After a failover or a
 * provider's read-only guard, a pool would otherwise keep using it.
 */
const DROPPED_AFTER = /^(?:25006|08|57P)/u;
/** No statement and no idle connection lasts that long: the server is silently gone. */
const SILENT_AFTER_MS = 40_000;
/** A session's statement_timeout without a pooler. */
const POOLED_STATEMENT_MS = 10_000;
const CANCELLED_WITHIN_MS = 3_000;

/** pg's names for a server's first messages. */
const AUTHENTICATION = [
  'authenticationOk',
  'authenticationCleartextPassword',
  'authenticationMD5Password',
  'authenticationSASL',
];

const GREETING = `select pg_backend_pid() as pid, pg_is_in_recovery() as standby, current_setting('search_path') as path,
                         current_setting('server_version_num')::integer as version`;
const greetingRow = z.object({ pid: z.number(), standby: z.boolean(), version: z.number(), path: z.string() });

/** SQLSTATEs for a missing table, column or enum label, or a changed type. */
const OUTDATED = new Set(['42P01', '42703', '42704', '42804', '42883', '22P02', '3F000']);

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/** A connection to the primary; notices when it no longer is one. */
export class PrimaryClient extends pg.Client {
  /** Settings that the server reports at the start and on each change. */
  readonly #settings = new Map<string, string>();
  /** Adapts each statement to this database. */
  #translate: (sql: string) => string = (sql) => sql;
  #isStandby = false;
  #tellsOfStandby = false;
  #isLost = false;
  #wasAnswered = false;
  #key: BackendKey | null = null;
  #isPooled = false;
  #serverVersion = 0;
  /** Behind a pooler: cancels this connection's statement on the server. */
  #cancel: (() => void) | null = null;
  #isCancelled = false;
  /** null: no limit. */
  readonly #statementMs: number | null;

  /** `silentAfterMs`: drop the connection after so long without a word; null: never. */
  constructor(config: pg.ClientConfig, silentAfterMs: number | null = SILENT_AFTER_MS) {
    super(config);
    this.#statementMs = silentAfterMs === null ? null : Math.min(POOLED_STATEMENT_MS, silentAfterMs);
    const { connection } = this;
    connection.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) => {
      this.#settings.set(parameterName, parameterValue);
      // Reported by PostgreSQL 14 and newer.
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
    // An unhandled error would end the process.
    this.on('error', lose);
    this.on('end', lose);
    // By then the stream is final: TLS has replaced the first one.
    connection.once('readyForQuery', () => {
      if (connection.stream instanceof Socket) {
        connection.stream.on('timeout', () => this.#onSilence());
        readInTurns(connection.stream);
      }
      this.#hearWithin(silentAfterMs);
    });
    connection.on('readyForQuery', () => {
      if (this.#isCancelled) this.#hearWithin(this.#statementMs);
      this.#isCancelled = false;
    });
  }

  get isUsable(): boolean {
    return !this.#isLost;
  }

  /** Whether the server spoke PostgreSQL's protocol. */
  get wasAnswered(): boolean {
    return this.#wasAnswered;
  }

  /** Whether the server reports that it is, or becomes, a standby. If not, greet() asks. */
  get tellsOfStandby(): boolean {
    return this.#tellsOfStandby;
  }

  /** After greet(): whether a pooler answered. */
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

  get timeZone(): string {
    return this.#settings.get('TimeZone') ?? 'UTC';
  }

  /** null: unknown. PostgreSQL 18 and newer report it, and greet() asks for it. */
  get searchPath(): string | null {
    return this.#settings.get('search_path') ?? null;
  }

  /** Translates every later statement before it is sent; `onOutdated`: the translation's basis has changed. */
  speak(translate: (sql: string) => string, onOutdated: () => void): void {
    this.#translate = translate;
    this.connection.on('errorMessage', ({ code }: pg.DatabaseError) => {
      if (!OUTDATED.has(code ?? '')) return;
      this.#isLost = true;
      onOutdated();
    });
  }

  /**
   * Overrides a database's defaults that neither our statements nor pg's parsers understand. Poolers keep it per
   * client.
   */
  async settle(): Promise<void> {
    if (this.#settings.get('DateStyle')?.startsWith('ISO') === false) await this.query('set DateStyle = ISO');
    if (this.#settings.get('standard_conforming_strings') === 'off') {
      await this.query('set standard_conforming_strings = on');
    }
  }

  /** Asks what the server is like. A pooler without a free server may keep it waiting. */
  async greet(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.connection.stream.destroy(new Error('timeout expired')), withinMs);
    try {
      const { rows } = await this.query(GREETING);
      const { pid, standby, version, path } = greetingRow.parse(rows[0]);
      this.#settings.set('search_path', path);
      this.#isStandby = standby;
      this.#serverVersion = version;
      this.#isPooled = pid !== this.#key?.processID;
    } finally {
      clearTimeout(timer);
    }
  }

  /** @throws StandbyError */
  refuseStandby(): void {
    if (this.#isStandby) throw new StandbyError();
  }

  /**
   * For a pooler, where transactions switch sessions: no named statements, and timeouts kept here. A slow statement is
   * cancelled on the server: closing the connection would leave it running, with its locks.
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

  /** All statements leave here, whoever sends them. */
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
    // pg's own flag: no statement is running.
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
