import fc from 'fast-check';
import { nextStep, type Prospects, SEARCHES_BEFORE_POSTING } from '../../src/outbox/step.js';
import type { OutboxMessage, RootMessage } from '../../src/promotions/messages.js';

type Known = Pick<OutboxMessage, 'state' | 'root' | 'isUrgent'>;

const root = (state: RootMessage['state']): RootMessage => ({
  id: '1',
  state,
  message: state === 'posted' ? { channel: 'C0ALERTS', ts: '100.1' } : null,
  shownAs: null,
});
const pending = (changes: Partial<Known> = {}): Known => ({
  state: 'pending',
  root: null,
  isUrgent: false,
  ...changes,
});
const wanted: Prospects = { isWanted: true, unknownOutcome: 'find' };
const unwanted: Prospects = { ...wanted, isWanted: false };
const find = (thenPost: boolean, orPost = false) => ({ kind: 'find', thenPost, orPost });
const MANY = SEARCHES_BEFORE_POSTING;

describe('the next step of a message that was never attempted', () => {
  test.each([
    ['is posted', pending(), wanted, 'post'],
    ['is posted into the thread of a root that is visible', pending({ root: root('posted') }), wanted, 'post'],
    ['waits for a root that is not', pending({ root: root('pending') }), wanted, 'wait'],
    ['goes with a root that was closed', pending({ root: root('closed') }), wanted, 'close'],
    ['is closed if it has nothing to say', pending(), unwanted, 'close'],
    ['is closed, rather than wait with nothing to say', pending({ root: root('pending') }), unwanted, 'close'],
  ] as const)('%s', (_what, message, prospects, kind) => {
    for (const unknownOutcome of ['find', 'post_again', 'close'] as const) {
      expect(nextStep(message, { ...prospects, unknownOutcome }, 0)).toEqual({ kind });
    }
  });
});

describe('the next step of a message that an earlier attempt may have posted', () => {
  test.each([
    ['is looked for, and posted if it is not there', pending(), wanted, 1, find(true)],
    ['is not posted any more if it has nothing to say', pending(), unwanted, 1, find(false)],
    ['is looked for even if its root was closed', pending({ root: root('closed') }), wanted, 1, find(true)],
    ['is never posted unseen', pending(), wanted, 50, find(true)],
    ['is not posted unseen too soon, though urgent', pending({ isUrgent: true }), wanted, MANY - 1, find(true)],
    ['is posted unseen after many attempts, if urgent', pending({ isUrgent: true }), wanted, MANY, find(true, true)],
    ['is not posted unseen if it has nothing to say', pending({ isUrgent: true }), unwanted, 50, find(false)],
  ] as const)('%s', (_what, message, prospects, attempts, step) => {
    expect(nextStep(message, prospects, attempts)).toEqual(step);
  });

  test.each([
    ['a kind that is harmless to repeat', 'post_again', true, 'post'],
    ['the same with nothing to say', 'post_again', false, 'close'],
    ['a kind that can’t be found again', 'close', true, 'close'],
  ] as const)('of %s', (_what, unknownOutcome, isWanted, kind) => {
    expect(nextStep(pending(), { isWanted, unknownOutcome }, 1)).toEqual({ kind });
  });
});

test('a visible message is always updated', () => {
  for (const prospects of [wanted, unwanted]) {
    for (const attempts of [0, 1, 50]) {
      expect(nextStep({ ...pending(), state: 'posted' }, prospects, attempts)).toEqual({ kind: 'update' });
    }
  }
});

describe('over every combination', () => {
  const states = fc.constantFrom('pending' as const, 'posted' as const, 'closed' as const);
  const messages = fc.record({
    state: fc.constantFrom('pending' as const, 'posted' as const),
    isUrgent: fc.boolean(),
    root: fc.option(states.map(root)),
  });
  const attempts = fc.nat(MANY + 2);

  test('a message that can be found again is never posted without a look, once an attempt was made', () => {
    fc.assert(
      fc.property(messages, fc.boolean(), attempts, (message, isWanted, before) => {
        const step = nextStep(message, { isWanted, unknownOutcome: 'find' }, before);
        if (before > 0) expect(step.kind).not.toBe('post');
      }),
    );
  });

  test('nothing is posted that has nothing to say', () => {
    const outcomes = fc.constantFrom('find' as const, 'post_again' as const, 'close' as const);
    fc.assert(
      fc.property(messages, outcomes, attempts, (message, unknownOutcome, before) => {
        const step = nextStep(message, { isWanted: false, unknownOutcome }, before);
        expect(step.kind).not.toBe('post');
        if (step.kind === 'find') expect([step.thenPost, step.orPost]).toEqual([false, false]);
      }),
    );
  });

  test('only a root that isn’t visible yet is waited for', () => {
    fc.assert(
      fc.property(messages, fc.boolean(), attempts, (message, isWanted, before) => {
        const step = nextStep(message, { isWanted, unknownOutcome: 'find' }, before);
        if (step.kind === 'wait') expect(message.root?.state).toBe('pending');
      }),
    );
  });
});
