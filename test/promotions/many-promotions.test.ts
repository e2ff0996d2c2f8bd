import { assess, type Evidence } from '../../src/promotions/evidence.js';
import { conclude, type Look, type WatchedPromotion } from '../../src/promotions/notice.js';
import { lookAgainMs } from '../../src/promotions/promoting.js';
import { HOUR, MINUTE, momentAfter, PROMOTED_AT, promotion, SECOND, silent, watched } from './make.js';

const NOTICE_AFTER = 15 * MINUTE;

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
          checkpoint: who === 'ours' ? 'PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef' : null,
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
      // The process that would record it is killed. Its lease expires, and no other takes over.
      const later = Math.max(NOTICE_AFTER, one.endsAt) + 3 * HOUR;
      const { row, look: found } = one.at(later);
      const killed = { ...row, leasedUntil: momentAfter(one.endsAt + 20 * SECOND) };
      expect(conclude(killed, found, momentAfter(later), NOTICE_AFTER)).toBe('live');
    }
    expect(asked).toBeGreaterThan(50_000);
  },
);
