import { isDatabaseUnavailable } from './errors.js';

/** Names no host, user or value. */
export function databaseTrouble(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  // SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
  if (code === '25006') return 'takes no writes';
  if (code.startsWith('28')) return 'refuses the login';
  if (/^[0-9A-Z]{5}$/u.test(code) && /\d/u.test(code)) return `failed (SQLSTATE ${code})`;
  return isDatabaseUnavailable(error) ? 'does not answer' : 'failed';
}
