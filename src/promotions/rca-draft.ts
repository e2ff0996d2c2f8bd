import { type Alert, worstSeverity } from './alert.js';
import { type AuditAction, auditWords } from './audit-actions.js';
import type { PresentableValue, ReleaseStatus } from './evidence.js';
import { type Checkpoint, parseCheckpoint } from './promoting.js';
import { deployingSince, endedAt, isDeploying, type Promotion, UNKNOWN_TIME } from './promotion.js';
import { SEVERITIES, type Severity, type Thresholds } from './stuck.js';

/**
 * What the system knows for an RCA: facts with their sources, and spans between them. What nothing on record says is
 * null, and a question in the document.
 */

export interface RcaEvent {
  readonly id: string;
  readonly at: Date;
  /** Any text: another version or system may have written it. */
  readonly action: string;
  readonly actor: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The thread replies that the timeline names. */
export const RCA_REPLY_KINDS = [
  'repeat',
  'resolved',
  'rca_linked',
  'rca_reminder',
  'owner_asked',
  'owner_lost',
  'released',
  'taken_over',
  'snooze_ended',
] as const;
export type RcaReplyKind = (typeof RCA_REPLY_KINDS)[number];

export interface RcaRelease {
  readonly version: number;
  readonly status: ReleaseStatus;
  readonly at: Date;
  /** Heroku's account. */
  readonly user: string;
  readonly description: string;
  /** What the config var holds at this release; null: not read. */
  readonly value: PresentableValue | null;
  /** Whether that is the target; null: not read. */
  readonly isTarget: boolean | null;
}

export type RcaReleases =
  | {
      readonly kind: 'read';
      readonly releases: readonly RcaRelease[];
      /** Whether they reach back to before the promotion; else older ones of its time weren't read. */
      readonly complete: boolean;
    }
  | { readonly kind: 'unavailable'; readonly reason: 'not_configured' | 'no_answer' };

export interface RcaMessage {
  readonly at: Date;
  /** A Slack user's id, or a bot's name. */
  readonly author: string;
  readonly isBot: boolean;
  /** As Slack's API gives it, with markup. */
  readonly text: string;
  readonly files: number;
}

export type RcaThread =
  | { readonly kind: 'read'; readonly messages: readonly RcaMessage[]; readonly complete: boolean }
  /** No alert was posted, or its message was deleted. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unavailable' };

export type RcaDraftOutcome =
  | { readonly kind: 'unknown_promotion' }
  | {
      readonly kind: 'shared' | 'unconfirmed';
      readonly promotion: Promotion;
      /** In the alert's thread; if there is none, in the alerts channel. */
      readonly where: 'thread' | 'channel';
      /** null: Slack didn't say. */
      readonly permalink: string | null;
    };

export interface RcaMaterial {
  readonly promotion: Promotion;
  /** Oldest first. */
  readonly events: readonly RcaEvent[];
  readonly alerts: readonly Alert[];
  readonly alertMessages: readonly {
    readonly severity: Severity;
    /** As a reply to a milder alert. */
    readonly inThread: boolean;
    readonly postedAt: Date;
  }[];
  readonly replies: readonly { readonly kind: RcaReplyKind; readonly postedAt: Date }[];
  readonly releases: RcaReleases;
  readonly thread: RcaThread;
  readonly thresholds: Thresholds;
  readonly draftedAt: Date;
  /** The Slack user who asked for it. */
  readonly draftedBy: string;
}

export type TimelineEntry = { readonly at: Date } & (
  | { readonly kind: 'marked' | 'promoted'; readonly by: string | null }
  | { readonly kind: 'release'; readonly release: RcaRelease }
  | { readonly kind: 'event'; readonly event: RcaEvent }
  | { readonly kind: 'alert_posted'; readonly severity: Severity; readonly inThread: boolean }
  | { readonly kind: 'reply_posted'; readonly reply: RcaReplyKind }
  | { readonly kind: 'message'; readonly message: RcaMessage }
  /** The end according to the row, if no audit event records it. */
  | { readonly kind: 'ended'; readonly state: string }
);

export interface Span {
  readonly from: Date;
  readonly to: Date;
  readonly ms: number;
}

