import fc from 'fast-check';
import type { Attention } from '../../src/promotions/attention.js';
import type { Evidence } from '../../src/promotions/evidence.js';
import {
  countVerdicts,
  type GroupedCritical,
  type GroupWithCriticals,
  planGroups,
} from '../../src/promotions/group.js';
import { DAY, HOUR, MINUTE, momentAfter, promotion } from './make.js';

const NOW = momentAfter(3 * DAY);
const ago = (milliseconds: number) => new Date(NOW.getTime() - milliseconds);

function critical(id: number, changes: Partial<GroupedCritical> = {}): GroupedCritical {
  return { promotionId: `${id}`, herokuApp: 'raxx-console-prod', namedAt: null, isNamingPending: false, ...changes };
}
const group = (...criticals: readonly GroupedCritical[]): GroupWithCriticals => ({
  groupId: '4',
  namings: 2,
  criticals,
});
const attention = (changes: Partial<Attention>): Attention => ({
  ownership: null,
  snooze: null,
  resumedAt: null,
  ...changes,
});
const owned = attention({
  ownership: { owner: 'U0KRIS', since: ago(HOUR), confirmedAt: ago(HOUR), question: null, isOperator: true },
});
const snoozed = attention({ snooze: { by: 'U0MINA', at: ago(HOUR), until: new Date(NOW.getTime() + HOUR) } });

describe('which criticals of a group the channel is told of by name', () => {
  const named = (one: GroupedCritical, known?: Attention) =>
    planGroups([group(one)], new Map(known === undefined ? [] : [[one.promotionId, known]]), NOW, DAY).length > 0;

  test.each([
    ['that landed in it', critical(1), undefined, true],
    ['whose name is on its way', critical(1, { isNamingPending: true }), undefined, false],
    ['that somebody is on', critical(1), owned, false],
    ['that is snoozed', critical(1), snoozed, false],
    ['named a day ago', critical(1, { namedAt: ago(DAY) }), undefined, true],
    ['named less than a day ago', critical(1, { namedAt: ago(DAY - 1) }), undefined, false],
    ['named by a clock that is ahead', critical(1, { namedAt: ago(-HOUR) }), undefined, false],
    ['named a day ago, that somebody is on', critical(1, { namedAt: ago(DAY) }), owned, false],
    [
      'named a day ago, whose snooze ended since',
      critical(1, { namedAt: ago(DAY) }),
      attention({ resumedAt: NOW }),
      false,
    ],
    [
      'named a day ago, whose snooze ended before',
      critical(1, { namedAt: ago(DAY) }),
      attention({ resumedAt: ago(MINUTE) }),
      true,
    ],
  ])('one %s: %#', (_what, one, known, isNamed) => {
    expect(named(one, known)).toBe(isNamed);
  });

  test('all of one group in one reply, in their order, counted on from the last', () => {
    const groups = [group(critical(3), critical(1), critical(2, { namedAt: ago(HOUR) })), { ...group(), groupId: '5' }];
    expect(planGroups(groups, new Map(), NOW, DAY)).toEqual([
      { kind: 'name_criticals', groupId: '4', ordinal: 3, promotionIds: ['3', '1'] },
    ]);
  });
});

describe('over any sequence of ticks', () => {
  /** Ten criticals that land in one group, each in its minute; every decision is carried out at once. */
  function play(landings: readonly number[], minutes: readonly number[]) {
    const namedAt = new Map<number, Date>();
    const replies: { readonly at: number; readonly ids: readonly string[] }[] = [];
    let mostAtOnce = 0;
    for (const minute of minutes) {
      const now = momentAfter(minute * MINUTE);
      const landed = landings.flatMap((landing, id) => (landing <= minute ? [id] : []));
      const criticals = landed.map((id) => critical(id, { namedAt: namedAt.get(id) ?? null }));
      const planned = planGroups([{ groupId: '4', namings: replies.length, criticals }], new Map(), now, DAY);
      mostAtOnce = Math.max(mostAtOnce, planned.length);
      for (const { promotionIds } of planned) {
        replies.push({ at: minute, ids: promotionIds });
        for (const id of promotionIds) namedAt.set(Number(id), now);
      }
    }
    expect(mostAtOnce).toBeLessThanOrEqual(1);
    return replies;
  }
  const landings = fc.array(fc.nat(3 * 24 * 60), { minLength: 1, maxLength: 10 });
  const ticks = fc
    .array(fc.nat(5 * 24 * 60), { minLength: 1, maxLength: 60 })
    .map((minutes) => minutes.toSorted((a, b) => a - b));

  test('each critical is named at the first tick after it landed, and then at most once a day', () => {
    fc.assert(
      fc.property(landings, ticks, (landed, minutes) => {
        const replies = play(landed, minutes);
        landed.forEach((landing, id) => {
          const times = replies.filter(({ ids }) => ids.includes(`${id}`)).map(({ at }) => at);
          expect(times[0]).toBe(minutes.find((minute) => minute >= landing));
          const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
          expect(Math.min(...pauses)).toBeGreaterThanOrEqual(24 * 60);
        });
      }),
    );
  });
});

test('open alerts are counted by their evidence; one that wasn’t asked about is unknown', () => {
  const read = (verdict: 'live' | 'not_live'): Evidence => ({
    kind: 'read',
    checkedAt: NOW,
    verdict,
    value: { kind: 'unset' },
  });
  const open = ['1', '2', '3', '4'].map((id) => ({
    promotion: promotion({ id }),
    severity: 'warning' as const,
    attention: null,
  }));
  const evidence = new Map<string, Evidence>([
    ['1', read('live')],
    ['2', read('not_live')],
    ['3', { kind: 'unavailable', checkedAt: NOW, reason: 'no_answer' }],
  ]);
  expect(countVerdicts(open, evidence)).toEqual({
    live: 1,
    not_live: 1,
    release_running: 0,
    release_failed: 0,
    changed_since: 0,
    unknown: 2,
  });
});
