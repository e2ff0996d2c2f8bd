import { type Alert, worstSeverity } from './alert.js';
import { type AuditAction, auditWords } from './audit-actions.js';
import type { PresentableValue, ReleaseStatus } from './evidence.js';
import { type Checkpoint, parseCheckpoint } from './promoting.js';
import { deployingSince, endedAt, isDeploying, type Promotion, UNKNOWN_TIME } from './promotion.js';
import type { Severity, Thresholds } from './stuck.js';

/*
 * What an RCA can be told by a system: facts, each with where it stands, and spans that are computed from them. What no
 * row, release or message says is null here, and a question in the document.
 */

/** An audit event, as far as the paper tells it. */
export interface RcaEvent {
  readonly id: string;
  readonly at: Date;
  /** Any word: another version, or another system, may have written it. */
  readonly action: string;
  readonly actor: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The replies in a promotion's thread that its timeline names. */
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
  /** What the promotion's config var holds at this release; null where that was not read. */
  readonly value: PresentableValue | null;
  /** Whether that is the promotion's target value; null where it was not read. */
  readonly isTarget: boolean | null;
}

/** What Heroku told of the releases around the promotion. */
export type RcaReleases =
  | {
      readonly kind: 'read';
      readonly releases: readonly RcaRelease[];
      /** Whether they reach back to before the promotion; else older ones of its time were not looked at. */
      readonly complete: boolean;
    }
  | { readonly kind: 'unavailable'; readonly reason: 'not_configured' | 'no_answer' };

export interface RcaMessage {
  readonly at: Date;
  /** A Slack user's id, or a bot's name. */
  readonly author: string;
  readonly isBot: boolean;
  /** As Slack's API gives it, its markup included. */
  readonly text: string;
  readonly files: number;
}

export type RcaThread =
  | { readonly kind: 'read'; readonly messages: readonly RcaMessage[]; readonly complete: boolean }
  /** No alert was posted, or its message was deleted. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unavailable' };

/** What became of the wish for a draft. */
export type RcaDraftOutcome =
  | { readonly kind: 'unknown_promotion' }
  | {
      readonly kind: 'shared' | 'unconfirmed';
      readonly promotion: Promotion;
      /** In the alert's thread, or, where there is none, in the channel for alerts. */
      readonly where: 'thread' | 'channel';
      /** null where Slack did not tell. */
      readonly permalink: string | null;
    };

/** Everything that was gathered. */
export interface RcaMaterial {
  readonly promotion: Promotion;
  /** Oldest first. */
  readonly events: readonly RcaEvent[];
  readonly alerts: readonly Alert[];
  /** What was said of it in Slack, and when; what was never posted is not among it. */
  readonly alertMessages: readonly {
    readonly severity: Severity;
    /** Under the message of a milder alert. */
    readonly inThread: boolean;
    readonly postedAt: Date;
  }[];
  readonly replies: readonly { readonly kind: RcaReplyKind; readonly postedAt: Date }[];
  readonly releases: RcaReleases;
  readonly thread: RcaThread;
  readonly thresholds: Thresholds;
  readonly draftedAt: Date;
  /** The Slack user who asked for the draft. */
  readonly draftedBy: string;
}

export type TimelineEntry = { readonly at: Date } & (
  | { readonly kind: 'marked' | 'promoted'; readonly by: string | null }
  | { readonly kind: 'release'; readonly release: RcaRelease }
  | { readonly kind: 'event'; readonly event: RcaEvent }
  | { readonly kind: 'alert_posted'; readonly severity: Severity; readonly inThread: boolean }
  | { readonly kind: 'reply_posted'; readonly reply: RcaReplyKind }
  | { readonly kind: 'message'; readonly message: RcaMessage }
  /** The row's own word for its end, where no audit event tells it. */
  | { readonly kind: 'ended'; readonly state: string }
);

/** A span in milliseconds between two moments that are both known. */
export interface Span {
  readonly from: Date;
  readonly to: Date;
  readonly ms: number;
}

