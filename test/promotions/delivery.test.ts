import fc from 'fast-check';
import { type Alert, rootOf, worstSeverity } from '../../src/promotions/alert.js';
import { backOffMs, type FailedAttempt, nextAlertStep, SETTLE_MS } from '../../src/promotions/delivery.js';
import { alert, DAY, HOUR, MINUTE, momentAfter, postedAlert, promotion, SECOND } from './make.js';

const warning = (changes: Partial<Alert> = {}) => alert({ id: '1', severity: 'warning', ...changes });
const critical = (changes: Partial<Alert> = {}) =>
  alert({ id: '2', severity: 'critical', createdAt: momentAfter(DAY), ...changes });
const postedWarning = (changes: Partial<Alert> = {}) => postedAlert({ id: '1', ...changes });

const NOW = momentAfter(2 * DAY);
const ROOT = { channel: 'C0ALERTS', ts: '100.1' };
const deploying = promotion();
const ended = promotion({ state: 'deployed' });

function step(of: Alert, others: readonly Alert[] = [], attemptsBefore = 0, about = deploying) {
  return nextAlertStep({ alert: of, promotion: about, alerts: [of, ...others] }, attemptsBefore, NOW);
}

describe('the next step of an alert that is to be posted', () => {
  test.each([
    ['a first warning is posted as a root', warning(), [], { kind: 'post', thread: null }],
    ['a first critical is posted as a root', critical(), [], { kind: 'post', thread: null }],
    [
      'a critical goes into the thread of the warning’s message',
      critical(),
      [postedWarning()],
      { kind: 'post', thread: ROOT },
    ],
    ['a critical waits for a warning that is not settled', critical(), [warning({ attempts: 1 })], { kind: 'wait' }],
    [
      'a closed warning neither holds up a critical nor lends its thread',
      critical(),
      [postedWarning({ state: 'closed' })],
      { kind: 'post', thread: null },
    ],
    ['a warning that was superseded before it was sent is withdrawn', warning(), [critical()], { kind: 'withdraw' }],
    [
      'a warning beside a critical that stands is withdrawn',
      warning(),
      [postedAlert({ id: '2', severity: 'critical' })],
      { kind: 'withdraw' },
    ],
    [
      'a closed critical of an earlier life supersedes nothing',
      warning(),
      [critical({ state: 'closed' })],
      { kind: 'post', thread: null },
    ],
  ])('%s', (_, of, others, expected) => {
    expect(step(of, others)).toEqual(expected);
  });

  test.each([
    ['is looked for first, and posted where it is not there', warning(), [], true, null],
    ['is looked for in its thread', critical(), [postedWarning()], true, ROOT],
    ['is not posted any more where it was superseded', warning(), [critical()], false, null],
  ])('what an earlier attempt may have posted %s', (_, of, others, thenPost, thread) => {
    for (const attempts of [1, 2, 50]) {
      expect(step(of, others, attempts)).toEqual({ kind: 'find', thread, thenPost });
    }
  });

  test('a promotion that ended withdraws what was never sent, and looks for what may have been', () => {
    for (const state of ['deployed', 'failed', 'cancelled', 'marked', 'another system’s word']) {
      const about = promotion({ state });
      expect(step(warning(), [], 0, about)).toEqual({ kind: 'withdraw' });
      expect(step(critical(), [], 0, about)).toEqual({ kind: 'withdraw' });
      expect(step(warning(), [], 3, about)).toEqual({ kind: 'find', thread: null, thenPost: false });
    }
  });
});

describe('the next step of an alert that was posted', () => {
  const due = { repaintWanted: 3, repaintDone: 1 };

  test('its root is painted, up to the change that was known', () => {
    expect(step(postedWarning(due), [], 0, ended)).toEqual({ kind: 'paint', message: ROOT, upTo: 3 });
    expect(step(postedWarning(due))).toEqual({ kind: 'paint', message: ROOT, upTo: 3 });
  });

  test.each([
    ['when its time has come', NOW, 'paint'],
    ['not before', new Date(NOW.getTime() + 1), 'done'],
  ])('what Heroku owed is added %s', (_when, evidenceDueAt, kind) => {
    expect(step(postedWarning({ evidenceDueAt })).kind).toBe(kind);
  });

  test('a closed alert’s root is painted too: that is how the buttons go', () => {
    expect(step(postedWarning({ ...due, state: 'closed' }), [], 0, ended)).toEqual({
      kind: 'paint',
      message: ROOT,
      upTo: 3,
    });
  });

  test.each([
    ['it shows what is true', postedWarning({ repaintWanted: 2, repaintDone: 2 })],
    ['it is a reply, which is not repainted', postedWarning({ ...due, threadTs: '99.1' })],
    ['it was closed without ever being posted', alert({ ...due, state: 'closed' })],
  ])('nothing is left to do where %s', (_, of) => {
    expect(step(of)).toEqual({ kind: 'done' });
    expect(step(of, [critical()], 4, ended)).toEqual({ kind: 'done' });
  });
});

