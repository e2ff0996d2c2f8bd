/** SQLSTATE classes (https://www.postgresql.org/docs/current/errcodes-appendix.html) of a server that cannot work now. */
const UNAVAILABLE_SQLSTATE = /^(?:08|53|57P|58|55P03|57014|XX)/u;
const UNAVAILABLE_ERRNO: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'ENOENT',
]);

/** Whether the database could not be reached or could not work, as opposed to a fault in what it was asked. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'KnexTimeoutError') return true;
  if (error instanceof AggregateError && error.errors.some(isDatabaseUnavailable)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (UNAVAILABLE_ERRNO.has(code) || UNAVAILABLE_SQLSTATE.test(code)) return true;
  return /connection terminated|timeout expired|timeout exceeded when trying to connect|connection ended/iu.test(
    error.message,
  );
}
