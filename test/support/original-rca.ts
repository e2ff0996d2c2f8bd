import path from 'node:path';
import type { RcaMaterial, RcaRelease } from '../../src/promotions/rca-draft.js';
import { alert, momentAfter, promotion, THRESHOLDS } from '../promotions/make.js';

/** Only there if the project's seed lies beside it. */
export const ORIGINAL_FILE = path.resolve(__dirname, '../../../shared/seed/rca-2026-05-11-stuck-flag-promotion.txt');

/** The original's headings, in order. */
export const HEADINGS = [
  'Summary',
  'Timeline (all times UTC)',
  'Impact',
  'What went well',
  "What didn't go well",
  'Root cause analysis',
  'Detection',
  'Resolution',
  'Action items',
  'References',
] as const;

/** Every fact of the original: its words there, and in a draft. A fact that no system can know has a reason instead. */
export const FACTS: readonly ({ readonly original: string } & (
  | { readonly draft: string }
  | { readonly onlyPeople: string }
))[] = [
  {
    original: 'console_heroku_log_drain_alerting',
    draft: '# RCA — Stuck Flag Promotion: `console_heroku_log_drain_alerting`',
  },
  {
    original: '2026-05-11-stuck-flag-promotion-console-heroku-log-drain-alerting',
    draft: '**Incident ID:** 2026-05-11-stuck-flag-promotion-console-heroku-log-drain-alerting\n',
  },
  { original: 'Date: 2026-05-11', draft: '**Date:** 2026-05-11\n' },
  { original: '2026-05-07 00:00 UTC marked', draft: '2026-05-07 00:00:00 UTC marked' },
  {
    original: 'marked for promotion on 2026-05-07 00:00 UTC',
    draft: 'marked for promotion on 2026-05-07 00:00:00 UTC',
  },
  { original: '2026-05-11 14:21 UTC resolved', draft: '2026-05-11 14:21:43 UTC ended' },
  { original: 'promoted (TOTP-gated) on 2026-05-09 ~04:28 UTC', draft: 'promoted on 2026-05-09 04:28:00 UTC' },
  {
    original: 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING=true on raxx-console-prod succeeded',
    draft:
      'Heroku took the change: v42 (succeeded, 2026-05-09 04:28:31 UTC) set `FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING` = `true` on `raxx-console-prod`',
  },
  { original: 'the value was confirmed true in prod', draft: 'Heroku’s answer at that moment: live' },
  { original: 'The flag itself was already live in prod', draft: 'was in force on `raxx-console-prod` since v42' },
  {
    original: 'The promotion row stayed in state=deploying',
    draft: 'The row stayed in `deploying` from 2026-05-09 04:28:00 UTC until',
  },
  { original: 'surfaced this on 2026-05-11 ~14:18 UTC', draft: 'seen at 2026-05-11 14:18:00 UTC' },
  {
    original: 'state=deployed and deployed_at=2026-05-11 14:21:43 UTC',
    draft: '`state` = `deployed`, `deployed_at` = 2026-05-11 14:21:43 UTC',
  },
  {
    original: 'audit row written to console.flag.promotion.ops_complete',
    draft: '`console.flag.promotion.ops_complete`',
  },
  { original: 'console_flag_promotions', draft: '`console_flag_promotions`' },
  { original: '# Action Owner Due Issue', draft: '| # | Action | Owner | Due | Issue |' },
  // By its own two ends it is 110 hours; and the row was in `deploying` for less than 58 of them.
  {
    original: '~97h total',
    draft: '110 h 21 min in total (2026-05-07 00:00:00 UTC marked → 2026-05-11 14:21:43 UTC ended)',
  },
  { original: 'deploying..." for 4 days', draft: 'in `deploying` for 57 h 53 min' },
  { original: 'SEV-3', onlyPeople: 'the scale of severities is the team’s' },
  { original: 'sre-agent', onlyPeople: 'the author is whoever finishes the draft' },
  { original: 'No user-facing impact', onlyPeople: 'impact on users is in no row' },
  { original: 'No data at risk', onlyPeople: 'risk to data is in no row' },
  { original: 'promote_async', onlyPeople: 'the console’s code is not the app’s to see' },
  { original: '_do_heroku_work', onlyPeople: 'the console’s code is not the app’s to see' },
  {
    original: 'before it could write state=deployed and deployed_at',
    onlyPeople: 'what interrupted the worker left no trace',
  },
  { original: 'no timeout or watchdog', onlyPeople: 'what was lacking is for people to say' },
  {
    original: 'a manual UPDATE via heroku run',
    onlyPeople: 'the app resolves by its buttons; what else was typed leaves no trace',
  },
  { original: 'run_maintenance', onlyPeople: 'an action item' },
  { original: 'rca_url', onlyPeople: 'an action item' },
  { original: 'older than 24h', onlyPeople: 'an action item' },
  { original: '12h (warning) and 24h (CRIT)', onlyPeople: 'an action item' },
  { original: 'feature-developer', onlyPeople: 'an owner of action items' },
  { original: '2026-05-25', onlyPeople: 'a due date of action items' },
  { original: '2026-06-01', onlyPeople: 'a due date of action items' },
];

