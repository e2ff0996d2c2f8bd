import type { CodeCheck } from '../../src/operators/code-check.js';
import { isOperator, isSuperadmin, type Operator } from '../../src/operators/operator.js';
import type { Evidence } from '../../src/promotions/evidence.js';
import { decideResolution, type ResolutionRequest, terminalStateOf } from '../../src/promotions/resolution.js';
import { HOUR, momentAfter, promotion } from './make.js';

const checkedAt = momentAfter(30 * HOUR);
const live: Evidence = { kind: 'read', checkedAt, verdict: 'live', value: { kind: 'plain', value: 'true' } };

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

// test/fixtures/may-resolve has who may do what, and when.
describe('a resolution whose code is looked at', () => {
  const locked = { promotion: promotion(), operator: superadmin };

  test('is resolved by an accepted code, checked once', () => {
    const checkCode = code();
    expect(decideResolution(request(), locked, checkCode)).toEqual({
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
