import type { Attention } from '../promotions/attention.js';
import type { Drift } from '../promotions/drift.js';
import type { Evidence } from '../promotions/evidence.js';
import { deployingSince, endedAt, isDeploying, type Promotion } from '../promotions/promotion.js';
import { parseCheckpoint } from '../promotions/promoting.js';
import { linkableRcaUrl } from '../promotions/rca-url.js';
import type { Severity } from '../promotions/stuck.js';
import { rcaButton, resolutionButtons } from './alert.js';
import { evidenceAfterwards } from './alert-changes.js';
import { attentionLines } from './attention-lines.js';
import { type Answer, type Block, button, context, section, textAnswer } from './blocks.js';
import { completeLiveButton } from './completion.js';
import { driftButtons } from './drift.js';
import { evidenceText, target } from './evidence.js';
import { revertButton } from './follow-up.js';
import { type HistoryEvent, historyBlocks } from './history.js';
import { ACTION } from './ids.js';
import { markedButtons } from './mark.js';
import { groupPageValue } from './group.js';
import { SEVERITY_SIGN, sinceWhen } from './headline.js';
import { code, key, link, person, quote, when } from './text.js';

/** Three blocks a promotion: a page stays well under Slack's 50, and readable on a phone. */
export const STUCK_PAGE_SIZE = 5;
export const LIST_PAGE_SIZE = 10;

export interface StuckRow {
  readonly promotion: Promotion;
  readonly severity: Severity;
  readonly evidence: Evidence;
  readonly attention?: Attention | null;
}

export interface StuckPage {
  readonly rows: readonly StuckRow[];
  readonly total: number;
  readonly offset: number;
  /** The group whose promotions these are; null: all that are stuck. */
  readonly groupId: string | null;
}

/** Oldest first, with an alert's buttons. */
export function stuckAnswer({ rows, total, offset, groupId }: StuckPage): Answer {
  const text = total === 1 ? '*1 promotion is stuck*' : `*${total} promotions are stuck*, oldest first`;
  const blocks: Block[] = [section(text)];
  for (const { promotion, severity, evidence, attention = null } of rows) {
    blocks.push(
      section(
        [
          `${SEVERITY_SIGN[severity]} ${key(promotion.flagKey)} on ${key(promotion.herokuApp)}`,
          `Since ${sinceWhen(promotion)}`,
          `Promoted by ${person(promotion.promotedBy)} · promotion ${promotion.id}`,
          ...attentionLines(attention),
          evidenceText(promotion, evidence),
        ].join('\n'),
      ),
      resolutionButtons(promotion, evidence),
    );
  }
  const turn = (label: string, to: number) =>
    groupId === null
      ? button(ACTION.stuckPage, label, { value: String(to) })
      : button(ACTION.groupPage, label, { value: groupPageValue({ groupId, offset: to }) });
  const paging = [
    ...(offset > 0 ? [turn('‹ Older', Math.max(0, offset - STUCK_PAGE_SIZE))] : []),
    ...(offset + rows.length < total ? [turn('Newer ›', offset + rows.length)] : []),
  ];
  // An action id must be unique within a block.
  for (const [index, element] of paging.entries()) {
    blocks.push({ type: 'actions', block_id: `paging_${index}`, elements: [element] });
  }
  if (groupId !== null) blocks.push({ type: 'actions', elements: [completeLiveButton(groupId)] });
  if (total > rows.length) blocks.push(context(`${offset + 1} to ${offset + rows.length} of ${total}`));
  return { text, blocks };
}

export interface NothingStuckFacts {
  readonly warningAfterMs: number;
  readonly lastMaintenance: { readonly completedAt: Date } | null;
  readonly oldestDeploying: Promotion | null;
  readonly deploying: number;
  readonly lastEnded: Promotion | null;
}

/** Nothing is stuck, and the facts behind that: what was checked, and when. */
export function nothingStuckAnswer(facts: NothingStuckFacts): Answer {
  const lines = [`:white_check_mark: *Nothing is stuck.*`];
  const { oldestDeploying, lastEnded, lastMaintenance } = facts;
  lines.push(
    lastMaintenance === null
      ? ':warning: But the watchdog hasn’t finished a check yet. Ask again in a minute.'
      : `Last check ${when(lastMaintenance.completedAt)}.`,
  );
  if (oldestDeploying !== null) {
    const since = deployingSince(oldestDeploying);
    const count = facts.deploying === 1 ? '1 has been deploying' : `${facts.deploying} are deploying, the oldest`;
    lines.push(
      `${count} since ${when(since)}: ${key(oldestDeploying.flagKey)}. It would alert ${when(new Date(since.getTime() + facts.warningAfterMs))}.`,
    );
  } else {
    lines.push('Nothing is deploying.');
  }
  if (lastEnded !== null) {
    const at = endedAt(lastEnded);
    lines.push(
      `Last to end: ${key(lastEnded.flagKey)} on ${key(lastEnded.herokuApp)}, ${stateWord(lastEnded)}${at === null ? '' : ` ${when(at)}`}.`,
    );
  }
  const text = lines.join('\n');
  return { text, blocks: [section(text)] };
}

