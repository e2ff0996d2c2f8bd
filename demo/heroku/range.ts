/** A page of a list, as Heroku's Range header asks for it. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly contentRange: string | null;
  /** Null on the last page; otherwise the answer is a 206. */
  readonly nextRange: string | null;
}

interface Range {
  readonly attribute: string;
  readonly from: string;
  readonly fromExcluded: boolean;
  readonly to: string;
  readonly toExcluded: boolean;
  readonly descending: boolean;
  readonly max: number;
}

type Key = string | number;

const FORM = /^(\w+) (\]?)([\w-]*)\.\.([\w-]*)(\[?)(?:;\s*(.*))?$/;
const PAGE = 200;
const LARGEST_PAGE = 1000;

/**
 * Cuts a page from `items` by a header such as `version ..; order=desc,max=10`; the first attribute is the default.
 * Next-Range after a descending page is undocumented: here its exclusive bound is on the side that comes next.
 * https://devcenter.heroku.com/articles/platform-api-reference#ranges
 */
export function cutPage<T>(
  header: string | undefined,
  items: readonly T[],
  attributes: Readonly<Record<string, (item: T) => Key>>,
): Page<T> | string {
  const names = Object.keys(attributes);
  const range = parseRange(header ?? `${names[0]} ..`);
  if (typeof range === 'string') return range;
  const keyOf = Object.hasOwn(attributes, range.attribute) ? attributes[range.attribute] : undefined;
  if (keyOf === undefined) return `Unknown range attribute; use one of ${names.join(', ')}.`;

  const inRange = items.filter((item) => isWithin(keyOf(item), range));
  const ordered = inRange.toSorted((a, b) => compare(keyOf(a), keyOf(b)) * (range.descending ? -1 : 1));
  const page = ordered.slice(0, range.max);
  const first = page[0];
  const last = page.at(-1);
  if (first === undefined || last === undefined) return { items: [], contentRange: null, nextRange: null };
  return {
    items: page,
    contentRange: `${range.attribute} ${keyOf(first)}..${keyOf(last)}`,
    nextRange: ordered.length > page.length ? following(range, keyOf(last)) : null,
  };
}

function parseRange(header: string): Range | string {
  const match = FORM.exec(header.trim());
  if (match === null) return 'Invalid `Range` header.';
  const [, attribute = '', fromMark, from = '', to = '', toMark, parameters = ''] = match;
  let descending = false;
  let max = PAGE;
  for (const parameter of parameters.split(/[,;]/).map((text) => text.trim())) {
    if (parameter === '' || parameter === 'order=asc') continue;
    const wanted = /^max=(\d{1,6})$/.exec(parameter)?.[1];
    if (parameter === 'order=desc') descending = true;
    else if (wanted === undefined) return 'Invalid `Range` header: unknown parameter.';
    else max = Number(wanted);
  }
  if (max < 1 || max > LARGEST_PAGE) return `Invalid \`Range\` header: max must be from 1 to ${LARGEST_PAGE}.`;
  return { attribute, from, to, fromExcluded: fromMark === ']', toExcluded: toMark === '[', descending, max };
}

function isWithin(key: Key, { from, to, fromExcluded, toExcluded }: Range): boolean {
  if (from !== '') {
    const order = compare(key, like(key, from));
    if (order < 0 || (fromExcluded && order === 0)) return false;
  }
  if (to === '') return true;
  const order = compare(key, like(key, to));
  return order < 0 || (!toExcluded && order === 0);
}

function like(key: Key, bound: string): Key {
  return typeof key === 'number' ? Number(bound) : bound;
}

function compare(a: Key, b: Key): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function following({ attribute, from, to, fromExcluded, toExcluded, descending, max }: Range, last: Key): string {
  const parameters = [descending && 'order=desc', `max=${max}`].filter(Boolean).join(',');
  const bounds = descending ? `${fromExcluded ? ']' : ''}${from}..${last}[` : `]${last}..${to}${toExcluded ? '[' : ''}`;
  return `${attribute} ${bounds}; ${parameters}`;
}
