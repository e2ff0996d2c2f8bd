import type { Evidence } from '../../src/promotions/evidence.js';
import { alertMessage, escalationReply, repeatReply, resolvedReply } from '../../src/views/alert.js';
import * as attention from '../../src/views/attention.js';
import { flagOnApps } from '../../src/views/flag-apps.js';
import { groupCriticalsReply, groupMessage } from '../../src/views/group.js';
import { homeTab } from '../../src/views/home.js';
import type { Drift } from '../../src/promotions/drift.js';
import { driftGroupMessage, driftMessage } from '../../src/views/drift.js';
import { followUpModal } from '../../src/views/follow-up.js';
import { stuckAnswer } from '../../src/views/list.js';
import { progressMessage } from '../../src/views/progress.js';
import { resolutionModal } from '../../src/views/resolution.js';
import { transitionAnswer, transitionModal } from '../../src/views/transition.js';
import { crashedMessage } from '../../src/views/running.js';
import { promotionUnfurl } from '../../src/views/unfurl.js';
import { HOUR, MINUTE, momentAfter, promotion } from '../promotions/make.js';
import { formText, messageText, read } from './as-text.js';
import { AS_OF, ATTENTIONS, ROWS, stuck, VERDICTS } from './cases.js';
import { MENTION } from './payloads.js';
import { expectSnapshot } from './snapshot.js';

/** What people read, word by word: each message and form as a file in snapshots/. How long: many-alerts.test.ts. */

const completed = promotion({
  state: 'deployed',
  deployedAt: momentAfter(57 * HOUR + 53 * MINUTE),
  resolvedBy: 'U0SUPER001',
  resolutionNote: 'The flag is live; only the write was lost.',
});

