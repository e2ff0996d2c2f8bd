import { inThread } from '../../../src/outbox/kinds/about-promotion.js';
import { alert } from '../../../src/outbox/kinds/alert.js';
import { escalation } from '../../../src/outbox/kinds/escalation.js';
import { repeat } from '../../../src/outbox/kinds/repeat.js';
import { resolved } from '../../../src/outbox/kinds/resolved.js';
import { verdictChanged } from '../../../src/outbox/kinds/verdict-changed.js';
import { HOUR, momentAfter, promotion } from '../../promotions/make.js';
import { LIVE } from '../../support/rows.js';
import { asNew, asUpdate, ENDED, facts, MENTION, message, owned, said, snoozed, under } from './make.js';

const gathered = (changes: Parameters<typeof facts>[0] = {}) => ({
  ...facts(changes),
  evidence: LIVE,
  asOf: momentAfter(30 * HOUR),
  endedBefore: null,
});

const VANISHED = { promotionId: '7', flagKey: 'flag', herokuApp: 'app', vanishedAt: momentAfter(0) };

describe('an alert', () => {
  const critical = gathered();
  const warning = { ...critical, severity: 'warning' as const };
  const ended = { ...gathered({ promotion: ENDED }), evidence: null };

  test.each([
    ['a new critical', critical, true, true],
    ['a new warning', warning, true, false],
    ['an update of a critical', critical, false, false],
    ['an update that shows the end', ended, false, false],
  ])('%s mentions whom it must', (_what, known, isNew, mentions) => {
    const text = said(alert, known, isNew ? asNew() : asUpdate());
    expect(text?.includes(MENTION)).toBe(mentions);
  });

  test('has nothing to say if the promotion ended before it was posted', () => {
    expect(alert.show(ended, asNew())).toBeNull();
  });

  test('loses its buttons once the promotion ended', () => {
    expect(said(alert, critical, asUpdate())).toContain('mark_completed');
    expect(said(alert, ended, asUpdate())).not.toContain('mark_completed');
  });

  test('is marked with the severity that it was posted with, and keeps that mark', () => {
    expect(alert.show(critical, asNew())?.as).toBe('critical');
    expect(alert.show(warning, asNew())?.as).toBe('warning');
    expect(alert.show(critical, asUpdate())).not.toHaveProperty('as');
  });

  test('of a row that had ended before says who had ended it, without a mention', () => {
    const action = 'console.flag.promotion.ops_failed';
    const text = said(alert, { ...critical, endedBefore: { at: momentAfter(0), action, by: 'kris' } }, asUpdate());
    expect(text).toContain('`kris` had resolved it as failed');
    const byApp = { at: momentAfter(0), action: 'console.flag.promotion.recovered', by: null };
    expect(said(alert, { ...critical, endedBefore: byApp }, asUpdate())).toContain('This app had ended it');
  });

  test('of a row that is gone says so and loses its buttons, and is never posted for it', () => {
    const text = said(alert, VANISHED, asUpdate());
    expect(text).toContain('was *deleted*');
    expect(text).not.toContain('mark_completed');
    expect(alert.show(VANISHED, asNew())).toBeNull();
    expect(said(resolved, VANISHED, asNew())).toContain('was *deleted*');
  });

  test('says where Slack refused it', () => {
    const refused = { channel: 'C0PAYMENTS', because: 'is_archived' };
    expect(said(alert, critical, { ...asNew(), refused })).toContain('it is archived');
  });

  test('is posted again if an admin deleted it', () => {
    expect(alert.gone).toBe('post_again');
    expect(alert.unknownOutcome).toBe('find');
  });
});

describe('an escalation', () => {
  test.each([
    ['under a warning mentions people', under('warning'), gathered(), true],
    ['under what nobody knows the mark of does so too', under(null), gathered(), true],
    ['under what was posted as critical is needless', under('critical'), gathered(), false],
    ['of what ended is needless', under('warning'), gathered({ promotion: ENDED }), false],
  ])('%s', (_what, of, known, isSaid) => {
    expect(said(escalation, known, asNew(of))?.includes(MENTION) ?? false).toBe(isSaid);
  });

  test('has the verdict and the buttons, until the promotion ended', () => {
    const posted = said(escalation, gathered(), asNew(under('warning')));
    expect(posted).toContain('It IS live: press Mark completed.');
    expect(posted).toContain('mark_completed');
    expect(said(escalation, gathered(), asUpdate())).toContain('mark_completed');
    expect(said(escalation, gathered(), asUpdate())).not.toContain(MENTION);
    const ended = said(escalation, gathered({ promotion: ENDED }), asUpdate());
    expect(ended).toContain('*completed*');
    expect(ended).not.toContain('mark_completed');
  });
});

describe('another verdict', () => {
  test.each([
    ['live', 'not_live', 'Now *not live*; it was *live*. Press *Mark failed*.'],
    ['release_running', 'live', 'Now *live*; it was *release running*. Press *Mark completed*.'],
    ['live', 'changed_since', 'If it stays so, press *Mark failed*.'],
    ['live', 'of_another_version', 'It was *live*'],
  ])('from %s to %s names both and the button, and mentions nobody', (from, to, words) => {
    const text = said(verdictChanged, { from, to, isStill: true }, asNew());
    expect(text).toContain(words);
    expect(text).not.toMatch(/<[@!]/u);
  });

  test('is not said if it is another again, nor twice', () => {
    expect(verdictChanged.show({ from: 'live', to: 'not_live', isStill: false }, asNew())).toBeNull();
    expect(verdictChanged.show({ from: 'live', to: 'not_live', isStill: true }, asUpdate())).toBeNull();
  });
});

describe('a repetition', () => {
  const told = (changes: Parameters<typeof facts>[0], request = asNew()) =>
    said(repeat, { ...gathered(changes), isBroadcast: true }, request);

  test.each([
    ['mentions people again', {}, true],
    ['is kept back while somebody is on it', { attention: owned() }, false],
    ['is kept back while it is snoozed', { attention: snoozed }, false],
    ['of what ended is needless', { promotion: ENDED }, false],
  ])('%s', (_what, changes, isSaid) => {
    expect(told(changes)?.includes(MENTION) ?? false).toBe(isSaid);
  });

  test('has the verdict and the buttons, until the promotion ended', () => {
    expect(told({})).toContain('It IS live: press Mark completed.');
    expect(told({}, asUpdate())).toContain('mark_completed');
    expect(told({}, asUpdate())).not.toContain(MENTION);
    expect(told({ attention: owned() }, asUpdate())).toContain('<@U0KRIS> on it');
    expect(told({ promotion: ENDED }, asUpdate())).not.toContain('mark_completed');
  });
});

describe('a resolution', () => {
  test('names who resolved it without a mention', () => {
    const text = said(resolved, { ...facts({ promotion: ENDED }), resolvedBy: 'kris' }, asNew());
    expect(text).toContain('`kris`');
    expect(text).not.toContain('<@');
  });

  test('is not told of what is deploying again', () => {
    expect(resolved.show({ ...facts({ promotion: promotion() }), resolvedBy: null }, asNew())).toBeNull();
  });

  test('goes into its root’s thread, or nowhere', () => {
    const thread = { channel: 'C0ALERTS', ts: '100.1' };
    expect(inThread(under(null))).toEqual({ to: 'thread', thread, broadcast: false });
    expect(inThread(under(null), true)).toEqual({ to: 'thread', thread, broadcast: true });
    expect(inThread(message())).toBeNull();
  });
});
