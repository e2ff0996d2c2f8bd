import { types } from 'node:util';
import pg from 'pg';

/** The database is missing, or lacks this version's schema. `message` says what to do. */
export class NoDatabaseError extends Error {
  readonly code = 'no_database';
  override readonly name = 'NoDatabaseError';
}

/** `migrate --to` names a migration that the database doesn't have. `message` says which it has. */
export class NoMigrationError extends Error {
  override readonly name = 'NoMigrationError';
}

/** The audit log is too broken to be exported. `message` says where and what to run. */
export class AuditLogError extends Error {
  override readonly name = 'AuditLogError';
}

/** The database belongs to another Slack workspace: two would split the alerts. */
export class OtherWorkspaceError extends Error {
  readonly code = 'other_workspace';
  override readonly name = 'OtherWorkspaceError';
  constructor(recorded: string, own: string) {
    super(
      `This database belongs to the Slack workspace ${recorded}, but SLACK_BOT_TOKEN is of ${own}. ` +
        `Use a token of ${recorded} or another database. To move it: flag-promotions workspace set ${own}`,
    );
  }
}

/**
 * SQLSTATE classes (https://www.postgresql.org/docs/current/errcodes-appendix.html) of a server that can't work now.
 */
const UNAVAILABLE_SQLSTATE = /^(?:08|25006|53|57P|58|55P03|57014|XX)/u;
const UNAVAILABLE_ERRNO: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'ENOENT',
]);

/**
 * By somebody's function: by a RAISE, whose SQLSTATE may be any, also an outage's (PostgreSQL's source tells), or because
 * it can't reach another server: only a function's error has a context.
 */
const isRaised = (error: unknown): boolean =>
  error instanceof pg.DatabaseError &&
  (error.routine === 'exec_stmt_raise' || (error.code?.startsWith('08') === true && error.where !== undefined));

/** Not `instanceof`: under Jest, system errors come from another realm. */
const isError = types.isNativeError;

/** Whether the database was unreachable or couldn't work, rather than refusing the statement. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!isError(error) || isRaised(error)) return false;
  if (error.name === 'KnexTimeoutError') return true;
  if ('errors' in error && Array.isArray(error.errors) && error.errors.some(isDatabaseUnavailable)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (UNAVAILABLE_ERRNO.has(code) || UNAVAILABLE_SQLSTATE.test(code)) return true;
  return /connection terminated|timeout expired|timeout exceeded when trying to connect|connection ended/iu.test(
    error.message,
  );
}

/** SQLSTATEs with which a server or proxy ends a connection, the commit's outcome unknown. */
const ENDED_UNDER_WAY = /^(?:08|40003|57P0[125])/u;

const neverConnected = new WeakSet<Error>();

/** Remembers that this error's connection was never made: it looks like one that broke. */
export function rememberNeverConnected(error: unknown): void {
  if (isError(error)) neverConnected.add(error);
}

/**
 * Whether a failed statement or transaction surely changed nothing: no connection, or refused. If the connection broke,
 * the server may have committed before its answer was lost.
 */
export function isKnownUndone(error: unknown): boolean {
  if (!isError(error)) return false;
  if (error.name === 'KnexTimeoutError' || neverConnected.has(error)) return true;
  return (
    error instanceof pg.DatabaseError &&
    error.code !== undefined &&
    error.severity !== 'PANIC' &&
    !ENDED_UNDER_WAY.test(error.code)
  );
}

/** With its cause in the database: a type, constraint, trigger or right. */
export interface Refusal {
  readonly code: string;
  /** PostgreSQL's words, on one line. */
  readonly words: string;
  readonly schema: string | null;
  readonly table: string | null;
  readonly column: string | null;
  readonly constraint: string | null;
  readonly dataType: string | null;
  /** PL/pgSQL's context, the innermost first. */
  readonly where: string | null;
}

const words = new WeakMap<Error, string>();

/** Remembers PostgreSQL's message before knex prefixes the statement. */
export function rememberWords(error: unknown): void {
  if (error instanceof Error) words.set(error, error.message);
}

/** The unique or exclusion constraint for which a row was refused; null for any other error. */
export function takenBy(error: unknown): string | null {
  const refusal = asRefusal(error);
  return refusal !== null && ['23505', '23P01'].includes(refusal.code) ? refusal.constraint : null;
}

/** SQLSTATEs of such refusals: a retry fails until somebody changes the database. */
const REFUSED = /^(?:0A|20|21|22|23|24|25001|27|2B|2D|2F|34|38|39|3B|3F|42|44|54|5500[06]|HV|P0)/u;

/** knex writes `statement - message`. */
const withoutStatement = (message: string): string => message.slice(message.lastIndexOf(' - ') + 1).replace(/^- /u, '');

/** Null for an outage, or an error of another kind. */
export function asRefusal(error: unknown): Refusal | null {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return null;
  if (!REFUSED.test(error.code) && !isRaised(error)) return null;
  return {
    code: error.code,
    words: (words.get(error) ?? withoutStatement(error.message)).replaceAll(/\s+/gu, ' ').trim(),
    schema: error.schema ?? null,
    table: error.table ?? null,
    column: error.column ?? null,
    constraint: error.constraint ?? null,
    dataType: error.dataType ?? null,
    where: error.where ?? null,
  };
}