export interface RcaFacts {
  readonly material: RcaMaterial;
  /** `<date>-stuck-flag-promotion-<flag-with-dashes>`; also good as a file's name. */
  readonly incidentId: string;
  /** `2026-05-11`, in UTC: the day it was noticed, else the day it ended, else the day of the draft. */
  readonly date: string;
  /** The gravest alert; null where none was opened. */
  readonly severity: Severity | null;
  readonly timeline: readonly TimelineEntry[];
  /** When the stuck clock started; null where the row does not tell. */
  readonly startedAt: Date | null;
  readonly markedAt: Date | null;
  /** When the row left `deploying`; null while it has not, or where the row does not tell. */
  readonly endedAt: Date | null;
  readonly isDeploying: boolean;
  /** When the first threshold was reached; null where the promotion ended before it. */
  readonly couldBeSeenAt: Date | null;
  /** When the first alert was in Slack, else when the watchdog recorded one; null where neither ever was. */
  readonly detectedAt: Date | null;
  readonly detectedBy: 'alert' | 'record' | null;
  /** The first trace of a person after that: an audit event of theirs, or a message in the thread. */
  readonly acknowledged: { readonly at: Date; readonly by: string; readonly how: 'event' | 'message' } | null;
  /** The audit event by which the row left `deploying`; null where another system ended it. */
  readonly resolution: RcaEvent | null;
  readonly spans: {
    readonly markedToEnd: Span | null;
    readonly deploying: Span | null;
    readonly detect: Span | null;
    /** From when it could be seen to when it was. */
    readonly unseen: Span | null;
    readonly acknowledge: Span | null;
    readonly resolve: Span | null;
  };
  /** Since when the target value was in force that was so at the end, or is at the draft's time; null where none was. */
  readonly live: {
    readonly since: RcaRelease;
    /** Whether an older release is known not to have it; else it may have been in force for longer. */
    readonly exact: boolean;
  } | null;
  /** The release that made the change: the one since which the value is live, where that is this promotion's doing. */
  readonly change: RcaRelease | null;
  readonly checkpoint: Checkpoint;
  /** Heroku took the change, and no promoter wrote it: the row is deploying still, or others than a promoter ended it. */
  readonly lostWrite: boolean;
}

/** Who acts in the audit log without being a person. */
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
    firstOf(events, 'console.flag.promotion.stuck_warning', 'console.flag.promotion.stuck_critical')?.at ?? null;
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

/** An adopted row may have no time of its own; null then. */
function known(at: Date | null): Date | null {
  return at === null || at.getTime() === UNKNOWN_TIME.getTime() ? null : at;
}

function reached(startedAt: Date | null, until: Date, afterMs: number): Date | null {
  if (startedAt === null) return null;
  const at = new Date(startedAt.getTime() + afterMs);
  return at.getTime() <= until.getTime() ? at : null;
}

/** null where a moment is missing, or where the two stand in an order that no span can have. */
function spanOf(from: Date | null, to: Date | null): Span | null {
  if (from === null || to === null || to.getTime() < from.getTime()) return null;
  return { from, to, ms: to.getTime() - from.getTime() };
}

function earliest(moments: readonly Date[]): Date | null {
  return moments.toSorted((a, b) => a.getTime() - b.getTime())[0] ?? null;
}

function severityOf(events: readonly RcaEvent[]): Severity | null {
  if (firstOf(events, 'console.flag.promotion.stuck_critical') !== null) return 'critical';
  return firstOf(events, 'console.flag.promotion.stuck_warning') === null ? null : 'warning';
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

/** Walks back from the end: what was live in between and was changed since did not bring what is in force. */
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

/** Heroku cuts times to whole seconds, and its clock may be behind by a little. */
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
  // Stable: what happened at one moment stays in the order above, which is that of cause and effect.
  return entries.sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** An id is also a file's name: a flag key of another system's may hold anything, and be of any length. */
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
