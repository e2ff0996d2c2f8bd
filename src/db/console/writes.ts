import type { PromotionState } from '../../promotions/promotion.js';

/**
 * What this app writes to the console's table: each transition, each column, the widest value. Tables are judged by it;
 * a test compares it with the app's own statements.
 */

/** The widest texts. What a person types is as wide as its form allows. */
const SLACK_ID = `U${'0'.repeat(20)}`;
const CHECKPOINT = `PENDING_COMMIT:${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`;
/** Not only ASCII: people type it on phones. */
const LONGEST_NOTE = `’${'ü'.repeat(999)}`;
const LONGEST_URL = `https://${'x'.repeat(2_040)}`;
/** Heroku limits an app's config vars to 32 KiB in total; sealing adds a third. */
const LONGEST_VALUE = 'x'.repeat(43_747);
/** How long these texts get in an ordinary week. A longer one is rare, so its refusal is no reason not to start. */
export const USUAL_LENGTHS: Readonly<Record<string, number>> = {
  previous_value: 100,
  rca_url: 250,
  // What people write, and what the app says of an error. A test compares it with the errors from Heroku.
  last_error: 500,
  failure_reason: 500,
  resolution_note: 500,
};
const OWNER = `1234567-${'0'.repeat(12)}`;

/** A value to send, or an SQL expression, in which `{begin}` is the instant at which the promotion was made. */
export type Written = string | number | boolean | null | { readonly sql: string };
export type Values = Readonly<Record<string, Written>>;

const after = (seconds: number): Written => ({ sql: `{begin} + interval '${seconds} s'` });
/** By the app's clock, which it reads just before its transaction. */
const MARKED_AT = after(-0.01);
export const PROMOTED_AT = after(60);
const ENDED_AT = after(120);
/** By the database's clock. */
const NOW = after(180);
const LATER = after(240);
/**
 * SQL of `{begin}`. In the past first, because the console may allow no time to come; then now, because the console may
 * set created_at by itself, and no earlier time than that.
 */
export const BEGINNINGS = ["(now() - interval '180 s')", 'now()'] as const;
/** As many as weeks without Heroku bring. */
const MORE: Written = { sql: 'coalesce(attempts, 0) + 10000' };
const RELEASED: Values = { lease_owner: null, lease_until: null };
const ENDED: Values = { ...RELEASED, next_attempt_at: null, last_error: null, updated_at: NOW };

/** One of the app's writes to a promotion. */
export interface WriteOf {
  /** Follows "to": `record Mark completed`. */
  readonly does: string;
  readonly from: PromotionState;
  /** If it is the same state, it isn't written. */
  readonly to: PromotionState;
  readonly set: Values;
}

/** A new promotion's values, besides its state and names. */
export const MARKED: Values = { marked_by: SLACK_ID, marked_at: MARKED_AT };
/** The promotion that reverts: inserted once the first is no longer active. */
export const REVERTING: Values = {
  target_unset: true,
  checkpoint: 'INTENT',
  marked_by: SLACK_ID,
  marked_at: after(89),
  promoted_by: SLACK_ID,
  promoted_at: after(90),
};
/** What identifies a promotion, at the least useful width: the console chose its names, and so their width. */
export const NAMES = ['flag_key', 'heroku_app', 'config_var', 'target_value'] as const;

export const PROMOTE: WriteOf = {
  does: 'promote',
  from: 'marked',
  to: 'deploying',
  set: { ...ENDED, promoted_by: SLACK_ID, promoted_at: PROMOTED_AT, checkpoint: 'INTENT', attempts: 0 },
};
export const TAKE_UP: WriteOf = {
  does: 'take up a promotion',
  from: 'deploying',
  to: 'deploying',
  set: { lease_owner: OWNER, lease_until: LATER, attempts: MORE },
};
export const COMPLETE: WriteOf = {
  does: 'record Mark completed',
  from: 'deploying',
  to: 'deployed',
  set: {
    deployed_at: ENDED_AT,
    resolved_by: SLACK_ID,
    resolution_note: LONGEST_NOTE,
    rca_url: LONGEST_URL,
    updated_at: NOW,
  },
};
export const FAIL: WriteOf = {
  does: 'record Mark failed',
  from: 'deploying',
  to: 'failed',
  set: {
    failed_at: ENDED_AT,
    failure_reason: LONGEST_NOTE,
    resolved_by: SLACK_ID,
    resolution_note: LONGEST_NOTE,
    rca_url: LONGEST_URL,
    updated_at: NOW,
  },
};

