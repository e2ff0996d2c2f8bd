import { Guide } from '../../demo/workspace/server/guide.js';
import { typed } from '../../demo/workspace/server/typed.js';
import { completionsOf } from '../../demo/workspace/page/completion.js';
import { shared } from '../../demo/workspace/page/shared.js';
import { ago, slackDate } from '../../demo/workspace/page/time.js';
import { FLAG } from '../../demo/world/incident.js';
import type { Row } from '../../demo/world/rows.js';

describe('the box completes the command', () => {
  const command = {
    name: '/flag-promotions',
    words: [
      { usage: 'stuck', does: 'what is stuck' },
      { usage: 'show <id | flag-key>', does: 'one promotion' },
      { usage: 'stats [30d]', does: 'figures' },
    ],
  };
  const offered = (text: string) => completionsOf(text, command).map((completion) => completion.text);

  test.each([
    ['', []],
    ['hello /flag', []],
    ['/other', []],
    ['/', ['/flag-promotions stuck', '/flag-promotions show ', '/flag-promotions stats ']],
    ['/flag-promotions ', ['/flag-promotions stuck', '/flag-promotions show ', '/flag-promotions stats ']],
    ['/flag-promotions st', ['/flag-promotions stuck', '/flag-promotions stats ']],
    ['/flag-promotions stuck', []],
    ['/flag-promotions show ', []],
    ['/flag-promotions show console', []],
  ])('%j: %j', (text, completions) => {
    expect(offered(text)).toEqual(completions);
  });
});

test.each([
  ['1 < 2 & 3 > 2', '1 &lt; 2 &amp; 3 &gt; 2'],
  ['@flag-promotions help', '<@U1> help'],
  ['mail@flag-promotions, @nobody', 'mail@flag-promotions, @nobody'],
  ['@constructor', '@constructor'],
])('what is typed, %j, is sent as %j', (text, sent) => {
  expect(typed(text, { 'flag-promotions': 'U1' })).toBe(sent);
});

test('parts that did not change are the same as before', () => {
  const before = {
    messages: [
      { ts: '1', text: 'a' },
      { ts: '2', text: 'b' },
    ],
    names: { U1: 'kris' },
  };
  const next = {
    messages: [
      { ts: '1', text: 'a' },
      { ts: '2', text: 'c' },
    ],
    names: { U1: 'kris' },
  };
  const merged = shared(before, next);
  expect(merged).toEqual(next);
  expect(merged.messages[0]).toBe(before.messages[0]);
  expect(merged.names).toBe(before.names);
  expect(shared(before, structuredClone(before))).toBe(before);
  expect(shared({ a: 1, b: 2 }, { a: 1 })).toEqual({ a: 1 });
});

test('dates are told as Slack does', () => {
  const at = new Date('2026-05-09T04:28:31Z');
  const now = Date.parse('2026-05-11T14:18:00Z');
  expect(ago(at, now)).toBe('2 days ago');
  expect(ago(new Date(now - 59_000), now)).toBe('just now');
  expect(ago(new Date(now + 11_000), now)).toBe('just now');
  expect(ago(new Date(now + 30_000), now)).toBe('in less than a minute');
  expect(ago(new Date(now + 45 * 60_000), now)).toBe('in 45 minutes');
  expect(ago(new Date(now + 3 * 3_600_000), now)).toBe('in 3 hours');
  expect(slackDate('{date_short} ({ago}) {else}', at, now)).toMatch(/^May \d, 2026 \(2 days ago\) \{else\}$/u);
});

describe('the guide', () => {
  const row: Row = {
    id: '1',
    flagKey: FLAG,
    state: 'deploying',
    checkpoint: null,
    attempts: 0,
    leased: false,
    lastError: null,
    resolvedBy: null,
    rcaUrl: null,
  };
  const nothing = { alertSeen: false, resolving: false, rows: [row], killedMidway: new Set<string>() };
  const none = { alert: false, evidence: false, completed: false, rca: false, kill: false };

  test('ticks each step off for what happened, and keeps it', () => {
    const guide = new Guide();
    expect(guide.steps(nothing)).toEqual(none);
    expect(guide.steps({ ...nothing, alertSeen: true, resolving: true })).toEqual({
      ...none,
      alert: true,
      evidence: true,
    });
    expect(guide.steps(nothing)).toEqual({ ...none, alert: true, evidence: true });
    expect(guide.steps({ ...nothing, rows: [{ ...row, state: 'failed', rcaUrl: 'https://a.example' }] })).toMatchObject(
      {
        completed: true,
        rca: true,
        kill: false,
      },
    );
  });

  test('the last one takes a promotion that was killed half-way and is deployed', () => {
    const guide = new Guide();
    const killed = { ...nothing, killedMidway: new Set(['3']) };
    expect(guide.steps({ ...killed, rows: [{ ...row, id: '3', flagKey: 'x' }] }).kill).toBe(false);
    expect(guide.steps({ ...killed, rows: [{ ...row, id: '2', flagKey: 'x', state: 'deployed' }] }).kill).toBe(false);
    expect(guide.steps({ ...killed, rows: [{ ...row, id: '3', flagKey: 'x', state: 'deployed' }] }).kill).toBe(true);
  });
});