export interface RcaFacts {
  readonly material: RcaMaterial;
  /** `<date>-stuck-flag-promotion-<flag-with-dashes>`; also good as a file name. */
  readonly incidentId: string;
  /** `2026-05-11`, in UTC: the day it was detected, else ended, else drafted. */
  readonly date: string;
  /** The gravest alert; null: none was opened. */
  readonly severity: Severity | null;
  readonly timeline: readonly TimelineEntry[];
  /** When the stuck clock started; null: the row doesn't say. */
  readonly startedAt: Date | null;
  readonly markedAt: Date | null;
  /** When the row left `deploying`; null: it hasn't, or the row doesn't say. */
  readonly endedAt: Date | null;
  readonly isDeploying: boolean;
  /** When it reached the first threshold; null: it ended before. */
  readonly couldBeSeenAt: Date | null;
  /** When the first alert was in Slack, else when the watchdog recorded one; null: neither. */
  readonly detectedAt: Date | null;
  readonly detectedBy: 'alert' | 'record' | null;
  /** The first sign of a person after detection: their audit event, or a message in the thread. */
  readonly acknowledged: { readonly at: Date; readonly by: string; readonly how: 'event' | 'message' } | null;
  /** The audit event that ended it; null: another system did. */
  readonly resolution: RcaEvent | null;
  readonly spans: {
    readonly markedToEnd: Span | null;
    readonly deploying: Span | null;
    readonly detect: Span | null;
    /** From when it could be seen to when it was detected. */
    readonly unseen: Span | null;
    readonly acknowledge: Span | null;
    readonly resolve: Span | null;
  };
  /** The release since which the target was in force at the end (or at drafting); null: it wasn't in force. */
  readonly live: {
    readonly since: RcaRelease;
    /** Whether an older release is known not to have it; else it may have been in force longer. */
    readonly exact: boolean;
  } | null;
  /** The release that made the change: the one since which the target is live, if this promotion made it. */
  readonly change: RcaRelease | null;
  readonly checkpoint: Checkpoint;
  /** Heroku applied the change, but no promoter recorded it: the row is still deploying, or another ended it. */
  readonly lostWrite: boolean;
}

/** Actors in the audit log that aren't people. */
const PROGRAMS: ReadonlySet<string> = new Set(['watchdog', 'promoter']);

const BY_PROMOTER: ReadonlySet<string> = new Set([
  'console.flag.promotion.deployed',
  'console.flag.promotion.failed',
  'console.flag.promotion.cancelled',
] satisfies AuditAction[]);

const isEnding = ({ action }: RcaEvent): boolean => auditWords(action)?.ends ?? false;

function firstOf(events: readonly RcaEvent[], ...actions: readonly AuditAction[]): RcaEvent | null {
  return events.find((event) => actions.some((action) => action === event.action)) ?? null;
}

/** Turns what was gathered into the facts of an RCA. Pure; invents nothing. */
export function rcaFacts(material: RcaMaterial): RcaFacts {
  const { promotion, events, alerts, draftedAt } = material;
  const startedAt = known(deployingSince(promotion));
  const ended = known(endedAt(promotion));
  const couldBeSeenAt = reached(startedAt, ended ?? draftedAt, material.thresholds.warningAfterMs);
  const posted = earliest(material.alertMessages.map(({ postedAt }) => postedAt));
  const recorded =
    firstOf(events, ...SEVERITIES.map((severity) => `console.flag.promotion.stuck_${severity}` as const))?.at ?? null;
  const detectedAt = posted ?? recorded;
  const acknowledged = detectedAt === null ? null : firstTrace(material, detectedAt);
  const live = liveAt(material, ended ?? draftedAt);
  const change = changeOf(live, startedAt);
  const resolution = ended === null ? null : (events.findLast(isEnding) ?? null);
  const date = (detectedAt ?? ended ?? draftedAt).toISOString().slice(0, 10);
  return {
    material,
    incidentId: `${date}-stuck-flag-promotion-${dashed(promotion)}`,
    date,
    severity: alerts.length > 0 ? worstSeverity(alerts) : severityOf(events),
    timeline: timelineOf(material, ended),
    startedAt,
    markedAt: promotion.markedAt,
    endedAt: ended,
    isDeploying: isDeploying(promotion),
    couldBeSeenAt,
    detectedAt,
    detectedBy: posted !== null ? 'alert' : recorded !== null ? 'record' : null,
    acknowledged,
    resolution,
    spans: {
      markedToEnd: spanOf(promotion.markedAt, ended),
      deploying: spanOf(startedAt, ended),
      detect: spanOf(startedAt, detectedAt),
      unseen: spanOf(couldBeSeenAt, detectedAt),
      acknowledge: spanOf(detectedAt, acknowledged?.at ?? null),
      resolve: spanOf(detectedAt, ended),
    },
    live,
    change,
    checkpoint: parseCheckpoint(promotion.checkpoint),
    lostWrite: live !== null && (resolution === null || !BY_PROMOTER.has(resolution.action)),
  };
}

/** An adopted row may have no time of its own: null then. */
function known(at: Date | null): Date | null {
  return at === null || at.getTime() === UNKNOWN_TIME.getTime() ? null : at;
}

