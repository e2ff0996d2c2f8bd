import type { CodeCheck } from '../../src/operators/code-check.js';
import { isOperator, isSuperadmin, type Operator } from '../../src/operators/operator.js';
import type { Evidence } from '../../src/promotions/evidence.js';
import { decideResolution, type ResolutionRequest, terminalStateOf } from '../../src/promotions/resolution.js';
import { HOUR, momentAfter, promotion } from './make.js';

const checkedAt = momentAfter(30 * HOUR);
const live: Evidence = { kind: 'read', checkedAt, verdict: 'live', value: { kind: 'plain', value: 'true' } };
const notLive: Evidence = { kind: 'read', checkedAt, verdict: 'not_live', value: { kind: 'unset' } };
const unknown: Evidence = { kind: 'unavailable', checkedAt, reason: 'no_answer' };

const superadmin: Operator = { slackUserId: 'U0SUPER001', role: 'superadmin', disabledAt: null };
const engineer: Operator = { slackUserId: 'U0ENGINEER', role: 'engineer', disabledAt: null };
const disabled: Operator = { ...superadmin, disabledAt: momentAfter(0) };

function request(changes: Partial<ResolutionRequest> = {}): ResolutionRequest {
  return {
    promotionId: '7',
    action: 'completed',
    operatorId: superadmin.slackUserId,
    note: null,
    rcaUrl: null,
    shown: live,
    reread: live,
    confirmedContradiction: false,
    setBack: false,
    isAsShown: () => true,
    takesSecondPerson: () => false,
    ...changes,
  };
}

const accepted: CodeCheck = { kind: 'accepted', step: 59_000_000 };
const code = (check: CodeCheck = accepted) => jest.fn(() => check);

describe('a resolution that is refused before its code is looked at', () => {
  const stuck = promotion();
  const at = momentAfter(31 * HOUR);
  const done = promotion({ state: 'deployed', deployedAt: at, resolvedBy: superadmin.slackUserId });
  const elsewhere = promotion({ state: 'deployed', deployedAt: at });

  test.each([
    ['nobody the table knows', request(), { promotion: stuck, operator: null }, { kind: 'not_superadmin' }],
    ['an engineer', request(), { promotion: stuck, operator: engineer }, { kind: 'not_superadmin' }],
    ['a disabled superadmin', request(), { promotion: stuck, operator: disabled }, { kind: 'not_superadmin' }],
    ['an unknown promotion', request(), { promotion: null, operator: superadmin }, { kind: 'unknown_promotion' }],
    [
      'someone without the role learns nothing about the promotion',
      request(),
      { promotion: null, operator: engineer },
      { kind: 'not_superadmin' },
    ],
    [
      'a promotion that was never promoted',
      request(),
      { promotion: promotion({ state: 'marked' }), operator: superadmin },
      { kind: 'not_deploying', promotion: promotion({ state: 'marked' }) },
    ],
    [
      'a row that is not as it was shown',
      request({ isAsShown: () => false }),
      { promotion: stuck, operator: superadmin },
      { kind: 'row_changed' },
    ],
    [
      'where a second person is needed, for who marked it',
      request({ takesSecondPerson: () => true }),
      { promotion: promotion({ markedBy: superadmin.slackUserId }), operator: superadmin },
      { kind: 'same_person', part: 'marked' },
    ],
    [
      'where a second person is needed, for who promoted it',
      request({ takesSecondPerson: () => true }),
      { promotion: promotion({ promotedBy: superadmin.slackUserId }), operator: superadmin },
      { kind: 'same_person', part: 'promoted' },
    ],
    [
      'what the same operator has already completed',
      request(),
      { promotion: done, operator: superadmin },
      { kind: 'already_resolved', promotion: done, at, byThisRequest: true },
    ],
    [
      'what the same operator completed and now wants failed',
      request({ action: 'failed' }),
      { promotion: done, operator: superadmin },
      { kind: 'already_resolved', promotion: done, at, byThisRequest: false },
    ],
    [
      'what another operator has completed',
      request({ operatorId: 'U0OTHER001' }),
      { promotion: done, operator: { ...superadmin, slackUserId: 'U0OTHER001' } },
      { kind: 'already_resolved', promotion: done, at, byThisRequest: false },
    ],
    [
      'what another system has completed',
      request(),
      { promotion: elsewhere, operator: superadmin },
      { kind: 'already_resolved', promotion: elsewhere, at, byThisRequest: false },
    ],
    [
      'what ended, although the evidence contradicts as well',
      request({ shown: notLive }),
      { promotion: done, operator: superadmin },
      { kind: 'already_resolved', promotion: done, at, byThisRequest: true },
    ],
    [
      'completing what is not live, unconfirmed',
      request({ shown: notLive }),
      { promotion: stuck, operator: superadmin },
      { kind: 'contradiction_unconfirmed' },
    ],
    [
      'failing what is live, unconfirmed',
      request({ action: 'failed', shown: live }),
      { promotion: stuck, operator: superadmin },
      { kind: 'contradiction_unconfirmed' },
    ],
  ])('%s', (_, of, locked, expected) => {
    const checkCode = code();
    expect(decideResolution(of, locked, checkCode)).toEqual(expected);
    expect(checkCode).not.toHaveBeenCalled();
  });

  test('a promotion cancelled elsewhere is told with the time of its last change', () => {
    const cancelled = promotion({ state: 'cancelled', updatedAt: at });
    const checkCode = code();
    expect(decideResolution(request(), { promotion: cancelled, operator: superadmin }, checkCode)).toMatchObject({
      kind: 'already_resolved',
      at,
      byThisRequest: false,
    });
    expect(checkCode).not.toHaveBeenCalled();
  });
});