export const WRITES: readonly WriteOf[] = [
  PROMOTE,
  { does: 'cancel', from: 'marked', to: 'cancelled', set: { resolved_by: SLACK_ID, updated_at: NOW } },
  TAKE_UP,
  {
    does: 'announce a change on Heroku',
    from: 'deploying',
    to: 'deploying',
    set: { previous_value: LONGEST_VALUE, base_release: 1, lease_until: LATER, updated_at: NOW },
  },
  {
    does: 'record that the config var was not set before',
    from: 'deploying',
    to: 'deploying',
    set: { previous_value: null },
  },
  {
    does: 'record the release on Heroku',
    from: 'deploying',
    to: 'deploying',
    set: { checkpoint: CHECKPOINT, attempts: 0, last_error: null, updated_at: NOW },
  },
  {
    does: 'put off the next attempt',
    from: 'deploying',
    to: 'deploying',
    set: { ...RELEASED, next_attempt_at: LATER, last_error: LONGEST_NOTE, updated_at: NOW, attempts: 0 },
  },
  {
    does: 'record that a promotion is deployed',
    from: 'deploying',
    to: 'deployed',
    set: { ...ENDED, deployed_at: ENDED_AT, checkpoint: CHECKPOINT },
  },
  {
    does: 'record that a promotion failed',
    from: 'deploying',
    to: 'failed',
    set: { ...ENDED, failed_at: ENDED_AT, failure_reason: LONGEST_NOTE, checkpoint: CHECKPOINT },
  },
  COMPLETE,
  {
    does: 'record Mark completed without a note',
    from: 'deploying',
    to: 'deployed',
    set: { deployed_at: ENDED_AT, resolved_by: SLACK_ID, resolution_note: null, rca_url: null, updated_at: NOW },
  },
  FAIL,
  {
    does: 'complete what is live (AUTO_COMMIT)',
    from: 'deploying',
    to: 'deployed',
    set: { deployed_at: ENDED_AT, resolution_note: LONGEST_NOTE, updated_at: NOW },
  },
  { does: 'link an RCA', from: 'deployed', to: 'deployed', set: { rca_url: LONGEST_URL } },
];

/** The least room that a name or value needs. */
const LEAST: Readonly<Record<(typeof NAMES)[number], string>> = {
  flag_key: 'x',
  heroku_app: 'x',
  config_var: 'x',
  target_value: 'false',
};

export interface ColumnUse {
  readonly kind: 'text' | 'time' | 'number' | 'flag';
  /** The most characters; 0 for other kinds. */
  readonly width: number;
  /** The app sets it to null. */
  readonly setToNull: boolean;
  /** A new row has a value for it. */
  readonly inserted: boolean;
}

/** What a row has by default, and the app only reads. */
export const READ: Values = { created_at: { sql: '{begin}' } };

function kindOf(values: readonly Written[]): ColumnUse['kind'] {
  const given = values.find((value) => value !== null && typeof value !== 'object');
  if (values.some((value) => typeof value === 'object' && value?.sql.startsWith('{begin}') === true)) return 'time';
  if (typeof given === 'number') return 'number';
  return typeof given === 'boolean' ? 'flag' : 'text';
}

/** What all transitions write to each column but `id` and `state`. */
export const USES: ReadonlyMap<string, ColumnUse> = usesOf();

function usesOf(): ReadonlyMap<string, ColumnUse> {
  const sets: readonly Values[] = [READ, LEAST, MARKED, REVERTING, ...WRITES.map(({ set }) => set)];
  const names = new Set(sets.flatMap((set) => Object.keys(set)));
  return new Map(
    [...names].map((name) => {
      const values = sets.flatMap((set) => (Object.hasOwn(set, name) ? [set[name] ?? null] : []));
      const lengths = values.map((value) => (typeof value === 'string' ? Array.from(value).length : 0));
      return [
        name,
        {
          kind: kindOf(values),
          width: Math.max(...lengths),
          setToNull: values.includes(null),
          inserted: Object.hasOwn(LEAST, name) || Object.hasOwn(MARKED, name),
        },
      ];
    }),
  );
}
