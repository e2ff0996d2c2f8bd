import type { Operator } from '../../src/operators/operator.js';
import { type Attention, keepsBack, planAttention } from '../../src/promotions/attention.js';
import { planDetection } from '../../src/promotions/detection.js';
import {
  admit,
  decideAnswer,
  decideTake,
  type HeldAlert,
  nextOwnerStep,
  type Ownership,
} from '../../src/promotions/ownership.js';
import type { StuckPromotion } from '../../src/promotions/stuck-promotion.js';
import { alert, DAY, HOUR, MINUTE, momentAfter, promotion, SECOND, THRESHOLDS } from './make.js';

const KRIS: Operator = { slackUserId: 'U0KRIS', role: 'superadmin', disabledAt: null };
/** When the critical was posted, and when it was acknowledged. */
const POSTED = momentAfter(DAY);
const TAKEN = momentAfter(DAY + 5 * MINUTE);
const later = (ms: number) => new Date(TAKEN.getTime() + ms);

const owned = (changes: Partial<Ownership> = {}): Ownership => ({
  owner: 'U0KRIS',
  since: TAKEN,
  confirmedAt: TAKEN,
  question: null,
  isOperator: true,
  ...changes,
});
const question = (changes: Partial<NonNullable<Ownership['question']>> = {}) => ({
  id: '9',
  askedAt: later(45 * MINUTE),
  postedAt: later(46 * MINUTE),
  ...changes,
});

describe('what is due about an owner', () => {
  const CRITICAL = { criticalPostedAt: POSTED, resumedAt: null, isSnoozed: false };
  const ask = { kind: 'ask' };
  const silent = { kind: 'lose', reason: 'silent' };
  const disabled = { kind: 'lose', reason: 'disabled' };
  test.each([
    ['a millisecond before 45 minutes: nothing', owned(), CRITICAL, 45 * MINUTE - 1, null],
    ['at 45 minutes: the question', owned(), CRITICAL, 45 * MINUTE, ask],
    ['a clock that jumped back: nothing', owned(), CRITICAL, -DAY, null],
    [
      'confirmed, 45 minutes after taking: nothing',
      owned({ confirmedAt: later(50 * MINUTE) }),
      CRITICAL,
      60 * MINUTE,
      null,
    ],
    [
      '45 minutes after a confirmation: the question',
      owned({ confirmedAt: later(50 * MINUTE) }),
      CRITICAL,
      95 * MINUTE,
      ask,
    ],
    ['a warning asks nobody', owned(), { ...CRITICAL, criticalPostedAt: null }, 20 * DAY, null],
    [
      'taken as a warning: counted from when it turned critical',
      owned(),
      { ...CRITICAL, criticalPostedAt: later(10 * HOUR) },
      10 * HOUR + 45 * MINUTE - 1,
      null,
    ],
    [
      'taken as a warning, 45 minutes after it turned critical: the question',
      owned(),
      { ...CRITICAL, criticalPostedAt: later(10 * HOUR) },
      10 * HOUR + 45 * MINUTE,
      ask,
    ],
    ['snoozed: nobody is asked', owned(), { ...CRITICAL, isSnoozed: true }, 5 * HOUR, null],
    [
      'after a snooze: counted from its end',
      owned(),
      { ...CRITICAL, resumedAt: later(4 * HOUR) },
      4 * HOUR + 44 * MINUTE,
      null,
    ],
    [
      '45 minutes after a snooze: the question',
      owned(),
      { ...CRITICAL, resumedAt: later(4 * HOUR) },
      4 * HOUR + 45 * MINUTE,
      ask,
    ],
    ['asked, 10 minutes less a millisecond', owned({ question: question() }), CRITICAL, 56 * MINUTE - 1, null],
    ['asked, 10 minutes after it appeared', owned({ question: question() }), CRITICAL, 56 * MINUTE, silent],
    [
      'asked, and Slack was away: the 10 minutes begin when it appears',
      owned({ question: question({ postedAt: null }) }),
      CRITICAL,
      75 * MINUTE - 1,
      null,
    ],
    [
      'asked, and Slack takes no question for half an hour: silence must not last',
      owned({ question: question({ postedAt: null }) }),
      CRITICAL,
      75 * MINUTE,
      silent,
    ],
    ['disabled: at once', owned({ isOperator: false }), CRITICAL, SECOND, disabled],
    [
      'disabled, of a warning, snoozed',
      owned({ isOperator: false }),
      { ...CRITICAL, criticalPostedAt: null, isSnoozed: true },
      0,
      disabled,
    ],
  ])('%s', (_, ownership, around, at, expected) => {
    expect(nextOwnerStep(ownership, around, later(at))).toEqual(expected);
  });
});

