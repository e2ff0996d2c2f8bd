import { ownerIn } from '../../../src/outbox/kinds/attention-facts.js';
import { ownerAsked } from '../../../src/outbox/kinds/owner-asked.js';
import { ownerLost } from '../../../src/outbox/kinds/owner-lost.js';
import { released } from '../../../src/outbox/kinds/released.js';
import { snoozeEnded } from '../../../src/outbox/kinds/snooze-ended.js';
import { takenOver } from '../../../src/outbox/kinds/taken-over.js';
import { DAY, momentAfter } from '../../promotions/make.js';
import { asNew, asUpdate, attentionFacts, ENDED, MENTION, message, owned, said, snoozed } from './make.js';

const question = { id: '9', askedAt: momentAfter(DAY), postedAt: null };

describe('the question whether the owner is still on it', () => {
  const asked = { ...attentionFacts({ attention: owned({ question }) }), ownerName: 'kris' };
  const mine = message({ ordinal: '9' });

  test('mentions the owner alone, and has buttons', () => {
    const text = said(ownerAsked, asked, asNew(mine));
    expect(text).toContain('<@U0KRIS>');
    expect(text).toContain('still_on_it');
    expect(text).not.toContain(MENTION);
  });

  test.each([
    ['confirmed', { attention: owned({ question: null }) }],
    ['asked again, by another question', { attention: owned({ question: { ...question, id: '12' } }) }],
    ['lost', { attention: null }],
    ['ended', { attention: owned({ question }), promotion: ENDED }],
  ])('loses its buttons once it is %s, and is not asked any more', (_what, changes) => {
    const answered = { ...asked, ...changes };
    expect(said(ownerAsked, answered, asUpdate(mine))).not.toContain('still_on_it');
    expect(ownerAsked.show(answered, asNew(mine))).toBeNull();
  });

  test('that is open is shown as it was', () => {
    expect(said(ownerAsked, asked, asUpdate(mine))).toBe(said(ownerAsked, asked, asNew(mine)));
  });
});

test.each([
  ['nobody is on it', { attention: null }, true],
  ['somebody acknowledged it meanwhile', { attention: owned() }, false],
  ['it ended', { promotion: ENDED }, false],
])('that its owner is lost is said if %s: %p', (_what, changes, isSaid) => {
  expect(said(ownerLost, attentionFacts(changes), asNew())?.includes(MENTION) ?? false).toBe(isSaid);
});

test.each([
  ['silent', 'didn’t answer'],
  ['disabled', 'is no longer an operator'],
])('a lost owner who was %s is told of as such', (reason, words) => {
  expect(said(ownerLost, attentionFacts({}, { detail: { owner: 'U0KRIS', reason } }), asNew())).toContain(words);
});

test.each([
  ['nobody is on it now: mentions people', { attention: null }, true],
  ['somebody else is on it', { attention: owned({ owner: 'U0MINA' }) }, false],
])('a release if %s', (_what, changes, mentions) => {
  const text = said(released, attentionFacts(changes), asNew());
  expect(text).toContain('`kris`');
  expect(text?.includes(MENTION)).toBe(mentions);
});

test('that nobody is on it any more is said even if it is snoozed, and why', () => {
  const lost = (reason: string) => attentionFacts({ attention: snoozed }, { detail: { owner: 'U0KRIS', reason } });
  expect(said(ownerLost, lost('silent'), asNew())).not.toBeNull();
  expect(said(ownerLost, lost('silent'), asNew())).not.toBe(said(ownerLost, lost('disabled'), asNew()));
});

test('an event that names no owner has none', () => {
  expect(ownerIn(attentionFacts({}, { detail: {} }).event)).toBe('');
});

test('a takeover names the former owner', () => {
  expect(said(takenOver, attentionFacts({}, { detail: { from: 'U0MINA' } }), asNew())).toContain('<@U0MINA>');
  expect(takenOver.show(attentionFacts({}, { detail: {} }), asNew())).toBeNull();
});

test.each([
  ['mentions people', {}, MENTION],
  ['mentions the owner if there is one', { attention: owned() }, '<@U0KRIS>'],
])('the end of a snooze %s', (_what, changes, mention) => {
  expect(said(snoozeEnded, attentionFacts(changes), asNew())).toContain(mention);
});

test('the end of a snooze is not said if it was snoozed anew', () => {
  expect(snoozeEnded.show(attentionFacts({ attention: snoozed }), asNew())).toBeNull();
});

test.each([
  ['owner lost', ownerLost],
  ['released', released],
  ['taken over', takenOver],
  ['snooze ended', snoozeEnded],
])('a reply of the kind "%s" stays as it is, and is not said of what ended', (_what, kind) => {
  const known = attentionFacts({}, { detail: { from: 'U0MINA' } });
  expect(kind.show(known, asNew())).not.toBeNull();
  expect(kind.show(known, asUpdate())).toBeNull();
  expect(kind.show({ ...known, promotion: ENDED }, asNew())).toBeNull();
});
