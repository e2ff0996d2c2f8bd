import { nextProgressStep, type Progress, wasHeldAlready } from '../../src/promotions/progress.js';
import { momentAfter, promotion, SECOND } from './make.js';

const MESSAGE = { channel: 'C0ALERTS', ts: '100.1' };
const progress = (changes: Partial<Progress>): Progress => ({
  promotionId: '7',
  state: 'posted',
  driftNoticedAt: null,
  channel: MESSAGE.channel,
  refusedRoute: null,
  message: MESSAGE,
  repaintWanted: 1,
  repaintDone: 1,
  shownState: 'deploying',
  createdAt: momentAfter(0),
  ...changes,
});
const PENDING = { state: 'pending', message: null, repaintDone: 0, shownState: null } as const;

test.each([
  ['not sent yet', PENDING, 'deploying', 0, { kind: 'post' }],
  ['perhaps sent by an attempt before', PENDING, 'deploying', 1, { kind: 'find' }],
  ['showing what is true', {}, 'deploying', 0, { kind: 'done' }],
  ['behind a step', { repaintWanted: 3 }, 'deploying', 0, { kind: 'paint', message: MESSAGE, upTo: 3 }],
  ['behind an end that another system wrote', {}, 'failed', 0, { kind: 'paint', message: MESSAGE, upTo: 1 }],
  ['found, and nobody knows what it shows', { shownState: null }, 'deploying', 1, { kind: 'paint', upTo: 1 }],
  ['deleted by somebody', { state: 'closed', repaintWanted: 3 }, 'failed', 0, { kind: 'done' }],
] as const)('of a message that is %s, the next step', (_what, changes, state, attempts, step) => {
  expect(nextProgressStep(progress(changes), { state }, attempts)).toMatchObject(step);
});

test.each([
  ['long before', -60 * SECOND, true],
  ['in the second in which it began', 0, false],
  ['a moment before, by a clock that is behind', -4 * SECOND, false],
  ['after', 10 * SECOND, false],
])('a release made %s the promotion began was held already: %s', (_when, offset, held) => {
  const accepted = { at: momentAfter(SECOND), version: 141, createdAt: momentAfter(offset) };
  expect(wasHeldAlready({ promotion: promotion(), accepted })).toBe(held);
});

test('what the audit trail says nothing of was not held already', () => {
  expect(wasHeldAlready({ promotion: promotion(), accepted: null })).toBe(false);
});
