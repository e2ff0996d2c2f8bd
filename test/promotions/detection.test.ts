import fc from 'fast-check';
import type { Alert } from '../../src/promotions/alert.js';
import {
  type DetectionAction,
  type IndividualAlerts,
  planDetection,
  planNotices,
} from '../../src/promotions/detection.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import type { StuckPromotion } from '../../src/promotions/stuck-promotion.js';
import { alert, DAY, HOUR, MINUTE, momentAfter, promotion, THRESHOLDS } from './make.js';

const warning = (changes: Partial<Alert> = {}) => alert({ id: '1', severity: 'warning', ...changes });
const critical = (changes: Partial<Alert> = {}) =>
  alert({ id: '2', severity: 'critical', openedAt: momentAfter(DAY), ...changes });
/** From an earlier life of the row. */
const closed = { closedAt: momentAfter(0) };

function stuck(changes: Partial<StuckPromotion> = {}): StuckPromotion {
  return { promotion: promotion(), alerts: [], criticalToldAt: null, lastRepeat: 0, repeatPending: false, ...changes };
}

/** Everything goes to one channel, and nothing waits. */
const PLANNING = { individualPerHour: 10, channelOf: () => 'C0ALERTS', quietUntil: () => null, attention: new Map() };

function plan(at: number, ...rows: readonly StuckPromotion[]): DetectionAction[] {
  return planDetection(
    { stuck: rows, endedPromotionIds: [], individualAlerts: [] },
    momentAfter(at),
    THRESHOLDS,
    PLANNING,
  );
}

const open = (severity: 'warning' | 'critical') => ({ kind: 'open_alert', promotionId: '7', severity });
const repeat = (ordinal: number) => ({ kind: 'repeat_critical', promotionId: '7', ordinal });

// test/fixtures/what-to-tell covers the exact seconds.
describe('what the watchdog records about a stuck promotion', () => {
  test.each([
    ['a millisecond before 12 h', 12 * HOUR - 1, stuck(), []],
    ['a millisecond before 24 h', DAY - 1, stuck({ alerts: [warning()] }), []],
    [
      'a millisecond before a repetition',
      2 * DAY - 1,
      stuck({ alerts: [critical()], criticalToldAt: momentAfter(DAY) }),
      [],
    ],
  ])('%s: nothing', (_, at, row, expected) => {
    expect(plan(at, row)).toEqual(expected);
  });

  test('alerts of promotions that ended elsewhere are closed, and the order is the input’s', () => {
    const row = (id: string, changes: Partial<Promotion> = {}) => stuck({ promotion: promotion({ id, ...changes }) });
    const rows = [
      row('9'),
      row('3', { promotedAt: momentAfter(16 * HOUR) }),
      row('5', { promotedAt: momentAfter(29 * HOUR) }),
    ];
    const gathered = { stuck: rows, endedPromotionIds: ['12', '4'], individualAlerts: [] };
    expect(planDetection(gathered, momentAfter(30 * HOUR), THRESHOLDS, PLANNING)).toEqual([
      { kind: 'close_alerts', promotionIds: ['12', '4'] },
      { kind: 'open_alert', promotionId: '9', severity: 'critical' },
      { kind: 'open_alert', promotionId: '3', severity: 'warning' },
    ]);
  });
});

