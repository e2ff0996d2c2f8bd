import { type RcaMaterial, rcaFacts } from '../../src/promotions/rca-draft.js';
import { incidentMaterial, OPERATOR, release } from '../support/original-rca.js';
import { alert, HOUR, MINUTE, momentAfter, promotion, SECOND } from './make.js';

const facts = (changes: Partial<RcaMaterial> = {}) => rcaFacts(incidentMaterial(changes));
const at = (iso: string) => new Date(iso);

test('the spans of the incident, each from the two moments that it names', () => {
  const { spans } = facts();
  const ms = Object.fromEntries(Object.entries(spans).map(([name, span]) => [name, span?.ms ?? null]));
  expect(ms).toEqual({
    markedToEnd: 110 * HOUR + 21 * MINUTE + 43 * SECOND,
    deploying: 57 * HOUR + 53 * MINUTE + 43 * SECOND,
    detect: 57 * HOUR + 50 * MINUTE,
    unseen: 45 * HOUR + 50 * MINUTE,
    acknowledge: MINUTE + 30 * SECOND,
    resolve: 3 * MINUTE + 43 * SECOND,
  });
});

test('it could have been seen at the first threshold, and was seen when the first alert was in Slack', () => {
  expect(facts()).toMatchObject({
    couldBeSeenAt: momentAfter(12 * HOUR),
    detectedAt: at('2026-05-11T14:18:00Z'),
    detectedBy: 'alert',
    date: '2026-05-11',
    severity: 'critical',
  });
  const warnedFirst = facts({
    alerts: [alert({ id: '2', severity: 'critical' }), alert()],
    alertMessages: [
      { severity: 'critical', inThread: true, postedAt: momentAfter(24 * HOUR) },
      { severity: 'warning', inThread: false, postedAt: momentAfter(12 * HOUR) },
    ],
  });
  expect(warnedFirst).toMatchObject({ detectedAt: momentAfter(12 * HOUR), date: '2026-05-09', severity: 'critical' });
  expect(warnedFirst.spans.unseen?.ms).toBe(0);
});

test('one that ended at the threshold could have been seen then', () => {
  const ended = promotion({ state: 'deployed', deployedAt: momentAfter(12 * HOUR) });
  expect(facts({ promotion: ended }).couldBeSeenAt).toEqual(momentAfter(12 * HOUR));
});

test('the worst that was alerted, or else recorded, is its severity', () => {
  const recorded = (...actions: string[]) =>
    actions.map((action, index) => ({
      id: `${index}`,
      action: `console.flag.promotion.${action}`,
      actor: 'watchdog',
      at: momentAfter((12 + index) * HOUR),
      detail: {},
    }));
  const severity = (alerts: RcaMaterial['alerts'], ...actions: string[]) =>
    facts({ alerts, events: recorded(...actions), alertMessages: [] });
  expect(severity([alert({ severity: 'critical' })]).severity).toBe('critical');
  expect(severity([], 'stuck_warning', 'stuck_critical')).toMatchObject({
    severity: 'critical',
    detectedAt: momentAfter(12 * HOUR),
  });
  expect(severity([], 'stuck_warning').severity).toBe('warning');
  expect(severity([], 'marked').severity).toBeNull();
});

test.each([
  ['ops_complete', true],
  ['ops_failed', true],
  ['deployed', false],
  ['failed', false],
  ['cancelled', false],
  ['of_tomorrow', true],
])('Heroku took the change, and its end is %s: the write of it was lost: %s', (action, lostWrite) => {
  const event = { id: '1', actor: OPERATOR, at: momentAfter(HOUR), detail: {} };
  const ended = facts({ events: [{ ...event, action: `console.flag.promotion.${action}` }] });
  expect(ended.lostWrite).toBe(lostWrite);
  expect(ended.resolution === null).toBe(action === 'of_tomorrow');
});

