import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { UNSET } from '../../src/doctor/unset.js';
import { keyMissingPage } from '../../src/pages/enrolment-page.js';
import { AUDIT_ACTIONS } from '../../src/promotions/audit-actions.js';
import { payloadsOf } from './payloads.js';

/** No word of only the code or the database reaches a person: `not_superadmin`, `PENDING_COMMIT:…`, `INTENT`. */

/**
 * Words with an underscore that people do read: settings, an example of a flag's key, and a flag's usual config var.
 */
const KNOWN = new Set([...Object.keys(UNSET), 'FLAG_', 'FLAG_DARKMODE', 'console_dark_mode']);
const INTERNAL = /\b[A-Za-z]+(?:_[A-Za-z]+)+\b|\bFLAG_|\bINTENT\b|PENDING_COMMIT/gu;
/** Not shown: what comes back to the app, addresses, and the kinds of Slack's own objects. */
const SILENT = new Set(
  'type kind style value url private_metadata initial_value initial_user action_id block_id callback_id'.split(' '),
);

/** What a person reads in a payload, with where it was first seen. */
function collect(value: unknown, where: string, texts: Map<string, string>): void {
  if (typeof value === 'string') texts.set(value, texts.get(value) ?? where);
  else if (Array.isArray(value)) for (const inner of value) collect(inner, where, texts);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) if (!SILENT.has(name)) collect(inner, where, texts);
  }
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

/** Each text of every view once, over checkpoints and reasons as the database writes them. */
const TEXTS = new Map<string, string>();
beforeAll(() => {
  for (const [checkpoint, reason] of [
    ['INTENT', 'not_superadmin'],
    ['PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef', 'not_operator'],
    ['PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef', 'code_refused'],
    ['INTENT', 'a_reason_of_another_version'],
  ] as const) {
    const facts = { text: 'darkmode', url: 'https://docs.example.com/rca', checkpoint, reason };
    for (const { name, payload } of payloadsOf(facts)) collect(payload, `${name}, ${reason}`, TEXTS);
  }
});

test('no view shows a checkpoint or a reason as the database writes it', () => {
  expect(TEXTS.size).toBeGreaterThan(500);
  const found = [...TEXTS].flatMap(([text, where]) => internalWords(text).map((word) => `${where}: ${word}`));
  expect([...new Set(found)]).toEqual([]);
});

/** Words that this product once used, and what it says now. */
const FORMER: readonly (readonly [former: RegExp, now: string])[] = [
  [/whoever (?:runs|reaches|has)/iu, 'the app’s administrator'],
  [/\bset (?:it|that|this|those|what is live) back\b(?! to deploying)/iu, 'revert'],
  [/\btold (?:after|yet)\b|\bI’ll tell\b/iu, 'posted'],
  [/\bhanded over\b|\btaken\*|taken as theirs/iu, 'released, acknowledged'],
  [/promotion counts|, or counts/iu, 'replaced by a later promotion'],
  [/\ball in all\b|\bas good as before\b|counts as no wrong/iu, 'total, unused, doesn’t count'],
];

/** The same of the command line's sources and the documents, for what they share. */
const SET_BACK =
  /values? to set back|\bset(?:s|ting)? (?:it|that|this|those|what is (?:live|deployed)) back\b|\bbe set back\b/iu;

test('neither the command line nor a document says “set back” for “revert”', () => {
  const root = path.resolve(__dirname, '../..');
  const files = ['README.md', 'SECURITY.md', '.env.example', 'src/cli.ts'];
  for (const folder of ['docs', 'src/cli']) {
    files.push(
      ...readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((one) =>
        one.isFile() && /\.(?:md|ts)$/u.test(one.name) ? [`${folder}/${one.name}`] : [],
      ),
    );
  }
  expect(files).toEqual(expect.arrayContaining(['docs/commands.md', 'src/cli/promotions.ts']));
  const lines = files.flatMap((file) =>
    readFileSync(path.join(root, file), 'utf8')
      .split('\n')
      .map((line) => `${file}: ${line}`),
  );
  expect(lines.filter((line) => SET_BACK.test(line))).toEqual([]);
});

test('no view says a thing in former words', () => {
  const texts = new Map(TEXTS);
  for (const [name, words] of Object.entries(AUDIT_ACTIONS)) {
    const actions = new Map<string, string>();
    collect(words, name, actions);
    for (const text of actions.keys()) texts.set(`*${text}*`, name);
  }
  for (const [name, words] of Object.entries(UNSET)) collect(words?.says, name, texts);
  collect(keyMissingPage(), 'keyMissingPage', texts);
  expect(texts.size).toBeGreaterThan(500);
  const found = [...texts].flatMap(([text, where]) =>
    FORMER.flatMap(([former, now]) => (former.test(text) ? [`${where}: ${text} → ${now}`] : [])),
  );
  expect(found).toEqual([]);
});
