import { ADMINISTRATION_ACTIONS } from '../../src/operators/administration.js';
import type { RefusedCode } from '../../src/operators/code-check.js';
import type { ConfirmationRefusal, Enrolment } from '../../src/operators/enrolment.js';
import type { OperatorEvent } from '../../src/operators/operator-event.js';
import type { Operator } from '../../src/operators/operator.js';
import type { Attention } from '../../src/promotions/attention.js';
import type { LeftOut, LeftOutReason } from '../../src/promotions/completion.js';
import type { Drill } from '../../src/promotions/drill.js';
import type { Drift } from '../../src/promotions/drift.js';
import { type Evidence, READ_VERDICTS } from '../../src/promotions/evidence.js';
import type { FollowUpRefusal } from '../../src/promotions/follow-up.js';
import type { GroupMember } from '../../src/promotions/group.js';
import type { AttentionRefusal, Ownership } from '../../src/promotions/ownership.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import type { DynoReport, Verification } from '../../src/promotions/running.js';
import type { ResolutionRefusal } from '../../src/promotions/resolution.js';
import type { PeriodStats } from '../../src/promotions/stats.js';
import type { TransitionRefusal } from '../../src/promotions/transition.js';
import * as alert from '../../src/views/alert.js';
import * as attention from '../../src/views/attention.js';
import { attentionLines, attentionPhrases } from '../../src/views/attention-lines.js';
import * as authority from '../../src/views/authority.js';
import {
  type Answer,
  type Block,
  type HomeTab,
  type Message,
  type Modal,
  notice,
  section,
  textAnswer,
} from '../../src/views/blocks.js';
import * as completion from '../../src/views/completion.js';
import * as dashboard from '../../src/views/dashboard.js';
import * as digest from '../../src/views/digest.js';
import * as drill from '../../src/views/drill.js';
import * as evidence from '../../src/views/evidence.js';
import { APPS_SHOWN, flagOnApps } from '../../src/views/flag-apps.js';
import * as drift from '../../src/views/drift.js';
import * as followUp from '../../src/views/follow-up.js';
import * as dynos from '../../src/views/dynos.js';
import * as running from '../../src/views/running.js';
import * as group from '../../src/views/group.js';
import * as headline from '../../src/views/headline.js';
import * as help from '../../src/views/help.js';
import * as history from '../../src/views/history.js';
import * as home from '../../src/views/home.js';
import * as list from '../../src/views/list.js';
import * as mark from '../../src/views/mark.js';
import * as enrolment from '../../src/views/enrolment.js';
import * as operatorNotice from '../../src/views/operator-notice.js';
import * as operators from '../../src/views/operators.js';
import * as progress from '../../src/views/progress.js';
import * as rca from '../../src/views/rca.js';
import * as debt from '../../src/views/rca-debt.js';
import * as drafted from '../../src/views/rca-drafted.js';
import { receivedTwice } from '../../src/views/received-twice.js';
import * as resolution from '../../src/views/resolution.js';
import { misrouted, outsideThread } from '../../src/views/route.js';
import * as stats from '../../src/views/stats.js';
import * as transition from '../../src/views/transition.js';
import * as unfurl from '../../src/views/unfurl.js';
import { DAY, HOUR, momentAfter, promotion } from '../promotions/make.js';

/** The builders' input: one outside text wherever the outside can write. */
export interface Facts {
  readonly text: string;
  /** As checkRcaUrl accepted it. */
  readonly url: string;
  /** The row's checkpoint, and an event's reason, if not that text. */
  readonly checkpoint?: string;
  readonly reason?: string;
}

export type Payload =
  | { readonly kind: 'message'; readonly message: Message | Answer }
  | { readonly kind: 'view'; readonly view: Modal | HomeTab }
  /** By block: what `response_action: errors` shows under the fields. */
  | { readonly kind: 'errors'; readonly errors: Readonly<Record<string, string>> };

export const MENTION = '<!subteam^S0123456789>';
export const CHANNEL = 'C0ALERTS';
export const USERS = ['U0MARKER01', 'U0PROMOTER', 'U0SUPER001', 'W0ENTERPRISE'] as const;

const NOW = momentAfter(30 * HOUR);
const SUPERADMINS: readonly Operator[] = USERS.map((slackUserId) => ({
  slackUserId,
  role: 'superadmin',
  disabledAt: null,
}));
const METADATA = JSON.stringify({ promotionId: '7', listUrl: `https://hooks.slack.com/actions/${'A'.repeat(150)}` });

const message = (built: Message | Answer): Payload => ({ kind: 'message', message: built });
const words = (text: string): Payload => message(textAnswer(text));
const view = (built: Modal | HomeTab): Payload => ({ kind: 'view', view: built });
const blocks = (...built: Block[]): Payload => message({ text: 'blocks', blocks: built });

const RELEASE = {
  version: 143,
  status: 'succeeded',
  createdAt: NOW,
  by: 'kris@raxx.example',
  orEarlier: false,
} as const;
const NOTHING_KNOWN: Evidence = { kind: 'unavailable', checkedAt: NOW, reason: 'no_answer' };

export const EVIDENCE: readonly Evidence[] = [
  ...READ_VERDICTS.flatMap((verdict): Evidence[] => {
    const read = { kind: 'read', checkedAt: NOW, verdict, value: { kind: 'plain', value: 'true' } } as const;
    return [read, { ...read, release: RELEASE }, { ...read, release: { ...RELEASE, orEarlier: true } }];
  }),
  { kind: 'read', checkedAt: NOW, verdict: 'live', value: { kind: 'plain', value: 'true' } },
  { kind: 'read', checkedAt: NOW, verdict: 'not_live', value: { kind: 'plain', value: 'false' } },
  { kind: 'read', checkedAt: NOW, verdict: 'not_live', value: { kind: 'unset' } },
  { kind: 'read', checkedAt: NOW, verdict: 'live', value: { kind: 'masked' } },
  ...(['not_configured', 'no_answer', 'rate_limited', 'refused', 'app_not_found'] as const).map(
    (reason): Evidence => ({ kind: 'unavailable', checkedAt: NOW, reason }),
  ),
];

const CHECKS: readonly RefusedCode[] = [
  { kind: 'locked', lockedUntil: momentAfter(31 * HOUR) },
  { kind: 'rejected', reason: 'malformed', failedAttempts: 0, lockedUntil: null },
  { kind: 'rejected', reason: 'reused', failedAttempts: 0, lockedUntil: null },
  { kind: 'rejected', reason: 'wrong', failedAttempts: 4, lockedUntil: null },
  { kind: 'rejected', reason: 'wrong', failedAttempts: 5, lockedUntil: momentAfter(31 * HOUR) },
];

/** A promotion in which another system wrote every text that it could. */
function written({ text, checkpoint = text }: Facts, changes: Partial<Promotion> = {}): Promotion {
  return promotion({
    id: '9223372036854775807',
    flagKey: text,
    herokuApp: text,
    configVar: text,
    targetValue: text,
    previousValue: text,
    checkpoint,
    markedBy: text,
    promotedBy: text,
    lastError: text,
    ...changes,
  });
}

