import type { CodeCheck } from '../../src/operators/code-check.js';
import type { Operator } from '../../src/operators/operator.js';
import { decideTransition, type Transition, type TransitionRequest } from '../../src/promotions/transition.js';
import { promotion } from './make.js';

const KRIS = 'U0SUPER001';
const operator = (changes: Partial<Operator> = {}): Operator => ({
  slackUserId: KRIS,
  role: 'superadmin',
  disabledAt: null,
  ...changes,
});
const ask = (transition: Transition): TransitionRequest => ({
  promotionId: '7',
  transition,
  operatorId: KRIS,
  shown: null,
  reread: null,
  isAsShown: () => true,
  takesSecondPerson: () => false,
});
const ACCEPTED: CodeCheck = { kind: 'accepted', step: 1 };
const marked = promotion({ state: 'marked', promotedAt: null, promotedBy: null });

describe('a transition', () => {
  test.each([
    ['promote', 'superadmin', null, 'do'],
    ['promote', 'engineer', null, 'not_superadmin'],
    ['promote', 'superadmin', new Date(0), 'not_superadmin'],
    ['cancel', 'superadmin', null, 'do'],
    ['cancel', 'engineer', null, 'do'],
    ['cancel', 'engineer', new Date(0), 'not_operator'],
  ] as const)('to %s by a %s, disabled at %j, is %s', (transition, role, disabledAt, kind) => {
    const locked = { promotion: marked, operator: operator({ role, disabledAt }) };
    expect(decideTransition(ask(transition), locked, () => ACCEPTED).kind).toBe(kind);
  });

  test('of nobody known, or of nothing there, is refused before a code is looked at', () => {
    const never = (): CodeCheck => {
      throw new Error('A code was looked at.');
    };
    const decide = (locked: Parameters<typeof decideTransition>[1]) => decideTransition(ask('promote'), locked, never);
    expect(decide({ promotion: marked, operator: null })).toEqual({ kind: 'not_superadmin' });
    expect(decide({ promotion: null, operator: operator() })).toEqual({ kind: 'unknown_promotion' });
    expect(decide({ promotion: promotion(), operator: operator() })).toMatchObject({ kind: 'not_marked' });
  });

  test.each([
    ['promote', { state: 'deploying', promotedBy: KRIS }, true],
    ['promote', { state: 'deployed', promotedBy: KRIS }, true],
    ['promote', { state: 'deploying', promotedBy: 'U0OTHER001' }, false],
    ['promote', { state: 'cancelled', resolvedBy: KRIS, promotedBy: null }, false],
    ['cancel', { state: 'cancelled', resolvedBy: KRIS }, true],
    ['cancel', { state: 'cancelled', resolvedBy: 'U0OTHER001' }, false],
    ['cancel', { state: 'deploying', promotedBy: KRIS }, false],
    ['cancel', { state: 'deployed', resolvedBy: KRIS }, false],
  ] as const)('to %s what is %j was this very request before: %s', (transition, changes, byThisRequest) => {
    const locked = { promotion: promotion(changes), operator: operator() };
    expect(decideTransition(ask(transition), locked, () => ACCEPTED)).toMatchObject({
      kind: 'not_marked',
      byThisRequest,
    });
  });

  test.each([
    ['promote', { markedBy: KRIS }, true, { kind: 'same_person', part: 'marked' }],
    ['promote', { markedBy: KRIS }, false, { kind: 'do' }],
    ['promote', { markedBy: 'U0OTHER001' }, true, { kind: 'do' }],
    ['promote', { markedBy: 'kris@raxx.example' }, true, { kind: 'do' }],
    ['promote', { markedBy: null }, true, { kind: 'do' }],
    ['cancel', { markedBy: KRIS }, true, { kind: 'do' }],
  ] as const)('to %s what is %j, where a second person is needed: %s', (transition, changes, needed, expected) => {
    const request = { ...ask(transition), takesSecondPerson: () => needed };
    const locked = { promotion: { ...marked, ...changes }, operator: operator() };
    expect(decideTransition(request, locked, () => ACCEPTED)).toMatchObject(expected);
  });

  test('of a row that is not as it was shown is refused before a code is looked at', () => {
    const request = { ...ask('cancel'), isAsShown: () => false };
    const never = (): CodeCheck => {
      throw new Error('A code was looked at.');
    };
    expect(decideTransition(request, { promotion: marked, operator: operator() }, never)).toEqual({
      kind: 'row_changed',
    });
  });

  test('with a code that is refused says why', () => {
    const check: CodeCheck = { kind: 'rejected', reason: 'wrong', failedAttempts: 1, lockedUntil: null };
    expect(decideTransition(ask('promote'), { promotion: marked, operator: operator() }, () => check)).toEqual({
      kind: 'code_refused',
      check,
    });
  });
});
