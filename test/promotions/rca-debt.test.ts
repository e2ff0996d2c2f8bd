import type { Promotion } from '../../src/promotions/promotion.js';
import { planRcaDebt, REMIND_AFTER_MS } from '../../src/promotions/rca-debt.js';
import { DAY, momentAfter, promotion } from './make.js';

const END = momentAfter(2 * DAY);
const ended = (changes: Partial<Promotion> = {}) => promotion({ state: 'deployed', deployedAt: END, ...changes });
const after = (ms: number) => new Date(END.getTime() + ms);
const plan = (row: Promotion, now: Date, wasPosted = true) =>
  planRcaDebt([{ alertId: '3', wasPosted, promotion: row }], now).map(({ kind }) => kind);

test.each<readonly [string, Promotion, Date, string[]]>([
  ['ended three days ago, without an RCA', ended(), after(REMIND_AFTER_MS), ['remind_of_rca']],
  ['ended long ago, after an outage', ended(), after(40 * DAY), ['remind_of_rca']],
  ['ended a moment less than three days ago', ended(), after(REMIND_AFTER_MS - 1), []],
  ['failed', promotion({ state: 'failed', failedAt: END }), after(REMIND_AFTER_MS), ['remind_of_rca']],
  ['has an RCA by then', ended({ rcaUrl: 'https://docs.example/rca' }), after(REMIND_AFTER_MS), ['settle_rca']],
  ['has an RCA at once', ended({ rcaUrl: 'https://docs.example/rca' }), after(0), ['settle_rca']],
  ['is deploying again', promotion(), after(9 * DAY), []],
  ['is in a state of another system’s', promotion({ state: 'archived' }), after(9 * DAY), ['settle_rca']],
  ['ended in the future: a clock jumped back', ended(), after(-DAY), []],
])('a critical whose promotion %s', (_, row, now, expected) => {
  expect(plan(row, now)).toStrictEqual(expected);
});

test('people have three days', () => {
  expect(REMIND_AFTER_MS).toBe(3 * DAY);
});

test('one that was never posted has no thread to be reminded in', () => {
  expect(plan(ended(), after(9 * DAY), false)).toEqual(['settle_rca']);
});

test('each is decided for itself, in order', () => {
  const rows = [ended({ id: '1' }), promotion({ id: '2' }), ended({ id: '3', rcaUrl: 'https://docs.example/rca' })];
  expect(
    planRcaDebt(
      rows.map((row) => ({ alertId: `9${row.id}`, wasPosted: true, promotion: row })),
      after(REMIND_AFTER_MS),
    ),
  ).toEqual([
    { kind: 'remind_of_rca', promotionId: '1', alertId: '91' },
    { kind: 'settle_rca', promotionId: '3', alertId: '93' },
  ]);
});