/** The same promotion in every state, with and without what comes at the end. */
function ends(facts: Facts): Promotion[] {
  const by = { resolvedBy: facts.text, resolutionNote: facts.text, failureReason: facts.text };
  const at = { deployedAt: momentAfter(2 * DAY), failedAt: momentAfter(2 * DAY), updatedAt: momentAfter(2 * DAY) };
  return [
    written(facts, { state: 'deployed', ...by, ...at, rcaUrl: facts.url }),
    written(facts, { state: 'deployed' }),
    written(facts, { state: 'deployed', ...at, resolvedBy: 'U0SUPER001' }),
    written(facts, { state: 'failed', ...by, ...at }),
    written(facts, { state: 'failed', ...at, failureReason: facts.text, rcaUrl: facts.url }),
    written(facts, { state: 'cancelled', ...at }),
    written(facts, { state: facts.text, ...at }),
  ];
}

function enrolments({ text }: Facts): Enrolment[] {
  return (['add', 'rotate', 'reset'] as const).flatMap((purpose) =>
    (['sent', 'proved', 'activated', 'ended'] as const).map((state) => ({
      id: '7',
      slackUserId: text,
      role: purpose === 'add' ? ('engineer' as const) : ('superadmin' as const),
      purpose,
      invitedBy: text,
      state,
      endReason: state === 'ended' ? ('declined' as const) : null,
      failedAttempts: 0,
      wrongWords: 0,
      expiresAt: NOW,
    })),
  );
}

function confirmationRefusals(text: string): ConfirmationRefusal[] {
  return [
    ...(
      ['nothing_to_confirm', 'code_first', 'expired', 'not_superadmin', 'not_operator', 'last_superadmin'] as const
    ).map((kind) => ({ kind })),
    { kind: 'not_inviter', invitedBy: text },
  ];
}

function lives(facts: Facts): Promotion[] {
  return [
    written(facts),
    written(facts, { rcaUrl: facts.url }),
    written(facts, { promotedBy: 'U0PROMOTER', targetValue: 'true', promotedAt: null }),
    written(facts, { markedBy: null, promotedBy: null, promotedAt: null, markedAt: null, checkpoint: null }),
  ];
}

/** Each row with some evidence, and each evidence with some row. */
function withEvidence(facts: Facts): (readonly [Promotion, Evidence | null])[] {
  const [first = written(facts), ...others] = lives(facts);
  const byAnybody = EVIDENCE.map((known) =>
    known.kind === 'read' && known.release !== undefined
      ? { ...known, release: { ...known.release, by: facts.text.slice(0, 200) } }
      : known,
  );
  return [
    ...[null, ...byAnybody].map((known) => [first, known] as const),
    ...others.map((row) => [row, null] as const),
  ];
}

function refusals(facts: Facts): ResolutionRefusal[] {
  return [
    { kind: 'unknown_promotion' },
    { kind: 'not_superadmin' },
    { kind: 'same_person', part: 'promoted' },
    { kind: 'contradiction_unconfirmed' },
    ...[...ends(facts), ...lives(facts)].flatMap((row): ResolutionRefusal[] => [
      { kind: 'not_deploying', promotion: row },
      { kind: 'already_resolved', promotion: row, at: NOW, byThisRequest: true },
      { kind: 'already_resolved', promotion: row, at: NOW, byThisRequest: false },
    ]),
    ...CHECKS.map((check): ResolutionRefusal => ({ kind: 'code_refused', check })),
  ];
}

function period(facts: Facts, apps: number, promotions: number): PeriodStats {
  const spread = { medianMs: HOUR, p95Ms: DAY };
  const all = { promotions, stuck: 2, failed: 1, deploying: 1, inDeploying: spread, toDetect: spread, toResolve: null };
  const byApp = Array.from({ length: apps }, () => ({ ...all, herokuApp: facts.text }));
  return { since: momentAfter(0), until: NOW, all, byApp, furtherApps: apps === 10 ? 3 : 0, byDay: [] };
}

const TRANSITIONS = ['promote', 'cancel'] as const;

function transitionRefusals(facts: Facts): TransitionRefusal[] {
  return [
    { kind: 'unknown_promotion' },
    { kind: 'not_superadmin' },
    { kind: 'not_operator' },
    ...[...ends(facts), ...lives(facts)].flatMap((row) =>
      [true, false].map((byThisRequest): TransitionRefusal => ({ kind: 'not_marked', promotion: row, byThisRequest })),
    ),
    ...CHECKS.map((check): TransitionRefusal => ({ kind: 'code_refused', check })),
  ];
}

const reports = ({ text }: Facts): readonly DynoReport[] => [
  { kind: 'running', total: 1 },
  { kind: 'running', total: 12 },
  { kind: 'scaled_to_zero' },
  { kind: 'crashed', dyno: 'web.1', release: 5 },
  { kind: 'crashed', dyno: text.slice(0, 200), release: 5 },
  { kind: 'not_up', dyno: text.slice(0, 200), state: text.slice(0, 200), up: 1, total: 2 },
];
const verifications = (facts: Facts): readonly Verification[] => [
  ...reports(facts).map((report): Verification => ({ state: VERIFIED_BY[report.kind], report, isTold: true })),
  ...(['owed', 'forbidden', 'unknown', 'superseded'] as const).map(
    (state): Verification => ({ state, report: null, isTold: true }),
  ),
];
const VERIFIED_BY = {
  running: 'running',
  scaled_to_zero: 'scaled_to_zero',
  crashed: 'crashed',
  not_up: 'late',
} as const;

const NO_DRIFT: Drift = {
  promotionId: '7',
  state: 'open',
  seq: 1,
  toldSeq: 1,
  value: { kind: 'unset' },
  change: null,
  acceptedBy: null,
};
const driftsOf = ({ text }: Facts): readonly Drift[] =>
  (['open', 'accepted', 'over'] as const).flatMap((state): Drift[] => [
    {
      ...NO_DRIFT,
      state,
      value: { kind: 'plain', value: 'false' },
      change: { version: 5, by: text.slice(0, 200), at: NOW },
      acceptedBy: text,
    },
    { ...NO_DRIFT, state, value: { kind: 'masked' } },
  ]);

const FOLLOW_UPS = ['revert', 'set_again'] as const;

function followUpRefusals(facts: Facts): FollowUpRefusal[] {
  return [
    { kind: 'unknown_promotion' },
    { kind: 'not_superadmin' },
    { kind: 'same_person', part: 'promoted' },
    ...[...ends(facts), ...lives(facts)].flatMap((row): FollowUpRefusal[] => [
      { kind: 'not_deployed', promotion: row },
      { kind: 'superseded', promotion: row, by: row },
      { kind: 'active', promotion: row },
      { kind: 'already', promotion: row, byThisRequest: true },
      { kind: 'already', promotion: row, byThisRequest: false },
      { kind: 'value_unknown', promotion: row },
      { kind: 'changed_nothing', promotion: row },
      { kind: 'not_allowed', promotion: row },
    ]),
    ...CHECKS.map((check): FollowUpRefusal => ({ kind: 'code_refused', check })),
  ];
}

const EVENT = ({ text, reason = text }: Facts) => ({ at: NOW, action: text, actor: text, detail: { reason } });

const SEVERITIES = ['warning', 'critical'] as const;
const OWNERSHIP: Ownership = {
  owner: 'U0SUPER001',
  since: NOW,
  confirmedAt: NOW,
  question: { id: '9', askedAt: NOW, postedAt: NOW },
  isOperator: true,
};
/** Owned or not, snoozed or not. */
const ATTENTION: readonly (Attention | null)[] = [
  null,
  ...[null, OWNERSHIP].flatMap((ownership) =>
    [null, { by: 'U0PROMOTER', at: NOW, until: momentAfter(31 * HOUR) }].map((snooze) => ({
      ownership,
      snooze,
      resumedAt: null,
    })),
  ),
];
const ROUTES = [
  null,
  ...['not_in_channel', 'is_archived', 'edit_window_closed', 'odd_`word`'].map((because) => ({
    channel: CHANNEL,
    because,
  })),
];