function reached(startedAt: Date | null, until: Date, afterMs: number): Date | null {
  if (startedAt === null) return null;
  const at = new Date(startedAt.getTime() + afterMs);
  return at.getTime() <= until.getTime() ? at : null;
}

/** null if a moment is missing, or the two are in an impossible order. */
function spanOf(from: Date | null, to: Date | null): Span | null {
  if (from === null || to === null || to.getTime() < from.getTime()) return null;
  return { from, to, ms: to.getTime() - from.getTime() };
}

function earliest(moments: readonly Date[]): Date | null {
  return moments.toSorted((a, b) => a.getTime() - b.getTime())[0] ?? null;
}

function severityOf(events: readonly RcaEvent[]): Severity | null {
  return (
    SEVERITIES.findLast((severity) => firstOf(events, `console.flag.promotion.stuck_${severity}`) !== null) ?? null
  );
}

function firstTrace({ events, thread }: RcaMaterial, since: Date): RcaFacts['acknowledged'] {
  const traces = [
    ...events
      .filter(({ actor }) => !PROGRAMS.has(actor))
      .map(({ at, actor }) => ({ at, by: actor, how: 'event' as const })),
    ...(thread.kind === 'read' ? thread.messages : [])
      .filter(({ isBot }) => !isBot)
      .map(({ at, author }) => ({ at, by: author, how: 'message' as const })),
  ];
  return (
    traces
      .filter(({ at }) => at.getTime() >= since.getTime())
      .sort((a, b) => a.at.getTime() - b.at.getTime())
      .at(0) ?? null
  );
}

/** Walks back from the end: what was live earlier but changed since didn't bring the value now in force. */
function liveAt({ releases }: RcaMaterial, until: Date): RcaFacts['live'] {
  if (releases.kind !== 'read') return null;
  const inForce = releases.releases
    .filter(({ at, status }) => at.getTime() <= until.getTime() && status === 'succeeded')
    .sort((a, b) => b.version - a.version);
  const without = inForce.findIndex(({ isTarget }) => isTarget !== true);
  const since = (without === -1 ? inForce : inForce.slice(0, without)).at(-1);
  if (since === undefined) return null;
  return { since, exact: without === -1 ? releases.complete : inForce[without]?.isTarget === false };
}

/** Heroku cuts times to whole seconds, and its clock may be a little behind ours. */
const CLOCK_SKEW_MS = 5_000;

function changeOf(live: RcaFacts['live'], startedAt: Date | null): RcaRelease | null {
  if (live === null || !live.exact || startedAt === null) return null;
  return live.since.at.getTime() >= startedAt.getTime() - CLOCK_SKEW_MS ? live.since : null;
}

function timelineOf(material: RcaMaterial, ended: Date | null): readonly TimelineEntry[] {
  const { promotion, events, alertMessages, replies, releases, thread } = material;
  const entries: TimelineEntry[] = [
    ...(promotion.markedAt !== null && firstOf(events, 'console.flag.promotion.marked') === null
      ? [{ kind: 'marked' as const, at: promotion.markedAt, by: promotion.markedBy }]
      : []),
    ...(promotion.promotedAt !== null && firstOf(events, 'console.flag.promotion.promoted') === null
      ? [{ kind: 'promoted' as const, at: promotion.promotedAt, by: promotion.promotedBy }]
      : []),
    ...(releases.kind === 'read' ? releases.releases : []).map((release) => ({
      kind: 'release' as const,
      at: release.at,
      release,
    })),
    ...events.map((event) => ({ kind: 'event' as const, at: event.at, event })),
    ...alertMessages.map(({ postedAt, severity, inThread }) => ({
      kind: 'alert_posted' as const,
      at: postedAt,
      severity,
      inThread,
    })),
    ...replies.map(({ kind, postedAt }) => ({ kind: 'reply_posted' as const, at: postedAt, reply: kind })),
    ...(thread.kind === 'read' ? thread.messages : []).map((message) => ({
      kind: 'message' as const,
      at: message.at,
      message,
    })),
    ...(ended !== null && !events.some(isEnding)
      ? [{ kind: 'ended' as const, at: ended, state: promotion.state }]
      : []),
  ];
  // Stable: events at the same moment keep the order above, cause before effect.
  return entries.sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** The id is also a file name, and another system's flag key may hold anything of any length. */
const LONGEST_SLUG = 100;

function dashed({ flagKey, id }: Promotion): string {
  const slug = flagKey
    .slice(0, 1_000)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, '-')
    .replaceAll(/^-|-$/gu, '')
    .slice(0, LONGEST_SLUG);
  return slug === '' ? id : slug;
}
