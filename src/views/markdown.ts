import { cut, visible } from './text.js';

/**
 * Text for a Markdown document (https://spec.commonmark.org). Outside text goes through `literal` into a code span,
 * where it can't end its line or become a heading, a link, an image or HTML.
 */

/** Room before cleaning: a text may be megabytes. */
const RAW_LIMIT = 10_000;

/**
 * One line of outside text as a code span of at most `most` characters, with a fence longer than any backtick run in
 * it.
 */
export function literal(value: string, most = 200): string {
  const line = cut(visible(value.slice(0, RAW_LIMIT)).replaceAll(/\s+/gu, ' ').trim(), most);
  if (line === '') return '`(empty)`';
  const longest = Math.max(0, ...(line.match(/`+/gu) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  // A space on each side isn't content, and keeps a backtick at the edge apart from the fence.
  const pad = longest > 0 ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** `2026-05-09 04:28:31 UTC` */
export function utcSeconds(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `110 h 21 min`, `12 h`, `3 min 43 s`: hours without days, as thresholds and reports count. */
export function hours(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  const [h, min, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const parts = h > 0 ? [`${h} h`, min > 0 ? `${min} min` : ''] : [min > 0 ? `${min} min` : '', s > 0 ? `${s} s` : ''];
  return parts.filter((part) => part !== '').join(' ') || '0 s';
}
