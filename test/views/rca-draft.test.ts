import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type RcaMaterial, rcaFacts } from '../../src/promotions/rca-draft.js';
import { hours, literal } from '../../src/views/markdown.js';
import { rcaDraft } from '../../src/views/rca-draft.js';
import { promotion } from '../promotions/make.js';
import { FACTS, HEADINGS, incidentMaterial, NAMES, ORIGINAL_FILE } from '../support/original-rca.js';

const draft = (changes: Partial<RcaMaterial> = {}) => rcaDraft(rcaFacts(incidentMaterial(changes)), NAMES);
const headings = (markdown: string) => markdown.split('\n').flatMap((line) => /^## (.*)$/u.exec(line)?.[1] ?? []);

test('the incident’s draft is the golden file, word for word', () => {
  expect(draft()).toBe(readFileSync(path.join(__dirname, 'rca-draft.golden.md'), 'utf8'));
});

test('the headings are the original’s, in its order', () => {
  expect(headings(draft())).toEqual(HEADINGS);
});

describe('the draft of the incident against its original', () => {
  test.each(FACTS.filter((fact) => 'draft' in fact))('has: $original', ({ draft: expected }) => {
    expect(draft()).toContain(expected);
  });

  test.each(FACTS.filter((fact) => 'onlyPeople' in fact))('leaves to people: $original', ({ original }) => {
    expect(draft()).not.toContain(original);
  });

  const original = existsSync(ORIGINAL_FILE) ? readFileSync(ORIGINAL_FILE, 'utf8') : null;
  const atHand = original === null ? test.skip : test;

  atHand('no fact of the original is missing from the list, where the original is at hand', () => {
    const text = original ?? '';
    for (const fact of FACTS) expect(text).toContain(fact.original);
    const listed = FACTS.map((fact) => fact.original).join('\n');
    // Moments, names in code, spans, and the names of apps and roles.
    const found = text.match(
      /\d{4}-\d\d-\d\d(?:-[a-z-]+)?(?: ~?\d\d:\d\d(?::\d\d)?)?|[\w.]*[a-zA-Z][_.][a-z][\w.=]*|~?\d+h\b|\d+ days|SEV-\d|[a-z]+-(?:agent|developer|console-prod)/gu,
    );
    expect(found?.length).toBeGreaterThan(30);
    expect([...new Set(found)].filter((fact) => !listed.includes(fact.replace(/\.$/u, '')))).toEqual([]);
    const lines = text.split('\n').map((line) => line.replace(/^References.*/u, 'References'));
    expect(lines.filter((line) => (HEADINGS as readonly string[]).includes(line))).toEqual(HEADINGS);
  });
});

test('each section that only people can finish asks them, and nothing else is marked', () => {
  const bySection = draft().split('\n## ');
  expect(bySection).toHaveLength(HEADINGS.length + 1);
  for (const section of bySection) expect(section).toMatch(/\n> \*\*To answer:\*\* .+\?\n/u);
});

test('a value that may be a secret is not shown', () => {
  const canary = 'canary-secret-value';
  const markdown = draft({ promotion: promotion({ targetValue: canary, previousValue: canary }) });
  expect(markdown).not.toContain(canary);
  expect(markdown).toContain('a value that is not shown');
});

describe('the diagnosis of a checkpoint', () => {
  const checkpoint = 'PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef';
  const { promotion: row, events, releases } = incidentMaterial();
  const ending = (action: string) =>
    events.map((event, index) =>
      index === events.length - 1 ? { ...event, action, actor: 'promoter', detail: {} } : event,
    );

  test('tells when Heroku took the change whose write was lost', () => {
    expect(draft({ promotion: { ...row, checkpoint } })).toContain(
      '`PENDING_COMMIT`: Heroku took the change at 2026-05-09 04:28:31 UTC, and the write after it was lost.',
    );
  });

  test('claims no lost write if a promoter ended the row', () => {
    const events = ending('console.flag.promotion.deployed');
    expect(draft({ promotion: { ...row, checkpoint }, events })).not.toContain('and the write after it was lost');
  });

  test('claims none either if the release failed, and asks for no interruption', () => {
    const failed =
      releases.kind === 'read' ? releases.releases.map((one) => ({ ...one, status: 'failed' as const })) : [];
    const markdown = draft({
      promotion: { ...row, checkpoint, state: 'failed', failureReason: 'the release failed' },
      events: ending('console.flag.promotion.failed'),
      releases: { kind: 'read', complete: true, releases: failed },
    });
    expect(markdown).not.toContain('and the write after it was lost');
    expect(markdown).toContain('What held the promotion up?');
  });

  test('has the proof on which the app itself committed', () => {
    const recovered = ending('console.flag.promotion.recovered').map((event) => ({
      ...event,
      detail: { evidence: { kind: 'read', verdict: 'live' } },
    }));
    const markdown = draft({ events: recovered });
    expect(markdown).toContain('Heroku’s answer at that moment: live');
    expect(markdown).toContain('auto-completed on Heroku’s proof by');
  });
});

test('missing facts are said, not filled in', () => {
  const bare = draft({
    promotion: promotion({
      markedAt: null,
      markedBy: null,
      promotedAt: null,
      promotedBy: null,
      createdAt: new Date(0),
    }),
    events: [],
    alerts: [],
    alertMessages: [],
    replies: [],
    releases: { kind: 'unavailable', reason: 'not_configured' },
    thread: { kind: 'none' },
  });
  for (const said of [
    'Severity:** no alert was opened',
    'Duration:** still in `deploying`',
    'no HEROKU_API_KEY',
    'When it could have been seen is unknown',
    'Time to detect: unknown',
    'Time to acknowledge: unknown',
    'Not resolved yet.',
    'Nothing is on record.',
  ]) {
    expect(bare).toContain(said);
  }
  expect(bare).not.toMatch(/1970|NaN|undefined|null|Invalid/u);
  const unread = draft({ releases: { kind: 'unavailable', reason: 'no_answer' }, thread: { kind: 'unavailable' } });
  expect(unread).toContain('Heroku did not answer');
  expect(unread).toContain('Slack did not answer');
});

test('a code span survives any run of backticks', () => {
  expect(literal('a')).toBe('`a`');
  expect(literal('`')).toBe('`` ` ``');
  expect(literal('a``b`c')).toBe('``` a``b`c ```');
  expect(literal(' \n ')).toBe('`(empty)`');
  expect(literal('x'.repeat(300), 10)).toBe(`\`${'x'.repeat(9)}…\``);
});

test('spans count hours', () => {
  expect([0, 59_999, 60_000, 3_599_999, 3_600_000, 397_303_000].map(hours)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '59 min 59 s',
    '1 h',
    '110 h 21 min',
  ]);
});
