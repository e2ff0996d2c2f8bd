import { createHash } from 'node:crypto';
import { PROMOTION_STATES } from '../../promotions/promotion.js';
import { CONFIG_VAR } from './columns.js';
import { type Dialect, quoted } from './dialect.js';

export interface WantedIndex {
  /** Includes its purpose and a hash of its definition: another definition is another index. */
  readonly name: string;
  readonly base: IndexBase;
  readonly isUnique: boolean;
  /** Its key and condition. */
  readonly definition: string;
}

const BASES = [
  'one_active',
  'stuck_clock',
  'promoter_due',
  'promoted',
  'ended',
  'deployed',
  'odd_states',
  'flag_key',
  'id',
] as const;
export type IndexBase = (typeof BASES)[number];

/**
 * The purpose of this app's own index, of any version's definition; null for the console's, which lack the hash. A table
 * that was swapped has its number behind it.
 */
export function baseOf(name: string): IndexBase | null {
  const [, base] = /^flag_promotions_([a-z_]+)_[0-9a-f]{8}(?:_\d+)?$/u.exec(name) ?? [];
  return BASES.find((known) => known === base) ?? null;
}

/** SQL: the row's state isn't ours, as indexed; `state`: the dialect's expression. */
export const isOdd = (state: string): string =>
  `(${state} in (${PROMOTION_STATES.map(quoted).join(', ')})) is not true`;

/** `hasUniqueId`: the table itself keeps ids unique. */
export function wantedIndexes(
  dialect: Dialect,
  { hasUniqueId }: { readonly hasUniqueId: boolean },
): readonly WantedIndex[] {
  const { state, time } = dialect;
  return [
    // First, because a table that can't hold it isn't adopted: one active promotion per app and config var, whoever
    // writes.
    index('one_active', `(heroku_app, (${CONFIG_VAR})) where ${state} in ('marked', 'deploying')`, true),
    ...(hasUniqueId ? [] : [index('id', '(id)', true)]),
    // Detection costs what is stuck, not what the table holds.
    index(
      'stuck_clock',
      `((coalesce(${time('promoted_at')}, ${time('marked_at')}, ${time('created_at')}, '-infinity'::timestamptz))) where ${state} = 'deploying'`,
    ),
    // The promoter claims the row that is due first, one at a time.
    index('promoter_due', `(next_attempt_at nulls first, id) where ${state} = 'deploying'`),
    // Stats cost what their period holds. Statistics on the expressions tell the planner how rare a state is.
    index('promoted', `((${time('promoted_at')}), (${state}))`),
    index(
      'ended',
      `((coalesce(${time('deployed_at')}, ${time('failed_at')})) desc nulls last, id desc) where ${state} in ('deployed', 'failed')`,
    ),
    // A config var's newest deployed promotion counts, however many came before.
    index('deployed', `(heroku_app, (${CONFIG_VAR}), id desc) where ${state} = 'deployed'`),
    // Counting unknown states costs only their rows.
    index('odd_states', `(state) where ${isOdd(state)}`),
    // The list shows the newest first; ids are in order of arrival.
    index('flag_key', '(flag_key, id desc)'),
  ];
}

function index(base: IndexBase, definition: string, isUnique = false): WantedIndex {
  const hash = createHash('sha256').update(`${isUnique} ${definition}`).digest('hex').slice(0, 8);
  return { name: `flag_promotions_${base}_${hash}`, base, isUnique, definition };
}
