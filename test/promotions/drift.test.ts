import { type DriftLook, nextDriftStep, planTelling } from '../../src/promotions/drift.js';

const other = (isRecorded: boolean): DriftLook => ({
  kind: 'other',
  value: { kind: 'masked' },
  releaseId: 'release',
  isRecorded,
  change: null,
});

test.each<[string, DriftLook, Parameters<typeof nextDriftStep>[1], object]>([
  ['it holds', { kind: 'holds' }, null, { kind: 'nothing' }],
  ['it holds again', { kind: 'holds' }, { state: 'open' }, { kind: 'end' }],
  ['it holds again after somebody accepted it', { kind: 'holds' }, { state: 'accepted' }, { kind: 'end' }],
  ['it holds still', { kind: 'holds' }, { state: 'over' }, { kind: 'nothing' }],
  ['it was changed', other(false), null, { kind: 'record', tell: true }],
  ['as it was found before', other(true), { state: 'open' }, { kind: 'nothing' }],
  ['as it was accepted', other(true), { state: 'accepted' }, { kind: 'nothing' }],
  ['it changed anew, before anybody decided', other(false), { state: 'open' }, { kind: 'record', tell: false }],
  ['it changed anew, after somebody accepted', other(false), { state: 'accepted' }, { kind: 'record', tell: true }],
  ['it changed after it held again', other(false), { state: 'over' }, { kind: 'record', tell: true }],
])('%s', (_what, look, stored, expected) => expect(nextDriftStep(look, stored)).toEqual(expected));

describe('how it is told', () => {
  const found = (count: number, isFirst: boolean, app = 'app') =>
    Array.from({ length: count }, (_, index) => ({ promotionId: `${app}${index}`, herokuApp: app, isFirst }));
  const plan = (untold: ReturnType<typeof found>, hasGroup = false) =>
    planTelling(
      untold,
      (app) => `C_${app}`,
      () => hasGroup,
    ).map(({ kind }) => kind);

  test('by a message each', () => {
    expect(plan(found(5, false))).toEqual(Array(5).fill('tell_drift'));
    expect(plan(found(1, true))).toEqual(['tell_drift']);
    expect(plan([...found(1, true, 'a'), ...found(1, true, 'b')])).toEqual(['tell_drift', 'tell_drift']);
  });

  test('together, if a first look found several, or they are many', () => {
    expect(plan(found(2, true))).toEqual(['tell_drifts']);
    expect(plan(found(1, true), true)).toEqual(['tell_drifts']);
    expect(plan(found(1, false), true)).toEqual(['tell_drift']);
    expect(plan(found(6, false))).toEqual(['tell_drifts']);
    expect(plan([...found(2, true), ...found(1, false)]).toSorted()).toEqual(['tell_drift', 'tell_drifts']);
  });
});
