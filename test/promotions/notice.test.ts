import type { EvidenceRelease, ReadVerdict } from '../../src/promotions/evidence.js';
import { conclude, type Look, lookAgainAfterMs, type WatchedPromotion } from '../../src/promotions/notice.js';
import { HOUR, MINUTE, momentAfter, PROMOTED_AT, SECOND, silent, watched } from './make.js';

const NOTICE_AFTER = 15 * MINUTE;
const RELEASE: EvidenceRelease = {
  version: 143,
  status: 'succeeded',
  createdAt: momentAfter(31 * SECOND),
  by: 'kris@raxx.example',
  orEarlier: false,
};
const NOW = momentAfter(NOTICE_AFTER);

function look(
  verdict: ReadVerdict,
  release: EvidenceRelease | null = RELEASE,
  endedAt: Date | null = RELEASE.createdAt,
): Look {
  const read = { kind: 'read', checkedAt: NOW, verdict, value: { kind: 'plain', value: 'true' } } as const;
  return { evidence: release === null ? read : { ...read, release }, releaseEndedAt: endedAt };
}
const OURS = { checkpoint: 'PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef' };
const REFUSED = { checkpoint: 'INTENT', lastError: 'Heroku did not accept the API key.' };

describe('after a quarter of an hour', () => {
  test.each<[string, WatchedPromotion, Look | null, ReturnType<typeof conclude>]>([
    ['live by a release of its time, held by nobody', watched(), look('live'), 'live'],
    ['live, though somebody holds it', watched({}, { leasedUntil: momentAfter(16 * MINUTE) }), look('live'), null],
    ['live, and its holder is gone', watched({}, { leasedUntil: momentAfter(14 * MINUTE) }), look('live'), 'live'],
    [
      'live since before it was promoted',
      watched(),
      look('live', { ...RELEASE, createdAt: momentAfter(-MINUTE) }),
      null,
    ],
    ['live since then or earlier', watched(), look('live', { ...RELEASE, orEarlier: true }), null],
    ['live, by no release that Heroku told of', watched(), look('live', null, null), null],
    [
      'live by one that Heroku dates a second early',
      watched(),
      look('live', { ...RELEASE, createdAt: momentAfter(-SECOND) }),
      'live',
    ],
    ['live for a moment only', watched(), look('live', RELEASE, momentAfter(14 * MINUTE)), null],
    ['live, by a clock that is far ahead', watched(), look('live', RELEASE, momentAfter(5 * HOUR)), 'live'],
    [
      'live, and our promoter comes back in a moment',
      watched(OURS, { nextAttemptAt: momentAfter(15.4 * MINUTE) }),
      look('live'),
      null,
    ],
    [
      'live, and our promoter should have come back',
      watched(OURS, { nextAttemptAt: momentAfter(10 * MINUTE) }),
      look('live'),
      'live',
    ],
    [
      'live, and a wrong clock put our promoter off',
      watched(OURS, { nextAttemptAt: momentAfter(48 * HOUR) }),
      look('live'),
      'live',
    ],
    ['failed by its release', watched(), look('release_failed', { ...RELEASE, status: 'failed' }), 'release_failed'],
    ['expired', watched(), look('release_failed', { ...RELEASE, status: 'expired' }), 'release_failed'],
    ['failed a moment ago', watched(), look('release_failed', RELEASE, momentAfter(14 * MINUTE)), null],
    ['changed since by somebody else', watched(), look('changed_since'), 'changed_since'],
    [
      'changed since, though somebody holds it',
      watched({}, { leasedUntil: momentAfter(HOUR) }),
      look('changed_since'),
      'changed_since',
    ],
    ['a release that runs', watched(), look('release_running', { ...RELEASE, status: 'pending' }, null), null],
    ['nothing set yet, and no checkpoint', watched(), look('not_live', null, null), null],
    ['Heroku silent', watched(), silent('no_answer'), null],
    ['an app that is gone', watched(), silent('app_not_found'), null],
    ['no requests left', watched(), silent('over_budget'), null],
    ['not asked', watched(), null, null],
    [
      'our promoter refused for so long',
      watched(REFUSED, { heldUpSince: PROMOTED_AT }),
      look('not_live', null, null),
      'held_up',
    ],
    [
      'our promoter refused, and Heroku silent',
      watched(REFUSED, { heldUpSince: PROMOTED_AT }),
      silent('no_answer'),
      'held_up',
    ],
    ['our promoter refused, and Heroku not asked', watched(REFUSED, { heldUpSince: PROMOTED_AT }), null, 'held_up'],
    [
      'our promoter refused a little later',
      watched(REFUSED, { heldUpSince: momentAfter(SECOND) }),
      silent('no_answer'),
      null,
    ],
    [
      'our promoter refused once, and at work again',
      watched({ checkpoint: 'INTENT' }, { heldUpSince: PROMOTED_AT }),
      null,
      null,
    ],
    ['an error that another system noted', watched({ lastError: 'no' }, { heldUpSince: PROMOTED_AT }), null, null],
    ['no time at which it was promoted', watched({ promotedAt: null }), look('live'), null],
    ['a start that can’t be true', watched({ oddStart: { kind: 'ahead', at: momentAfter(HOUR) } }), look('live'), null],
  ])('%s', (_what, row, found, expected) => {
    expect(conclude(row, found, NOW, NOTICE_AFTER)).toBe(expected);
  });

  test('and not a second before', () => {
    expect(conclude(watched(), look('live'), momentAfter(NOTICE_AFTER - 1), NOTICE_AFTER)).toBeNull();
    expect(conclude(watched(), look('live'), NOW, NOTICE_AFTER)).toBe('live');
  });
});

test('the longer it takes, the more seldom Heroku is asked, and never more than once a tick', () => {
  const minutes = [15, 30, 60, 120, 240, 700].map((age) => lookAgainAfterMs(age * MINUTE) / MINUTE);
  expect(minutes.map((every) => Math.round(every * 10) / 10)).toEqual([0.8, 1.8, 3.8, 7.8, 14.8, 14.8]);
  expect(lookAgainAfterMs(0)).toBe(50 * SECOND);
});
