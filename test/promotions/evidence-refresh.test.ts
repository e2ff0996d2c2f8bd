import type { Evidence, EvidenceRelease, ReadVerdict } from '../../src/promotions/evidence.js';
import {
  REFRESH_EVERY_MS,
  settleEvidence,
  stillMeans,
  subjectOfEvidence,
} from '../../src/promotions/evidence-refresh.js';
import { HOUR, MINUTE, momentAfter, promotion } from './make.js';

const first = momentAfter(30 * HOUR);
const release = (version: number): EvidenceRelease => ({
  version,
  status: 'succeeded',
  createdAt: momentAfter(MINUTE),
  by: 'kris',
  orEarlier: false,
});
const read = (verdict: ReadVerdict, value: string | null, version?: number, checkedAt = first): Evidence => ({
  kind: 'read',
  checkedAt,
  verdict,
  value: value === null ? { kind: 'unset' } : { kind: 'plain', value },
  release: version === undefined ? undefined : release(version),
});
const masked = (verdict: ReadVerdict): Evidence => ({
  kind: 'read',
  checkedAt: first,
  verdict,
  value: { kind: 'masked' },
});
const silent = (reason: Extract<Evidence, { kind: 'unavailable' }>['reason'], checkedAt = first): Evidence => ({
  kind: 'unavailable',
  checkedAt,
  reason,
});

test('is read again every 5 minutes for a critical and every 15 otherwise, though a tick comes a little early', () => {
  const rarely = 15 * MINUTE - 10_000;
  expect(REFRESH_EVERY_MS).toEqual({ critical: 5 * MINUTE - 10_000, warning: rarely, notice: rarely });
});

describe('a value that was read again', () => {
  test.each([
    ['the target, still', read('live', 'true', 3), read('live', 'true'), true],
    ['the target no more', read('live', 'true', 3), read('not_live', 'off'), false],
    ['the target now', read('not_live', 'off', 3), read('live', 'true'), false],
    ['another than the target, still', read('changed_since', 'off', 4), read('not_live', 'off'), true],
    ['another than the other', read('not_live', 'off', 4), read('not_live', 'no'), false],
    ['of a release that failed, still not there', read('release_failed', null, 4), read('not_live', null), true],
    ['while a release ran, which may have ended', read('release_running', 'off', 4), read('not_live', 'off'), false],
    ['hidden, and the target no more', masked('live'), masked('not_live'), false],
    ['hidden still', masked('not_live'), masked('not_live'), true],
    ['hidden now', read('not_live', 'off'), masked('not_live'), false],
    ['hidden, and unset now', masked('not_live'), read('not_live', null), false],
    ['not, for want of an answer', read('live', 'true', 3), silent('no_answer'), false],
    ['if there was no answer', silent('no_answer'), read('live', 'true'), false],
    ['if nothing was stored', null, read('live', 'true'), false],
  ])('%s', (_what, stored, byValue, expected) => {
    expect(stillMeans({ promotion: promotion(), stored, isGrouped: false, isCritical: false }, byValue)).toBe(expected);
  });

  test('of a promotion that the promoter works on says nothing about a release that it began', () => {
    const one = { stored: read('not_live', 'off', 3), isGrouped: false, isCritical: false };
    const again = read('not_live', 'off');
    expect(stillMeans({ ...one, promotion: promotion({ checkpoint: 'INTENT' }) }, again)).toBe(false);
    expect(stillMeans({ ...one, promotion: promotion({ checkpoint: 'PENDING_COMMIT:' }) }, again)).toBe(false);
    expect(stillMeans({ ...one, promotion: promotion({ checkpoint: null }) }, again)).toBe(true);
    const live = {
      stored: read('live', 'true', 3),
      isGrouped: false,
      isCritical: false,
      promotion: promotion({ checkpoint: 'INTENT' }),
    };
    expect(stillMeans(live, read('live', 'true'))).toBe(true);
  });
});

describe('the evidence that stands', () => {
  const soon = momentAfter(30 * HOUR + 5 * MINUTE);
  const late = momentAfter(30 * HOUR + 15 * MINUTE);

  test.each([
    ['what was read, for a while', 'no_answer', soon, true],
    ['what was read, while Heroku is busy', 'conflict', soon, true],
    ['what was read, while Heroku lets us ask no more', 'rate_limited', soon, true],
    ['the silence, in the end', 'no_answer', late, false],
    ['a refusal, at once', 'refused', soon, false],
    ['the reason of a refusal, at once', 'delinquent', soon, false],
  ] as const)('is %s', (_what, reason, at, stands) => {
    const stored = read('live', 'true', 3);
    const found = silent(reason, at);
    expect(settleEvidence(stored, found)).toBe(stands ? stored : found);
  });

  test('keeps its release if Heroku told the value alone, and the running one as it was', () => {
    const value = read('not_live', 'off', undefined, soon);
    expect(settleEvidence(read('changed_since', 'off', 4), value)).toEqual(read('changed_since', 'off', 4, soon));
    const running = read('release_running', 'off', 4);
    expect(settleEvidence(running, value)).toBe(running);
    expect(settleEvidence(read('live', 'true', 4), value)).toBe(value);
    expect(settleEvidence(null, value)).toBe(value);
    // Without a second look, no other outcome is claimed.
    expect(settleEvidence(read('changed_since', 'off'), value)).toEqual(read('changed_since', 'off', undefined, soon));
    const mayStillFail = read('release_running', 'true', 4);
    expect(settleEvidence(mayStillFail, read('live', 'true', undefined, soon))).toBe(mayStillFail);
  });

  test('is the new one if it tells a release, or if nothing was read before', () => {
    const found = read('live', 'true', 5, soon);
    expect(settleEvidence(read('live', 'true', 4), found)).toBe(found);
    const noAnswer = silent('no_answer', soon);
    expect(settleEvidence(silent('refused'), noAnswer)).toBe(noAnswer);
  });
});

test('evidence is about an app, a config var and a target, and names no secret', () => {
  const subject = subjectOfEvidence(promotion());
  for (const changed of [
    { herokuApp: 'renamed' },
    { configVar: 'OTHER' },
    { targetValue: 'off' },
    { targetValue: null },
  ]) {
    expect(subjectOfEvidence(promotion(changed))).not.toBe(subject);
  }
  expect(subjectOfEvidence(promotion({ targetValue: 'hunter2' }))).not.toContain('hunter2');
});