function attentionRefusals(facts: Facts): AttentionRefusal[] {
  return [
    { kind: 'not_operator' },
    { kind: 'unknown_promotion' },
    ...ends(facts).map((row): AttentionRefusal => ({ kind: 'ended', promotion: row })),
    { kind: 'not_alerting', promotion: written(facts) },
  ];
}

const HOSTS = ['docs.example.com', 'wiki.example.org'];

function recordings(facts: Facts): drafted.DraftRecording[] {
  return [
    { kind: 'not_asked' },
    { kind: 'recorded' },
    { kind: 'already_linked', url: facts.url },
    { kind: 'not_allowed', fault: 'host_not_allowed' },
    { kind: 'no_address' },
    { kind: 'not_operator' },
  ];
}

const rows = (facts: Facts, count: number) =>
  Array.from({ length: count }, (_, index) => written(facts, { id: String(index + 1), rcaUrl: facts.url }));

/** Promotions of a group, the first of them critical, some with somebody on them. */
const members = (facts: Facts, count: number, criticals: number): GroupMember[] =>
  rows(facts, count).map((row, index) => ({
    promotion: row,
    severity: index < criticals ? 'critical' : 'warning',
    attention: ATTENTION[index % ATTENTION.length] ?? null,
  }));

const REACHES = [
  null,
  { pager: true, webhook: true },
  { pager: true, webhook: false },
  { pager: false, webhook: true },
  { pager: false, webhook: false },
];

/** A drill at each step, started by anybody. */
function drillsOf({ text }: Facts): Drill[] {
  const begun: Drill = {
    id: '9223372036854775807',
    startedBy: text,
    startedAt: NOW,
    pages: true,
    toldAt: null,
    acknowledgedBy: null,
    acknowledgedAt: null,
    resolvedBy: null,
    action: null,
    endedAt: null,
    end: null,
  };
  const told = { ...begun, toldAt: momentAfter(31 * HOUR) };
  const acknowledged = { ...told, acknowledgedBy: text, acknowledgedAt: momentAfter(32 * HOUR) };
  const endedAt = momentAfter(33 * HOUR);
  return [
    begun,
    { ...told, pages: false },
    acknowledged,
    { ...acknowledged, resolvedBy: text, action: 'completed', endedAt, end: 'resolved' },
    { ...told, resolvedBy: 'U0SUPER001', action: 'failed', endedAt, end: 'resolved' },
    { ...told, endedAt, end: 'ended' },
    { ...begun, endedAt, end: 'expired' },
  ];
}

const LEFT_OUT: readonly LeftOutReason[] = [
  'unknown_promotion',
  'ended',
  'row_changed',
  'evidence_changed',
  'not_proven',
  'same_person',
];
const leftOut = (facts: Facts, count: number): LeftOut[] =>
  rows(facts, count).map((row, index) => ({
    promotionId: row.id,
    promotion: index % 7 === 0 ? null : { ...row, resolvedBy: facts.text },
    why: LEFT_OUT[index % LEFT_OUT.length] ?? 'ended',
  }));

function homes(facts: Facts, count: number): home.HomeFacts {
  const shown = rows(facts, count);
  return {
    stuck: shown.map((row) => ({ promotion: row, severity: 'critical' })),
    stuckTotal: count * 3,
    running: shown,
    runningTotal: count * 3,
    withoutRca: shown,
    withoutRcaTotal: count * 3,
    withoutRcaIsAtLeast: count > 0,
    resolved: shown.map((row) => ({ ...row, state: 'failed', resolvedBy: facts.text })),
    maintenance: { last: count === 0 ? null : NOW, silentSince: count === 1 ? NOW : null },
    superadmins: count === 0 ? [] : SUPERADMINS,
  };
}

const VIEWERS: readonly (Operator | null)[] = [
  null,
  { slackUserId: 'U0SUPER001', role: 'superadmin', disabledAt: null },
  { slackUserId: 'U0SUPER001', role: 'engineer', disabledAt: null },
];

const critical = (row: Promotion, mention: string | null): alert.AlertFacts => ({
  promotion: row,
  severity: 'critical',
  evidence: NOTHING_KNOWN,
  asOf: NOW,
  mention,
});

