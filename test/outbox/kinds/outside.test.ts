import { crashed } from '../../../src/outbox/kinds/crashed.js';
import { driftGroup } from '../../../src/outbox/kinds/drift-group.js';
import { drifted } from '../../../src/outbox/kinds/drifted.js';
import { operatorNoticeKind } from '../../../src/outbox/kinds/operator-notice.js';
import { page } from '../../../src/outbox/kinds/page.js';
import { warned } from '../../../src/outbox/kinds/warned.js';
import { webhook } from '../../../src/outbox/kinds/webhook.js';
import type { OperatorEvent } from '../../../src/operators/operator-event.js';
import type { Drift } from '../../../src/promotions/drift.js';
import type { Standing } from '../../../src/promotions/follow-up.js';
import type { PageStatus } from '../../../src/promotions/page.js';
import type { Verification } from '../../../src/promotions/running.js';
import { HOUR, momentAfter, promotion } from '../../promotions/make.js';
import { asNew, asUpdate, ENDED, facts, message, said, snoozed, under } from './make.js';

/* What is outdated before it is posted isn't posted; what was posted is updated. */

const standing: Standing = {
  promotion: ENDED,
  active: null,
  newest: ENDED,
  followedBy: null,
  setBack: { kind: 'known', value: 'false' },
  reverts: null,
};
const overtaken: Standing = { ...standing, active: promotion({ id: '8' }), newest: promotion({ id: '8' }) };

describe('that what is live crashed', () => {
  const verification: Verification = {
    state: 'crashed',
    report: { kind: 'crashed', dyno: 'web.1', release: 5 },
    isTold: false,
  };
  const found = { promotion: ENDED, verification, since: standing };

  test('is said with the way back', () => {
    expect(said(crashed, found, asNew())).toContain('web.1 crashed since v5');
  });

  test('is not said once somebody acted on it, and what was said loses its button', () => {
    const late = { ...found, since: overtaken };
    expect(crashed.show(late, asNew())).toBeNull();
    expect(said(crashed, found, asUpdate())).toContain('Revert');
    expect(said(crashed, late, asUpdate())).not.toContain('"action_id":"revert"');
  });

  test('is not said of what runs by now', () => {
    const running: Verification = { state: 'running', report: { kind: 'running', total: 2 }, isTold: false };
    expect(crashed.show({ ...found, verification: running }, asNew())).toBeNull();
    expect(crashed.show({ ...found, since: null }, asNew())).toBeNull();
  });
});

describe('that somebody changed what was deployed', () => {
  const drift: Drift = {
    promotionId: ENDED.id,
    state: 'open',
    seq: 2,
    toldSeq: 2,
    value: { kind: 'plain', value: 'false' },
    change: { version: 9, by: 'sam@raxx.example', at: momentAfter(40 * HOUR) },
    acceptedBy: null,
  };
  const mine = message({ ordinal: '2' });

  test.each<[string, Partial<Drift>, Standing]>([
    ['it was accepted', { state: 'accepted', acceptedBy: 'U0KRIS' }, standing],
    ['it holds its target again', { state: 'over' }, standing],
    ['another promotion counts', {}, overtaken],
  ])('is not said once %s', (_, changes, now) => {
    expect(said(drifted, { standing, drift }, asNew(mine))).toContain('sam@raxx.example');
    expect(drifted.show({ standing: now, drift: { ...drift, ...changes } }, asNew(mine))).toBeNull();
    expect(drifted.show({ standing: now, drift: { ...drift, ...changes } }, asUpdate(mine))).not.toBeNull();
  });

  test('is said by the message about the last change alone', () => {
    expect(drifted.show({ standing, drift: { ...drift, toldSeq: 3 } }, asNew(mine))).toBeNull();
    expect(drifted.show({ standing, drift: { ...drift, toldSeq: null } }, asNew(mine))).toBeNull();
  });

  test('of several is said together while one of them is open', () => {
    const shown = (isOpen: boolean) => [{ drift, standing, isOpen }];
    expect(driftGroup.show({ shown: [], total: 0 }, asNew())).toBeNull();
    expect(driftGroup.show({ shown: shown(false), total: 1 }, asNew())).toBeNull();
    expect(driftGroup.show({ shown: shown(true), total: 1 }, asNew())).not.toBeNull();
    expect(driftGroup.show({ shown: shown(false), total: 11 }, asNew())).not.toBeNull();
    expect(driftGroup.show({ shown: shown(false), total: 1 }, asUpdate())).not.toBeNull();
  });
});

describe('that a notice became a warning', () => {
  const warning = { ...facts({ severity: 'warning' }), evidence: null, endedBefore: null };

  test('is said under a notice, and mentions nobody', () => {
    expect(said(warned, warning, asNew(under('notice')))).toContain('*Warning*');
    expect(said(warned, warning, asNew(under('notice')))).not.toContain('subteam');
  });

  test.each([
    ['its message is a warning already', warning, under('warning')],
    ['it is snoozed', { ...warning, attention: snoozed }, under('notice')],
    ['it is critical by now', { ...warning, severity: 'critical' as const }, under('notice')],
    ['it ended', { ...warning, promotion: ENDED }, under('notice')],
  ])('is not said if %s', (_, known, to) => {
    expect(warned.show(known, asNew(to))).toBeNull();
  });
});

test('an operator’s notice is sent once, and what says nothing new isn’t sent', () => {
  const event: OperatorEvent = {
    action: 'console.flag.operator.disabled',
    actor: 'U0KRIS',
    operator: 'U0MINA',
    role: null,
    formerRole: 'superadmin',
    invitedBy: null,
    lockedUntil: null,
    locks: 0,
  };
  const mine = message({ subject: 'U0SUPER001' });
  expect(said(operatorNoticeKind, event, asNew(mine))).toContain('U0MINA');
  expect(operatorNoticeKind.show(event, asUpdate(mine))).toBeNull();
  expect(operatorNoticeKind.show({ ...event, action: 'console.flag.of_another_version' }, asNew(mine))).toBeNull();
});

describe('what goes outside Slack', () => {
  test('a webhook is sent once', () => {
    expect(webhook.show({ body: '{}' }, asNew())).toEqual({ content: { webhook: '{}' } });
    expect(webhook.show({ body: '{}' }, asUpdate())).toBeNull();
  });

  const pageFacts = (status: PageStatus) => ({
    status,
    key: 'flag-promotions:7',
    trigger:
      status === 'resolved'
        ? null
        : { summary: 'stuck', source: 'app', component: null, at: momentAfter(HOUR), links: [], details: {} },
    routingKey: 'key',
  });
  const triggered = message({ state: 'posted', channel: 'pager', shownAs: 'triggered' });

  test('a page whose alert ended before it can have rung never rings; one that may have rung is resolved', () => {
    expect(page.show(pageFacts('resolved'), asNew())).toBeNull();
    expect(page.show(pageFacts('resolved'), asNew(message({ channel: 'pager' })))).toMatchObject({ as: 'resolved' });
  });

  test('an incident is opened first, though somebody is on it already, and then acknowledged', () => {
    expect(page.show(pageFacts('acknowledged'), asNew())).toMatchObject({ as: 'triggered', isBehind: true });
    expect(page.show(pageFacts('acknowledged'), asUpdate(triggered))).toMatchObject({ as: 'acknowledged' });
    expect(page.show(pageFacts('triggered'), asUpdate(triggered))).toBeNull();
  });
});
