import { AsyncLocalStorage } from 'node:async_hooks';
import { randomInt } from 'node:crypto';

/*
 * A request's reference: what a person can read to a colleague, who then finds the log lines and audit events of that request. It
 * travels with the work itself, so that no function has to pass it on. It finds, and identifies nothing: of a million requests
 * two may well share one, and their times tell them apart.
 */

/** Crockford's base32: no I, L, O or U, so nothing is misread or misheard. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 4;

const current = new AsyncLocalStorage<string>();

/** Does the work under a reference, its own or the one that it is under already. */
export function withReference<T>(work: () => T): T {
  return current.getStore() === undefined ? current.run(newReference(), work) : work();
}

/** The reference of the request that is worked on; null where it is no request's work. */
export function currentReference(): string | null {
  return current.getStore() ?? null;
}

/** For a person whom something failed for: ` (reference 7KQ2)`; empty where there is none. */
export function referenceNote(): string {
  const reference = currentReference();
  return reference === null ? '' : ` (reference ${reference})`;
}

function newReference(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
