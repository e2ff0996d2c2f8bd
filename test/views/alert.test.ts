import { z } from 'zod';
import type { Evidence } from '../../src/promotions/evidence.js';
import type { Ownership } from '../../src/promotions/ownership.js';
import { UNKNOWN_TIME } from '../../src/promotions/promotion.js';
import { alertMessage, escalationReply, repeatReply, resolvedReply } from '../../src/views/alert.js';
import { HOUR, momentAfter, promotion } from '../promotions/make.js';
import { EVIDENCE, MENTION, type Payload } from './payloads.js';
import { valuesOf } from './reading.js';

const checkedAt = new Date('2026-05-09T16:28:00Z');
const asOf = checkedAt;
const live: Evidence = { kind: 'read', checkedAt, verdict: 'live', value: { kind: 'plain', value: 'true' } };
const completed = promotion({
  state: 'deployed',
  deployedAt: new Date('2026-05-11T14:21:43Z'),
  resolvedBy: 'U0SUPER001',
  resolutionNote: 'The flag is live; only the write was lost.',
  rcaUrl: 'https://docs.raxx.example/rca/2026-05-11',
});

const payload = (message: ReturnType<typeof alertMessage>): Payload => ({ kind: 'message', message });
const stuck = (evidence: Evidence | null, severity: 'warning' | 'critical' = 'warning') =>
  payload(alertMessage({ promotion: promotion(), severity, evidence, asOf, mention: null }));

/* words.test.ts has its exact words. */
describe('the alert', () => {
  test('has its evidence and its buttons in its own blocks, which Slack never folds away', () => {
    const message = stuck(live);
    expect(valuesOf(message, 'attachments')).toEqual([]);
    expect(valuesOf(message, 'type').filter((type) => type === 'actions' || type === 'section')).toHaveLength(3);
  });

  test('claims no time for a row that tells none', () => {
    const timeless = { promotedAt: null, markedAt: null, createdAt: UNKNOWN_TIME };
    const facts = { severity: 'critical', evidence: null, asOf, mention: null } as const;
    const open = JSON.stringify(alertMessage({ ...facts, promotion: promotion(timeless) }));
    const ended = JSON.stringify(alertMessage({ ...facts, promotion: promotion({ ...timeless, state: 'deployed' }) }));
    expect(open).toContain('stuck since nobody knows when');
    expect(open).toContain('stuck since _nobody knows when_');
    expect(ended).toContain('was deploying since _nobody knows when_');
    expect(open + ended).not.toMatch(/1970|20\d{3} d/u);
  });

  test('tells the age in its text as of when it was read, and leaves the one in its blocks to Slack', () => {
    const message = alertMessage({
      promotion: promotion(),
      severity: 'critical',
      evidence: live,
      asOf: momentAfter(57 * HOUR),
      mention: null,
    });
    expect(message.text).toContain('stuck 2 d 9 h.');
    expect(JSON.stringify(message.blocks)).not.toContain('2 d 9 h');
    expect(JSON.stringify(message.blocks)).toContain('({ago})|2026-05-09 04:28 UTC>');
    expect(JSON.stringify(message.blocks)).toContain('checked <!date^1778344080^{ago}|');
  });

  test.each(EVIDENCE)('has four buttons and a menu for what is rarer, whatever Heroku says (%#)', (evidence) => {
    expect(valuesOf(stuck(evidence), 'action_id')).toEqual([
      'acknowledge',
      'mark_completed',
      'mark_failed',
      'open_rca',
      'alert_menu',
    ]);
  });

  test.each(EVIDENCE)('lets the button stand out that the evidence speaks for, and no other (%#)', (evidence) => {
    const verdict = evidence.kind === 'read' ? evidence.verdict : 'unknown';
    const expected = {
      live: ['primary'],
      not_live: ['danger'],
      release_failed: ['danger'],
      release_running: [],
      changed_since: [],
      unknown: [],
    }[verdict];
    expect(valuesOf(stuck(evidence), 'style')).toEqual(expected);
  });

  test('is a link to the RCA if one is recorded', () => {
    const row = promotion({ rcaUrl: completed.rcaUrl });
    const message = payload(alertMessage({ promotion: row, severity: 'warning', evidence: live, asOf, mention: null }));
    expect(valuesOf(message, 'url')).toEqual(['https://docs.raxx.example/rca/2026-05-11']);
    expect(valuesOf(message, 'action_id')).toEqual([
      'acknowledge',
      'mark_completed',
      'mark_failed',
      'open_rca_link',
      'alert_menu',
    ]);
  });

  const ownership: Ownership = {
    owner: 'U0SUPER001',
    since: checkedAt,
    confirmedAt: checkedAt,
    question: null,
    isOperator: true,
  };
  const snooze = { by: 'U0PROMOTER', at: checkedAt, until: new Date('2026-05-09T20:28:00Z') };
  test.each([
    [
      'nobody’s',
      { ownership: null, snooze: null },
      ['snooze_1h', 'snooze_4h', 'snooze_morning'],
      ['*nobody is on it*'],
    ],
    [
      'owned',
      { ownership, snooze: null },
      ['snooze_1h', 'snooze_4h', 'snooze_morning', 'hand_over'],
      ['<@U0SUPER001> on it since <!date^1778344080^'],
    ],
    ['snoozed', { ownership: null, snooze }, ['unsnooze'], ['nobody on it', 'snoozed until <!date^1778358480^']],
    [
      'owned and snoozed',
      { ownership, snooze },
      ['unsnooze', 'hand_over'],
      ['<@U0SUPER001> on it', 'snoozed until <!date^1778358480^'],
    ],
  ] as const)('of a critical that is %s says so, and offers what can be done', (_, held, choices, said) => {
    const attention = { ...held, resumedAt: null };
    const message = alertMessage({
      promotion: promotion(),
      severity: 'critical',
      evidence: null,
      asOf,
      mention: null,
      attention,
    });
    const offered = valuesOf(payload(message), 'options').flatMap((options) =>
      z
        .array(z.object({ value: z.string() }))
        .parse(options)
        .map(({ value }) => value),
    );
    expect(offered).toEqual(choices.map((choice) => `${choice}:7`));
    const shown = JSON.stringify(message.blocks);
    for (const words of said) expect(shown).toContain(words);
    expect(shown.match(/(?:@U0SUPER001>|nobody(?: is)?) on it|snoozed until/gu) ?? []).toHaveLength(said.length);
    // While nobody is on it, that comes first; four buttons at most are visible.
    const buttons = valuesOf(payload(message), 'action_id').filter((id) => id !== 'alert_menu');
    expect(buttons.indexOf('acknowledge')).toBe(held.ownership === null ? 0 : 3);
    expect(buttons).toHaveLength(4);
  });

  test('that could not go where it was meant to says where, and why', () => {
    const refusedRoute = { channel: 'C0ELSEWHERE', because: 'not_in_channel' };
    const facts = { promotion: promotion(), severity: 'warning', evidence: null, asOf, mention: null } as const;
    expect(JSON.stringify(alertMessage({ ...facts, refusedRoute }))).toContain(
      '`ALERT_ROUTES` sends this to <#C0ELSEWHERE>, but I’m not in it: `/invite @flag-promotions` there.',
    );
    expect(JSON.stringify(alertMessage(facts))).not.toContain('ALERT_ROUTES');
  });

  test.each([
    ['deployed', ['open_rca']],
    ['failed', ['open_rca']],
    ['cancelled', ['open_rca']],
    ['marked', []],
    ['rolled_back', []],
  ])('in state %s keeps of its buttons %j', (state, kept) => {
    const row = promotion({ state });
    const facts = { promotion: row, severity: 'critical', evidence: live, asOf, mention: null } as const;
    expect(valuesOf(payload(alertMessage(facts)), 'action_id')).toEqual(kept);
    expect(valuesOf(payload(escalationReply(facts)), 'action_id')).toEqual([]);
    expect(valuesOf(payload(repeatReply(facts)), 'action_id')).toEqual([]);
  });

  test.each([
    ['deploying', 'warning', ':warning: *Warning*'],
    ['deploying', 'critical', ':rotating_light: *CRITICAL*'],
    ['deployed', 'critical', ':white_check_mark:'],
    ['failed', 'critical', ':no_entry:'],
    ['cancelled', 'warning', ':heavy_minus_sign:'],
  ] as const)('in state %s, %s, begins with %s', (state, severity, sign) => {
    const message = alertMessage({ promotion: promotion({ state }), severity, evidence: null, asOf, mention: null });
    expect(message.text.startsWith(`${sign} \``)).toBe(true);
    expect(JSON.stringify(message.blocks?.[0])).toContain(`${sign} \``);
  });

  test('mentions nobody unless it is told to', () => {
    const words = (mention: string | null) =>
      alertMessage({ promotion: promotion(), severity: 'critical', evidence: live, asOf, mention }).text;
    expect(words(null)).not.toContain('<!subteam');
    expect(words(MENTION)).toContain(`*CRITICAL* ${MENTION} \``);
  });

  test('tells how long the promotion was deploying, across days', () => {
    expect(
      JSON.stringify(alertMessage({ promotion: completed, severity: 'critical', evidence: null, asOf, mention: null })),
    ).toContain('was deploying for 2 d 9 h');
  });
});