const held = (changes: Partial<HeldAlert> = {}): HeldAlert => ({
  promotion: promotion(),
  operator: KRIS,
  isAlerting: true,
  ownership: null,
  ...changes,
});

describe('whoever is admitted to an alert', () => {
  test.each([
    ['an engineer', held({ operator: { ...KRIS, role: 'engineer' } }), 'admitted'],
    ['a superadmin', held(), 'admitted'],
    ['nobody known', held({ operator: null }), 'not_operator'],
    ['nobody known, of a promotion that is not there', held({ operator: null, promotion: null }), 'not_operator'],
    ['an operator who was disabled', held({ operator: { ...KRIS, disabledAt: TAKEN } }), 'not_operator'],
    ['an operator, of none', held({ promotion: null }), 'unknown_promotion'],
    ['an operator, of one that ended', held({ promotion: promotion({ state: 'deployed' }) }), 'ended'],
    [
      'an operator, of one in another system’s state',
      held({ promotion: promotion({ state: 'rolled_back' }) }),
      'ended',
    ],
    ['an operator, of one that is marked', held({ promotion: promotion({ state: 'marked' }) }), 'not_alerting'],
    ['an operator, of one within its time', held({ isAlerting: false }), 'not_alerting'],
  ])('%s: %s', (_, facts, kind) => {
    expect(admit(facts).kind).toBe(kind);
    const { promotion: row } = facts;
    expect(decideTake(facts, 'U0KRIS', null).kind).toBe(kind === 'admitted' ? 'take' : kind);
    expect(decideAnswer({ ...facts, ownership: owned({ question: question() }) }, 'U0KRIS', 'confirm')).toEqual(
      kind === 'admitted' ? { kind: 'do', promotion: row } : expect.objectContaining({ kind }),
    );
  });
});

describe('an answer', () => {
  test.each([
    ['of the owner, who was asked: confirm', owned({ question: question() }), 'U0KRIS', 'confirm', 'do'],
    ['of the owner, who was asked: hand over', owned({ question: question() }), 'U0KRIS', 'hand_over', 'do'],
    ['of the owner, who was not asked: hand over', owned(), 'U0KRIS', 'hand_over', 'do'],
    ['of the owner, who is not asked any more: confirm', owned(), 'U0KRIS', 'confirm', 'not_asked'],
    ['of somebody else: confirm', owned({ question: question() }), 'U0MINA', 'confirm', 'not_owner'],
    ['of somebody else: hand over', owned({ question: question() }), 'U0MINA', 'hand_over', 'not_owner'],
    ['of who lost it', null, 'U0KRIS', 'confirm', 'not_owner'],
  ] as const)('%s', (_, ownership, by, answer, kind) => {
    expect(decideAnswer(held({ ownership }), by, answer).kind).toBe(kind);
  });
});

