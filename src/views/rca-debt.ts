import { endedAt, type Promotion } from '../promotions/promotion.js';
import { rcaButton } from './alert.js';
import { type Answer, type Block, context, type Message, section } from './blocks.js';
import { COMMAND } from './ids.js';
import { code, key, when } from './text.js';

/** Posted once in the thread of a critical without an RCA, days after its end. Mentions nobody. */
export function rcaReminder(promotion: Promotion): Message {
  const at = endedAt(promotion);
  return {
    text: `:memo: ${key(promotion.flagKey)} on ${key(promotion.herokuApp)} ended${at === null ? '' : ` ${when(at)}`} and has no RCA yet.\nMention me here with its link, or get a draft: ${code(`${COMMAND} rca draft ${promotion.id}`)}`,
  };
}

/** The missing RCAs among the newest alerts. */
export interface RcaDebt {
  readonly rows: readonly Promotion[];
  readonly total: number;
  /** Older alerts were not checked. */
  readonly isAtLeast: boolean;
}

/** How many are named at the end of another answer. */
export const MISSING_RCAS_NAMED = 5;

/** Ends another answer: how many are missing, and the newest of them; null if none. */
export function rcaDebtLine({ rows, total, isAtLeast }: RcaDebt): string | null {
  if (total === 0) return null;
  const counted = `${isAtLeast ? 'at least ' : ''}${total}`;
  const named = rows.slice(0, MISSING_RCAS_NAMED).map(({ flagKey, id }) => `${key(flagKey, 60)} (${id})`);
  const list = total > named.length ? `the newest: ${named.join(', ')}` : named.join(', ');
  return `:memo: ${counted} ${total === 1 ? 'RCA is' : 'RCAs are'} missing: ${list}. Link or draft: ${code(`${COMMAND} rca`)}`;
}

export function withRcaDebt(answer: Answer, debt: RcaDebt): Answer {
  const line = rcaDebtLine(debt);
  return line === null ? answer : { ...answer, blocks: [...(answer.blocks ?? [section(answer.text)]), context(line)] };
}

/** Two blocks a promotion. */
export const RCA_DEBT_LENGTH = 10;

/** Newest first, each with a button to link or draft one. */
export function rcaDebtAnswer({ rows, total, isAtLeast }: RcaDebt): Answer {
  if (total === 0) {
    const among = isAtLeast ? ' among the newest alerts' : '';
    const said = `:white_check_mark: *No RCA is missing*${among}.`;
    return { text: said, blocks: [section(said)] };
  }
  const text = `*${isAtLeast ? 'At least ' : ''}${total} missing ${total === 1 ? 'RCA' : 'RCAs'}*, newest first`;
  const shown = rows.slice(0, RCA_DEBT_LENGTH);
  const blocks: Block[] = [section(text)];
  for (const promotion of shown) {
    const at = endedAt(promotion);
    blocks.push(
      section(
        `${key(promotion.flagKey)} on ${key(promotion.herokuApp)}\n${code(promotion.state)}${at === null ? '' : ` ${when(at)}`} · promotion ${promotion.id}`,
      ),
      { type: 'actions', elements: [rcaButton(promotion)] },
    );
  }
  if (total > shown.length) blocks.push(context(`The newest ${shown.length} of ${total}.`));
  return { text, blocks };
}