test('nothing was lost if Heroku has nothing', () => {
  expect(facts({ releases: { kind: 'unavailable', reason: 'no_answer' } }).lostWrite).toBe(false);
});

test('without a post, the watchdog’s record is what is known; without either, nothing is', () => {
  expect(facts({ alertMessages: [] })).toMatchObject({ detectedAt: at('2026-05-11T14:18:00Z'), detectedBy: 'record' });
  const silent = facts({ alerts: [], alertMessages: [], events: [] });
  expect(silent).toMatchObject({ detectedAt: null, detectedBy: null, acknowledged: null, severity: null });
  expect(silent.spans).toMatchObject({ detect: null, unseen: null, acknowledge: null, resolve: null });
  // The day it ended, if nobody noticed.
  expect(silent.date).toBe('2026-05-11');
});

test('the first trace of a person: no program’s event, no bot’s message, none from before the alert', () => {
  expect(facts().acknowledged).toEqual({ at: at('2026-05-11T14:19:30Z'), by: OPERATOR, how: 'message' });
  expect(facts({ thread: { kind: 'none' } }).acknowledged).toEqual({
    at: at('2026-05-11T14:21:43Z'),
    by: OPERATOR,
    how: 'event',
  });
  const message = { at: at('2026-05-11T14:18:05Z'), author: 'deploybot', isBot: true, text: 'x', files: 0 };
  const early = { at: at('2026-05-11T14:17:00Z'), author: OPERATOR, isBot: false, text: 'x', files: 0 };
  const before = facts({
    events: [],
    thread: { kind: 'read', complete: true, messages: [early, message] },
  });
  expect(before.acknowledged).toBeNull();
  const seenAt = at('2026-05-11T14:18:00Z');
  const atOnce = { ...early, at: seenAt };
  const thread = { kind: 'read' as const, complete: true, messages: [atOnce] };
  expect(facts({ events: [], thread }).acknowledged).toMatchObject({ at: seenAt });
  const promoter = { id: '9', detail: {}, actor: 'promoter', at: momentAfter(60 * HOUR), action: 'x' };
  expect(facts({ events: [promoter], thread: { kind: 'none' } }).acknowledged).toBeNull();
});

test('a promotion that is deploying has no end, and no span that needs one', () => {
  const live = facts({ promotion: promotion() });
  expect(live).toMatchObject({ endedAt: null, isDeploying: true, resolution: null });
  expect(live.spans).toMatchObject({ markedToEnd: null, deploying: null, resolve: null });
  expect(live.spans.detect?.ms).toBe(57 * HOUR + 50 * MINUTE);
});

test('one that ended before the threshold could not have been seen', () => {
  const quick = facts({
    promotion: promotion({ state: 'deployed', deployedAt: momentAfter(HOUR) }),
    events: [],
    alerts: [],
    alertMessages: [],
  });
  expect(quick.couldBeSeenAt).toBeNull();
});

test('moments in an impossible order make no span', () => {
  const odd = facts({ promotion: promotion({ state: 'deployed', deployedAt: momentAfter(-HOUR) }) });
  expect(odd.spans).toMatchObject({ deploying: null, resolve: null });
});

test('a row without any time claims none', () => {
  const bare = facts({
    promotion: promotion({
      state: 'deployed',
      markedAt: null,
      promotedAt: null,
      createdAt: at('1970-01-01T00:00:00Z'),
      updatedAt: at('1970-01-01T00:00:00Z'),
    }),
    events: [],
    alerts: [],
    alertMessages: [],
    draftedAt: at('2026-05-12T09:00:00Z'),
  });
  expect(bare).toMatchObject({ startedAt: null, couldBeSeenAt: null, endedAt: null, date: '2026-05-12' });
  expect(Object.values(bare.spans)).toEqual([null, null, null, null, null, null]);
});

