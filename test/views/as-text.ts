import type { types } from '@slack/bolt';
import type { Block, Modal } from '../../src/views/blocks.js';
import { span } from '../../src/views/text.js';

/** Messages and forms as a person sees them, for snapshots; and how many words that person reads. */

/** Thousands of alerts say the same few hundred lines. */
function once<Result>(made: Map<string, Result>, key: string, make: () => Result): Result {
  const result = made.get(key) ?? make();
  made.set(key, result);
  return result;
}

const readings = new Map<string, string>();
const counts = new Map<string, number>();

/** Slack's markup at a moment, as a reader in UTC sees it. */
export function read(mrkdwn: string, asOf: Date): string {
  return once(readings, `${asOf.getTime()} ${mrkdwn}`, () => reading(mrkdwn, asOf));
}

function reading(mrkdwn: string, asOf: Date): string {
  return mrkdwn
    .replaceAll(/<!date\^(\d+)\^([^|>]*)\|[^>]*>/gu, (_, seconds: string, format: string) =>
      date(new Date(Number(seconds) * 1000), format, asOf),
    )
    .replaceAll(/<@([^>]*)>/gu, '@$1')
    .replaceAll(/<!subteam\^[^>]*>/gu, '@oncall')
    .replaceAll(/<#([^>]*)>/gu, '#$1')
    .replaceAll(/<https:[^|>]*\|([^>]*)>/gu, '$1')
    .replaceAll(/:([a-z_]+):/gu, (name) => EMOJI[name] ?? name)
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

const EMOJI: Readonly<Record<string, string>> = {
  ':rotating_light:': '🚨',
  ':warning:': '⚠️',
  ':large_green_circle:': '🟢',
  ':red_circle:': '🔴',
  ':large_orange_circle:': '🟠',
  ':hourglass_flowing_sand:': '⏳',
  ':grey_question:': '❔',
  ':raising_hand:': '🙋',
  ':zzz:': '💤',
  ':white_check_mark:': '✅',
  ':no_entry:': '⛔',
  ':heavy_minus_sign:': '➖',
  ':arrows_counterclockwise:': '🔄',
  ':information_source:': 'ℹ️',
  ':wave:': '👋',
  ':bell:': '🔔',
  ':lock:': '🔒',
  ':page_facing_up:': '📄',
};

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function date(at: Date, format: string, asOf: Date): string {
  const past = asOf.getTime() - at.getTime();
  const [largest = ''] = /^\d+ \w+/u.exec(span(Math.abs(past))) ?? [];
  const parts: Readonly<Record<string, string>> = {
    '{date_short}': `${MONTHS[at.getUTCMonth()]} ${at.getUTCDate()}`,
    '{time}': at.toISOString().slice(11, 16),
    '{time_secs}': at.toISOString().slice(11, 19),
    '{ago}': past < 0 ? `in ${largest}` : `${largest} ago`,
  };
  return format.replaceAll(/\{\w+\}/gu, (part) => parts[part] ?? part);
}

/** A message, an answer or a home tab. */
interface Said {
  readonly text: string;
  readonly blocks?: readonly Block[];
}

/** What a person reads in a block, without buttons and fields. */
function textsIn(block: Block): string[] {
  if (block.type === 'section') return block.text === undefined ? [] : [block.text.text];
  if (block.type === 'context') return block.elements.flatMap((one) => ('text' in one ? [one.text] : []));
  return [];
}

function line(block: Block, asOf: Date): string {
  switch (block.type) {
    case 'section':
    case 'header':
      return read(block.text?.text ?? '', asOf);
    case 'context':
      return `(${textsIn(block)
        .map((one) => read(one, asOf))
        .join(' ')})`;
    case 'actions':
      return block.elements.map(buttonText).join(' ');
    case 'input': {
      const { label, optional, element, hint } = block;
      const options = 'options' in element && element.options?.map((one) => `☐ ${one.text.text}`).join('\n  ');
      const field = typeof options === 'string' ? options : '________';
      return `${label.text}${optional === true ? ' (optional)' : ''}: ${field}${hint === undefined ? '' : `\n  ${hint.text}`}`;
    }
    default:
      return `—— ${block.type}`;
  }
}

function buttonText(element: types.ActionsBlockElement): string {
  switch (element.type) {
    case 'overflow':
      return `[⋯ ${element.options.map((one) => one.text.text).join(' / ')}]`;
    case 'button': {
      const { text, style, url } = element;
      return `[${text.text}${style === undefined ? '' : ` (${style})`}${url === undefined ? '' : ' ↗'}]`;
    }
    default:
      throw new Error(`No snapshot has shown a ${element.type} yet: say here how.`);
  }
}

/** A message: what a notification says, then what the channel shows. */
export function messageText(message: Said, asOf: Date): string {
  const { text, blocks = [] } = message;
  return [
    `PUSH   ${read(text, asOf)}`,
    '',
    ...(blocks.length === 0 ? [read(text, asOf)] : blocks.map((one) => line(one, asOf))),
    '',
    `${countWords(message)} words`,
  ].join('\n');
}

export function formText(modal: Modal, asOf: Date): string {
  return [
    `${modal.title.text}`,
    '',
    ...modal.blocks.map((one) => line(one, asOf)),
    '',
    `[${modal.close?.text ?? ''}] [${modal.submit?.text ?? ''}]`,
    '',
    `${countWords(modal)} words besides the fields`,
  ].join('\n');
}

/** A date, an age, a span of code and a mention count as one; buttons, fields and emoji don't count. */
export function countWords(shown: Said | Modal): number {
  const { blocks = [] } = shown;
  const texts = blocks.length === 0 && 'text' in shown ? [shown.text] : blocks.flatMap(textsIn);
  return texts.reduce((count, text) => count + once(counts, text, () => wordsIn(text)), 0);
}

function wordsIn(text: string): number {
  return text
    .replaceAll(/<https:[^|>]*\|([^>]*)>/gu, '$1')
    .replaceAll(/<[^>]*>|```[^`]*```|`[^`]*`/gu, ' one ')
    .replaceAll(/:[a-z_]+:/gu, ' ')
    .replaceAll(/\b\d+ (?:d|h|min|s)\b(?: \d+ (?:h|min|s)\b)?/gu, 'one')
    .split(/[\s·]+/u)
    .filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}