describe('the thread', () => {
  test.each([
    ['at 24 h', escalationReply],
    ['every day after', repeatReply],
  ])('%s says all that the alert says, with its buttons', (_, write) => {
    const facts = { promotion: promotion(), severity: 'critical', evidence: live, asOf, mention: MENTION } as const;
    const ids = (message: ReturnType<typeof alertMessage>) => valuesOf(payload(message), 'action_id');
    expect(ids(write(facts))).toEqual(ids(alertMessage(facts)));
    expect(write(facts).text).toContain(`*CRITICAL* ${MENTION} \``);
    expect(write(facts).text).toContain('It IS live: press Mark completed.');
  });

  test('once it is resolved names who did it, without pinging them', () => {
    expect(resolvedReply(completed, 'Sam <!channel>').text).toMatchInlineSnapshot(`
":white_check_mark: \`console_heroku_log_drain_alerting\` on \`raxx-console-prod\` was resolved as *completed* by \`Sam &lt;!channel&gt;\`, <!date^1778509303^{date_short} {time} ({ago})|2026-05-11 14:21 UTC>
RCA: <https://docs.raxx.example/rca/2026-05-11|https://docs.raxx.example/rca/2026-05-11>"
`);
    expect(resolvedReply(completed, null).text).not.toContain('<@');
  });

  test('of a promotion that another system ended says so', () => {
    const elsewhere = promotion({ state: 'deployed', deployedAt: momentAfter(50 * HOUR) });
    expect(resolvedReply(elsewhere, null).text).toContain('ended as *completed* without an operator');
  });
});
