import { AsyncLocalStorage } from 'node:async_hooks';
import { randomInt } from 'node:crypto';

/*
 * A request's reference: a person reads it to a colleague, who finds that request's log lines and audit events. It
 * follows the work by itself. Two of a million requests may share one; their times tell them apart.
 */

/** Crockford's base32: no I, L, O or U, so nothing is misread or misheard. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 4;

const current = new AsyncLocalStorage<string>();

/** Runs the work under a new reference, or the current one if there is one. */
export function withReference<T>(work: () => T): T {
  return current.getStore() === undefined ? current.run(newReference(), work) : work();
}

/** The current request's reference; null outside a request. */
export function currentReference(): string | null {
  return current.getStore() ?? null;
}

/** Runs work that a request merely woke, and that serves others too: it gets no reference. */
export function withoutReference<T>(work: () => T): T {
  return current.exit(work);
}

const origin = new AsyncLocalStorage<string>();

/** Runs work that a person asked for outside Slack; `where` is recorded with each of its audit events. */
export function withOrigin<T>(where: string, work: () => T): T {
  return origin.run(where, work);
}

/** Where a person asked for the current work; null: in Slack, or nobody did. */
export function currentOrigin(): string | null {
  return origin.getStore() ?? null;
}

/** For a person whose request failed: ` (reference 7KQ2)`; empty if there is none. */
export function referenceNote(): string {
  const reference = currentReference();
  return reference === null ? '' : ` (reference ${reference})`;
}

function newReference(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
