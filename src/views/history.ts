import { auditWords } from '../promotions/audit-actions.js';
import { type Block, context, section } from './blocks.js';
import { code, moment, person } from './text.js';

export interface HistoryEvent {
  readonly at: Date;
  /** Any text: another version or system may have written it. */
  readonly action: string;
  readonly actor: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The most events in one answer: a promotion has a dozen, unless somebody guesses codes. */
export const HISTORY_LENGTH = 200;

/** A section holds 3,000 characters; some of the 50 blocks are needed for the rest of the answer. */
const SECTION_ROOM = 2_900;
const MOST_SECTIONS = 30;

/** Oldest first, one event a line; `isCut`: there are older ones. */
export function historyBlocks(events: readonly HistoryEvent[], isCut: boolean): Block[] {
  if (events.length === 0) return [];
  const all = pages(['*History*', ...events.map(line)]);
  const shown = all.slice(-MOST_SECTIONS);
  const blocks: Block[] = shown.map((page) => section(page));
  if (isCut || shown.length < all.length) blocks.push(context('Only the newest events are shown.'));
  return blocks;
}

function pages(lines: readonly string[]): string[] {
  const full: string[] = [];
  let page = '';
  for (const text of lines) {
    if (page !== '' && page.length + 1 + text.length > SECTION_ROOM) {
      full.push(page);
      page = '';
    }
    page = page === '' ? text : `${page}\n${text}`;
  }
  return page === '' ? full : [...full, page];
}

function line({ at, action, actor, detail }: HistoryEvent): string {
  const said =
    auditWords(action)?.words ?? code(action.replace(/^console\.flag\.promotion\./u, '').replaceAll('_', ' '), 40);
  return `${moment(at)} · *${said}*${more(detail)} · ${person(actor)}${detail['via'] === 'command line' ? ', command line' : ''}`;
}

/** Reasons that the app records as one word. '': the event's own words say it. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['not_superadmin', 'not a superadmin'],
  ['not_operator', 'not an operator'],
  ['code_refused', ''],
  ['wrong', 'wrong code'],
  ['reused', 'code already used'],
  ['malformed', 'not a code'],
  ['locked', 'locked after wrong codes'],
  ['silent', 'no answer'],
  ['disabled', 'disabled'],
  ['unsnoozed', 'by hand'],
  ['over', ''],
  ['critical', 'turned critical'],
  ['unreachable', 'no connection'],
  ['withheld', 'not sent in time'],
]);

/** The one further detail worth knowing, if any. */
function more(detail: Readonly<Record<string, unknown>>): string {
  const version = detail['release_version'];
  if (typeof version === 'number') return ` as release v${version}`;
  const reason = detail['reason'];
  if (typeof reason !== 'string') return '';
  const known = REASONS.get(reason);
  if (known !== undefined) return known === '' ? '' : `: ${known}`;
  return `: ${code(/^[a-z_]+$/u.test(reason) ? reason.replaceAll('_', ' ') : reason, 60)}`;
}