describe('a resolution whose code is looked at', () => {
  const locked = { promotion: promotion(), operator: superadmin };

  test.each([
    ['completing what is live', request()],
    ['failing what is not live', request({ action: 'failed', shown: notLive })],
    ['completing while nobody knows', request({ shown: unknown, reread: unknown })],
    ['failing while nobody knows', request({ action: 'failed', shown: unknown, reread: unknown })],
    ['completing what is not live, confirmed', request({ shown: notLive, confirmedContradiction: true })],
    ['failing what is live, confirmed', request({ action: 'failed', confirmedContradiction: true })],
  ])('%s is resolved by an accepted code, checked once', (_, of) => {
    const checkCode = code();
    expect(decideResolution(of, locked, checkCode)).toEqual({
      kind: 'resolve',
      promotion: locked.promotion,
      check: accepted,
    });
    expect(checkCode).toHaveBeenCalledTimes(1);
  });

  test.each<[string, CodeCheck]>([
    ['wrong', { kind: 'rejected', reason: 'wrong', failedAttempts: 2, lockedUntil: null }],
    [
      'wrong, and one too many',
      { kind: 'rejected', reason: 'wrong', failedAttempts: 5, lockedUntil: momentAfter(HOUR) },
    ],
    ['reused', { kind: 'rejected', reason: 'reused', failedAttempts: 0, lockedUntil: null }],
    ['malformed', { kind: 'rejected', reason: 'malformed', failedAttempts: 0, lockedUntil: null }],
    ['locked', { kind: 'locked', lockedUntil: momentAfter(HOUR) }],
  ])('a code that is %s refuses', (_, check) => {
    expect(decideResolution(request(), locked, code(check))).toEqual({ kind: 'code_refused', check });
  });
});

describe('who may do what', () => {
  test.each([
    ['nobody', null, false, false],
    ['an engineer', engineer, true, false],
    ['a superadmin', superadmin, true, true],
    ['a disabled superadmin', disabled, false, false],
    ['a disabled engineer', { ...engineer, disabledAt: momentAfter(0) }, false, false],
  ])('%s', (_, operator, links, resolves) => {
    expect(isOperator(operator)).toBe(links);
    expect(isSuperadmin(operator)).toBe(resolves);
  });

  test('completed means deployed, failed means failed', () => {
    expect([terminalStateOf('completed'), terminalStateOf('failed')]).toEqual(['deployed', 'failed']);
  });
});
