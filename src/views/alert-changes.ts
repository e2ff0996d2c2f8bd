import { type Evidence, type Verdict, verdictOf } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { type Block, context, type Message, section } from './blocks.js';
import { heldValue, whyUnavailable } from './evidence.js';
import { code, key, moment, when } from './text.js';

/** What an alert shows after a change: another verdict, a reopened row, or a deleted one. */

export interface Vanished {
  readonly promotionId: string;
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly vanishedAt?: Date;
}

/** How a promotion ended before another system set it to deploying again. */
export interface EarlierEnd {
  readonly at: Date;
  readonly action: string;
  /** A name, not a mention: nobody is pinged. null: this app. */
  readonly by: string | null;
}

/** No buttons: nothing is left to resolve. */
export function vanishedMessage(vanished: Vanished): Message {
  const text = vanishedWords(vanished);
  const blocks: Block[] = [
    section(text),
    section(
      'Another system deleted the row, so nothing can be resolved here. Ask the console’s team whether that was intended. Heroku wasn’t touched.',
    ),
    context(`Promotion ${vanished.promotionId}`),
  ];
  return { text, blocks };
}

export function vanishedReply(vanished: Vanished): Message {
  return { text: `${vanishedWords(vanished)} Another system deleted it; Heroku wasn’t touched.` };
}

function vanishedWords({ promotionId, flagKey, herokuApp, vanishedAt }: Vanished): string {
  const at = vanishedAt === undefined ? '' : `, noticed ${when(vanishedAt)}`;
  return `:wastebasket: Promotion ${promotionId}, ${key(flagKey)} on ${key(herokuApp)}, was *deleted* from the table${at}.`;
}

const ENDINGS: ReadonlyMap<string, string> = new Map([
  ['console.flag.promotion.ops_complete', 'resolved it as completed'],
  ['console.flag.promotion.ops_failed', 'resolved it as failed'],
]);

/** A line in a new alert about a row that had ended before. */
export function reopenedLine({ at, action, by }: EarlierEnd): string {
  const how = ENDINGS.get(action) ?? 'ended it';
  return `:leftwards_arrow_with_hook: *Reopened.* ${by === null ? 'This app' : code(by)} had ${how} ${when(at)}. Another system set it to deploying again.`;
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  live: 'live',
  not_live: 'not live',
  release_running: 'release running',
  release_failed: 'release failed',
  changed_since: 'changed since',
  unknown: 'not known',
};

const NEXT: Readonly<Record<Verdict, string>> = {
  live: 'Press *Mark completed*.',
  not_live: 'Press *Mark failed*.',
  release_failed: 'Press *Mark failed*.',
  changed_since: 'If it stays so, press *Mark failed*.',
  release_running: 'Wait for the release to finish.',
  unknown: 'Check on Heroku before you press a button.',
};

/** The reply when the verdict changes. Both are a Verdict, or another version's. */
export function verdictChangedReply(from: string, to: string): Message {
  const before = isVerdict(from) ? VERDICTS[from] : 'something else';
  if (!isVerdict(to)) return { text: `:arrows_counterclockwise: Heroku says something else now. It was *${before}*.` };
  return { text: `:arrows_counterclockwise: Now *${VERDICTS[to]}*; it was *${before}*. ${NEXT[to]}` };
}

function isVerdict(word: string): word is Verdict {
  return Object.hasOwn(VERDICTS, word);
}

/** Evidence after a promotion's end: a fact, no button to press. */
export function evidenceAfterwards(promotion: Promotion, evidence: Evidence): string {
  if (evidence.kind === 'unavailable')
    return `:grey_question: *Heroku now*: not known. ${whyUnavailable(promotion, evidence.reason)}`;
  const isLive = verdictOf(evidence) === 'live';
  const held = `${key(promotion.configVar)} is ${heldValue(evidence.value)}`;
  const sign = isLive ? ':large_green_circle:' : ':white_circle:';
  const contradiction = isLive === (promotion.state === 'deployed') ? '' : ` The row says ${code(promotion.state)}.`;
  return `${sign} *Heroku now*: ${VERDICTS[verdictOf(evidence)]}, ${held}.${contradiction} Checked ${moment(evidence.checkedAt)}.`;
}