export const OPERATOR = 'U0SUPER001';
export const NAMES = new Map([
  [OPERATOR, 'kris'],
  ['U0MARKER01', 'mina'],
  ['U0PROMOTER', 'kris'],
]);

const NOTICED_AT = new Date('2026-05-11T14:18:00Z');
const RESOLVED_AT = new Date('2026-05-11T14:21:43Z');

export function release(changes: Partial<RcaRelease> = {}): RcaRelease {
  return {
    version: 42,
    status: 'succeeded',
    at: momentAfter(31_000),
    user: 'kris@raxx.example',
    description: 'Set FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING config vars',
    value: { kind: 'plain', value: 'true' },
    isTarget: true,
    ...changes,
  };
}

/**
 * The incident as its rows, Heroku and Slack tell it: nobody watched until 05-11, when the watchdog's first look found
 * it.
 */
export function incidentMaterial(changes: Partial<RcaMaterial> = {}): RcaMaterial {
  return {
    promotion: promotion({
      state: 'deployed',
      deployedAt: RESOLVED_AT,
      resolvedBy: OPERATOR,
      resolutionNote: 'The flag is live; only the write was lost.',
      updatedAt: RESOLVED_AT,
    }),
    events: [
      { id: '1', at: NOTICED_AT, action: 'console.flag.promotion.stuck_critical', actor: 'watchdog', detail: {} },
      {
        id: '2',
        at: RESOLVED_AT,
        action: 'console.flag.promotion.ops_complete',
        actor: OPERATOR,
        detail: {
          from: 'deploying',
          to: 'deployed',
          note: 'The flag is live; only the write was lost.',
          evidence_shown: { kind: 'read', verdict: 'live', value: { kind: 'plain', value: 'true' } },
          contradiction_confirmed: false,
        },
      },
    ],
    alerts: [alert({ severity: 'critical', openedAt: NOTICED_AT, closedAt: RESOLVED_AT })],
    alertMessages: [{ severity: 'critical', inThread: false, postedAt: NOTICED_AT }],
    replies: [{ kind: 'resolved', postedAt: new Date('2026-05-11T14:21:45Z') }],
    releases: {
      kind: 'read',
      complete: true,
      releases: [
        release(),
        release({
          version: 41,
          at: new Date('2026-05-06T09:12:40Z'),
          description: 'Deploy 1f2e3d4c',
          value: { kind: 'unset' },
          isTarget: false,
        }),
      ],
    },
    thread: {
      kind: 'read',
      complete: true,
      messages: [
        {
          at: new Date('2026-05-11T14:19:30Z'),
          author: OPERATOR,
          isBot: false,
          text: 'Looking. <@U0MARKER01>, is <https://status.heroku.com|Heroku status> green &amp; quiet?',
          files: 0,
        },
      ],
    },
    thresholds: THRESHOLDS,
    draftedAt: new Date('2026-05-12T09:00:00Z'),
    draftedBy: OPERATOR,
    ...changes,
  };
}
