import { z } from 'zod';
import type { StoredMessage } from '../slack/workspace.js';

/** Draws what Slack would, as far as a terminal can: words, dates and buttons; no layout. */

const EMOJI: Readonly<Record<string, string>> = {
  rotating_light: '🚨',
  information_source: 'ℹ️ ',
  warning: '⚠️ ',
  large_green_circle: '🟢',
  red_circle: '🔴',
  white_check_mark: '✅',
  no_entry: '⛔',
  page_facing_up: '📄',
  grey_question: '❔',
  lock: '🔒',
};

/** mrkdwn as text: names for mentions, each date's fallback, labels for links. */
function mrkdwn(text: string, names: Readonly<Record<string, string>>, bold: (text: string) => string): string {
  return text
    .replaceAll(/<!date\^\d+\^[^|>]*\|([^>]*)>/gu, '$1')
    .replaceAll(/<@([A-Z0-9]+)>/gu, (_, id: string) => `@${names[id] ?? id}`)
    .replaceAll(/<(https?:[^|>]+)\|([^>]*)>/gu, '$2')
    .replaceAll(/<(https?:[^>]+)>/gu, '$1')
    .replaceAll(/:([a-z_]+):/gu, (whole, name: string) => EMOJI[name] ?? whole)
    .replaceAll(/\*([^*\n]+)\*/gu, (_, inner: string) => bold(inner))
    .replaceAll(/(^|\s)_([^_\n]+)_(?=\s|$)/gu, '$1$2')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

const textObject = z.object({ text: z.string() });
const block = z.looseObject({
  type: z.string(),
  text: textObject.optional(),
  fields: z.array(textObject).optional(),
  elements: z.array(z.looseObject({ text: z.union([z.string(), textObject]).optional() })).optional(),
  label: textObject.optional(),
  hint: textObject.optional(),
});
const attachment = z.looseObject({ blocks: z.array(block).default([]) });

type Draw = (text: string) => string[];

/** A message's lines. As in Slack, its text is only for notifications if there are blocks. */
export function messageLines(
  message: Pick<StoredMessage, 'text' | 'blocks' | 'attachments'>,
  names: Readonly<Record<string, string>>,
  bold: (text: string) => string,
): string[] {
  const draw: Draw = (text) => mrkdwn(text, names, bold).split('\n');
  const inside = z
    .array(attachment)
    .parse(message.attachments)
    .flatMap((one) => one.blocks);
  const head = message.blocks.length === 0 ? draw(message.text) : blockLines(message.blocks, draw);
  return inside.length === 0 ? head : [...head, '', ...blockLines(inside, draw)];
}

/** A modal's lines, its fields as empty boxes. */
export function modalLines(
  modal: { readonly title: string; readonly blocks: readonly unknown[] },
  names: Readonly<Record<string, string>>,
  bold: (text: string) => string,
): string[] {
  return [bold(modal.title), '', ...blockLines(modal.blocks, (text) => mrkdwn(text, names, bold).split('\n'))];
}

function blockLines(blocks: readonly unknown[], draw: Draw): string[] {
  const drawn = z
    .array(block)
    .parse(blocks)
    .map(({ type, text, fields, elements, label, hint }) => {
      if (type === 'input')
        return [`${label?.text ?? ''}: [            ]${hint === undefined ? '' : `  ${hint.text}`}`];
      const lines = text === undefined ? [] : draw(text.text);
      for (const field of fields ?? []) lines.push(draw(field.text).join(': '));
      const labels = (elements ?? []).map(({ text: of }) => (typeof of === 'string' ? of : (of?.text ?? '')));
      if (type === 'actions') lines.push(labels.map((one) => `[ ${one} ]`).join('  '));
      else lines.push(...labels.flatMap(draw));
      return lines;
    });
  return drawn.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}
