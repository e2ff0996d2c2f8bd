import { UNKNOWN_TIME } from '../promotions/promotion.js';
import { linkableRcaUrl } from '../promotions/rca-url.js';

/**
 * Text for Slack's mrkdwn. Outside text goes through `code`, `quote` or `plain`: then it can't ping, link, format or
 * overflow.
 */

/** https://docs.slack.dev/messaging/formatting-message-text#escaping */
export function escapeEntities(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Cuts to at most `most` characters (code points); a cut text ends in an ellipsis. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  // Reads only as much as it could keep: the text may be megabytes.
  const characters = Array.from(text.slice(0, (most + 1) * 2));
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** Removes what reorders or hides text on a screen: controls, formats (bidi among them), stacked combining marks. */
export function visible(text: string): string {
  return text
    .replaceAll(/\r\n?|[\p{Zl}\p{Zp}]/gu, '\n')
    .replaceAll(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}]/gu, '')
    .replaceAll(/(\p{M}{2})\p{M}+/gu, '$1');
}

/** How many characters of a text are read at most, even if nearly all of them are hidden. */
const RAW_LIMIT = 10_000;

/** One line of outside text as inline code. Slack formats only the backtick there, which is replaced. */
export function code(value: string, most = 80): string {
  return asCode(shown(value, most, oneLine));
}

/**
 * A flag key, an app or a config var as inline code. Those are plain letters, so any other character is escaped,
 * `\\u{430}` for a Cyrillic а: nobody mistakes it for another.
 */
export function key(value: string, most = 80): string {
  return asCode(shown(value, most, plainLetters));
}

/** The same where nothing formats text, such as a pager. */
export function plainKey(value: string, most = 80): string {
  return shown(value, most, plainLetters) || '(empty)';
}

/** Several lines of outside text as a preformatted block. */
export function quote(value: string, most = 1_000): string {
  const lines = shown(value, most, (text) => visible(text).trim());
  return lines === '' ? '`(empty)`' : `\`\`\`${escaped(lines, ESCAPED_LIMIT).replaceAll('`', 'ˋ')}\`\`\``;
}

/** What a section of 3,000 characters holds besides a heading, after escaping. */
const ESCAPED_LIMIT = 2_800;

/** One line of outside text for a `plain_text` object: Slack doesn't format it but decodes entities. */
export function plain(value: string, most: number): string {
  return escaped(label(value, most), most);
}

/** One line of outside text for an accessibility label, which Slack reads out as it is. */
export function label(value: string, most: number): string {
  return cut(shown(value, most, oneLine) || '(empty)', most);
}

const asCode = (line: string): string =>
  line === '' ? '`(empty)`' : `\`${escapeEntities(line).replaceAll('`', 'ˋ')}\``;
const oneLine = (text: string): string => visible(text).replaceAll(/\s+/gu, ' ').trim();
const plainLetters = (text: string): string => oneLine(text.replaceAll(/[^\n\r\t -~]/gu, writtenOut));

/**
 * What `show` makes of a text, cut to at most `most` characters. Reads no more of it than that takes: a list shows a
 * hundred texts, and another system's may be long.
 */
function shown(text: string, most: number, show: (text: string) => string): string {
  for (let length = most * 4; ; length *= 4) {
    const readsAll = length >= RAW_LIMIT;
    const line = show(wholeCharacters(text, readsAll ? RAW_LIMIT : length));
    if (readsAll || length >= text.length || line.length > most * 2) return cut(line, most);
  }
}

/** A text's beginning that doesn't end in half a character, unless the text itself does. */
function wholeCharacters(text: string, length: number): string {
  return text.slice(0, length < text.length && (text.codePointAt(length - 1) ?? 0) > 0xffff ? length - 1 : length);
}

