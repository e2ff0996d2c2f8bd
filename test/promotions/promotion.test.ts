import { isKnownState, PROMOTION_STATES } from '../../src/promotions/promotion.js';

test('the states are known, and another system’s are not', () => {
  expect(PROMOTION_STATES.filter(isKnownState)).toEqual(PROMOTION_STATES);
  expect(isKnownState('archived')).toBe(false);
});