describe('over every combination of states', () => {
  const anyAlert = (id: string, severity: 'warning' | 'critical') =>
    fc
      .record({
        state: fc.constantFrom('pending' as const, 'posted' as const, 'closed' as const),
        inThread: fc.boolean(),
        attempts: fc.nat(3),
        repaintWanted: fc.nat(3),
        repaintDone: fc.nat(3),
      })
      .map(({ inThread, ...row }) =>
        alert({
          ...row,
          id,
          severity,
          ...(row.state === 'posted' ? { channel: 'C0ALERTS', messageTs: `${id}00.1` } : {}),
          ...(row.state === 'posted' && inThread ? { threadTs: '1.1' } : {}),
        }),
      );

  test('nothing is posted without a look, once an attempt was made', () => {
    fc.assert(
      fc.property(
        anyAlert('1', 'warning'),
        anyAlert('2', 'critical'),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        (first, second, swap, isOpen, attempts) => {
          const [of, other] = swap ? [second, first] : [first, second];
          expect(step(of, [other], attempts, isOpen ? deploying : ended).kind).not.toBe('post');
        },
      ),
    );
  });

  test('of a pending warning and a pending critical, one at least can move on', () => {
    fc.assert(
      fc.property(anyAlert('1', 'warning'), anyAlert('2', 'critical'), fc.boolean(), (first, second, isOpen) => {
        const about = isOpen ? deploying : ended;
        const steps = [step(first, [second], first.attempts, about), step(second, [first], second.attempts, about)];
        if (first.state === 'pending' || second.state === 'pending') {
          expect(steps.some(({ kind }) => kind !== 'wait' && kind !== 'done')).toBe(true);
        }
      }),
    );
  });

  test('nothing new is ever said about a promotion that ended', () => {
    fc.assert(
      fc.property(anyAlert('1', 'warning'), anyAlert('2', 'critical'), fc.nat(3), (first, second, attempts) => {
        for (const [of, other] of [
          [first, second],
          [second, first],
        ] as const) {
          const next = step(of, [other], attempts, ended);
          expect(next.kind).not.toBe('post');
          if (next.kind === 'find') expect(next.thenPost).toBe(false);
        }
      }),
    );
  });
});

describe('the message that carries the buttons', () => {
  test('is the newest root; replies and what was never posted are none', () => {
    const reply = postedAlert({ id: '3', messageTs: '300.1', threadTs: '100.1', createdAt: momentAfter(3 * DAY) });
    const older = postedAlert({ id: '1', messageTs: '100.1', createdAt: momentAfter(HOUR) });
    const newer = postedAlert({ id: '2', messageTs: '200.1', createdAt: momentAfter(2 * HOUR) });
    const unposted = alert({ id: '4', createdAt: momentAfter(4 * DAY) });
    expect(rootOf([newer, older, reply, unposted])?.messageTs).toBe('200.1');
    expect(rootOf([older, newer])?.messageTs).toBe('200.1');
    expect(rootOf([reply, unposted])).toBeNull();
    expect(rootOf([])).toBeNull();
  });

  test('shows the gravest severity', () => {
    expect(worstSeverity([warning(), critical()])).toBe('critical');
    expect(worstSeverity([critical(), warning()])).toBe('critical');
    expect(worstSeverity([warning()])).toBe('warning');
  });
});

describe('how long a failed delivery waits', () => {
  const refused: FailedAttempt = { kind: 'refused' };
  const unknown: FailedAttempt = { kind: 'unknown_outcome' };
  const least = () => 0;
  const most = () => 1 - Number.EPSILON;

  test.each([
    [1, 2.5 * SECOND, 5 * SECOND],
    [2, 5 * SECOND, 10 * SECOND],
    [3, 10 * SECOND, 20 * SECOND],
    [8, 320 * SECOND, 640 * SECOND],
    [9, 7.5 * MINUTE, 15 * MINUTE],
    [1_000, 7.5 * MINUTE, 15 * MINUTE],
    [Number.MAX_SAFE_INTEGER, 7.5 * MINUTE, 15 * MINUTE],
  ])('after %d attempts between half and all of its share, up to a quarter of an hour', (attempts, from, to) => {
    expect(backOffMs(refused, attempts, least)).toBe(from);
    expect(backOffMs(refused, attempts, most)).toBeLessThanOrEqual(to);
    expect(backOffMs(refused, attempts, most)).toBeGreaterThan(to - 1);
  });

  test('two replicas seldom wait equally long', () => {
    expect(backOffMs(refused, 4, () => 0.1)).not.toBe(backOffMs(refused, 4, () => 0.9));
    const limited: FailedAttempt = { kind: 'rate_limited', retryAfterMs: 1_000 };
    expect(backOffMs(limited, 4, () => 0.1)).not.toBe(backOffMs(limited, 4, () => 0.9));
  });

  test('a rate limit is waited out, and hardly longer', () => {
    const limited: FailedAttempt = { kind: 'rate_limited', retryAfterMs: 30 * SECOND };
    for (const attempts of [1, 5, 50]) {
      expect(backOffMs(limited, attempts, least)).toBe(30 * SECOND);
      expect(backOffMs(limited, attempts, most)).toBeLessThanOrEqual(31 * SECOND);
    }
  });

  test('what may still take effect is given time to do so', () => {
    expect(SETTLE_MS).toBe(30 * SECOND);
    expect(backOffMs(unknown, 1, least)).toBe(SETTLE_MS);
    expect(backOffMs(unknown, 20, most)).toBeGreaterThan(14 * MINUTE);
  });

  test('it is always a positive time within bounds', () => {
    const failures = fc.oneof(
      fc.constantFrom(refused, unknown),
      fc.nat(HOUR).map((retryAfterMs): FailedAttempt => ({ kind: 'rate_limited', retryAfterMs })),
    );
    fc.assert(
      fc.property(failures, fc.nat(2_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (f, n, r) => {
        const wait = backOffMs(f, n, () => r);
        const floor = f.kind === 'rate_limited' ? f.retryAfterMs : f.kind === 'refused' ? 2_500 : SETTLE_MS;
        const ceiling = f.kind === 'rate_limited' ? f.retryAfterMs + SECOND : 15 * MINUTE;
        expect(wait).toBeGreaterThanOrEqual(floor);
        expect(wait).toBeLessThanOrEqual(ceiling);
      }),
    );
  });
});
