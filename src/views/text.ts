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
  // Reads only as much as it could keep: the text may be megabytes.
  const characters = Array.from(text.slice(0, (most + 1) * 2));
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** Removes what reorders or hides text on a screen: controls, formats (bidi among them), stacked combining marks. */
export function visible(text: string): string {
  return text
    .replaceAll(/\r\n?|[\p{Zl}\p{Zp}]/gu, '\n')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, (character) => (character === '\n' || character === '\t' ? character : ''))
    .replaceAll(/(\p{M}{2})\p{M}+/gu, '$1');
}

/** Room for escaping: `&` becomes five characters. */
const RAW_LIMIT = 10_000;

/** One line of outside text as inline code. Slack formats only the backtick there, which is replaced. */
export function code(value: string, most = 80): string {
  const line = visible(value.slice(0, RAW_LIMIT)).replaceAll(/\s+/gu, ' ').trim();
  return line === '' ? '`(empty)`' : `\`${escapeEntities(cut(line, most)).replaceAll('`', 'ˋ')}\``;
}

/**
 * A flag key, an app or a config var as inline code. Those are plain letters, so any other character is escaped,
 * `\\u{430}` for a Cyrillic а: nobody mistakes it for another.
 */
export function key(value: string, most = 80): string {
  return code(value.slice(0, RAW_LIMIT).replaceAll(/[^\n\r\t -~]/gu, writtenOut), most);
}

/** The same where nothing formats text, such as a pager. */
export function plainKey(value: string, most = 80): string {
  return label(value.slice(0, RAW_LIMIT).replaceAll(/[^\n\r\t -~]/gu, writtenOut), most);
}

/** Several lines of outside text as a preformatted block. */
export function quote(value: string, most = 1_000): string {
  const lines = visible(value.slice(0, RAW_LIMIT)).trim();
  return lines === '' ? '`(empty)`' : `\`\`\`${escapeEntities(fitting(lines, most)).replaceAll('`', 'ˋ')}\`\`\``;
}

/** What a section of 3,000 characters holds besides a heading, after escaping. */
const ESCAPED_LIMIT = 2_800;

/** Cuts to at most `most` characters, or fewer if escaping makes them too long for a section. */
function fitting(text: string, most: number): string {
  let kept = cut(text, most);
  while (escapeEntities(kept).length > ESCAPED_LIMIT) kept = cut(kept, Math.floor(Array.from(kept).length * 0.8));
  return kept;
}

/** One line of outside text for a `plain_text` object: Slack doesn't format it but decodes entities. */
export function plain(value: string, most: number): string {
  let kept = label(value, most);
  while (escapeEntities(kept).length > most) kept = cut(kept, Array.from(kept).length - 1);
  return escapeEntities(kept);
}

/** One line of outside text for an accessibility label, which Slack reads out as it is. */
export function label(value: string, most: number): string {
  const line = visible(value.slice(0, RAW_LIMIT)).replaceAll(/\s+/gu, ' ').trim();
  return cut(line === '' ? '(empty)' : line, most);
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
