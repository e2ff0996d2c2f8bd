import { UNKNOWN_TIME } from '../promotions/promotion.js';
import { linkableRcaUrl } from '../promotions/rca-url.js';

/**
 * Text for Slack's mrkdwn. Whatever came from outside the program goes through `code`, `quote` or `plain`, and can
 * then neither ping, link, format nor overflow.
 */

/** https://docs.slack.dev/messaging/formatting-message-text#escaping */
export function escapeEntities(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Cuts to at most `most` characters (code points), the last of which is then an ellipsis. */
export function cut(text: string, most: number): string {
  // Only as much as could be kept is looked at: the text may be megabytes.
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

/** One line of outside text as inline code, in which Slack formats nothing but the backtick, which is replaced. */
export function code(value: string, most = 80): string {
  const line = visible(value.slice(0, RAW_LIMIT)).replaceAll(/\s+/gu, ' ').trim();
  return line === '' ? '`(empty)`' : `\`${escapeEntities(cut(line, most)).replaceAll('`', 'ˋ')}\``;
}

/**
 * A flag's key, an app or a config var as inline code. Those are plain letters, so whatever else is in one is written out,
 * `\\u{430}` for a Cyrillic а: nobody takes it for another.
 */
export function key(value: string, most = 80): string {
  return code(value.slice(0, RAW_LIMIT).replaceAll(/[^\n\r\t -~]/gu, writtenOut), most);
}

/** Outside text of several lines as a preformatted block. */
export function quote(value: string, most = 1_000): string {
  const lines = visible(value.slice(0, RAW_LIMIT)).trim();
  return lines === '' ? '`(empty)`' : `\`\`\`${escapeEntities(fitting(lines, most)).replaceAll('`', 'ˋ')}\`\`\``;
}

/** What a section of 3,000 characters has room for beside a heading, counted after escaping. */
const ESCAPED_LIMIT = 2_800;

/** Cuts to at most `most` characters, or fewer where escaping would make them too long for a section. */
function fitting(text: string, most: number): string {
  let kept = cut(text, most);
  while (escapeEntities(kept).length > ESCAPED_LIMIT) kept = cut(kept, Math.floor(Array.from(kept).length * 0.8));
  return kept;
}

/** One line of outside text for a `plain_text` object, which Slack does not format but in which it reads entities. */
export function plain(value: string, most: number): string {
  let kept = label(value, most);
  while (escapeEntities(kept).length > most) kept = cut(kept, Array.from(kept).length - 1);
  return escapeEntities(kept);
}

/** One line of outside text that is read out as it is: an accessibility label is no text object. */
export function label(value: string, most: number): string {
  const line = visible(value.slice(0, RAW_LIMIT)).replaceAll(/\s+/gu, ' ').trim();
  return cut(line === '' ? '(empty)' : line, most);
}

/** What a section's text holds (https://docs.slack.dev/reference/block-kit/blocks/section-block). */
const SECTION_LIMIT = 3_000;

/**
 * Outside text as it is, for `plain_text` sections, as many as it takes: nothing is cut, and what nobody could see is written
 * out, `\\u{200b}` for a space without a width.
 */
export function exact(text: string): readonly string[] {
  const parts: string[] = [];
  let part = '';
  // What looks like one of ours is none, and a space at the edge is seen by nobody.
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

/** A line's end is seen by its sign; other controls, formats, odd spaces and combining marks by their numbers. */
function seen(character: string): string {
  // Most are these, and a value may have 32,000 of them.
  if (character >= ' ' && character <= '~') return ENTITIES.get(character) ?? character;
  if (character === '\n') return '↵\n';
  return /[\p{C}\p{Z}\p{M}]/u.test(character) ? writtenOut(character) : character;
}

const writtenOut = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** A person: a mention where it is a Slack user's id, which another system's may not be. */
export function person(id: string | null): string {
  if (id === null) return '_unknown_';
  return /^[UW][A-Z0-9]{5,20}$/u.test(id) ? `<@${id}>` : code(id);
}

/** Two links have to fit a section of 3,000 characters, with words around them. */
const LINK_LIMIT = 700;

/**
 * A link to an https address. One too long for a line of text is named instead, and so is what another system may have
 * recorded that is no https address.
 */
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
 * A date that each reader sees in their own time zone, with how long ago that is, kept current by Slack
 * (https://docs.slack.dev/messaging/formatting-message-text#date-formatting). Date and time, always both: an
 * incident spans days.
 */
export function when(at: Date): string {
  if (at.getTime() === UNKNOWN_TIME.getTime()) return '_nobody knows when_';
  return `<!date^${Math.floor(at.getTime() / 1000)}^{date_short} {time} ({ago})|${utc(at)}>`;
}

/** How long ago that is alone, kept current by Slack: `1 minute ago`. */
export function ago(at: Date): string {
  return `<!date^${Math.floor(at.getTime() / 1000)}^{ago}|${utc(at)}>`;
}

/** `when` without "ago", for moments that are recorded rather than awaited. */
export function moment(at: Date): string {
  return `<!date^${Math.floor(at.getTime() / 1000)}^{date_short} {time_secs}|${at.toISOString().slice(0, 19).replace('T', ' ')} UTC>`;
}

/** `2 d 9 h`, `12 h 5 min`, `40 s`: the two largest units of a span in milliseconds. */
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
