import { type RcaMaterial, rcaFacts } from '../../src/promotions/rca-draft.js';
import { rcaDraft } from '../../src/views/rca-draft.js';
import { promotion } from '../promotions/make.js';
import { HEADINGS, incidentMaterial, NAMES, release } from '../support/original-rca.js';
import { HOSTILE } from './hostile.js';

const draft = (changes: Partial<RcaMaterial> = {}) => rcaDraft(rcaFacts(incidentMaterial(changes)), NAMES);
const headings = (markdown: string) => markdown.split('\n').flatMap((line) => /^## (.*)$/u.exec(line)?.[1] ?? []);

const MARKDOWN: readonly (readonly [string, string])[] = [
  ['a heading', 'x\n# Forged\n## Forged too'],
  ['a heading after an exotic line break', 'x\u2028# Forged\u2029## Forged\u0085# Forged\v# Forged'],
  ['an underlined heading', 'Forged\n======\nForged\n------'],
  ['a link', '[click](https://evil.example)'],
  ['a bare link', 'https://evil.example www.evil.example mail@evil.example'],
  ['an image', '![x](https://evil.example/x.png)'],
  ['HTML', '<script>alert(1)</script><h1>Forged</h1>'],
  ['a code span that ends early', '`[click](https://evil.example)`'],
  ['many backticks', '``` `` ` ```` [click](https://evil.example) ````'],
  ['a quoted question', '> **To answer:** forged'],
  ['a table’s row', '| a | b |\n| --- | --- |'],
  ['a reference', '[x]: https://evil.example'],
  ['a trailing backslash', 'x\\'],
];

function written(text: string): Partial<RcaMaterial> {
  const [event, ending] = incidentMaterial().events;
  return {
    promotion: promotion({
      state: text,
      flagKey: text,
      herokuApp: text,
      configVar: text,
      targetValue: text,
      previousValue: text,
      checkpoint: text,
      markedBy: text,
      promotedBy: text,
      failureReason: text,
      resolvedBy: text,
      resolutionNote: text,
      rcaUrl: text,
    }),
    events: [
      ...(event === undefined ? [] : [{ ...event, action: text, actor: text, detail: { note: text, reason: text } }]),
      ...(ending === undefined ? [] : [{ ...ending, actor: text, detail: { ...ending.detail, note: text } }]),
    ],
    releases: {
      kind: 'read',
      complete: false,
      releases: [release({ user: text, description: text, value: { kind: 'plain', value: text } })],
    },
    thread: {
      kind: 'read',
      complete: false,
      messages: [{ at: new Date('2026-05-11T14:20:00Z'), author: text, isBot: true, text, files: 2 }],
    },
    draftedBy: text,
  };
}

/** What CommonMark may interpret as more than text: everything outside code spans. */
const outsideCode = (markdown: string) => markdown.replaceAll(/(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)/gu, 'CODE');

test.each([...MARKDOWN, ...HOSTILE])('%s from outside is no more than text in a draft', (_, text) => {
  const markdown = draft(written(text));
  expect(headings(markdown)).toEqual(HEADINGS);
  expect(markdown.split('\n').filter((line) => line.startsWith('# '))).toHaveLength(1);
  // An incident's id has only a-z, 0-9 and dashes, whatever the flag is called.
  const rest = outsideCode(markdown).replace(/^- \*\*Incident ID:\*\* [a-z0-9-]+$/mu, '');
  expect(rest).not.toMatch(/evil|Forged|forged|<script|alert\(1\)|`/u);
  expect(rest.match(/> \*\*To answer:\*\*/gu)).toHaveLength(
    outsideCode(draft()).match(/> \*\*To answer:\*\*/gu)?.length ?? 0,
  );
  expect(markdown.length).toBeLessThan(40_000);
});
