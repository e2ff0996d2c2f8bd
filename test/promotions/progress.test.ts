import { wasHeldAlready } from '../../src/promotions/progress.js';
import { momentAfter, promotion, SECOND } from './make.js';

test.each([
  ['long before', -60 * SECOND, true],
  ['in the second in which it began', 0, false],
  ['a moment before, by a clock that is behind', -4 * SECOND, false],
  ['as long before as that clock may be behind', -5 * SECOND, false],
  ['a moment longer before', -5 * SECOND - 1, true],
  ['after', 10 * SECOND, false],
])('a release made %s the promotion began was held already: %s', (_when, offset, held) => {
  const accepted = { at: momentAfter(SECOND), version: 141, createdAt: momentAfter(offset) };
  expect(wasHeldAlready({ promotion: promotion(), accepted })).toBe(held);
});

test('a value that the audit trail says nothing of was not held already', () => {
  expect(wasHeldAlready({ promotion: promotion(), accepted: null })).toBe(false);
  const accepted = { at: momentAfter(SECOND), version: 141, createdAt: momentAfter(-60 * SECOND) };
  expect(wasHeldAlready({ promotion: promotion(), accepted: { ...accepted, createdAt: null } })).toBe(false);
  expect(wasHeldAlready({ promotion: promotion({ promotedAt: null }), accepted })).toBe(false);
});
