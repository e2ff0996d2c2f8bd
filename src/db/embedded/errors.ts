/**
 * The project's own PostgreSQL can't be started, used or stopped. `message` says what happened, what it means and what
 * to do; `cause` holds the underlying error, with the end of PostgreSQL's log where there is one.
 */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

// By shape, not by `instanceof`: a system error that comes from another realm (as Jest's modules have) is no instance.
export function messageOf(error: unknown): string {
  return hasProperty(error, 'message') ? String(error.message) : String(error);
}

/** The system's code of an error (`ENOENT`, SQLSTATE `57P03`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  return hasProperty(error, 'code') && typeof error.code === 'string' ? error.code : undefined;
}

function hasProperty<Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> {
  return typeof value === 'object' && value !== null && name in value;
}

/** What `promise` gives, or undefined where it is rejected with one of `codes`. */
export async function unlessCode<T>(promise: Promise<T>, ...codes: string[]): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    const code = codeOf(error);
    if (code !== undefined && codes.includes(code)) return undefined;
    throw error;
  }
}
