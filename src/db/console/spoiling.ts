import { quoted } from './dialect.js';

/* What a trigger may set in the session so that the app's next statements fail, or mean something else. */

interface Spoiling {
  /** SQL: whether it is set so; `{zone}` is the session's TimeZone before. */
  readonly is: string;
  /** Regular expression of what follows SET in a function's source. */
  readonly set: string;
  /** What comes of it: ends a sentence. */
  readonly so: string;
}

const END = 'PostgreSQL refuses or ends the app’s next statements.';
const CHANGE = 'PostgreSQL takes or answers the app’s next statements in another way.';

const spoiling = (name: string, values: string, so: string, set = name): readonly [string, Spoiling] => [
  name,
  { is: `current_setting('${name}', true) ~ '${values}'`, set, so },
];

/** By the setting's name. */
export const SPOILING: ReadonlyMap<string, Spoiling> = new Map([
  spoiling(
    'transaction_read_only',
    '^on$',
    END,
    String.raw`(default_)?transaction_read_only|(characteristics\s+as\s+)?transaction\M[^;]*\mread\s+only`,
  ),
  spoiling('statement_timeout', '^[0-9]{1,2}ms$', END),
  spoiling('transaction_timeout', '^[0-9]{1,2}ms$', END),
  spoiling('DateStyle', '^(?!ISO)', CHANGE),
  // One zone has many names.
  ['TimeZone', { is: 'now()::timestamp <> now() at time zone {zone}', set: String.raw`time\s*zone`, so: CHANGE }],
  spoiling('client_encoding', '^(?!UTF8$)', CHANGE, 'client_encoding|names'),
  spoiling('standard_conforming_strings', '^off$', CHANGE),
  // PostgreSQL's own functions come after another schema's.
  spoiling('search_path', String.raw`,\s*"?pg_catalog`, CHANGE, 'search_path|schema'),
]);

/** SQL: the name of such a setting; null if there is none. `zone`: the session's TimeZone before. */
export function spoiledSetting(zone: string): string {
  const cases = [...SPOILING].map(([name, { is }]) => `when ${is.replace('{zone}', quoted(zone))} then '${name}'`);
  return `case ${cases.join(' ')} end`;
}
