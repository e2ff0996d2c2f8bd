import type { Enrolment } from '../../../src/operators/enrolment.js';
import { confirmEnrolment } from '../../../src/outbox/kinds/confirm-enrolment.js';
import { digest } from '../../../src/outbox/kinds/digest.js';
import { digestChart } from '../../../src/outbox/kinds/digest-chart.js';
import { enrolmentEnded } from '../../../src/outbox/kinds/enrolment-ended.js';
import { home } from '../../../src/outbox/kinds/home.js';
import { KINDS } from '../../../src/outbox/kinds/index.js';
import { linkUsed } from '../../../src/outbox/kinds/link-used.js';
import { progress } from '../../../src/outbox/kinds/progress.js';
import { rcaLinked } from '../../../src/outbox/kinds/rca-linked.js';
import { rcaReminderReply } from '../../../src/outbox/kinds/rca-reminder.js';
import type { PeriodStats } from '../../../src/promotions/stats.js';
import type { HomeFacts } from '../../../src/views/home.js';
import { DAY, momentAfter, promotion, SECOND } from '../../promotions/make.js';
import { asNew, asUpdate, ENDED, facts, message, said } from './make.js';

test('if somebody deleted it, what is about now is posted again; after an unknown outcome, what can be found is sought', () => {
  const inChannel = { gone: 'post_again', unknownOutcome: 'find' };
  const letGo = { gone: 'close', unknownOutcome: 'find' };
  const harmlessTwice = { gone: 'close', unknownOutcome: 'post_again' };
  const expected: Record<keyof typeof KINDS, object> = {
    alert: inChannel,
    completed_together: letGo,
    confirm_enrolment: harmlessTwice,
    crashed: letGo,
    digest: letGo,
    digest_chart: { gone: 'close', unknownOutcome: 'close' },
    drill: letGo,
    drill_ended: letGo,
    drill_page: harmlessTwice,
    drill_webhook: harmlessTwice,
    drift_group: letGo,
    drifted: letGo,
    enrolment_ended: harmlessTwice,
    escalation: letGo,
    group: inChannel,
    group_criticals: letGo,
    home: harmlessTwice,
    link_used: harmlessTwice,
    operator_notice: harmlessTwice,
    owner_asked: letGo,
    owner_lost: letGo,
    page: harmlessTwice,
    progress: letGo,
    rca_linked: letGo,
    rca_reminder: letGo,
    released: letGo,
    repeat: letGo,
    resolved: letGo,
    slack_page: harmlessTwice,
    snooze_ended: letGo,
    taken_over: letGo,
    verdict_changed: letGo,
    warned: letGo,
    webhook: harmlessTwice,
  };
  expect(KINDS).toMatchObject(expected);
});

describe('a digest', () => {
  const stats: PeriodStats = {
    since: momentAfter(-7 * DAY),
    until: momentAfter(0),
    all: { promotions: 0, stuck: 0, failed: 0, deploying: 0, inDeploying: null, toDetect: null, toResolve: null },
    byApp: [],
    furtherApps: 0,
    byDay: [],
  };
  const week = { stats, period: '7d', missing: { rows: [], total: 0, isAtLeast: false }, stuckNow: 0, isLate: false };

  test.each([
    ['is posted in time', week, asNew(), true],
    ['a day late is no news any more', { ...week, isLate: true }, asNew(), false],
    ['stays as it was posted', week, asUpdate(), false],
  ])('%s', (_what, known, request, isSaid) => {
    expect(digest.show(known, request) !== null).toBe(isSaid);
  });

  test('has a chart in its thread, tried once and never updated', () => {
    const file = { name: 'week.png', title: 'Week', content: new Uint8Array(), altText: 'bars' };
    expect(digestChart.show({ file }, asNew())?.content).toEqual({ file: { ...file, comment: 'The week as a chart' } });
    expect(digestChart.show({ file }, asUpdate())).toBeNull();
    expect(digestChart.show({ file: null }, asNew())).toBeNull();
    expect(digestChart.unknownOutcome).toBe('close');
  });
});