/** Escapes as much as fits `most` characters after escaping; a cut text ends in an ellipsis. */
function escaped(text: string, most: number): string {
  const all = escapeEntities(text);
  if (all.length <= most) return all;
  let kept = '';
  for (const character of text) {
    const next = ENTITIES.get(character) ?? character;
    if (kept.length + next.length >= most) break;
    kept += next;
  }
  return `${kept}…`;
}

/** A section's text limit (https://docs.slack.dev/reference/block-kit/blocks/section-block). */
const SECTION_LIMIT = 3_000;

/**
 * Outside text in full, for as many `plain_text` sections as it needs. Invisible characters are escaped, `\\u{200b}`
 * for a zero-width space.
 */
export function exact(text: string): readonly string[] {
  const parts: string[] = [];
  let part = '';
  // Escapes what only looks like our escapes, and spaces at the edges, which nobody would see.
  const distinct = text.replaceAll(/\\(?=u\{)|^ +| +$/gu, (part) => part.replaceAll(/./gu, writtenOut));
  for (const character of distinct) {
    const shown = seen(character);
    if (part.length + shown.length > SECTION_LIMIT) {
      parts.push(part);
      part = '';
    }
    part += shown;
  }
  return [...parts, part];
}

const ENTITIES: ReadonlyMap<string, string> = new Map(
  ['&', '<', '>'].map((character) => [character, escapeEntities(character)]),
);

/** A line end gets a sign; other controls, formats, odd spaces and combining marks are escaped. */
function seen(character: string): string {
  // Fast path: a value may have 32,000 of these.
  if (character >= ' ' && character <= '~') return ENTITIES.get(character) ?? character;
  if (character === '\n') return '↵\n';
  return /[\p{C}\p{Z}\p{M}]/u.test(character) ? writtenOut(character) : character;
}

const writtenOut = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** A mention if it is a Slack user's id; another system's id may not be. */
export function person(id: string | null): string {
  if (id === null) return '_unknown_';
  return /^[UW][A-Z0-9]{5,20}$/u.test(id) ? `<@${id}>` : code(id);
}

/** Two links and some words must fit a section of 3,000 characters. */
const LINK_LIMIT = 700;

/** A link to an https address; only the name if the address is too long, or is no https address. */
export function link(url: string, name: string): string {
  const linkable = linkableRcaUrl(url);
  const target = escapeEntities(linkable ?? '')
    .replaceAll('|', '%7C')
    .replaceAll('`', '%60');
  return linkable === null || target.length > LINK_LIMIT
    ? code(name, 90)
    : `<${target}|${escapeEntities(name).replaceAll('`', 'ˋ')}>`;
}

/** `2026-05-09 04:28 UTC` */
export function utc(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/**
 * A date in each reader's time zone, with its age kept current by Slack; always with the time: an incident spans days.
 * (https://docs.slack.dev/messaging/formatting-message-text#date-formatting)
 */
export function when(at: Date): string {
  if (at.getTime() === UNKNOWN_TIME.getTime()) return '_nobody knows when_';
  return `<!date^${Math.floor(at.getTime() / 1000)}^{date_short} {time} ({ago})|${utc(at)}>`;
}

/** Only the age, kept current by Slack: `1 minute ago`. */
export function ago(at: Date): string {
  return `<!date^${Math.floor(at.getTime() / 1000)}^{ago}|${utc(at)}>`;
}

/** `when` without its age, for moments that are recorded rather than awaited. */
export function moment(at: Date): string {
  return `<!date^${Math.floor(at.getTime() / 1000)}^{date_short} {time_secs}|${at.toISOString().slice(0, 19).replace('T', ' ')} UTC>`;
}

/** `1 more app` */
export function moreApps(count: number): string {
  return `${count} more ${count === 1 ? 'app' : 'apps'}`;
}

/** `2 d 9 h`, `12 h 5 min`, `40 s`: a span's two largest units. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const from = parts.findIndex(([amount]) => amount > 0);
  if (from === -1) return '0 s';
  return parts
    .slice(from, from + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}
