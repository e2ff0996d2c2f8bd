/** The embedded PostgreSQL can't be started, used or stopped. `message` says what happened and what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

// Not `instanceof`: a system error from another realm (Jest's modules) is no instance.
export function messageOf(error: unknown): string {
  return hasProperty(error, 'message') ? String(error.message) : String(error);
}

/** An error's code (`ENOENT`, SQLSTATE `57P03`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  return hasProperty(error, 'code') && typeof error.code === 'string' ? error.code : undefined;
}

function hasProperty<Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> {
  return typeof value === 'object' && value !== null && name in value;
}

/** The promise's value, or undefined if it rejects with one of `codes`. */
export async function unlessCode<T>(promise: Promise<T>, ...codes: string[]): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    const code = codeOf(error);
    if (code !== undefined && codes.includes(code)) return undefined;
    throw error;
  }
}