describe('a tick', () => {
  const stuck: StuckPromotion = {
    promotion: promotion(),
    alerts: [alert({ id: '2', severity: 'critical', openedAt: POSTED })],
    criticalToldAt: POSTED,
    lastRepeat: 0,
    repeatPending: false,
  };
  const attention = (changes: Partial<Attention> = {}): Attention => ({
    ownership: null,
    snooze: null,
    resumedAt: null,
    ...changes,
  });
  const snooze = { by: 'U0MINA', at: TAKEN, until: later(HOUR) };
  const plan = (held: Attention, at: Date, changes: Partial<StuckPromotion> = {}) =>
    planAttention([{ ...stuck, ...changes }], new Map([['7', held]]), at);

  test.each([
    ['nothing is due', attention({ ownership: owned() }), MINUTE, []],
    [
      'the owner is asked',
      attention({ ownership: owned() }),
      45 * MINUTE,
      [{ kind: 'ask_owner', promotionId: '7', owner: 'U0KRIS' }],
    ],
    [
      'the owner is lost',
      attention({ ownership: owned({ isOperator: false }) }),
      MINUTE,
      [{ kind: 'lose_owner', promotionId: '7', owner: 'U0KRIS', reason: 'disabled' }],
    ],
    ['a snooze goes on', attention({ snooze }), HOUR - 1, []],
    ['a snooze ends', attention({ snooze }), HOUR, [{ kind: 'end_snooze', promotionId: '7' }]],
    [
      'a snooze ends, and its owner is asked no sooner than after it',
      attention({ snooze, ownership: owned() }),
      HOUR,
      [{ kind: 'end_snooze', promotionId: '7' }],
    ],
  ])('%s', (_, known, at, actions) => {
    expect(plan(known, later(at))).toEqual(actions);
  });

  test('asks nobody about a critical that nobody was told of yet, or that nobody is on', () => {
    expect(plan(attention({ ownership: owned() }), later(DAY), { criticalToldAt: null })).toEqual([]);
    expect(planAttention([stuck], new Map(), later(DAY))).toEqual([]);
  });

  const ALONE = { individualPerHour: 10, channelOf: () => 'C0ALERTS' };

  test.each([
    ['nobody has it', undefined, true],
    ['somebody has it', attention({ ownership: owned() }), false],
    ['it is snoozed', attention({ snooze }), false],
    ['an owner or a snooze went before the time came', attention({ resumedAt: momentAfter(2 * DAY - 1) }), true],
    [
      'an owner or a snooze went after the time had come, which was said',
      attention({ resumedAt: momentAfter(2 * DAY) }),
      false,
    ],
  ])('a critical of which %s is repeated: %s', (_, known, repeats) => {
    const quiet = { ...ALONE, quietUntil: () => null, attention: new Map(known === undefined ? [] : [['7', known]]) };
    const at = momentAfter(2 * DAY + MINUTE);
    const expected = repeats ? [{ kind: 'repeat_critical', promotionId: '7', ordinal: 1 }] : [];
    expect(
      planDetection({ stuck: [stuck], endedPromotionIds: [], individualAlerts: [] }, at, THRESHOLDS, quiet),
    ).toEqual(expected);
    expect(keepsBack(known, momentAfter(2 * DAY))).toBe(!repeats);
  });

  test('in quiet hours opens a warning that waits, and a critical that does not', () => {
    const until = momentAfter(20 * HOUR);
    const quietUntil = (app: string) => (app === 'raxx-console-prod' ? until : null);
    const quiet = { ...ALONE, quietUntil, attention: new Map() };
    const planned = (at: number, app: string) =>
      planDetection(
        {
          stuck: [{ ...stuck, promotion: promotion({ herokuApp: app }), alerts: [] }],
          endedPromotionIds: [],
          individualAlerts: [],
        },
        momentAfter(at),
        THRESHOLDS,
        quiet,
      );
    const open = { kind: 'open_alert', promotionId: '7' };
    expect(planned(13 * HOUR, 'raxx-console-prod')).toEqual([{ ...open, severity: 'warning', notBefore: until }]);
    expect(planned(13 * HOUR, 'shop')).toEqual([{ ...open, severity: 'warning' }]);
    expect(planned(DAY, 'raxx-console-prod')).toEqual([{ ...open, severity: 'critical' }]);
  });
});
