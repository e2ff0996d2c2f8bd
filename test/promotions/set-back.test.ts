import { setBackOf } from '../../src/promotions/set-back.js';
import { momentAfter, promotion, SECOND } from './make.js';

const PENDING = 'PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef';
const setAfterwards = { at: momentAfter(2 * SECOND), version: 143, createdAt: momentAfter(SECOND) };
const heldBefore = { at: momentAfter(2 * SECOND), version: 141, createdAt: momentAfter(-3_600 * SECOND) };

test.each([
  [
    'a row of ours that replaced a value',
    { checkpoint: PENDING, previousValue: 'off' },
    setAfterwards,
    { kind: 'known', value: 'off' },
  ],
  [
    'a row of ours that set what was not set',
    { checkpoint: PENDING, previousValue: null },
    setAfterwards,
    { kind: 'known', value: null },
  ],
  [
    'a row of ours whose value was there before',
    { checkpoint: PENDING, previousValue: null },
    heldBefore,
    { kind: 'held_already' },
  ],
  ['a row that Heroku never took', { checkpoint: 'INTENT', previousValue: null }, null, { kind: 'unknown' }],
  [
    'another system’s row without a previous value',
    { checkpoint: null, previousValue: null },
    null,
    { kind: 'unknown' },
  ],
  ['another system’s row with one', { checkpoint: null, previousValue: 'off' }, null, { kind: 'known', value: 'off' }],
  ['another system’s checkpoint', { checkpoint: 'PENDING_COMMIT:', previousValue: null }, null, { kind: 'unknown' }],
  [
    'a row whose checkpoint is another system’s, though Heroku took the change',
    { checkpoint: 'STEP 3', previousValue: null },
    setAfterwards,
    { kind: 'unknown' },
  ],
  ['a previous value that is the target', { checkpoint: null, previousValue: 'true' }, null, { kind: 'held_already' }],
])('%s can be set back to that, or nobody knows', (_what, changes, accepted, expected) => {
  expect(setBackOf(promotion(changes), accepted)).toEqual(expected);
});