test('the timeline is in order of time, and tells nothing twice', () => {
  const kinds = facts().timeline.map(({ kind }) => kind);
  expect(kinds).toEqual([
    'release',
    'marked',
    'promoted',
    'release',
    'event',
    'alert_posted',
    'message',
    'event',
    'reply_posted',
  ]);
  const event = { id: '9', detail: {}, actor: OPERATOR };
  const audited = facts({
    events: [
      { ...event, at: momentAfter(-HOUR), action: 'console.flag.promotion.marked' },
      { ...event, at: momentAfter(0), action: 'console.flag.promotion.promoted' },
      { ...event, at: momentAfter(HOUR), action: 'console.flag.promotion.deployed' },
    ],
  });
  expect(audited.timeline.filter(({ kind }) => ['marked', 'promoted', 'ended'].includes(kind))).toEqual([]);
  expect(facts({ events: [] }).timeline.some(({ kind }) => kind === 'ended')).toBe(true);
});

describe('the release that brought what is in force', () => {
  const live = (...releases: ReturnType<typeof release>[]) =>
    facts({ releases: { kind: 'read', complete: true, releases } }).live?.since.version ?? null;
  const other = { isTarget: false, value: { kind: 'unset' as const } };

  test.each([
    ['the only one', [release()], 42],
    ['the oldest of the newest run', [release({ version: 43 }), release(), release({ version: 41, ...other })], 42],
    [
      'in whatever order they are listed',
      [release({ version: 41, ...other }), release(), release({ version: 43 })],
      42,
    ],
    ['made at the very end', [release({ at: at('2026-05-11T14:21:43Z') })], 42],
    ['one that failed changed nothing', [release({ version: 43, status: 'failed' }), release()], 42],
    [
      'a failed one between does not end the run',
      [release({ version: 43 }), release({ version: 42, status: 'failed', ...other }), release({ version: 41 })],
      41,
    ],
    ['what was changed since did not stay', [release({ version: 43, ...other }), release()], null],
    ['what was not read is not claimed', [release({ version: 43 }), release({ value: null, isTarget: null })], 43],
    [
      'what came after the end is not looked at',
      [release({ version: 43, at: momentAfter(99 * HOUR), ...other }), release()],
      42,
    ],
    ['none', [], null],
  ])('%s', (_, releases, expected) => {
    expect(live(...releases)).toBe(expected);
  });

  test.each([
    ['made by this promotion', [release(), release({ version: 41, ...other })], true, 42],
    ['made by it, by a clock that is behind', [release({ at: momentAfter(-5 * SECOND) })], true, 42],
    ['of before it began', [release({ at: momentAfter(-HOUR) }), release({ version: 41, ...other })], true, null],
    [
      'of nobody knows which release: the one before was not read',
      [release(), release({ version: 41, value: null, isTarget: null })],
      true,
      null,
    ],
    ['of nobody knows which release: older ones were not looked at', [release()], false, null],
    ['of the app’s first release', [release({ version: 1 })], true, 1],
  ])('the change is %s', (_, releases, complete, expected) => {
    expect(facts({ releases: { kind: 'read', complete, releases } }).change?.version ?? null).toBe(expected);
  });

  test('is unknown if Heroku did not answer', () => {
    expect(facts({ releases: { kind: 'unavailable', reason: 'no_answer' } }).live).toBeNull();
  });
});

test.each([
  ['console_heroku_log_drain_alerting', 'console-heroku-log-drain-alerting'],
  ['../../etc/passwd', 'etc-passwd'],
  ['Ünï_CODE', 'n-code'],
  ['🔥', '7'],
  ['', '7'],
  [`${'~'.repeat(1_000)}x`, '7'],
  ['x'.repeat(5_000), 'x'.repeat(100)],
])('the incident’s id is a file’s name whatever the flag: %.30s', (flagKey, slug) => {
  const { incidentId } = facts({ promotion: promotion({ flagKey }) });
  expect(incidentId).toBe(`2026-05-11-stuck-flag-promotion-${slug}`);
});
