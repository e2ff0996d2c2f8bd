import { UNSET } from '../../src/doctor/unset.js';
import { payloadsOf } from './payloads.js';

/** No word of only the code or the database reaches a person: `not_superadmin`, `PENDING_COMMIT:…`, `INTENT`. */

/**
 * Words with an underscore that people do read: settings, an example of a flag's key, and a flag's usual config var.
 */
const KNOWN = new Set([...Object.keys(UNSET), 'FLAG_', 'FLAG_DARKMODE', 'console_dark_mode']);
const INTERNAL = /\b[A-Za-z]+(?:_[A-Za-z]+)+\b|\bFLAG_|\bINTENT\b|PENDING_COMMIT/gu;
/** Not shown: what comes back to the app, addresses, and the kinds of Slack's own objects. */
const SILENT =
  /^(?:type|kind|style|value|url|private_metadata|initial_value|initial_user|action_id|block_id|callback_id)$/u;

function shown(value: unknown, name = ''): string[] {
  if (SILENT.test(name)) return [];
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap((inner) => shown(inner));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => shown(inner, key));
}

function internalWords(text: string): string[] {
  const read = text.replaceAll(/:[a-z_]+:|<[^<>]*>/gu, ' ');
  return [...read.matchAll(INTERNAL)].map(([word]) => word).filter((word) => !KNOWN.has(word));
}

test('the sweep finds an internal word', () => {
  expect(internalWords(':lock: *refused*: `not_superadmin`')).toEqual(['not_superadmin']);
  expect(internalWords('*Checkpoint*: `PENDING_COMMIT:01234567`')).toEqual(['PENDING_COMMIT']);
  expect(internalWords('*Checkpoint*: `INTENT`')).toEqual(['INTENT']);
  expect(internalWords(':white_check_mark: set `HEROKU_API_KEY`, <!date^1^{date_short}|x>')).toEqual([]);
});

test.each([
  ['INTENT', 'not_superadmin'],
  ['PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef', 'not_operator'],
  ['PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef', 'code_refused'],
  ['INTENT', 'a_reason_of_another_version'],
])('no view shows the checkpoint %s, or the reason %s', (checkpoint, reason) => {
  const facts = { text: 'darkmode', url: 'https://docs.example.com/rca', checkpoint, reason };
  const found = payloadsOf(facts).flatMap(({ name, payload }) =>
    shown(payload).flatMap((text) => internalWords(text).map((word) => `${name}: ${word}`)),
  );
  expect([...new Set(found)]).toEqual([]);
});
