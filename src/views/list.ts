import type { Attention } from '../promotions/attention.js';
import type { Evidence } from '../promotions/evidence.js';
import { deployingSince, endedAt, isDeploying, type Promotion } from '../promotions/promotion.js';
import { linkableRcaUrl } from '../promotions/rca-url.js';
import type { Severity } from '../promotions/stuck.js';
import { rcaButton, resolutionButtons } from './alert.js';
import { attentionLines } from './attention-lines.js';
import { type Answer, type Block, button, context, section, textAnswer } from './blocks.js';
import { evidenceText, target } from './evidence.js';
import { type HistoryEvent, historyBlocks } from './history.js';
import { ACTION } from './ids.js';
import { markedButtons } from './mark.js';
import { groupPageValue } from './group.js';
import { code, link, person, quote, when } from './text.js';

/** Three blocks a promotion: a page stays well under Slack's 50, and readable on a phone. */
export const STUCK_PAGE_SIZE = 5;
export const LIST_PAGE_SIZE = 10;

const SIGN: Record<Severity, string> = { warning: ':warning:', critical: ':rotating_light:' };

export interface StuckRow {
  readonly promotion: Promotion;
  readonly severity: Severity;
  readonly evidence: Evidence;
  readonly attention?: Attention | null;
}

/** A page of what is stuck. */
export interface StuckPage {
  readonly rows: readonly StuckRow[];
  readonly total: number;
  readonly offset: number;
  /** The group whose promotions these are; null for all that are stuck. */
  readonly groupId: string | null;
}

