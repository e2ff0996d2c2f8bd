import { types } from 'node:util';
import pg from 'pg';

/** There is no database, or it lacks this version's schema. `message` says what to do. */
export class NoDatabaseError extends Error {
  readonly code = 'no_database';
  override readonly name = 'NoDatabaseError';
}

/** The database belongs to another Slack workspace than this process's token: two would split the alerts between them. */
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

/** SQLSTATE classes (https://www.postgresql.org/docs/current/errcodes-appendix.html) of a server that cannot work now. */
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

/** The system's own errors are of another realm than the code that Jest runs, so `instanceof` misses them there. */
const isError = types.isNativeError;

/** Whether the database could not be reached or could not work, as opposed to a fault in what it was asked. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!isError(error)) return false;
  if (error.name === 'KnexTimeoutError') return true;
  if ('errors' in error && Array.isArray(error.errors) && error.errors.some(isDatabaseUnavailable)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (UNAVAILABLE_ERRNO.has(code) || UNAVAILABLE_SQLSTATE.test(code)) return true;
  return /connection terminated|timeout expired|timeout exceeded when trying to connect|connection ended/iu.test(
    error.message,
  );
}

/** SQLSTATEs that a connection ends with, or a proxy in between, while nobody knows how far a commit had come. */
const ENDED_UNDER_WAY = /^(?:08|40003|57P0[125])/u;

const neverConnected = new WeakSet<Error>();

/** Keeps in mind that this error is of a connection that was never made: it looks like one that broke under way. */
export function rememberNeverConnected(error: unknown): void {
  if (isError(error)) neverConnected.add(error);
}

/**
 * Whether a failed statement or transaction is known to have changed nothing: it got no connection, or the server refused
 * it. Where a connection broke under way, the server may have committed before its answer got lost.
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

/** What PostgreSQL refused for a reason that stands in the database: a type, a constraint, a trigger, a right. */
export interface Refusal {
  readonly code: string;
  /** Its own words, one line. */
  readonly words: string;
  readonly schema: string | null;
  readonly table: string | null;
  readonly column: string | null;
  readonly constraint: string | null;
  readonly dataType: string | null;
  /** Where it was, the innermost first. */
  readonly where: string | null;
}

const words = new WeakMap<Error, string>();

/** Keeps in mind what PostgreSQL said, before knex puts the statement before it. */
export function rememberWords(error: unknown): void {
  if (error instanceof Error) words.set(error, error.message);
}

/** SQLSTATE classes and codes of such reasons: the same statement fails again until somebody changes the database. */
const REFUSED = /^(?:0A|21|22|23|27|38|39|42|44|54|55000|P0)/u;

/** knex's own way of telling an error. */
const withoutStatement = (message: string): string => message.slice(message.lastIndexOf(' - ') + 1).replace(/^- /u, '');

/** The refusal that an error is; null for an outage, or a fault of another kind. */
export function asRefusal(error: unknown): Refusal | null {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined || !REFUSED.test(error.code)) return null;
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
