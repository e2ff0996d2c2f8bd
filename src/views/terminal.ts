import { span, visible } from './text.js';

/** Slack's markup as plain text that is safe in a terminal, so that the command line says what messages say. */

/** One piece of markup at a time; code stays as it is. */
const MARKUP = new RegExp(
  [
    '```(?<block>[^`]*)```',
    '`(?<code>[^`\\n]*)`',
    '<!date\\^(?<seconds>\\d+)\\^(?<format>[^^|>]*)\\|(?<date>[^>]*)>',
    '<[@#](?<id>[^>|]*)>',
    '<https:[^|>]*\\|(?<label>[^>]*)>',
    ':(?<emoji>[a-z_]+):[ ]?',
    '(?<![\\w*])(?<mark>[*_])(?=\\S)(?<inner>[^*_\\n]+)\\k<mark>(?![\\w*])',
  ].join('|'),
  'gu',
);

/** `now`: for ages. Leaves nothing of outside text that could move a cursor or hide a line. */
export function terminalText(mrkdwn: string, now: Date): string {
  const parts: string[] = [];
  let at = 0;
  for (const match of mrkdwn.matchAll(MARKUP)) {
    parts.push(unescaped(mrkdwn.slice(at, match.index)), pieceOf(match, now));
    at = match.index + match[0].length;
  }
  return visible([...parts, unescaped(mrkdwn.slice(at))].join(''));
}

function pieceOf({ groups = {} }: RegExpExecArray, now: Date): string {
  const { block, code, seconds, format = '', date = '', id, label, emoji, inner } = groups;
  if (block !== undefined) return unescaped(block);
  if (code !== undefined) return `\`${unescaped(code)}\``;
  if (seconds !== undefined) return dated(new Date(Number(seconds) * 1000), format, date, now);
  if (emoji !== undefined) return '';
  if (inner !== undefined) return terminalText(inner, now);
  return unescaped(id ?? label ?? '');
}

function dated(at: Date, format: string, date: string, now: Date): string {
  const past = now.getTime() - at.getTime();
  const age = past < 0 ? `in ${span(-past)}` : `${span(past)} ago`;
  if (!format.includes('{ago}')) return date;
  return format === '{ago}' ? age : `${date} (${age})`;
}

function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/** JSON in one line; characters that a terminal could act on are escaped. */
export function terminalJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\u007F-\u009F]|\p{Cf}|\p{Zl}|\p{Zp}/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
