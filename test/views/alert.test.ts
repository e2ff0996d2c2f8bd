import { z } from 'zod';
import type { Evidence } from '../../src/promotions/evidence.js';
import type { Ownership } from '../../src/promotions/ownership.js';
import { UNKNOWN_TIME } from '../../src/promotions/promotion.js';
import { alertMessage, escalationReply, repeatReply, resolvedReply } from '../../src/views/alert.js';
import { HOUR, momentAfter, promotion } from '../promotions/make.js';
import { EVIDENCE, MENTION, type Payload } from './payloads.js';
import { valuesOf } from './reading.js';

const checkedAt = new Date('2026-05-09T16:28:00Z');
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
  payload(alertMessage({ promotion: promotion(), severity, evidence, mention: null }));

describe('the alert', () => {
  test('of the incident, at 12 h, reads like this', () => {
    const message = alertMessage({ promotion: promotion(), severity: 'warning', evidence: live, mention: null });
    expect(message).toMatchInlineSnapshot(`
{
  "attachments": [
    {
      "blocks": [
        {
          "text": {
            "text": "*Config var*: \`FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING\` → \`true\`
*Heroku app*: \`raxx-console-prod\`
*Deploying since*: <!date^1778300880^{date_short} {time} ({ago})|2026-05-09 04:28 UTC>
*Promoted by*: <@U0PROMOTER>",
            "type": "mrkdwn",
          },
          "type": "section",
        },
        {
          "text": {
            "text": ":large_green_circle: *Live.* On Heroku \`FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING\` is \`true\`, which is the target.
*Mark completed* is right.
_Checked <!date^1778344080^{date_short} {time_secs}|2026-05-09 16:28:00 UTC>_",
            "type": "mrkdwn",
          },
          "type": "section",
        },
        {
          "elements": [
            {
              "accessibility_label": "Mark completed: console_heroku_log_drain_alerting",
              "action_id": "mark_completed",
              "style": "primary",
              "text": {
                "emoji": false,
                "text": "Mark completed",
                "type": "plain_text",
              },
              "type": "button",
              "value": "7",
            },
            {
              "accessibility_label": "Mark failed: console_heroku_log_drain_alerting",
              "action_id": "mark_failed",
              "text": {
                "emoji": false,
                "text": "Mark failed",
                "type": "plain_text",
              },
              "type": "button",
              "value": "7",
            },
            {
              "accessibility_label": "Open RCA: console_heroku_log_drain_alerting",
              "action_id": "open_rca",
              "text": {
                "emoji": false,
                "text": "Open RCA",
                "type": "plain_text",
              },
              "type": "button",
              "value": "7",
            },
            {
              "action_id": "alert_menu",
              "options": [
                {
                  "text": {
                    "emoji": false,
                    "text": "I’m on it",
                    "type": "plain_text",
                  },
                  "value": "take:7",
                },
                {
                  "text": {
                    "emoji": false,
                    "text": "Snooze for 1 h",
                    "type": "plain_text",
                  },
                  "value": "snooze_1h:7",
                },
                {
                  "text": {
                    "emoji": false,
                    "text": "Snooze for 4 h",
                    "type": "plain_text",
                  },
                  "value": "snooze_4h:7",
                },
                {
                  "text": {
                    "emoji": false,
                    "text": "Snooze until tomorrow 09:00",
                    "type": "plain_text",
                  },
                  "value": "snooze_tomorrow:7",
                },
              ],
              "type": "overflow",
            },
          ],
          "type": "actions",
        },
        {
          "elements": [
            {
              "text": "Promotion 7 · Marking it takes a superadmin and a TOTP code.",
              "type": "mrkdwn",
            },
          ],
          "type": "context",
        },
      ],
      "color": "#daa038",
      "fallback": ":warning: *Warning*: \`console_heroku_log_drain_alerting\` on \`raxx-console-prod\` is stuck in deploying, since <!date^1778300880^{date_short} {time} ({ago})|2026-05-09 04:28 UTC>",
    },
  ],
  "text": ":warning: *Warning*: \`console_heroku_log_drain_alerting\` on \`raxx-console-prod\` is stuck in deploying, since <!date^1778300880^{date_short} {time} ({ago})|2026-05-09 04:28 UTC>",
}
`);
  });

  test('of the incident, once it was completed, reads like this', () => {
    const message = alertMessage({ promotion: completed, severity: 'critical', evidence: null, mention: null });
    expect(message).toMatchInlineSnapshot(`
{
  "attachments": [
    {
      "blocks": [
        {
          "text": {
            "text": "*Config var*: \`FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING\` → \`true\`
*Heroku app*: \`raxx-console-prod\`
*Deploying since*: <!date^1778300880^{date_short} {time} ({ago})|2026-05-09 04:28 UTC>
*For*: 2 d 9 h",
            "type": "mrkdwn",
          },
          "type": "section",
        },
        {
          "text": {
            "text": "*Note*
\`\`\`The flag is live; only the write was lost.\`\`\`",
            "type": "mrkdwn",
          },
          "type": "section",
        },
        {
          "text": {
            "text": "*RCA*: <https://docs.raxx.example/rca/2026-05-11|https://docs.raxx.example/rca/2026-05-11>",
            "type": "mrkdwn",
          },
          "type": "section",
        },
        {
          "elements": [
            {
              "text": "Promotion 7",
              "type": "mrkdwn",
            },
          ],
          "type": "context",
        },
      ],
      "color": "#2eb886",
      "fallback": ":white_check_mark: \`console_heroku_log_drain_alerting\` on \`raxx-console-prod\` was marked *completed* by <@U0SUPER001>, <!date^1778509303^{date_short} {time} ({ago})|2026-05-11 14:21 UTC>",
    },
  ],
  "text": ":white_check_mark: \`console_heroku_log_drain_alerting\` on \`raxx-console-prod\` was marked *completed* by <@U0SUPER001>, <!date^1778509303^{date_short} {time} ({ago})|2026-05-11 14:21 UTC>",
}
`);
  });

  test('claims no time for a row that tells none', () => {
    const timeless = { promotedAt: null, markedAt: null, createdAt: UNKNOWN_TIME };
    const facts = { severity: 'critical', evidence: null, mention: null } as const;
    const open = JSON.stringify(alertMessage({ ...facts, promotion: promotion(timeless) }));
    const ended = JSON.stringify(alertMessage({ ...facts, promotion: promotion({ ...timeless, state: 'deployed' }) }));
    expect(open).toContain('is stuck in deploying, since _nobody knows when_');
    expect(ended).toContain('*For*: _unknown_');
    expect(open + ended).not.toContain('1970');
  });

  test.each(EVIDENCE)('has three buttons and a menu for what is rarer, whatever Heroku says (%#)', (evidence) => {
    expect(valuesOf(stuck(evidence), 'action_id')).toEqual(['mark_completed', 'mark_failed', 'open_rca', 'alert_menu']);
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

  test('is a link to the RCA where one is recorded', () => {
    const row = promotion({ rcaUrl: completed.rcaUrl });
    const message = payload(alertMessage({ promotion: row, severity: 'warning', evidence: live, mention: null }));
    expect(valuesOf(message, 'url')).toEqual(['https://docs.raxx.example/rca/2026-05-11']);
    expect(valuesOf(message, 'action_id')).toEqual(['mark_completed', 'mark_failed', 'open_rca_link', 'alert_menu']);
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
      '#a30200',
      ['take', 'snooze_1h', 'snooze_4h', 'snooze_tomorrow'],
      [],
    ],
    [
      'owned',
      { ownership, snooze: null },
      '#daa038',
      ['take', 'hand_over', 'snooze_1h', 'snooze_4h', 'snooze_tomorrow'],
      ['*On it*: <@U0SUPER001>, since <!date^1778344080^'],
    ],
    [
      'snoozed',
      { ownership: null, snooze },
      '#dddddd',
      ['take', 'unsnooze'],
      ['*Snoozed* by <@U0PROMOTER> until <!date^1778358480^'],
    ],
    [
      'owned and snoozed',
      { ownership, snooze },
      '#dddddd',
      ['take', 'hand_over', 'unsnooze'],
      ['*On it*: <@U0SUPER001>', '*Snoozed* by <@U0PROMOTER>'],
    ],
  ] as const)(
    'of a critical that is %s says so, has its colour, and offers what can be done',
    (_, held, colour, choices, said) => {
      const attention = { ...held, resumedAt: null };
      const message = alertMessage({
        promotion: promotion(),
        severity: 'critical',
        evidence: null,
        mention: null,
        attention,
      });
      expect(message.attachments?.map(({ color }) => color)).toEqual([colour]);
      const offered = valuesOf(payload(message), 'options').flatMap((options) =>
        z
          .array(z.object({ value: z.string() }))
          .parse(options)
          .map(({ value }) => value),
      );
      expect(offered).toEqual(choices.map((choice) => `${choice}:7`));
      const shown = JSON.stringify(message);
      for (const words of said) expect(shown).toContain(words);
      expect(shown.match(/\*On it\*|\*Snoozed\*/gu) ?? []).toHaveLength(said.length);
    },
  );

  test('that could not go where it was meant to says where, and why', () => {
    const refusedRoute = { channel: 'C0ELSEWHERE', because: 'not_in_channel' };
    const facts = { promotion: promotion(), severity: 'warning', evidence: null, mention: null } as const;
    expect(JSON.stringify(alertMessage({ ...facts, refusedRoute }))).toContain(
      '`ALERT_ROUTES` sends this to <#C0ELSEWHERE>, but I am not a member of it: `/invite @flag-promotions` there.',
    );
    expect(JSON.stringify(alertMessage(facts))).not.toContain('ALERT_ROUTES');
  });

  test.each(['deployed', 'failed', 'cancelled', 'marked', 'rolled_back'])('has no buttons in state %s', (state) => {
    const row = promotion({ state });
    const message = payload(alertMessage({ promotion: row, severity: 'critical', evidence: live, mention: null }));
    expect(valuesOf(message, 'action_id')).toEqual([]);
  });

  test.each([
    ['deploying', 'warning', '#daa038'],
    ['deploying', 'critical', '#a30200'],
    ['deployed', 'critical', '#2eb886'],
    ['failed', 'critical', '#dddddd'],
    ['cancelled', 'warning', '#dddddd'],
  ] as const)('in state %s, %s, has the colour %s', (state, severity, colour) => {
    const message = alertMessage({ promotion: promotion({ state }), severity, evidence: null, mention: null });
    expect(message.attachments?.map(({ color }) => color)).toEqual([colour]);
  });

  test('calls nobody unless it is told to', () => {
    const words = (mention: string | null) =>
      alertMessage({ promotion: promotion(), severity: 'critical', evidence: live, mention }).text;
    expect(words(null)).not.toContain('<!subteam');
    expect(words(MENTION)).toContain(`*CRITICAL* ${MENTION}:`);
  });

  test('tells how long the promotion was deploying, across days', () => {
    expect(
      JSON.stringify(alertMessage({ promotion: completed, severity: 'critical', evidence: null, mention: null })),
    ).toContain('*For*: 2 d 9 h');
  });
});

describe('what is said in the thread', () => {
  test('at 24 h and every day after names the flag, the app and since when', () => {
    expect(escalationReply(promotion(), MENTION).text).toMatchInlineSnapshot(
      `":rotating_light: *CRITICAL* <!subteam^S0123456789>: \`console_heroku_log_drain_alerting\` on \`raxx-console-prod\` is stuck in deploying, since <!date^1778300880^{date_short} {time} ({ago})|2026-05-09 04:28 UTC>. Evidence and buttons are on the message above."`,
    );
    expect(repeatReply(promotion(), null).text).toMatchInlineSnapshot(
      `":rotating_light: *CRITICAL*, still open: \`console_heroku_log_drain_alerting\` on \`raxx-console-prod\` is stuck in deploying, since <!date^1778300880^{date_short} {time} ({ago})|2026-05-09 04:28 UTC>. Evidence and buttons are on the message above."`,
    );
  });

  test('once it is resolved names who did it, without pinging them', () => {
    expect(resolvedReply(completed, 'Sam <!channel>').text).toMatchInlineSnapshot(`
":white_check_mark: \`console_heroku_log_drain_alerting\` on \`raxx-console-prod\` was marked *completed* by \`Sam &lt;!channel&gt;\`, <!date^1778509303^{date_short} {time} ({ago})|2026-05-11 14:21 UTC>
RCA: <https://docs.raxx.example/rca/2026-05-11|https://docs.raxx.example/rca/2026-05-11>"
`);
    expect(resolvedReply(completed, null).text).not.toContain('<@');
  });

  test('of a promotion that another system ended says so', () => {
    const elsewhere = promotion({ state: 'deployed', deployedAt: momentAfter(50 * HOUR) });
    expect(resolvedReply(elsewhere, null).text).toContain('was set to *completed* without an operator of this app');
  });
});
