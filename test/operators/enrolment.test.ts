import { type AdministrationRequest, decideAdministration } from '../../src/operators/administration.js';
import {
  type ConfirmationFacts,
  decideConfirmation,
  decideFirstCode,
  ENROLMENT_LIFE_MS,
  type Enrolment,
  linkState,
} from '../../src/operators/enrolment.js';
import type { Role } from '../../src/operators/operator.js';

const NOW = new Date('2026-05-10T06:00:00Z');
const LATER = new Date(NOW.getTime() + 1);
const operator = (slackUserId: string, role: Role = 'superadmin', disabledAt: Date | null = null) => ({
  slackUserId,
  role,
  disabledAt,
});
const enrolment = (changes: Partial<Enrolment> = {}): Enrolment => ({
  id: '1',
  slackUserId: 'U0NEW',
  role: 'engineer',
  purpose: 'add',
  invitedBy: 'U0KRIS',
  state: 'sent',
  endReason: null,
  failedAttempts: 0,
  wrongWords: 0,
  expiresAt: LATER,
  ...changes,
});

test.each([
  [null, 'unknown'],
  [enrolment(), 'open'],
  [enrolment({ expiresAt: NOW }), 'expired'],
  [enrolment({ state: 'proved' }), 'used'],
  [enrolment({ state: 'activated', expiresAt: NOW }), 'used'],
  [enrolment({ state: 'ended', endReason: null }), 'cancelled'],
  [enrolment({ state: 'ended', endReason: 'replaced' }), 'replaced'],
  [enrolment({ state: 'ended', endReason: 'too_many_codes' }), 'too_many_codes'],
])('a link of %j is %s', (given, state) => {
  expect(linkState(given, NOW)).toBe(state);
});

test('a link lives for a quarter of an hour', () => {
  expect(ENROLMENT_LIFE_MS).toBe(900_000);
});

describe('a first code', () => {
  const never = jest.fn(() => ({ kind: 'right' as const, step: 1 }));

  test('is not looked at if the link is not open', () => {
    expect(decideFirstCode(enrolment({ state: 'proved' }), NOW, never)).toEqual({ kind: 'closed', state: 'used' });
    expect(decideFirstCode(enrolment({ expiresAt: NOW }), NOW, never)).toEqual({ kind: 'closed', state: 'expired' });
    expect(never).not.toHaveBeenCalled();
  });

  test.each([
    [0, { kind: 'right', step: 7 }, { kind: 'proved', step: 7 }],
    [4, { kind: 'right', step: 7 }, { kind: 'proved', step: 7 }],
    [0, { kind: 'wrong' }, { kind: 'code_refused', reason: 'wrong', left: 4 }],
    [4, { kind: 'wrong' }, { kind: 'code_refused', reason: 'wrong', left: 0 }],
    [4, { kind: 'malformed' }, { kind: 'code_refused', reason: 'malformed', left: 1 }],
  ] as const)('after %d wrong ones, a %j is %j', (failedAttempts, check, decision) => {
    expect(decideFirstCode(enrolment({ failedAttempts }), NOW, () => check)).toEqual(decision);
  });
});

describe('the word that was heard', () => {
  const kris = operator('U0KRIS');
  const proved = enrolment({ state: 'proved' });
  const rotated = enrolment({ state: 'proved', purpose: 'rotate', slackUserId: 'U0MINA', invitedBy: 'U0MINA' });
  const accepted = { kind: 'accepted', step: 7 } as const;
  const facts = (changes: Partial<ConfirmationFacts> = {}): ConfirmationFacts => ({
    open: proved,
    confirmedBy: 'U0KRIS',
    actor: kris,
    isLastSuperadmin: false,
    ...changes,
  });

  test.each([
    [facts({ open: null }), 'nothing_to_confirm'],
    [facts({ open: enrolment() }), 'code_first'],
    [facts({ open: enrolment({ state: 'activated' }) }), 'nothing_to_confirm'],
    [facts({ open: enrolment({ state: 'ended', endReason: 'declined' }) }), 'nothing_to_confirm'],
    [facts({ open: enrolment({ expiresAt: NOW }) }), 'expired'],
    [facts({ open: { ...proved, expiresAt: NOW } }), 'expired'],
    [facts({ confirmedBy: 'U0NEW' }), 'not_inviter'],
    [facts({ confirmedBy: 'U0MINA', actor: operator('U0MINA') }), 'not_inviter'],
    [facts({ actor: null }), 'not_superadmin'],
    [facts({ actor: operator('U0KRIS', 'engineer') }), 'not_superadmin'],
    [facts({ actor: operator('U0KRIS', 'superadmin', NOW) }), 'not_superadmin'],
    [facts({ isLastSuperadmin: true }), 'last_superadmin'],
    [facts({ open: rotated, confirmedBy: 'U0MINA', actor: operator('U0MINA', 'superadmin', NOW) }), 'not_operator'],
    [facts({ open: rotated, confirmedBy: 'U0MINA', actor: null }), 'not_operator'],
    [facts({ open: rotated }), 'not_inviter'],
  ])('%j: %s, before a code or a word is looked at', (given, kind) => {
    const checkCode = jest.fn(() => accepted);
    const isWord = jest.fn(() => true);
    expect(decideConfirmation(given, NOW, { checkCode, isWord }).kind).toBe(kind);
    expect(checkCode).not.toHaveBeenCalled();
    expect(isWord).not.toHaveBeenCalled();
  });

  test.each([
    facts(),
    facts({ open: { ...proved, role: 'superadmin' }, isLastSuperadmin: true }),
    facts({ open: rotated, confirmedBy: 'U0MINA', actor: operator('U0MINA', 'engineer'), isLastSuperadmin: true }),
  ])('%j: a right code and the right word activate', (given) => {
    const proofs = { checkCode: () => accepted, isWord: () => true };
    expect(decideConfirmation(given, NOW, proofs)).toEqual({ kind: 'activate', check: accepted });
  });

  test('without a right code no word is looked at', () => {
    const wrong = { kind: 'rejected', reason: 'wrong', failedAttempts: 1, lockedUntil: null } as const;
    const isWord = jest.fn(() => true);
    const decision = decideConfirmation(facts(), NOW, { checkCode: () => wrong, isWord });
    expect(decision).toEqual({ kind: 'code_refused', check: wrong });
    expect(isWord).not.toHaveBeenCalled();
  });

  test.each([
    [0, 2],
    [1, 1],
    [2, 0],
  ])('after %d wrong ones, another leaves %d tries', (wrongWords, left) => {
    const proofs = { checkCode: () => accepted, isWord: () => false };
    expect(decideConfirmation(facts({ open: { ...proved, wrongWords } }), NOW, proofs)).toEqual({
      kind: 'wrong_word',
      left,
    });
  });
});