export function listAnswer(page: {
  readonly rows: readonly Promotion[];
  readonly nextBeforeId: string | null;
}): Answer {
  if (page.rows.length === 0) return textAnswer('There are no promotions yet.');
  const blocks: Block[] = [section('*Promotions*, newest first')];
  for (const promotion of page.rows) blocks.push(section(promotionLine(promotion)));
  if (page.nextBeforeId !== null) {
    blocks.push({ type: 'actions', elements: [button(ACTION.listPage, 'Older ›', { value: page.nextBeforeId })] });
  }
  return { text: 'Promotions, newest first', blocks };
}

const STATE_SIGNS: ReadonlyMap<string, string> = new Map([
  ['marked', ':bookmark:'],
  ['deploying', ':hourglass_flowing_sand:'],
  ['deployed', ':white_check_mark:'],
  ['failed', ':no_entry:'],
  ['cancelled', ':heavy_minus_sign:'],
]);

function stateWord({ state }: Promotion): string {
  return STATE_SIGNS.has(state) ? state : code(state);
}

/** The flag, then the rest on a second line: one line doesn't fit a phone. */
export function promotionLine(promotion: Promotion): string {
  const { flagKey, herokuApp, state, id, rcaUrl } = promotion;
  const at = endedAt(promotion) ?? deployingSince(promotion);
  const url = linkableRcaUrl(rcaUrl);
  const rca = url === null ? '' : ` · ${link(url, 'RCA')}`;
  return `${STATE_SIGNS.get(state) ?? ':grey_question:'} ${key(flagKey)} on ${key(herokuApp)}\n*${stateWord(promotion)}* ${when(at)} · promotion ${id}${rca}`;
}

/** One promotion with its history. `evidence`: what Heroku says now, if it was promoted. */
export function showAnswer(facts: {
  readonly promotion: Promotion;
  readonly evidence: Evidence | null;
  readonly history: readonly HistoryEvent[];
  /** There is more history than given. */
  readonly historyIsCut: boolean;
  /** Its own address; null if the app doesn't know its origin. */
  readonly permalink: string | null;
  /** Comes first: what each app of its flag holds. */
  readonly apps?: readonly Block[];
  readonly attention?: Attention | null;
  /** An open drift. */
  readonly drift?: Drift | null;
}): Answer {
  const { promotion, evidence, apps = [] } = facts;
  const blocks: Block[] = [
    ...apps,
    section(promotionLine(promotion)),
    section(
      [
        `*Config var*: ${key(promotion.configVar)} → ${target(promotion)}`,
        `*Marked*: ${person(promotion.markedBy)}${promotion.markedAt === null ? '' : `, ${when(promotion.markedAt)}`}`,
        `*Promoted*: ${promotion.promotedAt === null ? 'not yet' : `${person(promotion.promotedBy)}, ${when(promotion.promotedAt)}`}`,
        ...(promotion.resolvedBy === null ? [] : [`*Resolved by*: ${person(promotion.resolvedBy)}`]),
        ...progressLines(promotion, facts.history),
      ].join('\n'),
    ),
  ];
  const note = promotion.resolutionNote ?? promotion.failureReason;
  if (note !== null && note.trim() !== '') blocks.push(section(`*Note*\n${quote(note)}`));
  const lines = attentionLines(facts.attention ?? null);
  if (lines.length > 0) blocks.push(section(lines.join('\n')));
  if (evidence !== null) {
    const says = isDeploying(promotion) ? evidenceText : evidenceAfterwards;
    blocks.push(section(says(promotion, evidence)));
  }
  if (isDeploying(promotion) && promotion.lastError !== null) {
    blocks.push(section(`*Last error*\n${quote(promotion.lastError, 500)}`));
  }
  blocks.push(...historyBlocks(facts.history, facts.historyIsCut));
  if (facts.drift != null) blocks.push(driftButtons(promotion, facts.drift));
  blocks.push(buttonsOf(promotion, evidence));
  if (facts.permalink !== null) blocks.push(context(`Link: ${link(facts.permalink, facts.permalink)}`));
  return { text: `Promotion ${promotion.id}: ${key(promotion.flagKey)}`, blocks };
}

function progressLines(promotion: Promotion, history: readonly HistoryEvent[]): string[] {
  const { checkpoint } = promotion;
  switch (parseCheckpoint(checkpoint).kind) {
    case 'none':
      return [];
    case 'intent':
      return isDeploying(promotion) ? ['*Heroku*: about to be set'] : [];
    case 'pending_commit': {
      const version = history.map(({ detail }) => detail['release_version']).findLast((v) => typeof v === 'number');
      const accepted = `accepted the change${version === undefined ? '' : ` (v${version})`}`;
      return [`*Heroku*: ${accepted}${isDeploying(promotion) ? ', waiting for the release' : ''}`];
    }
    case 'external':
      return checkpoint === null ? [] : [`*The console notes*: ${code(checkpoint)}`];
  }
}

function buttonsOf(promotion: Promotion, evidence: Evidence | null): Block {
  if (isDeploying(promotion)) return resolutionButtons(promotion, evidence);
  if (promotion.state === 'marked') return markedButtons(promotion);
  const revert = promotion.state === 'deployed' ? [revertButton(promotion)] : [];
  return { type: 'actions', elements: [...revert, rcaButton(promotion)] };
}
