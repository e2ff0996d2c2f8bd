import {
  DRIFT_LOOK_AGAIN_MS,
  lookAgainMs,
  nextPromotionStep,
  parseCheckpoint,
  type ReleaseFacts,
} from '../../src/promotions/promoting.js';
import { HOUR, MINUTE, momentAfter, promotion, SECOND } from './make.js';

const ID = '01234567-89ab-cdef-0123-456789abcdef';
const release = (status: ReleaseFacts['status']): ReleaseFacts => ({
  id: ID,
  version: 143,
  status,
  createdAt: new Date('2026-05-09T04:28:31Z'),
});
const PENDING = `PENDING_COMMIT:${ID}`;

describe('a checkpoint', () => {
  test.each([
    [null, { kind: 'none' }],
    ['INTENT', { kind: 'intent' }],
    [PENDING, { kind: 'pending_commit', releaseId: ID }],
    [`PENDING_COMMIT: ${ID}\n`, { kind: 'pending_commit', releaseId: ID }],
    [`PENDING_COMMIT:v${ID}`, { kind: 'pending_commit', releaseId: null }],
    [`PENDING_COMMIT:${ID}/`, { kind: 'pending_commit', releaseId: null }],
    ['PENDING_COMMIT:', { kind: 'pending_commit', releaseId: null }],
    ['PENDING_COMMIT:2026-05-09T04:28:31Z', { kind: 'pending_commit', releaseId: null }],
    ['PENDING_COMMIT:../../apps', { kind: 'pending_commit', releaseId: null }],
    ['intent', { kind: 'external' }],
    ['', { kind: 'external' }],
  ])('%j is read as %j', (text, checkpoint) => {
    expect(parseCheckpoint(text)).toEqual(checkpoint);
  });
});

test.each([
  [0, 2_000],
  [30 * SECOND, 2_000],
  [2 * MINUTE, 6_000],
  [HOUR, 30_000],
  [-HOUR, 2_000],
])('%i ms after it was promoted, a release under way is looked at again in %i ms', (waited, again) => {
  expect(lookAgainMs(promotion(), momentAfter(waited))).toBe(again);
});

test('a drift is looked at again after five minutes', () => {
  expect(DRIFT_LOOK_AGAIN_MS).toBe(5 * MINUTE);
});

// test/fixtures/next-step has each step as a case.
describe('the next step', () => {
  test.each([
    ['INTENT', true, 'succeeded', { kind: 'commit_deployed', found: release('succeeded') }],
    [
      'INTENT',
      false,
      'failed',
      { kind: 'commit_failed', found: release('failed'), reason: expect.stringContaining('v143') },
    ],
    [PENDING, true, 'succeeded', { kind: 'commit_deployed' }],
  ] as const)('at %s, the target in force: %s, its release: %s, carries what is no checkpoint yet', (...row) => {
    const [checkpoint, valueIsTarget, status, step] = row;
    const facts = { valueIsTarget, release: release(status), isOvertaken: false };
    expect(nextPromotionStep({ checkpoint, configVar: 'FLAG_X' }, facts)).toEqual(step);
  });
});