describe('questions about an operator', () => {
  const kris = operator('U0KRIS');
  const mina = operator('U0MINA');
  const sam = operator('U0SAM', 'engineer');
  const asked = (action: AdministrationRequest['action'], personId = 'U0NEW', role: Role = 'engineer') => ({
    action,
    personId,
    role,
    askedBy: 'U0KRIS',
  });
  const accepted = { kind: 'accepted', step: 7 } as const;

  test.each([
    ['an engineer', asked('add'), operator('U0KRIS', 'engineer'), null, false, 'not_superadmin'],
    ['nobody', asked('disable'), null, sam, false, 'not_superadmin'],
    ['a disabled superadmin', asked('reset'), operator('U0KRIS', 'superadmin', NOW), sam, false, 'not_superadmin'],
    ['nobody, for a secret of their own', asked('rotate', 'U0KRIS'), null, null, false, 'not_operator'],
    ['a superadmin, for somebody else’s secret', asked('rotate', 'U0MINA'), kris, mina, false, 'not_superadmin'],
    ['oneself to be added', asked('add', 'U0KRIS', 'engineer'), kris, kris, true, 'yourself'],
    ['oneself to be reset', asked('reset', 'U0KRIS'), kris, kris, false, 'yourself'],
    ['oneself to be unlocked', asked('unlock', 'U0KRIS'), kris, kris, false, 'yourself'],
    ['an operator to be added again', asked('add', 'U0SAM'), kris, sam, false, 'already_operator'],
    ['nobody to be reset', asked('reset'), kris, null, false, 'unknown_person'],
    ['nobody to be unlocked', asked('unlock'), kris, null, false, 'unknown_person'],
    ['the last superadmin to be disabled', asked('disable', 'U0KRIS'), kris, kris, true, 'last_superadmin'],
    [
      'somebody to be disabled twice',
      asked('disable', 'U0SAM'),
      kris,
      operator('U0SAM', 'engineer', NOW),
      false,
      'already_disabled',
    ],
  ])('by %s is refused before any code is looked at', (_, request, actor, person, isLastSuperadmin, kind) => {
    const checkCode = jest.fn(() => accepted);
    expect(decideAdministration(request, { actor, person, isLastSuperadmin }, checkCode).kind).toBe(kind);
    expect(checkCode).not.toHaveBeenCalled();
  });

  test.each([
    ['a new person', asked('add'), null],
    ['a disabled operator', asked('add', 'U0SAM'), operator('U0SAM', 'engineer', NOW)],
    ['another role for an operator', asked('add', 'U0SAM', 'superadmin'), sam],
    ['a disabled operator, reset', asked('reset', 'U0SAM'), operator('U0SAM', 'engineer', NOW)],
    ['another superadmin, disabled', asked('disable', 'U0MINA'), mina],
    ['oneself, disabled, if another is left', asked('disable', 'U0KRIS'), kris],
    ['a secret of one’s own', asked('rotate', 'U0KRIS'), kris],
  ])('%s takes a code', (_, request, person) => {
    const locked = { actor: kris, person, isLastSuperadmin: false };
    expect(decideAdministration(request, locked, () => accepted)).toEqual({ kind: 'do', check: accepted });
    const wrong = { kind: 'rejected', reason: 'wrong', failedAttempts: 1, lockedUntil: null } as const;
    expect(decideAdministration(request, locked, () => wrong)).toEqual({ kind: 'code_refused', check: wrong });
  });
});
