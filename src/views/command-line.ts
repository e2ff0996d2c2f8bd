import type { Attention } from '../promotions/attention.js';
import { type Evidence, presentableValue, type ResolutionAction, verdictOf } from '../promotions/evidence.js';
import { parseCheckpoint } from '../promotions/promoting.js';
import { deployingSince, isDeploying, type Promotion } from '../promotions/promotion.js';
import type { ChangedSince } from '../promotions/shown.js';
import { evidenceAfterwards } from './alert-changes.js';
import { attentionPhrases } from './attention-lines.js';
import { lookAgainWords } from './authority.js';
import type { Answer } from './blocks.js';
import { evidenceLine } from './evidence.js';
import { HEADLINE, outcomeHeadline, sinceWhen, stuckFor, subject } from './headline.js';
import type { HistoryEvent } from './history.js';
import { nothingStuckAnswer, type NothingStuckFacts, showAnswer, type StuckRow } from './list.js';
import { contradictionWords, STATE_AFTER } from './resolution.js';
import { terminalText } from './terminal.js';
import { person } from './text.js';

/** What the command line shows of promotions: plain text for people, JSON for programs. */

/** The name in the commands' documentation. */
export const PROGRAM = 'flag-promotions';

/** What is stuck, oldest first, each with its evidence and the command to type. */
export function stuckText(page: { readonly rows: readonly StuckRow[]; readonly total: number }, now: Date): string {
  const { rows, total } = page;
  const lead = total === 1 ? '1 promotion is stuck' : `${total} promotions are stuck, oldest first`;
  const left = total - rows.length;
  return [
    `${lead}.`,
    ...rows.map((row) => stuckRowText(row, now)),
    ...(left > 0 ? [`And ${left} more: --limit ${total}`] : []),
  ].join('\n\n');
}

function stuckRowText({ promotion, severity, evidence, attention = null }: StuckRow, now: Date): string {
  const age = stuckFor(promotion, now);
  return terminalText(
    [
      `${promotion.id}  ${HEADLINE[severity]} ${subject(promotion)}${age === null ? '' : `: stuck ${age}`}`,
      `    since ${sinceWhen(promotion)} · promoted by ${person(promotion.promotedBy)} · ${attentionPhrases(attention).join(' · ')}`,
      `    ${evidenceLine(promotion, evidence)}`,
      `    → ${adviceText(promotion, evidence)}`,
    ].join('\n'),
    now,
  );
}

export function nothingStuckText(facts: NothingStuckFacts, now: Date): string {
  return terminalText(nothingStuckAnswer(facts).text, now);
}

/** One promotion with its history; evidence and the command to type come last. */
export function showText(
  facts: {
    readonly promotion: Promotion;
    readonly evidence: Evidence | null;
    readonly history: readonly HistoryEvent[];
    readonly historyIsCut: boolean;
    readonly attention: Attention | null;
  },
  now: Date,
): string {
  const { promotion, evidence } = facts;
  const shown = answerText(showAnswer({ ...facts, evidence: null, permalink: null }), now);
  if (evidence === null) return shown;
  return isDeploying(promotion)
    ? `${shown}\n\n${evidenceText(promotion, evidence, now)}\n→ ${terminalText(adviceText(promotion, evidence), now)}`
    : `${shown}\n\n${terminalText(evidenceAfterwards(promotion, evidence), now)}`;
}

function evidenceText(promotion: Promotion, evidence: Evidence, now: Date): string {
  return terminalText(evidenceLine(promotion, evidence), now);
}

/** The text of an answer's blocks; its buttons are commands here. */
export function answerText({ text, blocks = [] }: Answer, now: Date): string {
  const parts = blocks.flatMap((block) => {
    if (block.type === 'section') return block.text === undefined ? [] : [block.text.text];
    if (block.type !== 'context') return [];
    return block.elements.flatMap((element) =>
      'text' in element && typeof element.text === 'string' ? [element.text] : [],
    );
  });
  return terminalText((parts.length === 0 ? [text] : parts).join('\n\n'), now);
}

function adviceText(promotion: Promotion, evidence: Evidence): string {
  const { id } = promotion;
  const failed = `${PROGRAM} resolve ${id} --failed --note "…"`;
  switch (verdictOf(evidence)) {
    case 'live':
      return `${PROGRAM} resolve ${id} --completed`;
    case 'not_live':
      return parseCheckpoint(promotion.checkpoint).kind === 'intent'
        ? `This app keeps trying by itself. To give up: ${failed}`
        : failed;
    case 'release_failed':
      return failed;
    case 'changed_since':
      return `Ask who changed it. If it stays: ${failed}`;
    case 'release_running':
      return 'Wait for the release to finish.';
    case 'unknown':
      return `Check it yourself, then: ${PROGRAM} resolve ${id} --completed, or --failed`;
  }
}

/** What a code is asked for, and the evidence. `changed`: why it is shown again; null the first time. */
export function resolutionText(
  facts: {
    readonly promotion: Promotion;
    readonly action: ResolutionAction;
    readonly evidence: Evidence;
    readonly changed: ChangedSince | 'unseen' | null;
    readonly setsBack: boolean;
  },
  now: Date,
): string {
  const { promotion, action, evidence, changed, setsBack } = facts;
  const heroku = setsBack ? 'A new promotion then reverts it on Heroku' : 'Heroku isn’t touched';
  return terminalText(
    [
      ...(changed === null || changed === 'unseen' ? [] : [lookAgainWords(changed, 'Nothing was saved.')]),
      `Records ${subject(promotion)} as *${STATE_AFTER[action]}*. ${heroku}. Final.`,
      evidenceLine(promotion, evidence),
      `Promotion ${promotion.id} · promoted by ${person(promotion.promotedBy)}, ${sinceWhen(promotion)}`,
    ].join('\n'),
    now,
  );
}

export function contradictionText(action: ResolutionAction, evidence: Evidence, now: Date): string {
  return terminalText(contradictionWords(action, verdictOf(evidence)), now);
}

export function resolvedText(promotion: Promotion, back: Promotion | null, now: Date): string {
  return terminalText(
    [
      `*Saved.* ${outcomeHeadline(promotion)}`,
      ...(back === null ? [] : [`Promotion ${back.id} reverts it on Heroku, as soon as the app runs.`]),
      'The message in Slack follows by itself, once Slack answers.',
    ].join('\n'),
    now,
  );
}

/** A promotion for programs, without any value that may be secret. */
export function promotionJson(promotion: Promotion) {
  const { id, flagKey, herokuApp, configVar, state, markedBy, markedAt, promotedBy, promotedAt } = promotion;
  const { deployedAt, failedAt, failureReason, resolvedBy, resolutionNote, rcaUrl, lastError } = promotion;
  return {
    id,
    flagKey,
    herokuApp,
    configVar,
    target: presentableValue(promotion.targetValue),
    state,
    deployingSince: isDeploying(promotion) ? deployingSince(promotion) : null,
    markedBy,
    markedAt,
    promotedBy,
    promotedAt,
    deployedAt,
    failedAt,
    failureReason,
    resolvedBy,
    resolutionNote,
    rcaUrl,
    lastError,
  };
}

export function attentionJson(attention: Attention | null) {
  return {
    owner: attention?.ownership?.owner ?? null,
    snoozedUntil: attention?.snooze?.until ?? null,
  };
}

export function evidenceJson(evidence: Evidence) {
  return { ...evidence, verdict: verdictOf(evidence) };
}