describe('many at once', () => {
  const many = (count: number, alerts: (id: number) => readonly Alert[] = () => []) =>
    Array.from({ length: count }, (_, index) =>
      stuck({
        promotion: promotion({ id: `${index + 1}` }),
        alerts: alerts(index + 1),
        criticalToldAt: momentAfter(DAY),
      }),
    );
  const placements = (rows: readonly StuckPromotion[], lastHour = 0, at = 13 * HOUR) =>
    planDetection(
      {
        stuck: rows,
        endedPromotionIds: [],
        individualAlerts: [{ herokuApp: 'raxx-console-prod', waits: false, count: lastHour }],
      },
      momentAfter(at),
      THRESHOLDS,
      PLANNING,
    ).flatMap((action) => {
      if (action.kind === 'open_alert') return ['individual'];
      return action.kind === 'open_grouped_alerts' ? action.alerts.map(() => 'grouped') : [action.kind];
    });
  const times = (count: number, placement: 'individual' | 'grouped') => Array.from({ length: count }, () => placement);

  test.each([
    ['up to the limit each has an individual alert', 10, 0, 10],
    ['of more, the first do: the oldest', 1_000, 0, 10],
    ['what had one within the hour counts', 30, 7, 3],
    ['if the hour’s are used up, none does', 3, 10, 0],
    ['nor if more were given than is allowed by now', 3, 50, 0],
  ])('%s', (_, count, lastHour, individual) => {
    expect(placements(many(count), lastHour)).toEqual([
      ...times(individual, 'individual'),
      ...times(count - individual, 'grouped'),
    ]);
  });

  test('an alert that turns critical stays where its warning is told, and takes nobody’s place', () => {
    const told = (id: number) => [warning({ promotionId: `${id}`, groupId: id > 12 ? '1' : null })];
    const first = many(2).map((row) => ({ ...row, promotion: { ...row.promotion, id: `new${row.promotion.id}` } }));
    expect(placements([...many(15, told), ...first], 9, 25 * HOUR)).toEqual([
      ...times(13, 'individual'),
      ...times(4, 'grouped'),
    ]);
  });

  test('they are recorded by the hundred, the oldest first', () => {
    const rows = { stuck: many(310), endedPromotionIds: [], individualAlerts: [] };
    const actions = planDetection(rows, momentAfter(13 * HOUR), THRESHOLDS, PLANNING);
    const batches = actions.flatMap((action) => (action.kind === 'open_grouped_alerts' ? [action.alerts] : []));
    expect(batches.map(({ length }) => length)).toEqual([100, 100, 100]);
    expect(batches.flat().map(({ promotionId }) => Number(promotionId))).toEqual(
      Array.from({ length: 300 }, (_, index) => index + 11),
    );
  });

  test('a critical in a group is not repeated by itself', () => {
    const told = (groupId: string | null) => many(1, () => [critical({ groupId })]);
    expect(placements(told(null), 0, 3 * DAY)).toEqual(['repeat_critical']);
    expect(placements(told('1'), 0, 3 * DAY)).toEqual([]);
  });

  test('where an app’s alerts go, and until when they wait, is asked once', () => {
    const asked: string[] = [];
    const planning = {
      ...PLANNING,
      channelOf: (app: string) => `C-${asked.push(`channel of ${app}`) > 0}`,
      quietUntil: (app: string) => (asked.push(`quiet of ${app}`) > 0 ? null : momentAfter(DAY)),
    };
    const of = (herokuApp: string) => many(12).map((row) => ({ ...row, promotion: promotion({ herokuApp }) }));
    const rows = [...of('shop'), ...of('pay')];
    const gathered = { stuck: rows, endedPromotionIds: [], individualAlerts: [] };
    planDetection(gathered, momentAfter(13 * HOUR), THRESHOLDS, planning);
    const once = ['quiet of shop', 'channel of shop', 'quiet of pay', 'channel of pay'];
    expect(asked).toEqual(once);
    const due = rows.map(({ promotion: one }) => ({ promotion: one, unlessLeased: false }));
    planNotices(due, [], planning);
    expect(asked).toEqual([...once, ...once]);
  });

  test('a row that was grouped in an earlier life is placed anew', () => {
    const told = () => [warning({ groupId: '1', ...closed })];
    expect(placements(many(1, told))).toEqual(['individual']);
  });
});

