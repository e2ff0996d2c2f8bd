import { type Evidence, verdictOf } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { type Block, context, section } from './blocks.js';
import { heldValue, target, WHY_UNAVAILABLE } from './evidence.js';
import { code, key, moreApps } from './text.js';

/** How many of a flag's apps are named; each takes a request to Heroku. */
export const APPS_SHOWN = 15;
/** This many fit a section, however long their names are. */
const LINES_OF_SECTION = 4;

export interface FlagOnApps {
  /** The total; `rows` has the newest. */
  readonly total: number;
  /** The newest promotion of the flag on each app. */
  readonly rows: readonly Promotion[];
  /** By promotion; an app that wasn't reached in time is missing. */
  readonly evidence: ReadonlyMap<string, Evidence>;
}

/** What each app with a flag holds now: *live on 3 of 4*, then one app a line. */
export function flagOnApps(flagKey: string, { total, rows, evidence }: FlagOnApps): Block[] {
  const verdicts = rows.map(({ id }) => {
    const found = evidence.get(id);
    return found === undefined ? 'unknown' : verdictOf(found);
  });
  const live = verdicts.filter((verdict) => verdict === 'live').length;
  const unknown = verdicts.filter((verdict) => verdict === 'unknown').length;
  const lines = rows.map((row) => appLine(row, evidence.get(row.id) ?? null));
  const sections = Array.from({ length: Math.ceil(lines.length / LINES_OF_SECTION) }, (_, index) =>
    section(lines.slice(index * LINES_OF_SECTION, (index + 1) * LINES_OF_SECTION).join('\n')),
  );
  return [
    section(`${key(flagKey)} is *live on ${live} of ${rows.length}*${unknown === 0 ? '' : `, ${unknown} not known`}`),
    ...sections,
    ...(total > rows.length
      ? [context(`And ${moreApps(total - rows.length)} that ${total - rows.length === 1 ? 'has' : 'have'} it.`)]
      : []),
    { type: 'divider' },
  ];
}

function appLine(promotion: Promotion, evidence: Evidence | null): string {
  const what = `${key(promotion.herokuApp, 40)}: ${key(promotion.configVar, 60)}`;
  const which = ` · ${code(promotion.state, 20)}, promotion ${promotion.id}`;
  if (evidence === null) return `:grey_question: ${what}: Heroku didn’t answer${which}`;
  if (evidence.kind === 'unavailable') return `:grey_question: ${what}: ${WHY_UNAVAILABLE[evidence.reason]}${which}`;
  const holds = evidence.value.kind === 'unset' ? ' is *not set*' : ` = ${heldValue(evidence.value)}`;
  return evidence.verdict === 'live'
    ? `:large_green_circle: ${what}${holds}${which}`
    : `:red_circle: ${what}${holds} (should be ${target(promotion)})${which}`;
}
