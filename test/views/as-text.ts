import * as z from 'zod';
import type { Modal } from '../../src/views/blocks.js';
import { span } from '../../src/views/text.js';

/** Messages and forms as a person sees them, for snapshots; and how many words that person reads. */

/** Slack's markup at a moment, as a reader in UTC sees it. */
export function read(mrkdwn: string, asOf: Date): string {
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

/** Made once: making one takes longer than all the rest of a message. */
const shortDate = new Intl.DateTimeFormat('en-US', { month: 'short', day: 'numeric', timeZone: 'UTC' });

function date(at: Date, format: string, asOf: Date): string {
  const past = asOf.getTime() - at.getTime();
  const [largest = ''] = /^\d+ \w+/u.exec(span(Math.abs(past))) ?? [];
  const parts: Readonly<Record<string, string>> = {
    '{date_short}': shortDate.format(at),
    '{time}': at.toISOString().slice(11, 16),
    '{time_secs}': at.toISOString().slice(11, 19),
    '{ago}': past < 0 ? `in ${largest}` : `${largest} ago`,
  };
  return format.replaceAll(/\{\w+\}/gu, (part) => parts[part] ?? part);
}

/** A message, an answer or a home tab. */
interface Said {
  readonly text: string;
  readonly blocks?: readonly unknown[];
}

const text = z.object({ text: z.string() });
const element = z.object({
  type: z.string(),
  text: text.optional(),
  url: z.string().optional(),
  style: z.string().optional(),
  options: z.array(z.object({ text })).optional(),
  placeholder: text.optional(),
});
const block = z.object({
  type: z.string(),
  text: text.optional(),
  label: text.optional(),
  hint: text.optional(),
  optional: z.boolean().optional(),
  element: element.optional(),
  // A button's text is an object, a context's is a string.
  elements: z.array(z.union([z.object({ type: z.literal('mrkdwn'), text: z.string() }), element])).optional(),
});
type Shown = z.output<typeof block>;

/** What a person reads in these blocks, without buttons and fields. */
function wordsIn(blocks: readonly Shown[]): string[] {
  return blocks.flatMap(({ type, text: own, elements = [] }) => [
    ...(type === 'section' && own !== undefined ? [own.text] : []),
    ...(type === 'context'
      ? elements.flatMap((one) => ('text' in one && typeof one.text === 'string' ? [one.text] : []))
      : []),
  ]);
}

function line(shown: Shown, asOf: Date): string {
  const { type, text: own, label, hint, optional, element: field, elements = [] } = shown;
  switch (type) {
    case 'section':
    case 'header':
      return read(own?.text ?? '', asOf);
    case 'context':
      return `(${wordsIn([shown])
        .map((one) => read(one, asOf))
        .join(' ')})`;
    case 'actions':
      return elements.map((one) => (one.type === 'mrkdwn' ? '' : buttonText(element.parse(one)))).join(' ');
    case 'input': {
      const options = field?.options?.map((one) => `☐ ${one.text.text}`).join('\n  ');
      return `${label?.text}${optional === true ? ' (optional)' : ''}: ${options ?? '________'}${hint === undefined ? '' : `\n  ${hint.text}`}`;
    }
    default:
      return `—— ${type}`;
  }
}

function buttonText({ type, text: own, options, style, url }: z.output<typeof element>): string {
  if (type === 'overflow') return `[⋯ ${(options ?? []).map((one) => one.text.text).join(' / ')}]`;
  return `[${own?.text}${style === undefined ? '' : ` (${style})`}${url === undefined ? '' : ' ↗'}]`;
}

/** A message: what a notification says, then what the channel shows. */
export function messageText(message: Said, asOf: Date): string {
  const blocks = z.array(block).parse(message.blocks ?? []);
  return [
    `PUSH   ${read(message.text, asOf)}`,
    '',
    ...(blocks.length === 0 ? [read(message.text, asOf)] : blocks.map((one) => line(one, asOf))),
    '',
    `${countWords(message)} words`,
  ].join('\n');
}

export function formText(modal: Modal, asOf: Date): string {
  const blocks = z.array(block).parse(modal.blocks);
  return [
    `${modal.title.text}`,
    '',
    ...blocks.map((one) => line(one, asOf)),
    '',
    `[${modal.close?.text ?? ''}] [${modal.submit?.text ?? ''}]`,
    '',
    `${countWords(modal)} words besides the fields`,
  ].join('\n');
}

/** A date, an age, a span of code and a mention count as one; buttons, fields and emoji don't count. */
export function countWords(shown: Said | Modal): number {
  const blocks = z.array(block).parse(shown.blocks ?? []);
  const texts = blocks.length === 0 && 'text' in shown ? [shown.text] : wordsIn(blocks);
  return texts
    .join('\n')
    .replaceAll(/<https:[^|>]*\|([^>]*)>/gu, '$1')
    .replaceAll(/<[^>]*>|```[^`]*```|`[^`]*`/gu, ' one ')
    .replaceAll(/:[a-z_]+:/gu, ' ')
    .replaceAll(/\b\d+ (?:d|h|min|s)\b(?: \d+ (?:h|min|s)\b)?/gu, 'one')
    .split(/[\s·]+/u)
    .filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}