/** Every exported builder, by its name, over any facts: all that the app can send. */
export const BUILDERS: Readonly<Record<string, (facts: Facts) => readonly Payload[]>> = {
  alertMessage: (facts) => [
    ...withEvidence(facts).map(([row, known]) =>
      message(alert.alertMessage({ promotion: row, severity: 'warning', evidence: known, asOf: NOW, mention: null })),
    ),
    ...lives(facts).map((row) =>
      message(
        alert.alertMessage({ promotion: row, severity: 'critical', evidence: null, asOf: NOW, mention: MENTION }),
      ),
    ),
    ...ATTENTION.flatMap((known) =>
      ROUTES.map((refusedRoute) =>
        message(
          alert.alertMessage({
            promotion: written(facts),
            severity: 'critical',
            evidence: NOTHING_KNOWN,
            asOf: NOW,
            mention: MENTION,
            attention: known,
            refusedRoute,
          }),
        ),
      ),
    ),
    ...ends(facts).map((row) =>
      message(alert.alertMessage({ promotion: row, severity: 'critical', evidence: null, asOf: NOW, mention: null })),
    ),
  ],
  attentionLines: () => ATTENTION.map((known) => words(['Who:', ...attentionLines(known)].join('\n'))),
  attentionPhrases: () => ATTENTION.map((known) => words(attentionPhrases(known).join(' · '))),
  acknowledgeButton: (facts) =>
    lives(facts).map((row) => blocks({ type: 'actions', elements: [attention.acknowledgeButton(row)] })),
  alertMenu: (facts) =>
    lives(facts).flatMap((row) =>
      ATTENTION.map((known) => blocks({ type: 'actions', elements: [attention.alertMenu(row, known)] })),
    ),
  appLink: ({ text }) => [text, 'raxx-console-prod'].map((app) => words(dashboard.appLink(app, 'Heroku'))),
  releasesLink: ({ text }) => [text, 'raxx-console-prod'].map((app) => words(dashboard.releasesLink(app, 'v3'))),
  subject: (facts) => lives(facts).map((row) => words(headline.subject(row))),
  stuckFor: (facts) => lives(facts).map((row) => words(headline.stuckFor(row, NOW) ?? 'nobody knows')),
  findingOf: (facts) =>
    withEvidence(facts).map(([row, known]) => {
      const { verdict, fact, advice, brief } = evidence.findingOf(row, known);
      return words([verdict, fact, advice, brief].join('\n'));
    }),
  evidenceLine: (facts) => withEvidence(facts).map(([row, known]) => words(evidence.evidenceLine(row, known))),
  /** For a pager. */
  releasesUrl: () => [words(dashboard.releasesUrl('raxx-console-prod') ?? '')],
  undeliveredLines: () => [blocks(...alert.undeliveredLines(['page not delivered: 403']))],
  misrouted: () => ROUTES.flatMap((refused) => (refused === null ? [] : [blocks(misrouted(refused))])),
  outsideThread: () =>
    ROUTES.flatMap((refused) =>
      refused === null
        ? []
        : [null, '9223372036854775807'].map((id) => message(outsideThread({ text: 'It ended.' }, refused, id))),
    ),
  sinceWhen: (facts) => lives(facts).map((row) => words(headline.sinceWhen(row))),
  isStuck: (facts) => lives(facts).map((row) => words(headline.isStuck(row))),
  ownerQuestion: (facts) => lives(facts).map((row) => message(attention.ownerQuestion(row, 'U0SUPER001'))),
  answeredQuestion: (facts) =>
    [true, false].flatMap((isOpen) =>
      [null, OWNERSHIP].flatMap((ownership) =>
        USERS.map((owner) => message(attention.answeredQuestion(facts.text, ownership, owner, isOpen))),
      ),
    ),
  ownerLostReply: (facts) =>
    SEVERITIES.flatMap((severity) =>
      (['silent', 'disabled'] as const).map((reason) =>
        message(
          attention.ownerLostReply({
            promotion: written(facts),
            severity,
            owner: 'U0SUPER001',
            reason,
            mention: MENTION,
          }),
        ),
      ),
    ),
  releasedReply: (facts) =>
    [null, OWNERSHIP].flatMap((ownership) =>
      [null, MENTION].map((mention) =>
        message(attention.releasedReply({ promotion: written(facts), name: facts.text, ownership, mention })),
      ),
    ),
  takenOverReply: (facts) => [message(attention.takenOverReply(written(facts), facts.text, 'U0SUPER001'))],
  snoozeEndedReply: (facts) =>
    SEVERITIES.flatMap((severity) =>
      [null, 'U0SUPER001'].map((owner) =>
        message(attention.snoozeEndedReply({ promotion: written(facts), severity, owner, mention: MENTION })),
      ),
    ),
  takenAnswer: (facts) =>
    [null, 'U0SUPER001'].flatMap((from) =>
      [true, false].map((isCritical) => words(attention.takenAnswer(written(facts), from, isCritical))),
    ),
  takeRefusalAnswer: (facts) =>
    [
      ...attentionRefusals(facts),
      ...(['taken', 'yours_already'] as const).map((kind) => ({
        kind,
        promotion: written(facts),
        ownership: OWNERSHIP,
      })),
    ].map((refusal) => message(attention.takeRefusalAnswer(refusal, SUPERADMINS))),
  confirmedAnswer: (facts) => [words(attention.confirmedAnswer(written(facts)))],
  releasedAnswer: (facts) => [words(attention.releasedAnswer(written(facts)))],
  answerRefusalAnswer: (facts) =>
    [
      ...attentionRefusals(facts),
      { kind: 'not_asked' as const, promotion: written(facts), ownership: OWNERSHIP },
      ...[null, OWNERSHIP].map((ownership) => ({ kind: 'not_owner' as const, promotion: written(facts), ownership })),
    ].map((refusal) => message(attention.answerRefusalAnswer(refusal, SUPERADMINS))),
  snoozedAnswer: (facts) => [words(attention.snoozedAnswer(written(facts), NOW))],
  unsnoozedAnswer: (facts) => [words(attention.unsnoozedAnswer(written(facts)))],
  snoozeRefusalAnswer: (facts) =>
    [
      ...attentionRefusals(facts),
      ...[momentAfter(0), momentAfter(31 * HOUR)].map((latest) => ({
        kind: 'too_long' as const,
        promotion: written(facts),
        latest,
      })),
      { kind: 'unknown_time_zone' as const, promotion: written(facts) },
      { kind: 'not_snoozed' as const, promotion: written(facts) },
    ].flatMap((refusal) =>
      [null, facts.text].map((timeZone) =>
        message(attention.snoozeRefusalAnswer(refusal, { superadmins: SUPERADMINS, now: NOW, timeZone })),
      ),
    ),
  whichAlertWords: (facts) => [words(attention.whichAlertWords(facts.text, rows(facts, 10)))],
  snoozeUsageWords: () => [words(attention.snoozeUsageWords())],
  escalationReply: (facts) =>
    [...lives(facts), ...ends(facts)].flatMap((row) =>
      [null, MENTION].map((mention) => message(alert.escalationReply(critical(row, mention)))),
    ),
  repeatReply: (facts) =>
    [...lives(facts), ...ends(facts)].flatMap((row) =>
      [null, MENTION].map((mention) => message(alert.repeatReply(critical(row, mention)))),
    ),
  resolutionButtons: (facts) => withEvidence(facts).map(([row, known]) => blocks(alert.resolutionButtons(row, known))),
  rcaButton: (facts) => lives(facts).map((row) => blocks({ type: 'actions', elements: [alert.rcaButton(row)] })),
  outcomeHeadline: (facts) => ends(facts).map((row) => words(headline.outcomeHeadline(row))),
  resolvedReply: (facts) =>
    ends(facts).flatMap((row) => [null, facts.text].map((name) => message(alert.resolvedReply(row, name)))),
  rcaLink: (facts) => [words(alert.rcaLink(facts.url)), words(alert.rcaLink(facts.text))],
  rcaLinkedReply: (facts) =>
    [null, facts.url].map((previous) => message(alert.rcaLinkedReply(facts.url, previous, facts.text))),
  notice: () => [view(notice('Mark promotion', 'Something is said.'))],
  receivedTwice: () => [view(receivedTwice())],
  section: () => [blocks(section('Something is said.'))],
  evidenceText: (facts) => withEvidence(facts).map(([row, known]) => words(evidence.evidenceText(row, known))),
  target: (facts) => lives(facts).map((row) => words(evidence.target(row))),
  helpAnswer: () => [message(help.helpAnswer())],
  wholeHelpAnswer: () => [message(help.wholeHelpAnswer())],
  unknownWordAnswer: (facts) =>
    ([null, 'stuck'] as const).map((meant) => message(help.unknownWordAnswer(facts.text, meant))),
  usageWords: () => help.SUBCOMMANDS.map(({ word }) => words(help.usageWords(word))),
  unknownPromotionWords: (facts) => [words(help.unknownPromotionWords(facts.text))],
  stuckAnswer: (facts) =>
    [
      { count: 1, total: 1, offset: 0 },
      { count: list.STUCK_PAGE_SIZE, total: list.STUCK_PAGE_SIZE, offset: 0 },
      { count: list.STUCK_PAGE_SIZE, total: 1_000_000, offset: 0 },
      { count: list.STUCK_PAGE_SIZE, total: 1_000_000, offset: 500 },
      { count: 2, total: 7, offset: 5 },
    ].map(({ count, total, offset }) =>
      message(
        list.stuckAnswer({
          rows: rows(facts, count).map((row, index) => ({
            promotion: row,
            severity: 'critical' as const,
            evidence: EVIDENCE[index % EVIDENCE.length] ?? NOTHING_KNOWN,
            attention: ATTENTION.at(-1 - (index % ATTENTION.length)) ?? null,
          })),
          total,
          offset,
          groupId: offset === 0 ? null : '9223372036854775807',
        }),
      ),
    ),
  groupMessage: (facts) =>
    [
      { open: 1, criticals: 0 },
      { open: 1, criticals: 1, completed: 3 },
      { open: 40, criticals: 40 },
      { open: 40, criticals: 12, completed: 5, failed: 3, endedOtherwise: 1 },
      { open: 0, criticals: 0, completed: 1 },
      { open: 0, criticals: 0, completed: 990, failed: 7, endedOtherwise: 2 },
      { open: 0, criticals: 0 },
    ].flatMap(({ open, criticals, ...ended }) =>
      ROUTES.map((refused) => {
        const known = { groupId: '9223372036854775807', completed: 0, failed: 0, endedOtherwise: 0, ...ended };
        const verdicts = {
          live: open,
          not_live: 1,
          release_running: 1,
          release_failed: 1,
          changed_since: 1,
          unknown: 1,
        };
        return message(
          group.groupMessage({ ...known, open: members(facts, open, criticals), verdicts, asOf: NOW }, refused),
        );
      }),
    ),
  groupCriticalsReply: (facts) =>
    [1, group.MOST_NAMED, 40].flatMap((count) =>
      [[], [MENTION], [MENTION, '<@U0SUPER001>']].map((mentions) =>
        message(group.groupCriticalsReply('9223372036854775807', members(facts, count, count), mentions)),
      ),
    ),
  groupPageValue: () => [words(group.groupPageValue({ groupId: '7', offset: 5 }))],
  readGroupPage: () => [words(JSON.stringify(group.readGroupPage('7:5')))],
  nothingStuckAnswer: (facts) =>
    [null, ...ends(facts)].flatMap((lastEnded) =>
      [null, written(facts)].map((oldestDeploying) =>
        message(
          list.nothingStuckAnswer({
            warningAfterMs: 12 * HOUR,
            lastMaintenance: lastEnded === null ? null : { completedAt: NOW },
            oldestDeploying,
            deploying: oldestDeploying === null ? 0 : 1,
            lastEnded,
          }),
        ),
      ),
    ),
  promotionLine: (facts) => [...ends(facts), ...lives(facts)].map((row) => words(list.promotionLine(row))),
  listAnswer: (facts) =>
    [[], rows(facts, list.LIST_PAGE_SIZE), [...ends(facts), ...lives(facts)]].flatMap((page) =>
      [null, '9223372036854775807'].map((nextBeforeId) => message(list.listAnswer({ rows: page, nextBeforeId }))),
    ),
  flagOnApps: (facts) =>
    [1, 20].map((more) => {
      const on = rows(facts, APPS_SHOWN);
      const known = new Map(
        on.flatMap(({ id }, index) => {
          const found = EVIDENCE[index % EVIDENCE.length];
          return found === undefined || index === 0 ? [] : [[id, found] as const];
        }),
      );
      const blocks = flagOnApps(facts.text, { total: on.length + more, rows: on, evidence: known });
      return message({ text: 'Apps', blocks });
    }),
  showAnswer: (facts) =>
    [...ends(facts), ...lives(facts)].flatMap((row) =>
      [0, 2].flatMap((events) =>
        [null, EVIDENCE[1] ?? null].map((known) =>
          message(
            list.showAnswer({
              promotion: row,
              evidence: known,
              history: Array.from({ length: events }, () => EVENT(facts)),
              historyIsCut: events > 0,
              permalink: events > 0 ? 'https://flags.example.com/promotions/7' : null,
              attention: events > 0 ? (ATTENTION.at(-1) ?? null) : null,
            }),
          ),
        ),
      ),
    ),
  textAnswer: () => [words('Something is said.')],
  rcaModal: (facts) =>
    [...ends(facts), ...lives(facts)].flatMap((row) =>
      [null, facts.url].map((initialUrl) =>
        view(rca.rcaModal({ promotion: row, initialUrl, privateMetadata: METADATA })),
      ),
    ),
  rcaChoiceModal: (facts) =>
    [1, 100].map((count) =>
      view(rca.rcaChoiceModal({ promotions: rows(facts, count), initialUrl: facts.url, privateMetadata: METADATA })),
    ),
  // Slack's limit for a button's value, which the handler keeps to.
  rcaOffer: (facts) => [message(rca.rcaOffer(written(facts), facts.url, 'v'.repeat(2_000)))],
  rcaUrlWords: () =>
    (['not_a_url', 'not_https', 'has_credentials', 'too_long', 'host_not_allowed'] as const).flatMap((fault) => {
      const said = rca.rcaUrlWords(fault, ['docs.example.com', 'wiki.example.org']);
      return [words(said), { kind: 'errors' as const, errors: { rca_url: said } }];
    }),
  rcaLinkedAnswer: (facts) =>
    [null, facts.url].map((previous) => words(rca.rcaLinkedAnswer(written(facts, { rcaUrl: facts.url }), previous))),
  rcaUnchangedAnswer: (facts) => [words(rca.rcaUnchangedAnswer(written(facts)))],
  notInAlertThread: () => [words(rca.notInAlertThread())],
  urlMissing: () => [words(rca.urlMissing())],
  noRcaWanted: () => [words(rca.noRcaWanted())],
  draftComment: (facts) =>
    (['thread', 'channel'] as const).map((where) => words(drafted.draftComment(written(facts), facts.text, where))),
  draftingWords: () => [view(notice('Draft RCA', drafted.draftingWords()))],
  draftedWords: (facts) =>
    (['shared', 'unconfirmed'] as const).flatMap((kind) =>
      (['thread', 'channel'] as const).flatMap((where) =>
        [null, facts.url].flatMap((permalink) =>
          recordings(facts).map((recording) =>
            view(
              notice(
                'Draft RCA',
                drafted.draftedWords({ kind, where, permalink, promotion: written(facts) }, recording, HOSTS),
              ),
            ),
          ),
        ),
      ),
    ),
  // Slack's limit for a button's value; an address of Slack's own is far shorter.
  draftedAnswer: (facts) =>
    [null, 'v'.repeat(2_000)].map((value) =>
      message(drafted.draftedAnswer(drafted.draftComment(written(facts), facts.text, 'channel'), value)),
    ),
  draftRecordedWords: (facts) =>
    recordings(facts).map((recording) =>
      message(textAnswer(drafted.draftRecordedWords(written(facts), recording, HOSTS) || 'x')),
    ),
  rcaReminder: (facts) => ends(facts).map((row) => message(debt.rcaReminder(row))),
  rcaDebtLine: (facts) => [words(debt.rcaDebtLine({ rows: rows(facts, 5), total: 500, isAtLeast: true }) ?? '')],
  withRcaDebt: (facts) =>
    [0, 1, 500].flatMap(
      (total) =>
        BUILDERS['stuckAnswer']?.(facts).flatMap((payload) =>
          payload.kind === 'message'
            ? [
                message(
                  debt.withRcaDebt(
                    { ...payload.message },
                    { rows: rows(facts, Math.min(total, 5)), total, isAtLeast: total === 500 },
                  ),
                ),
              ]
            : [],
        ) ?? [],
    ),
  rcaDebtAnswer: (facts) =>
    [0, 1, 10, 500].flatMap((total) =>
      [false, true].map((isAtLeast) =>
        message(debt.rcaDebtAnswer({ rows: rows(facts, Math.min(total, 100)), total, isAtLeast })),
      ),
    ),
  resolutionModal: (facts) =>
    withEvidence(facts).flatMap(([row, known]) =>
      (
        [
          { kind: 'unknown' },
          { kind: 'not_allowed' },
          { kind: 'held_already' },
          { kind: 'known', value: null },
          { kind: 'known', value: facts.text },
        ] as const
      ).flatMap((setBack) =>
        (['completed', 'failed'] as const).map((action) =>
          view(
            resolution.resolutionModal({
              promotion: row,
              action,
              evidence: known,
              changed: action === 'failed' ? 'evidence' : null,
              setBack,
              privateMetadata: METADATA,
            }),
          ),
        ),
      ),
    ),
  contradictionWords: () =>
    (['completed', 'failed'] as const).flatMap((action) =>
      READ_VERDICTS.map((verdict) => words(resolution.contradictionWords(action, verdict))),
    ),
  noWayBackWords: (facts) =>
    (['held_already', 'not_allowed', 'unknown'] as const).map((why) =>
      words(resolution.noWayBackWords(written(facts), why)),
    ),
  fieldFaultWords: () =>
    (['missing', 'too_long'] as const).map((note): Payload => {
      const errors = resolution.fieldFaultWords({ note, rcaUrl: 'host_not_allowed' }, HOSTS);
      return { kind: 'errors', errors };
    }),
  drillMessage: (facts) =>
    drillsOf(facts).flatMap((one) =>
      [null, MENTION].flatMap((mention) =>
        [[], ['page not delivered: 403']].map((failed) => message(drill.drillMessage(one, NOW, mention, failed))),
      ),
    ),
  drillEndedReply: (facts) =>
    drillsOf(facts).flatMap((one) => [null, facts.text].map((by) => message(drill.drillEndedReply(one, by)))),
  drillModal: (facts) =>
    drillsOf(facts).flatMap((one) =>
      (['completed', 'failed'] as const).map((action) => view(drill.drillModal(one, action, METADATA))),
    ),
  drillTitle: () => (['completed', 'failed'] as const).map((action) => view(notice(drill.drillTitle(action), 'x'))),
  drillOutcome: (facts) => drillsOf(facts).map((one) => words(drill.drillOutcome(one))),
  drillSteps: (facts) => drillsOf(facts).map((one) => words(['steps', ...drill.drillSteps(one)].join(', '))),
  drillStartedWords: (facts) =>
    drillsOf(facts).flatMap((one) => REACHES.map((reach) => words(drill.drillStartedWords(one, CHANNEL, reach)))),
  drillUnderWayWords: (facts) => drillsOf(facts).map((one) => words(drill.drillUnderWayWords(one))),
  drillPagedLatelyWords: () => [words(drill.drillPagedLatelyWords(NOW))],
  drillAcknowledgedWords: (facts) => drillsOf(facts).map((one) => words(drill.drillAcknowledgedWords(one))),
  completeLiveButton: () => [blocks({ type: 'actions', elements: [completion.completeLiveButton('7')] })],
  completionModal: (facts) =>
    [0, 1, 10].map((more) =>
      view(
        completion.completionModal({
          listed: rows(facts, more === 1 ? 1 : 50).map((row, index) => ({
            promotion: row,
            evidence: EVIDENCE[index % 3] ?? NOTHING_KNOWN,
          })),
          more,
          others: more,
          unchecked: more,
          privateMetadata: 'x'.repeat(3_000),
        }),
      ),
    ),
  nothingLiveWords: () =>
    [0, 1, 57].flatMap((others) =>
      [0, 1, 93].map((unchecked) => words(completion.nothingLiveWords(others, unchecked))),
    ),
  needsCompletionRole: () => [[], SUPERADMINS].map((whom) => words(completion.needsCompletionRole(whom))),
  completedModal: (facts) => [0, 1, 50].map((count) => view(completion.completedModal(count, leftOut(facts, count)))),
  completionRefusal: (facts) =>
    [
      { kind: 'not_superadmin' as const },
      ...[true, false].map((byThisRequest) => ({
        kind: 'nothing_left' as const,
        leftOut: leftOut(facts, 50),
        byThisRequest,
      })),
      ...CHECKS.map((check) => ({ kind: 'code_refused' as const, check })),
    ].map((refusal): Payload => {
      const said = completion.completionRefusal(refusal, { now: NOW, superadmins: SUPERADMINS });
      return said.kind === 'view' ? view(said.view) : { kind: 'errors', errors: said.errors };
    }),
  completedTogetherReply: (facts) =>
    [1, 5, 50].map((count) => message(completion.completedTogetherReply(rows(facts, count), count, facts.text))),
  resolvedModal: (facts) => ends(facts).map((row) => view(resolution.resolvedModal(row, 'completed'))),
  refusalWords: (facts) =>
    refusals(facts).flatMap((refusal) =>
      [[], SUPERADMINS].map((superadmins): Payload => {
        const said = resolution.refusalWords(refusal, { now: NOW, operatorId: 'U0OPERATOR', superadmins });
        return said.kind === 'sentence'
          ? view(notice('Mark completed', said.text))
          : { kind: 'errors', errors: said.errors };
      }),
    ),
  needsSuperadmin: () => [[], SUPERADMINS].map((whom) => words(authority.needsSuperadmin('promote this', whom))),
  aloneWords: (facts) =>
    ends(facts).flatMap((row) =>
      headline
        .aloneWords({ ...row, markedBy: 'U0ALONE', promotedBy: 'U0ALONE', resolvedBy: 'U0ALONE' })
        .map((said) => words(said)),
    ),
  needsSecondPerson: () =>
    (['marked', 'promoted'] as const).flatMap((part) =>
      [[], SUPERADMINS].map((superadmins) =>
        words(
          authority.needsSecondPerson(
            'promote it',
            { kind: 'same_person', part },
            { operatorId: 'U0OTHER', superadmins },
          ),
        ),
      ),
    ),
  lookAgain: () =>
    (['evidence', 'row'] as const).map((what) => blocks(authority.lookAgain(what, 'Nothing was saved.'))),
  notAllowedWords: (facts) => [words(mark.notAllowedWords(facts.text, { patterns: ['FLAG_*'], maySet: () => false }))],
  needsOperator: () => [[], SUPERADMINS].map((whom) => words(authority.needsOperator('link an RCA', whom))),
  codeInput: () => [blocks(authority.codeInput())],
  codeWords: () =>
    CHECKS.map((check): Payload => ({ kind: 'errors', errors: { code: authority.codeWords(check, NOW) } })),
  subjectLines: (facts) => lives(facts).map((row) => words(alert.subjectLines(row).join('\n'))),
  heldValue: (facts) =>
    EVIDENCE.flatMap((known) => (known.kind === 'read' ? [words(evidence.heldValue(known.value))] : [])).concat(
      words(evidence.heldValue({ kind: 'plain', value: facts.text })),
    ),
  autoCompleteNote: () => EVIDENCE.map((known) => words(evidence.autoCompleteNote(known))),
  whyUnavailable: (facts) =>
    EVIDENCE.flatMap((known) =>
      known.kind === 'unavailable' ? [words(evidence.whyUnavailable(written(facts), known.reason))] : [],
    ),
  historyBlocks: (facts) => [
    blocks(...history.historyBlocks([EVENT(facts), EVENT(facts)], true)),
    blocks(section('none'), ...history.historyBlocks([], false)),
  ],
  markModal: ({ text }) =>
    [[], Object.values(mark.MARK_FAULTS)].flatMap((faults) =>
      ['', text].map((typed) => {
        const initial = { flagKey: typed, herokuApp: typed, targetValue: typed, configVar: typed };
        return view(mark.markModal({ initial, faults, privateMetadata: METADATA }));
      }),
    ),
  markedAnswer: (facts) => lives(facts).map((row) => message(mark.markedAnswer({ ...row, state: 'marked' }))),
  alreadyActiveAnswer: (facts) =>
    lives(facts).flatMap((row) =>
      ['marked', 'deploying'].map((state) => message(mark.alreadyActiveAnswer({ ...row, state }))),
    ),
  markedButtons: (facts) => lives(facts).map((row) => blocks(mark.markedButtons(row))),
  markedListAnswer: (facts) => [0, 1, 11].map((count) => message(mark.markedListAnswer(rows(facts, count)))),
  promotingOffWords: () => [words(mark.promotingOffWords())],
  progressMessage: (facts) =>
    [...ends(facts), ...lives(facts), written(facts, { lastError: null })].flatMap((promoted) =>
      [
        null,
        { at: NOW, version: null, createdAt: null },
        { at: NOW, version: 143, createdAt: NOW },
        { at: NOW, version: 143, createdAt: new Date(0) },
      ].flatMap((accepted) =>
        [null, NOW].map((driftNoticedAt) =>
          message(
            progress.progressMessage({
              promotion: promoted,
              accepted,
              driftNoticedAt,
              isKnownBefore: true,
              since: {
                newest: promoted,
                active: null,
                followedBy: accepted === null ? null : { followUp: 'revert', promotionId: '9', operatorId: facts.text },
              },
            }),
          ),
        ),
      ),
    ),
  homeTab: (facts) =>
    [0, 1, home.HOME_ROWS].flatMap((count) =>
      VIEWERS.map((viewer) => view(home.homeTab(homes(facts, count), viewer, NOW))),
    ),
  emptyHomeTab: () => [view(home.emptyHomeTab())],
  homeNotice: () => [view(home.homeNotice('Something is said.'))],
  externalHomeTab: () => [view(home.externalHomeTab())],
  digestMessage: (facts) =>
    [0, 8].flatMap((count) =>
      [0, 1, 3].map((owed) =>
        message(
          digest.digestMessage({
            stats: period(facts, 2, count),
            period: '7d',
            missing: { rows: rows(facts, owed), total: owed, isAtLeast: owed > 1 },
            stuckNow: owed,
          }),
        ),
      ),
    ),
  promotionUnfurl: (facts) =>
    [...ends(facts), ...lives(facts)].map((row) => message({ text: 'link', ...unfurl.promotionUnfurl(row, NOW) })),
  statsAnswer: (facts) =>
    [0, 1, 10].flatMap((apps) =>
      [0, 8].map((promotions) => message(stats.statsAnswer(period(facts, apps, promotions), '30d'))),
    ),
  statsChart: () => [message(stats.statsChart('F0CHART', 'Bar chart of promotions a day since 2026-05-01.'))],
  statsSummary: (facts) => [words(stats.statsSummary(period(facts, 2, 8), '30d'))],
  statsUsageWords: () => [words(stats.statsUsageWords())],
  statsPostedWords: () => [true, false].map((confirmed) => words(stats.statsPostedWords(CHANNEL, confirmed))),
  transitionModal: (facts) =>
    withEvidence(facts).flatMap(([row, known]) =>
      TRANSITIONS.map((made) =>
        view(
          transition.transitionModal({
            promotion: row,
            transition: made,
            evidence: known,
            changed: made === 'promote' ? 'evidence' : null,
            privateMetadata: METADATA,
          }),
        ),
      ),
    ),
  driftMessage: (facts) =>
    driftsOf(facts).flatMap((known) =>
      [true, false].map((isOpen) =>
        message(
          drift.driftMessage({
            promotion: written(facts, { state: 'deployed' }),
            drift: known,
            followedBy: isOpen ? null : { followUp: 'set_again', promotionId: '9', operatorId: facts.text },
            isOpen,
            refusedRoute: ROUTES[1] ?? null,
          }),
        ),
      ),
    ),
  driftGroupMessage: (facts) =>
    [1, 10].map((count) => {
      const [known] = driftsOf(facts);
      const shown = rows(facts, count).map((promoted) => ({
        standing: { promotion: promoted, followedBy: null },
        drift: known ?? NO_DRIFT,
        isOpen: true,
      }));
      return message(drift.driftGroupMessage({ shown, total: count * 3, refusedRoute: ROUTES[1] ?? null }));
    }),
  driftButtons: (facts) => lives(facts).map((row) => blocks(drift.driftButtons(row, { seq: 12 }))),
  readAcceptValue: (facts) => [words(String(drift.readAcceptValue(facts.text)?.seq ?? 'none'))],
  acceptWords: (facts) =>
    [
      { kind: 'accepted', drift: driftsOf(facts)[0] ?? NO_DRIFT } as const,
      { kind: 'changed', drift: NO_DRIFT } as const,
      ...[null, ...driftsOf(facts)].map((known) => ({ kind: 'not_open', drift: known }) as const),
    ].map((outcome) => words(drift.acceptWords(outcome))),
  runningWords: (facts) => verifications(facts).map((known) => words(`live${dynos.runningWords(known)}`)),
  reportWords: (facts) => reports(facts).map((report) => words(`live${dynos.reportWords(report)}`)),
  bareName: (facts) =>
    reports(facts).flatMap((report) => ('dyno' in report ? [words(dynos.bareName(report.dyno))] : [])),
  crashedWords: (facts) =>
    reports(facts).flatMap((report) => (report.kind === 'crashed' ? [words(dynos.crashedWords(report))] : [])),
  lateWords: (facts) => reports(facts).map((report) => words(dynos.lateWords(report))),
  crashedMessage: (facts) =>
    verifications(facts).flatMap((verification) =>
      [null, { newest: written(facts, { state: 'deployed' }), active: null, followedBy: null }].flatMap((since) => {
        const promoted = written(facts, { state: 'deployed' });
        const made = running.crashedMessage({
          promotion: promoted,
          verification,
          since,
          isKnownBefore: since !== null,
          refusedRoute: ROUTES[1] ?? null,
        });
        return made === null ? [] : [message(made)];
      }),
    ),
  followUpModal: (facts) =>
    withEvidence(facts).flatMap(([row, known]) =>
      FOLLOW_UPS.flatMap((made) =>
        [null, 'off', facts.text].map((value) =>
          view(
            followUp.followUpModal({
              followUp: made,
              promotion: row,
              value,
              reverts: value === null ? null : '3',
              asked: value === null ? null : '5',
              evidence: known,
              changed: value === null ? 'evidence' : null,
              privateMetadata: METADATA,
            }),
          ),
        ),
      ),
    ),
  followUpTitle: () => FOLLOW_UPS.map((made) => view(notice(followUp.followUpTitle(made), 'Something.'))),
  followUpAnswer: (facts) =>
    FOLLOW_UPS.flatMap((made) => lives(facts).map((row) => message(followUp.followUpAnswer(made, row, CHANNEL)))),
  followUpRefusalWords: (facts) =>
    FOLLOW_UPS.flatMap((made) =>
      followUpRefusals(facts).map((refusal): Payload => {
        const said = followUp.followUpRefusalWords(refusal, made, {
          now: NOW,
          operatorId: 'U0OPERATOR',
          superadmins: SUPERADMINS,
          configVars: { patterns: ['FLAG_*'], maySet: () => false },
        });
        return said.kind === 'answer' ? message(said.answer) : { kind: 'errors', errors: said.errors };
      }),
    ),
  nothingDeployedWords: (facts) =>
    [...ends(facts), ...lives(facts)].map((row) => words(followUp.nothingDeployedWords(facts.text, row))),
  whichAppAnswer: (facts) => [2, 11].map((count) => message(followUp.whichAppAnswer(facts.text, rows(facts, count)))),
  revertButton: (facts) =>
    lives(facts).map((row) => blocks({ type: 'actions', elements: [followUp.revertButton(row)] })),
  transitionTitle: () => TRANSITIONS.map((made) => view(notice(transition.transitionTitle(made), 'Something.'))),
  transitionAnswer: (facts) =>
    [...ends(facts), ...lives(facts)].map((row) => message(transition.transitionAnswer(row, CHANNEL))),
  transitionRefusalWords: (facts) =>
    TRANSITIONS.flatMap((made) =>
      transitionRefusals(facts).map((refusal): Payload => {
        const said = transition.transitionRefusalWords(refusal, made, {
          now: NOW,
          operatorId: 'U0OPERATOR',
          superadmins: SUPERADMINS,
        });
        return said.kind === 'sentence' ? view(notice('Promote', said.text)) : { kind: 'errors', errors: said.errors };
      }),
    ),
  administrationTitle: () =>
    ADMINISTRATION_ACTIONS.map((made) => view(notice(operators.administrationTitle(made), 'x'))),
  administrationModal: () =>
    ADMINISTRATION_ACTIONS.flatMap((made) =>
      [null, 'U0SUPER001'].map((personId) =>
        view(operators.administrationModal({ action: made, personId, role: 'engineer', privateMetadata: METADATA })),
      ),
    ),
  administeredWords: ({ text }) =>
    ADMINISTRATION_ACTIONS.flatMap((made) => [
      words(operators.administeredWords(made, text, 'engineer', null)),
      ...(['sent', 'not_sent', 'not_known'] as const).map((delivery) =>
        words(operators.administeredWords(made, text, 'superadmin', { until: NOW, delivery })),
      ),
    ]),
  administrationRefusalWords: () =>
    [
      ...(
        ['not_superadmin', 'not_operator', 'yourself', 'unknown_person', 'already_disabled', 'last_superadmin'] as const
      ).map((kind) => ({ kind })),
      { kind: 'already_operator' as const, role: 'engineer' as const },
      ...CHECKS.map((check) => ({ kind: 'code_refused' as const, check })),
    ].map((refusal): Payload => {
      const said = operators.administrationRefusalWords(refusal, { now: NOW, superadmins: SUPERADMINS });
      return said.kind === 'sentence'
        ? view(notice('Add an operator', said.text))
        : { kind: 'errors', errors: said.errors };
    }),
  membershipWords: () =>
    (['bot', 'external_user', 'deactivated', 'guest', 'unknown'] as const).map(
      (kind): Payload => ({ kind: 'errors', errors: { person: operators.membershipWords(kind) } }),
    ),
  linksOffWords: () => ADMINISTRATION_ACTIONS.map((made) => words(operators.linksOffWords(made))),
  enrolmentMessage: (facts) =>
    enrolments(facts).map((one) =>
      message(operators.enrolmentMessage({ ...one, url: `https://flags.example.com/enrol/${'A'.repeat(43)}` })),
    ),
  confirmMessage: (facts) => enrolments(facts).map((one) => message(enrolment.confirmMessage(one))),
  linkUsedMessage: (facts) => enrolments(facts).map((one) => message(enrolment.linkUsedMessage(one))),
  enrolmentOverMessage: (facts) => enrolments(facts).map((one) => message(enrolment.enrolmentOverMessage(one))),
  activatedMessage: (facts) => enrolments(facts).map((one) => message(enrolment.activatedMessage(one))),
  confirmedWords: (facts) => enrolments(facts).map((one) => words(enrolment.confirmedWords(one))),
  declinedWords: () => [words(enrolment.declinedWords())],
  confirmationModal: (facts) => enrolments(facts).map((one) => view(enrolment.confirmationModal(one, METADATA))),
  confirmationRefusalWords: ({ text }) =>
    confirmationRefusals(text).map((refusal) => words(enrolment.confirmationRefusalWords(refusal, SUPERADMINS))),
  confirmationAnswer: ({ text }) =>
    [
      ...confirmationRefusals(text),
      ...CHECKS.map((check) => ({ kind: 'code_refused' as const, check })),
      ...[2, 1, 0].map((left) => ({ kind: 'wrong_word' as const, left })),
    ].map((refusal): Payload => {
      const said = enrolment.confirmationAnswer(refusal, { now: NOW, superadmins: SUPERADMINS });
      return said.kind === 'sentence'
        ? view(notice(enrolment.CONFIRMATION_TITLE, said.text))
        : { kind: 'errors', errors: said.errors };
    }),
  whichEnrolmentWords: (facts) => [words(enrolment.whichEnrolmentWords(enrolments(facts)))],
  staleConfirmationWords: (facts) =>
    [null, ...enrolments(facts)].flatMap((one) =>
      ['U0SUPER001', facts.text].map((by) => words(enrolment.staleConfirmationWords(one, facts.text, by))),
    ),
  operatorNotice: ({ text }) =>
    [
      'added',
      'activated',
      'rotated',
      'reset',
      'disabled',
      'forgotten',
      'unlocked',
      'enrolment_declined',
      'enrolment_locked',
      'enrolment_expired',
    ]
      .map((made) => `console.flag.operator.${made}`)
      .concat('console.flag.promotion.totp_rejected')
      .flatMap((action) =>
        [
          { actor: 'U0SUPER001', role: 'engineer', formerRole: null, invitedBy: null, lockedUntil: NOW, locks: 1 },
          { actor: text, role: 'engineer', formerRole: 'superadmin', invitedBy: text, lockedUntil: NOW, locks: 3 },
          {
            actor: 'command line',
            role: 'engineer',
            formerRole: 'engineer',
            invitedBy: null,
            lockedUntil: null,
            locks: 1,
          },
          { actor: text, role: null, formerRole: null, invitedBy: null, lockedUntil: null, locks: 1 },
        ].flatMap((event) =>
          ['U0SUPER001', text].flatMap((readBy) => {
            const notice_ = operatorNotice.operatorNotice(
              { ...event, action, operator: text } as OperatorEvent,
              readBy,
            );
            return notice_ === null ? [] : [message(notice_)];
          }),
        ),
      ),
  operatorsAnswer: (facts) =>
    [0, 1, 170].map((many) =>
      message(
        operators.operatorsAnswer(
          Array.from({ length: many }, (_, n) => ({
            slackUserId: facts.text,
            role: 'superadmin' as const,
            disabledAt: n % 3 === 1 ? NOW : null,
            lockedUntil: n % 3 === 2 ? momentAfter(40 * HOUR) : null,
            recoveryCodes: n % 11,
          })),
          many === 1 ? enrolments(facts) : [],
          NOW,
        ),
      ),
    ),
  operatorsUsageWords: ({ text }) =>
    ([null, 'add'] as const).map((meant) => words(operators.operatorsUsageWords(text, meant))),
  nothingMarkedWords: (facts) =>
    [null, ...ends(facts), ...lives(facts)].map((row) => words(transition.nothingMarkedWords(facts.text, row))),
};

/** By its builder's name. */
export interface NamedPayload {
  readonly name: string;
  readonly payload: Payload;
}

/** All of them over the same facts. */
export function payloadsOf(facts: Facts): NamedPayload[] {
  return Object.entries(BUILDERS).flatMap(([name, build]) => build(facts).map((payload) => ({ name, payload })));
}