describe('a home tab', () => {
  const shown: HomeFacts = {
    stuck: [{ promotion: promotion(), severity: 'critical' }],
    stuckTotal: 1,
    running: [],
    runningTotal: 0,
    withoutRca: [],
    withoutRcaTotal: 0,
    withoutRcaIsAtLeast: false,
    resolved: [],
    maintenance: { last: momentAfter(DAY), silentSince: null },
    superadmins: [],
  };
  const tab = (changes: Partial<HomeFacts> = {}, viewer: Parameters<typeof home.show>[0]['viewer'] = null) => ({
    facts: { ...shown, ...changes },
    viewer,
    asOf: momentAfter(DAY),
  });
  const published = home.show(tab(), asNew())?.as ?? null;
  const isPublished = (known: ReturnType<typeof tab>) =>
    home.show(known, asUpdate(message({ shownAs: published })))?.isShownAlready !== true;

  test.each([
    ['nothing differs', tab(), false],
    [
      'the watchdog looked again a second later',
      tab({ maintenance: { last: momentAfter(DAY + SECOND), silentSince: null } }),
      false,
    ],
    ['something ended', tab({ stuck: [], stuckTotal: 0, resolved: [ENDED] }), true],
    ['the watchdog fell silent', tab({ maintenance: { last: momentAfter(DAY), silentSince: momentAfter(DAY) } }), true],
    ['its viewer became an operator', tab({}, { slackUserId: 'U0KRIS', role: 'engineer', disabledAt: null }), true],
  ])('is published again if %s: %p', (_what, known, expected) => {
    expect(isPublished(known)).toBe(expected);
  });

  test('rests between two publications', () => {
    expect(home.show(tab(), asUpdate())?.restMs).toBe(4 * SECOND);
  });
});

test('progress is marked with the state that it shows', () => {
  const known = { promotion: promotion(), accepted: null, driftNoticedAt: null, isKnownBefore: false };
  expect(progress.show(known, asNew())?.as).toBe('deploying');
  expect(progress.show({ ...known, promotion: ENDED }, asUpdate())?.as).toBe('deployed');
});

describe('an RCA', () => {
  const linked = { url: 'https://docs.raxx.example/rca', previousUrl: null, linkedBy: 'kris' };

  test('that was linked is said once, with the one it replaces', () => {
    expect(said(rcaLinked, linked, asNew())).toContain('https://docs.raxx.example/rca');
    expect(said(rcaLinked, { ...linked, previousUrl: 'https://old.example' }, asNew())).toContain(
      'https://old.example',
    );
    expect(rcaLinked.show(linked, asUpdate())).toBeNull();
  });

  test.each([
    ['is missing', ENDED, true],
    ['is linked', { ...ENDED, rcaUrl: 'https://docs.raxx.example/rca' }, false],
  ])('that %s is reminded of accordingly, with no mention', (_what, about, isSaid) => {
    const text = said(rcaReminderReply, facts({ promotion: about }), asNew());
    expect(text !== null).toBe(isSaid);
    expect(text ?? '').not.toMatch(/<@|<!subteam/u);
  });
});

describe('an enrolment', () => {
  const enrolment: Enrolment = {
    id: '3',
    slackUserId: 'U0MINA',
    role: 'engineer',
    purpose: 'add',
    invitedBy: 'U0KRIS',
    state: 'proved',
    endReason: null,
    failedAttempts: 0,
    wrongWords: 0,
    expiresAt: momentAfter(DAY),
  };

  test.each([
    ['sent', false],
    ['proved', true],
    ['activated', false],
    ['ended', false],
  ] as const)('in the state %s asks for the word, and tells its person: %p', (state, isAsked) => {
    expect(confirmEnrolment.show({ ...enrolment, state }, asNew()) !== null).toBe(isAsked);
    expect(linkUsed.show({ ...enrolment, state }, asNew()) !== null).toBe(isAsked);
  });

  test.each([
    ['activated', null, 'is now active as engineer'],
    ['ended', 'too_many_words', 'too many wrong words'],
    ['ended', 'declined', 'somebody else used it'],
  ] as const)('that is over (%s, %p) loses its buttons and says how it ended', (state, endReason, words) => {
    for (const kind of [confirmEnrolment, linkUsed]) {
      const shown = said(kind, { ...enrolment, state, endReason }, asUpdate());
      expect(shown).toContain(words);
      expect(JSON.stringify(kind.show({ ...enrolment, state, endReason }, asUpdate()))).not.toContain('"button"');
    }
  });

  test.each([
    ['activated', null, true],
    ['ended', 'declined', false],
    ['ended', 'expired', false],
    ['proved', null, false],
  ] as const)('that is %s (%p) is told to its person: %p', (state, endReason, isTold) => {
    expect(enrolmentEnded.show({ ...enrolment, state, endReason }, asNew()) !== null).toBe(isTold);
  });
});