describe('many at once, of apps whose alerts go to different channels', () => {
  const until = momentAfter(20 * HOUR);
  const of = (herokuApp: string, count: number) =>
    Array.from({ length: count }, (_, n) => stuck({ promotion: promotion({ id: `${herokuApp}${n}`, herokuApp }) }));
  const planning = {
    ...PLANNING,
    individualPerHour: 2,
    channelOf: (app: string) => (app.startsWith('pay') ? 'C0PAY' : 'C0ALERTS'),
    quietUntil: (app: string) => (app === 'night' ? until : null),
  };
  const planned = (
    rows: readonly StuckPromotion[],
    individualAlerts: readonly IndividualAlerts[] = [],
    at = 13 * HOUR,
  ) => planDetection({ stuck: rows, endedPromotionIds: [], individualAlerts }, momentAfter(at), THRESHOLDS, planning);
  const grouped = (actions: readonly DetectionAction[]) =>
    actions.flatMap((action) =>
      action.kind === 'open_grouped_alerts' ? [[action.channel, action.notBefore, action.alerts.length]] : [],
    );

  test('each channel has its own individual alerts and its own group', () => {
    const actions = planned([...of('pay', 3), ...of('payroll', 3), ...of('shop', 4)]);
    expect(grouped(actions)).toEqual([
      ['C0PAY', null, 4],
      ['C0ALERTS', null, 2],
    ]);
    expect(actions.filter(({ kind }) => kind === 'open_alert')).toHaveLength(4);
  });

  test('one channel’s alerts within the hour take nothing from another', () => {
    const had = { herokuApp: 'payroll', waits: false, count: 2 };
    expect(grouped(planned([...of('pay', 1), ...of('shop', 2)], [had]))).toEqual([['C0PAY', null, 1]]);
  });

  test('in quiet hours the warnings beyond the limit wait together, however long the night', () => {
    expect(grouped(planned(of('night', 5)))).toEqual([['C0ALERTS', until, 3]]);
    const waiting = { herokuApp: 'night', waits: true, count: 2 };
    expect(grouped(planned(of('night', 1), [waiting]))).toEqual([['C0ALERTS', until, 1]]);
  });

  test('alerts that wait are in another group than those that go out at once', () => {
    expect(grouped(planned([...of('night', 3), ...of('shop', 3)]))).toEqual([
      ['C0ALERTS', until, 1],
      ['C0ALERTS', null, 1],
    ]);
  });

  test('an alert that waits takes no place from a critical, which goes out at once', () => {
    const waiting = { herokuApp: 'night', waits: true, count: 2 };
    const actions = planned(of('night', 3), [waiting], DAY);
    expect(actions.filter(({ kind }) => kind === 'open_alert')).toHaveLength(2);
    expect(grouped(actions)).toEqual([['C0ALERTS', null, 1]]);
  });
});

/** A world in which every decision is carried out at once, ticked at any moments, forwards and back. */
describe('over any sequence of ticks', () => {
  const ticks = fc.array(fc.integer({ min: 0, max: 12 * 24 * 60 }), { minLength: 1, maxLength: 60 });

  function play(minutes: readonly number[]) {
    const said: DetectionAction[] = [];
    let mostAtOnce = 0;
    let row = stuck();
    for (const minute of minutes) {
      const now = momentAfter(minute * MINUTE);
      const actions = planDetection(
        { stuck: [row], endedPromotionIds: [], individualAlerts: [] },
        now,
        THRESHOLDS,
        PLANNING,
      );
      mostAtOnce = Math.max(mostAtOnce, actions.length);
      for (const action of actions) {
        said.push(action);
        row = after(row, action, now, said.length);
      }
    }
    expect(mostAtOnce).toBeLessThanOrEqual(1);
    return said;
  }

  function after(row: StuckPromotion, action: DetectionAction, now: Date, id: number): StuckPromotion {
    if (action.kind === 'repeat_critical') return { ...row, lastRepeat: action.ordinal };
    if (action.kind !== 'open_alert') return row;
    const opened = alert({ id: `${id}`, severity: action.severity, openedAt: now });
    const criticalToldAt = action.severity === 'critical' ? now : row.criticalToldAt;
    return { ...row, alerts: [...row.alerts, opened], criticalToldAt };
  }

  test('each severity is opened once at most, and never the warning after the critical', () => {
    fc.assert(
      fc.property(ticks, (minutes) => {
        const opened = play(minutes).flatMap((action) => (action.kind === 'open_alert' ? [action.severity] : []));
        expect([[], ['warning'], ['critical'], ['warning', 'critical']]).toContainEqual(opened);
      }),
    );
  });

  test('repeats come at most once a day of the critical’s life', () => {
    fc.assert(
      fc.property(ticks, (minutes) => {
        const ordered = minutes.toSorted((a, b) => a - b);
        const repeats = play(ordered).filter((action) => action.kind === 'repeat_critical');
        const last = ordered.at(-1) ?? 0;
        expect(repeats.length).toBeLessThanOrEqual(Math.max(0, Math.floor(last / (24 * 60)) - 1));
      }),
    );
  });

  test('a tick every minute says the incident’s four days in one warning, one critical and two repeats', () => {
    const everyMinute = Array.from({ length: 4 * 24 * 60 }, (_, minute) => minute);
    expect(play(everyMinute)).toEqual([open('warning'), open('critical'), repeat(1), repeat(2)]);
  });
});
