import type { MessageRef } from './alert.js';
import type { Attention } from './attention.js';
import type { MessageStep } from './message.js';
import type { Promotion } from './promotion.js';
import type { RefusedRoute } from './routing.js';
import type { Severity, Thresholds } from './stuck.js';

export const SUMMARY_KINDS = ['summary', 'call', 'ended', 'rca_reminder'] as const;
export type SummaryKind = (typeof SUMMARY_KINDS)[number];

/** A message about many alerts: the summary itself, which stands in the channel, or a reply in its thread. */
export interface SummaryMessage {
  readonly id: string;
  readonly kind: SummaryKind;
  readonly state: 'pending' | 'posted' | 'closed';
  /** Where what it tells of is meant to go; null for a reply, which goes where its summary is. */
  readonly route: string | null;
  /** Where the attempt that was begun last was sent. */
  readonly channel: string | null;
  /** The channel that it was meant for, where Slack did not let the app post there. */
  readonly refusedRoute: RefusedRoute | null;
  /** Where it stands in Slack; null before it was posted. */
  readonly message: MessageRef | null;
  /** A commit that changes what the summary shows raises `repaintWanted`; painting brings `repaintDone` up to it. */
  readonly repaintWanted: number;
  readonly repaintDone: number;
  /** When the row was inserted, by the database's own clock. */
  readonly createdAt: Date;
}

/** A promotion that a summary tells of. */
export interface SummaryMember {
  readonly promotion: Promotion;
  readonly severity: Severity;
  /** Who is on it, and whether it is snoozed. */
  readonly attention: Attention | null;
}

/** The promotions that a summary tells of, at one moment. */
export interface SummaryFacts {
  /** Those whose alert is still open, and how many of them are critical. */
  readonly open: number;
  readonly openCriticals: number;
  /** The open criticals that nobody is on and that are not snoozed, and the Heroku apps that they are about. */
  readonly unattended: number;
  readonly criticalApps: readonly string[];
  /** The open ones that are deploying for the longest. */
  readonly oldest: readonly SummaryMember[];
  /** Those that ended, by how. */
  readonly completed: number;
  readonly failed: number;
  readonly endedOtherwise: number;
  /** Those that were critical, have ended, and have no RCA. */
  readonly owingRca: number;
  /** The newest alert, and the newest critical, among what is told here; '0' where there is none. */
  readonly through: string;
  readonly criticalsThrough: string;
}

export interface SummaryWork {
  readonly summary: SummaryMessage;
  /** The summary in whose thread a reply belongs; null for the summary itself. */
  readonly root: SummaryMessage | null;
  readonly facts: SummaryFacts;
}

/** Whether a message that was not sent yet still has something to say. */
function isWanted({ kind }: SummaryMessage, facts: SummaryFacts): boolean {
  switch (kind) {
    case 'summary':
      return facts.open > 0;
    case 'call':
      return facts.unattended > 0;
    case 'ended':
      return facts.open === 0;
    case 'rca_reminder':
      return facts.owingRca > 0;
  }
}

/** Decides the next step of delivering a summary, or a reply in its thread. Pure. */
export function nextSummaryStep({ summary, root, facts }: SummaryWork, attemptsBefore: number): MessageStep {
  if (summary.state === 'pending') {
    if (root !== null && root.message === null) {
      // A summary that is to be posted anew: its thread comes with it.
      return root.state === 'closed' ? { kind: 'withdraw' } : { kind: 'done' };
    }
    const thenPost = isWanted(summary, facts);
    if (attemptsBefore > 0) return { kind: 'find', thenPost };
    return { kind: thenPost ? 'post' : 'withdraw' };
  }
  const { message, repaintWanted, repaintDone } = summary;
  if (summary.kind === 'summary' && summary.state === 'posted' && message !== null && repaintWanted > repaintDone) {
    return { kind: 'paint', message, upTo: repaintWanted };
  }
  return { kind: 'done' };
}

/** A summary of which not all promotions were known to have ended. */
export interface OpenSummary {
  readonly id: string;
  readonly isPosted: boolean;
  readonly open: number;
  /** Criticals that nobody is on and that are not snoozed: only about those is anybody called. */
  readonly openCriticals: number;
  /** Those of them that nobody was called about, or all of them where somebody was on one and no longer is. */
  readonly newCriticals: number;
  /** When people were last called about its criticals, by how many replies so far, and whether one is on its way. */
  readonly calledAt: Date | null;
  readonly calls: number;
  readonly callPending: boolean;
}

/** A summary all of whose promotions have ended, of which it is not settled whether it has to be reminded of RCAs. */
export interface EndedSummary {
  readonly id: string;
  readonly endedAt: Date;
}

export type SummaryAction =
  /** `calls`: how many there were, by which one of several replicas makes the next. */
  | { readonly kind: 'call_about_summary'; readonly summaryId: string; readonly calls: number }
  | { readonly kind: 'end_summary'; readonly summaryId: string }
  | { readonly kind: 'remind_of_summary_rca'; readonly summaryId: string };

/** However many of its promotions turn critical one after the other, a summary calls people no more often than this. */
export const CALL_AT_MOST_EVERY_MS = 3_600_000;

/** Decides what is to be said in the threads of summaries. Pure; in the input's order. */
export function planSummaries(
  summaries: { readonly open: readonly OpenSummary[]; readonly ended: readonly EndedSummary[] },
  now: Date,
  times: Pick<Thresholds, 'repeatCriticalEveryMs'> & { readonly remindAfterMs: number },
): SummaryAction[] {
  return [
    ...summaries.open.flatMap((summary): SummaryAction[] => {
      if (summary.open === 0) return [{ kind: 'end_summary', summaryId: summary.id }];
      return callIsDue(summary, now, times.repeatCriticalEveryMs)
        ? [{ kind: 'call_about_summary', summaryId: summary.id, calls: summary.calls }]
        : [];
    }),
    ...summaries.ended.flatMap(({ id, endedAt }): SummaryAction[] =>
      now.getTime() - endedAt.getTime() >= times.remindAfterMs
        ? [{ kind: 'remind_of_summary_rca', summaryId: id }]
        : [],
    ),
  ];
}

function callIsDue(summary: OpenSummary, now: Date, repeatEveryMs: number): boolean {
  const { isPosted, callPending, openCriticals, newCriticals, calledAt } = summary;
  if (!isPosted || callPending || openCriticals === 0) return false;
  if (calledAt === null) return true;
  // Either way: a clock that was set back must not silence it for as long.
  const sinceMs = Math.abs(now.getTime() - calledAt.getTime());
  return sinceMs >= repeatEveryMs || (newCriticals > 0 && sinceMs >= CALL_AT_MOST_EVERY_MS);
}