describe('the words of', () => {
  test.each(Object.keys(VERDICTS))('the alert: %s', (verdict) => {
    expectSnapshot(
      `alert/${verdict}`,
      messageText(alertMessage(stuck({ evidence: VERDICTS[verdict] ?? null })), AS_OF),
    );
  });

  test.each(Object.keys(ATTENTIONS))('the alert that is %s’s', (held) => {
    expectSnapshot(
      `alert/warning-${held}`,
      messageText(
        alertMessage(stuck({ severity: 'warning', mention: null, attention: ATTENTIONS[held] ?? null })),
        AS_OF,
      ),
    );
  });

  test.each([
    ['unrecorded', ROWS.unrecorded, 'live'],
    ['still-setting', ROWS.intent, 'not-live-unset'],
    ['held-up', ROWS['held-up'], 'not-live-unset'],
    ['with-rca', ROWS['with-rca'], 'live'],
  ] as const)('the alert of a row that is %s', (name, row, verdict) => {
    expectSnapshot(
      `alert/${name}`,
      messageText(alertMessage(stuck({ promotion: row, evidence: VERDICTS[verdict] ?? null })), AS_OF),
    );
  });

  test('a notice', () => {
    const facts = { severity: 'notice', mention: null, evidence: VERDICTS['live'] ?? null } as const;
    expectSnapshot('alert/notice', messageText(alertMessage(stuck(facts)), AS_OF));
  });

  test('a flag that several apps have', () => {
    const on = (id: string, herokuApp: string) => promotion({ id, herokuApp, state: 'deployed' });
    const rows = ['raxx-web', 'raxx-console-prod', 'raxx-gone', 'raxx-late'].map((app, n) => on(String(9 - n), app));
    const evidence = new Map<string, Evidence>();
    for (const [id, verdict] of [
      ['9', 'live-since-unknown'],
      ['8', 'not-live-other'],
      ['7', 'no-app'],
    ] as const) {
      const known = VERDICTS[verdict];
      if (known !== undefined) evidence.set(id, known);
    }
    const blocks = flagOnApps(promotion().flagKey, { total: 6, rows, evidence });
    expectSnapshot('flag-on-apps', messageText({ text: 'show', blocks }, AS_OF));
  });

  test('an alert that was resolved', () => {
    const shown = (row: typeof completed) =>
      messageText(alertMessage(stuck({ promotion: row, evidence: null })), AS_OF);
    expectSnapshot('alert/completed', shown(completed));
    expectSnapshot('alert/completed-with-rca', shown({ ...completed, rcaUrl: ROWS['with-rca'].rcaUrl }));
    expectSnapshot(
      'alert/failed-elsewhere',
      shown({ ...completed, state: 'failed', failedAt: AS_OF, resolvedBy: null, resolutionNote: null }),
    );
    expectSnapshot('alert/state-of-another-system', shown({ ...completed, state: 'rolled_back' }));
  });

  test('what is said in its thread', () => {
    expectSnapshot('thread/escalation', messageText(escalationReply(stuck()), AS_OF));
    expectSnapshot('thread/repeat', messageText(repeatReply(stuck()), AS_OF));
    expectSnapshot('thread/repeat-once-resolved', messageText(repeatReply(stuck({ promotion: completed })), AS_OF));
    expectSnapshot('thread/resolved', messageText(resolvedReply(completed, 'kris'), AS_OF));
    const facts = { promotion: ROWS.plain, severity: 'critical', owner: 'U0SUPER001', mention: MENTION } as const;
    expectSnapshot('thread/owner-asked', messageText(attention.ownerQuestion(ROWS.plain, 'U0SUPER001'), AS_OF));
    expectSnapshot('thread/owner-lost', messageText(attention.ownerLostReply({ ...facts, reason: 'silent' }), AS_OF));
    expectSnapshot(
      'thread/released',
      messageText(attention.releasedReply({ ...facts, name: 'kris', ownership: null }), AS_OF),
    );
    expectSnapshot('thread/taken-over', messageText(attention.takenOverReply(ROWS.plain, 'kris', 'U0PROMOTER'), AS_OF));
    expectSnapshot('thread/snooze-ended', messageText(attention.snoozeEndedReply({ ...facts, owner: null }), AS_OF));
  });

  test('what one person is answered', () => {
    const answers = [
      attention.takenAnswer(ROWS.plain, null, true),
      attention.takenAnswer(ROWS.plain, 'U0PROMOTER', false),
      attention.confirmedAnswer(ROWS.plain),
      attention.releasedAnswer(ROWS.plain),
      attention.snoozedAnswer(ROWS.plain, momentAfter(60 * HOUR)),
      attention.unsnoozedAnswer(ROWS.plain),
      attention.snoozeUsageWords(),
      ...(['marked', 'cancelled'] as const).map((state) => transitionAnswer(promotion({ state }), 'C0ALERTS').text),
    ];
    expectSnapshot('answers', answers.map((text) => read(text, AS_OF)).join('\n\n'));
  });

  test('a group', () => {
    const verdicts = { live: 31, not_live: 15, release_running: 0, release_failed: 1, changed_since: 1, unknown: 0 };
    const open = Array.from({ length: 48 }, (_, n) => ({
      promotion: promotion({ id: String(n + 1), flagKey: `console_flag_${n + 1}` }),
      severity: n < 2 ? ('critical' as const) : ('warning' as const),
      attention: n === 0 ? (ATTENTIONS['owned'] ?? null) : null,
    }));
    const known = { groupId: '9', asOf: AS_OF, verdicts };
    const none = { completed: 0, failed: 0, endedOtherwise: 0 };
    expectSnapshot('group/open', messageText(groupMessage({ ...known, ...none, open }, null), AS_OF));
    const one = { ...known, verdicts: { ...verdicts, live: 1, not_live: 0, release_failed: 0, changed_since: 0 } };
    expectSnapshot(
      'group/last',
      messageText(groupMessage({ ...one, ...none, completed: 47, open: open.slice(2, 3) }, null), AS_OF),
    );
    expectSnapshot(
      'group/ended',
      messageText(groupMessage({ ...known, ...none, completed: 46, failed: 2, open: [] }, null), AS_OF),
    );
    expectSnapshot('group/criticals', messageText(groupCriticalsReply('9', open.slice(0, 2), [MENTION]), AS_OF));
  });

  test('how a promotion goes', () => {
    const accepted = { at: momentAfter(3 * MINUTE), version: 143, createdAt: momentAfter(MINUTE) };
    const shown = (name: string, facts: Partial<Parameters<typeof progressMessage>[0]>) =>
      expectSnapshot(
        `progress/${name}`,
        messageText(
          progressMessage({
            promotion: ROWS.intent,
            accepted: null,
            driftNoticedAt: null,
            isKnownBefore: true,
            ...facts,
          }),
          momentAfter(5 * MINUTE),
        ),
      );
    shown('setting', {});
    shown('held-up', { promotion: { ...ROWS.intent, lastError: 'Heroku answered 503.' } });
    shown('running', { accepted });
    const deployed = promotion({ state: 'deployed', deployedAt: momentAfter(4 * MINUTE) });
    shown('live', {
      accepted,
      promotion: deployed,
      since: { newest: deployed, active: null, followedBy: null },
    });
    const report = { kind: 'crashed', dyno: 'web.1', release: 143 } as const;
    shown('verified', {
      accepted,
      promotion: deployed,
      verification: { state: 'running', report: { kind: 'running', total: 2 }, isTold: true },
    });
    shown('crashed', { accepted, promotion: deployed, verification: { state: 'crashed', report, isTold: true } });
    const since = { newest: deployed, active: null, followedBy: null };
    for (const state of ['crashed', 'late'] as const) {
      const seen =
        state === 'late' ? ({ kind: 'not_up', dyno: 'web.2', state: 'starting', up: 1, total: 2 } as const) : report;
      const message = crashedMessage({
        promotion: deployed,
        verification: { state, report: seen, isTold: true },
        since,
        isKnownBefore: true,
      });
      expectSnapshot(`running/${state}`, messageText(message ?? { text: 'nothing' }, momentAfter(9 * MINUTE)));
    }
    shown('reverted', {
      accepted,
      promotion: deployed,
      since: {
        newest: deployed,
        active: ROWS.intent,
        followedBy: { followUp: 'revert', promotionId: '8', operatorId: 'U0SUPER001' },
      },
    });
    shown('changed-since', { accepted, driftNoticedAt: momentAfter(4 * MINUTE) });
  });

  test('what was changed on Heroku since it was deployed', () => {
    const deployed = promotion({ state: 'deployed', deployedAt: momentAfter(4 * MINUTE) });
    const found: Drift = {
      promotionId: '7',
      state: 'open',
      seq: 1,
      toldSeq: 1,
      value: { kind: 'plain', value: 'false' },
      change: { version: 144, by: 'sam@raxx.example', at: momentAfter(HOUR) },
      acceptedBy: null,
    };
    const shown = (name: string, drift: Drift, isOpen: boolean) =>
      expectSnapshot(
        `drift/${name}`,
        messageText(driftMessage({ promotion: deployed, drift, followedBy: null, isOpen }), momentAfter(2 * HOUR)),
      );
    shown('open', found, true);
    shown('nobody-proven', { ...found, value: { kind: 'unset' }, change: null }, true);
    shown('accepted', { ...found, state: 'accepted', acceptedBy: 'U0SUPER001' }, false);
    const standing = { promotion: deployed, followedBy: null };
    const two = [
      { standing, drift: found, isOpen: true },
      { standing, drift: { ...found, state: 'accepted' as const, acceptedBy: 'U0SUPER001' }, isOpen: false },
    ];
    expectSnapshot('drift/group', messageText(driftGroupMessage({ shown: two, total: 12 }), momentAfter(2 * HOUR)));
  });

  test.each(Object.keys(VERDICTS))('the list: %s', (verdict) => {
    const evidence = VERDICTS[verdict];
    if (evidence === undefined) throw new Error('unknown');
    const rows = [{ promotion: ROWS.unrecorded, severity: 'critical' as const, evidence }];
    expectSnapshot(`list/${verdict}`, messageText(stuckAnswer({ rows, total: 1, offset: 0, groupId: null }), AS_OF));
  });

  test('a link to a promotion', () => {
    expectSnapshot('unfurl', messageText({ text: 'link', ...promotionUnfurl(ROWS.plain, AS_OF) }, AS_OF));
  });

  test('the home tab', () => {
    const home = homeTab(
      {
        stuck: [{ promotion: ROWS.plain, severity: 'critical' }],
        stuckTotal: 1,
        running: [],
        runningTotal: 0,
        withoutRca: [completed],
        withoutRcaTotal: 1,
        withoutRcaIsAtLeast: false,
        resolved: [completed],
        maintenance: { last: new Date(AS_OF.getTime() - MINUTE), silentSince: null },
        superadmins: [],
      },
      { slackUserId: 'U0SUPER001', role: 'superadmin', disabledAt: null },
      AS_OF,
    );
    expectSnapshot('home', messageText({ text: 'home', blocks: home.blocks }, AS_OF));
  });

  test.each([
    ['completed-live', 'completed', 'live', ROWS.unrecorded],
    ['completed-not-live', 'completed', 'not-live-unset', ROWS.plain],
    ['completed-running', 'completed', 'release-running', ROWS.plain],
    ['completed-no-answer', 'completed', 'no-answer', ROWS.plain],
    ['failed-not-live', 'failed', 'not-live-unset', ROWS.plain],
    ['failed-live', 'failed', 'live', ROWS.unrecorded],
  ] as const)('the form: %s', (name, action, verdict, row) => {
    const modal = resolutionModal({
      promotion: row,
      action,
      evidence: VERDICTS[verdict] ?? null,
      changed: null,
      setBack: { kind: 'known', value: 'false' },
      privateMetadata: '{}',
    });
    expectSnapshot(`form/${name}`, formText(modal, AS_OF));
  });

  test.each(['promote', 'cancel'] as const)('the form: %s', (transition) => {
    const modal = transitionModal({
      promotion: promotion({ state: 'marked' }),
      transition,
      evidence: VERDICTS['not-live-unset'] ?? null,
      changed: null,
      privateMetadata: '{}',
    });
    expectSnapshot(`form/${transition}`, formText(modal, AS_OF));
  });
});

describe('going back', () => {
  test.each(['live', 'changed-since', 'no-answer'])('the form: %s', (verdict) => {
    const modal = followUpModal({
      followUp: 'revert',
      promotion: promotion({ state: 'deployed', deployedAt: momentAfter(HOUR) }),
      value: 'false',
      reverts: null,
      asked: verdict === 'changed-since' ? '3' : null,
      evidence: VERDICTS[verdict] ?? null,
      changed: null,
      privateMetadata: '{}',
    });
    expectSnapshot(`form/revert-${verdict}`, formText(modal, AS_OF));
  });
});
