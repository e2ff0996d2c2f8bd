import { createHash } from 'node:crypto';
import { PROMOTION_STATES } from '../../promotions/promotion.js';
import { CONFIG_VAR } from './columns.js';
import { type Dialect, quoted } from './dialect.js';

/** An index that the table of promotions has to have. */
export interface WantedIndex {
  /** Its name says what it is for and how it is defined, so one of another definition is another index. */
  readonly name: string;
  readonly base: IndexBase;
  readonly isUnique: boolean;
  /** Its key, and its condition. */
  readonly definition: string;
}

const BASES = [
  'one_active',
  'stuck_clock',
  'promoter_due',
  'promoted',
  'ended',
  'odd_states',
  'flag_key',
  'id',
] as const;
export type IndexBase = (typeof BASES)[number];

/** Whether it is one that this app made, of today's definition or an earlier one. The prefix tells it from the console's own. */
export function baseOf(name: string): IndexBase | null {
  const [, base] = /^flag_promotions_([a-z_]+?)(?:_[0-9a-f]{8})?$/u.exec(name) ?? [];
  return BASES.find((known) => known === base) ?? null;
}

/** Whether the row's state is none of ours, as an index knows it; `state`: how the dialect reads it. */
export const isOdd = (state: string): string =>
  `(${state} in (${PROMOTION_STATES.map(quoted).join(', ')})) is not true`;

/** `hasUniqueId`: the table holds by itself that each id is there once. */
export function wantedIndexes(
  dialect: Dialect,
  { hasUniqueId }: { readonly hasUniqueId: boolean },
): readonly WantedIndex[] {
  const { state, time } = dialect;
  return [
    // First, because a table that can't hold it isn't adopted. One active promotion per app and config var, whoever writes.
    index('one_active', `(heroku_app, (${CONFIG_VAR})) where ${state} in ('marked', 'deploying')`, true),
    ...(hasUniqueId ? [] : [index('id', '(id)', true)]),
    // Detection costs what is stuck, not what the table holds.
    index(
      'stuck_clock',
      `((coalesce(${time('promoted_at')}, ${time('marked_at')}, ${time('created_at')}, '-infinity'::timestamptz))) where ${state} = 'deploying'`,
    ),
    // The promoter takes the row that is due first, one at a time.
    index('promoter_due', `(next_attempt_at nulls first, id) where ${state} = 'deploying'`),
    // Stats cost what their period holds. Of its expressions the planner has statistics, so it knows how rare a state is.
    index('promoted', `((${time('promoted_at')}), (${state}))`),
    index(
      'ended',
      `((coalesce(${time('deployed_at')}, ${time('failed_at')})) desc nulls last, id desc) where ${state} in ('deployed', 'failed')`,
    ),
    // Counting the states that nobody here knows costs what is odd.
    index('odd_states', `(state) where ${isOdd(state)}`),
    // The list shows the newest first; an id is the order of arrival.
    index('flag_key', '(flag_key, id desc)'),
  ];
}

function index(base: IndexBase, definition: string, isUnique = false): WantedIndex {
  const hash = createHash('sha256').update(`${isUnique} ${definition}`).digest('hex').slice(0, 8);
  return { name: `flag_promotions_${base}_${hash}`, base, isUnique, definition };
}
