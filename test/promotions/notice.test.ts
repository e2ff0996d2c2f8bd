import { assess, type Evidence, type EvidenceRelease, type ReadVerdict } from '../../src/promotions/evidence.js';
import { conclude, type Look, lookAgainAfterMs, type WatchedPromotion } from '../../src/promotions/notice.js';
import { lookAgainMs } from '../../src/promotions/promoting.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import { HOUR, MINUTE, momentAfter, PROMOTED_AT, promotion, SECOND } from './make.js';

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
const silent = (reason: 'no_answer' | 'over_budget' | 'app_not_found'): Look => ({
  evidence: { kind: 'unavailable', checkedAt: NOW, reason },
  releaseEndedAt: null,
});
const watched = (
  row: Partial<Promotion> = {},
  state: Partial<Omit<WatchedPromotion, 'promotion'>> = {},
): WatchedPromotion => ({
  promotion: promotion(row),
  leasedUntil: null,
  nextAttemptAt: null,
  heldUpSince: null,
  ...state,
});
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

/** A seeded random number generator. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How a promotion goes on: its row and Heroku, minute by minute, until it is recorded. */
interface Living {
  readonly endsAt: number;
  at(ms: number): { readonly row: WatchedPromotion; readonly look: Look };
}

/** One of our promoter's looks: when it holds the lease, whether Heroku failed it, and when it comes back. */
interface Attempt {
  readonly from: number;
  readonly to: number;
  readonly failed: boolean;
  readonly next: number;
}

/** The last one finds the release ended, and records it. */
function attemptsUntil(releasedAt: number, isOut: (ms: number) => boolean, random: () => number): readonly Attempt[] {
  const attempts: Attempt[] = [];
  let failures = 0;
  for (let from = 100; ; ) {
    const to = from + 500 + random() * 2_000;
    const failed = isOut(from) || isOut(to);
    failures = failed ? failures + 1 : 0;
    const backOffMs = Math.min(15 * MINUTE, 5_000 * 2 ** (failures - 1)) * (0.5 + random() / 2);
    const next = to + (failed ? backOffMs : lookAgainMs(promotion(), momentAfter(to)));
    attempts.push({ from, to, failed, next });
    if (!failed && from >= releasedAt) return attempts;
    from = next + random() * 500;
  }
}

/** By our promoter, by a console with a lease, or by one without; with differing clocks, and outages. */
function living(random: () => number, who: 'ours' | 'leased' | 'unleased'): Living {
  const sentAt = 200 + random() * 5_000;
  const phaseMs = random() < 0.2 ? 0 : random() * 2 * HOUR;
  const releasedAt = sentAt + phaseMs;
  const skewMs = (random() - 0.5) * 8_000;
  const outage = { from: random() * 2 * HOUR, forMs: random() < 0.3 ? random() * 5 * MINUTE : 0 };
  const isOut = (ms: number) => ms >= outage.from && ms < outage.from + outage.forMs;
  const heroku = (ms: number) => new Date(Math.floor((PROMOTED_AT.getTime() + ms + skewMs) / SECOND) * SECOND);
  const attempts = who === 'ours' ? attemptsUntil(releasedAt, isOut, random) : [];
  const endsAt = attempts.at(-1)?.to ?? releasedAt + random() * (who === 'leased' ? 20 * SECOND : MINUTE);
  return {
    endsAt,
    at(ms) {
      const last = attempts.findLast(({ from }) => from <= ms);
      const isHeld = who === 'leased' || (last !== undefined && last.to > ms);
      const ended = attempts.findLast(({ to }) => to <= ms);
      const firstFailure = attempts.findLast(
        ({ to, failed }, index) => to <= ms && failed && attempts[index - 1]?.failed !== true,
      );
      const row = watched(
        {
          checkpoint: who === 'ours' ? OURS.checkpoint : null,
          lastError: ended?.failed === true ? 'Heroku answered with an error of its own.' : null,
        },
        {
          leasedUntil: isHeld ? momentAfter(ms + 20 * SECOND) : null,
          nextAttemptAt: isHeld || ended === undefined ? null : momentAfter(ended.next),
          heldUpSince: firstFailure === undefined ? null : momentAfter(firstFailure.to),
        },
      );
      return { row, look: isOut(ms) ? silent('no_answer') : seen(ms) };
    },
  };

  function seen(ms: number): Look {
    const isOver = ms >= releasedAt;
    const release = {
      version: 143,
      status: isOver ? ('succeeded' as const) : ('pending' as const),
      createdAt: heroku(sentAt),
      by: 'kris@raxx.example',
    };
    const before = {
      version: 142,
      status: 'succeeded' as const,
      createdAt: heroku(-2 * HOUR),
      by: 'mina@raxx.example',
    };
    const evidence: Evidence = assess(promotion(), isOver ? 'true' : null, momentAfter(ms), {
      looked: [
        { release, carries: true, isInForce: isOver },
        { release: before, carries: false, isInForce: !isOver },
      ],
      complete: true,
    });
    return { evidence, releaseEndedAt: isOver ? heroku(releasedAt) : null };
  }
}

test.each(['ours', 'leased', 'unleased'] as const)(
  'of 1,000 slow promotions that live (%s) none is noticed, however often Heroku is asked; of as many whose end is lost, each',
  (who) => {
    const random = chance(20_260_509);
    let asked = 0;
    for (let n = 0; n < 1_000; n += 1) {
      const one = living(random, who);
      for (let ms = NOTICE_AFTER + random() * MINUTE; ms < one.endsAt; ms += 20 * SECOND + random() * SECOND) {
        const { row, look: found } = one.at(ms);
        const conclusion = conclude(row, found, momentAfter(ms), NOTICE_AFTER);
        if (conclusion !== null) throw new Error(`No. ${n} was noticed at ${ms / MINUTE} min: ${conclusion}`);
        asked += 1;
      }
      // Whoever was to record it is killed: its lease expires, and nobody comes back.
      const later = Math.max(NOTICE_AFTER, one.endsAt) + 3 * HOUR;
      const { row, look: found } = one.at(later);
      const killed = { ...row, leasedUntil: momentAfter(one.endsAt + 20 * SECOND) };
      expect(conclude(killed, found, momentAfter(later), NOTICE_AFTER)).toBe('live');
    }
    expect(asked).toBeGreaterThan(50_000);
  },
);