/** What is stuck, the oldest first, with the same buttons as an alert. */
export function stuckAnswer({ rows, total, offset, groupId }: StuckPage): Answer {
  const text = total === 1 ? '*1 promotion is stuck*' : `*${total} promotions are stuck*, the oldest first`;
  const blocks: Block[] = [section(text)];
  for (const { promotion, severity, evidence, attention = null } of rows) {
    blocks.push(
      section(
        `${SIGN[severity]} ${code(promotion.flagKey)} on ${code(promotion.herokuApp)}\nDeploying since ${when(deployingSince(promotion))}, promoted by ${person(promotion.promotedBy)} · promotion ${promotion.id}${attentionLines(
          attention,
        )
          .map((said) => `\n${said}`)
          .join('')}\n${evidenceText(promotion, evidence)}`,
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
  // Slack wants an action id once per block.
  for (const [index, element] of paging.entries()) {
    blocks.push({ type: 'actions', block_id: `paging_${index}`, elements: [element] });
  }
  if (total > rows.length) blocks.push(context(`${offset + 1} to ${offset + rows.length} of ${total}`));
  return { text, blocks };
}

export interface NothingStuckFacts {
  readonly warningAfter: string;
  readonly lastMaintenance: { readonly completedAt: Date; readonly deploying: number } | null;
  readonly oldestDeploying: Promotion | null;
  readonly deploying: number;
  readonly lastEnded: Promotion | null;
}

/** Nothing is stuck, and why that can be believed: what was looked at, and when. */
export function nothingStuckAnswer(facts: NothingStuckFacts): Answer {
  const lines = [`:white_check_mark: *Nothing is stuck.*`];
  const { oldestDeploying, lastEnded, lastMaintenance } = facts;
  lines.push(
    lastMaintenance === null
      ? ':warning: The watchdog has not completed a check yet. If this stays so for minutes, look at /readyz.'
      : `The watchdog last completed a check ${when(lastMaintenance.completedAt)}, of ${lastMaintenance.deploying} in deploying.`,
  );
  if (oldestDeploying !== null) {
    lines.push(
      `In deploying now: ${facts.deploying}, the oldest being ${code(oldestDeploying.flagKey)} since ${when(deployingSince(oldestDeploying))}; it would alert after ${code(facts.warningAfter)}.`,
    );
  } else {
    lines.push('No promotion is in deploying.');
  }
  if (lastEnded !== null) {
    const at = endedAt(lastEnded);
    lines.push(
      `The last one to end: ${code(lastEnded.flagKey)} on ${code(lastEnded.herokuApp)}, ${code(lastEnded.state)}${at === null ? '' : ` ${when(at)}`}.`,
    );
  }
  const text = lines.join('\n');
  return { text, blocks: [section(text)] };
}

/** The newest promotions, whatever their state. */
export function listAnswer(page: {
  readonly rows: readonly Promotion[];
  readonly nextBeforeId: string | null;
}): Answer {
  if (page.rows.length === 0) return textAnswer('There are no promotions yet.');
  const blocks: Block[] = [section('*Promotions*, the newest first')];
  for (const promotion of page.rows) blocks.push(section(promotionLine(promotion)));
  if (page.nextBeforeId !== null) {
    blocks.push({ type: 'actions', elements: [button(ACTION.listPage, 'Older ›', { value: page.nextBeforeId })] });
  }
  return { text: 'Promotions, the newest first', blocks };
}

const STATE_SIGNS: ReadonlyMap<string, string> = new Map([
  ['marked', ':bookmark:'],
  ['deploying', ':hourglass_flowing_sand:'],
  ['deployed', ':white_check_mark:'],
  ['failed', ':no_entry:'],
  ['cancelled', ':heavy_minus_sign:'],
]);

/** What a promotion is and where it stands, in one line. */
export function promotionLine(promotion: Promotion): string {
  const { flagKey, herokuApp, state, id, rcaUrl } = promotion;
  const at = endedAt(promotion) ?? deployingSince(promotion);
  const url = linkableRcaUrl(rcaUrl);
  const rca = url === null ? '' : ` · ${link(url, 'RCA')}`;
  return `${STATE_SIGNS.get(state) ?? ':grey_question:'} ${code(flagKey)} on ${code(herokuApp)}: ${code(state)} ${when(at)} · promotion ${id}${rca}`;
}

/** One promotion with its history. `evidence`: what Heroku says, where it is still deploying. */
export function showAnswer(facts: {
  readonly promotion: Promotion;
  readonly evidence: Evidence | null;
  readonly history: readonly HistoryEvent[];
  /** The history is longer than what is given of it. */
  readonly historyIsCut: boolean;
  /** Its own address; null where the app does not know its own. */
  readonly permalink: string | null;
  readonly attention?: Attention | null;
}): Answer {
  const { promotion, evidence } = facts;
  const blocks: Block[] = [
    section(promotionLine(promotion)),
    section(
      [
        `*Config var*: ${code(promotion.configVar)} → ${target(promotion)}`,
        `*Marked*: ${person(promotion.markedBy)}${promotion.markedAt === null ? '' : `, ${when(promotion.markedAt)}`}`,
        `*Promoted*: ${promotion.promotedAt === null ? 'not yet' : `${person(promotion.promotedBy)}, ${when(promotion.promotedAt)}`}`,
        ...(promotion.resolvedBy === null ? [] : [`*Resolved by*: ${person(promotion.resolvedBy)}`]),
        ...(promotion.checkpoint === null ? [] : [`*Checkpoint*: ${code(promotion.checkpoint)}`]),
      ].join('\n'),
    ),
  ];
  const note = promotion.resolutionNote ?? promotion.failureReason;
  if (note !== null && note.trim() !== '') blocks.push(section(`*Note*\n${quote(note)}`));
  const lines = attentionLines(facts.attention ?? null);
  if (lines.length > 0) blocks.push(section(lines.join('\n')));
  if (evidence !== null) blocks.push(section(evidenceText(promotion, evidence)));
  if (isDeploying(promotion) && promotion.lastError !== null) {
    blocks.push(section(`*Held up*\n${quote(promotion.lastError, 500)}`));
  }
  blocks.push(...historyBlocks(facts.history, facts.historyIsCut), buttonsOf(promotion, evidence));
  if (facts.permalink !== null)
    blocks.push(context(`Link to this promotion: ${link(facts.permalink, facts.permalink)}`));
  return { text: `Promotion ${promotion.id}: ${code(promotion.flagKey)}`, blocks };
}

function buttonsOf(promotion: Promotion, evidence: Evidence | null): Block {
  if (isDeploying(promotion)) return resolutionButtons(promotion, evidence);
  return promotion.state === 'marked'
    ? markedButtons(promotion)
    : { type: 'actions', elements: [rcaButton(promotion)] };
}
