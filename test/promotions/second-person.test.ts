import { matchesGlob } from '../../src/promotions/glob.js';
import { takesSecondPerson, wasAlone } from '../../src/promotions/second-person.js';
import { promotion } from './make.js';

test.each([
  ['*', 'anything', true],
  ['*', '', true],
  ['FLAG_*', 'FLAG_', true],
  ['FLAG_*', 'FLAG_DARK_MODE', true],
  ['FLAG_*', 'flag_dark_mode', false],
  ['FLAG_*', 'MY_FLAG_X', false],
  ['*_FLAG', 'A_FLAG', true],
  ['*_FLAG', 'A_FLAGS', false],
  ['A*B*C', 'ABC', true],
  ['A*B*C', 'AxxBxxC', true],
  ['A*B*C', 'ACB', false],
  ['A*A', 'A', false],
  ['FLAG_X', 'FLAG_X', true],
  ['FLAG_X', 'FLAG_XY', false],
  ['FLAG.*', 'FLAG_X', false],
])('%s matches %s: %s', (pattern, name, expected) => {
  expect(matchesGlob(pattern, name)).toBe(expected);
});

test.each([
  [[], 'console-prod', false],
  [['*-prod'], 'console-prod', true],
  [['*-PROD'], 'Console-Prod', true],
  [['billing', '*-prod'], 'billing', true],
  [['billing'], 'billing-staging', false],
])('with %j, a second person is needed for %s: %s', (apps, herokuApp, expected) => {
  expect(takesSecondPerson(apps)({ herokuApp })).toBe(expected);
});

test.each([
  [{ markedBy: 'U0A', promotedBy: 'U0A', resolvedBy: 'U0A' }, true],
  [{ markedBy: 'U0B', promotedBy: 'U0A', resolvedBy: 'U0A' }, false],
  [{ markedBy: 'U0A', promotedBy: 'U0B', resolvedBy: 'U0A' }, false],
  [{ markedBy: 'U0A', promotedBy: 'U0A', resolvedBy: null }, false],
  [{ markedBy: null, promotedBy: null, resolvedBy: null }, false],
])('%j was one person alone: %s', (who, expected) => {
  expect(wasAlone(promotion(who))).toBe(expected);
});
