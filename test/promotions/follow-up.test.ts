import type { Operator } from '../../src/operators/operator.js';
import { allowedConfigVars } from '../../src/promotions/config-vars.js';
import { decideFollowUp, type FollowUpRequest, type Standing } from '../../src/promotions/follow-up.js';
import { promotion } from './make.js';

/* The order of the checks: a code is checked last, under the row's lock, and only for what the form showed. */

const DEPLOYED = promotion({ state: 'deployed' });
const LATER = promotion({ id: '9', state: 'deployed' });
const SUPERADMIN: Operator = { slackUserId: 'U0SUPER001', role: 'superadmin', disabledAt: null };
const STANDING: Standing = {
  promotion: DEPLOYED,
  newest: DEPLOYED,
  active: null,
  followedBy: null,
  setBack: { kind: 'known', value: 'false' },
  reverts: null,
};

function request(changes: Partial<FollowUpRequest> = {}): FollowUpRequest {
  return {
    promotionId: '7',
    followUp: 'revert',
    operatorId: 'U0SUPER001',
    shown: null,
    reread: null,
    isAsShown: () => true,
    takesSecondPerson: () => false,
    configVars: allowedConfigVars(['FLAG_*']),
    ...changes,
  };
}

function decide(asked: FollowUpRequest, standing: Standing | null, operator: Operator | null = SUPERADMIN) {
  const check = jest.fn(() => ({ kind: 'accepted', step: 1 }) as const);
  return { decision: decideFollowUp(asked, { standing, operator }, check), codes: check.mock.calls.length };
}

test('a revert sets what was there before, and Set again what was promoted; each takes one code', () => {
  expect(decide(request(), STANDING)).toMatchObject({ decision: { kind: 'do', value: 'false' }, codes: 1 });
  expect(decide(request({ followUp: 'set_again' }), STANDING)).toMatchObject({
    decision: { kind: 'do', value: 'true' },
    codes: 1,
  });
});

test.each<[string, FollowUpRequest, Standing | null, Operator | null, string]>([
  ['the row changed after it was shown', request({ isAsShown: () => false }), STANDING, SUPERADMIN, 'row_changed'],
  ['a later promotion counts by now', request(), { ...STANDING, newest: LATER }, SUPERADMIN, 'row_changed'],
  ['another is under way', request(), { ...STANDING, active: LATER }, SUPERADMIN, 'active'],
  [
    'it failed meanwhile',
    request(),
    { ...STANDING, promotion: promotion({ state: 'failed' }) },
    SUPERADMIN,
    'not_deployed',
  ],
  [
    'nobody knows the value of before',
    request(),
    { ...STANDING, setBack: { kind: 'unknown' } },
    SUPERADMIN,
    'value_unknown',
  ],
  ['it changed nothing', request(), { ...STANDING, setBack: { kind: 'held_already' } }, SUPERADMIN, 'changed_nothing'],
  [
    'the app may not set it',
    request({ configVars: allowedConfigVars(['OTHER_*']) }),
    STANDING,
    SUPERADMIN,
    'not_allowed',
  ],
  [
    'who promoted it asks, if a second person has to',
    request({ operatorId: 'U0PROMOTER', takesSecondPerson: () => true }),
    STANDING,
    SUPERADMIN,
    'same_person',
  ],
  ['an engineer asks', request(), STANDING, { ...SUPERADMIN, role: 'engineer' }, 'not_superadmin'],
  ['somebody without the role asks', request(), STANDING, null, 'not_superadmin'],
  ['there is none', request(), null, SUPERADMIN, 'unknown_promotion'],
])('%s: nothing is started, and no code is looked at', (_, asked, standing, operator, kind) => {
  expect(decide(asked, standing, operator)).toMatchObject({ decision: { kind }, codes: 0 });
});

test('a follow-up that is already under way is named, and who started it', () => {
  const followedBy = { followUp: 'revert', promotionId: '9', operatorId: 'U0OTHER001' } as const;
  expect(decide(request(), { ...STANDING, active: LATER, followedBy })).toMatchObject({
    decision: { kind: 'already', promotion: { id: '9' }, byThisRequest: false },
    codes: 0,
  });
});
