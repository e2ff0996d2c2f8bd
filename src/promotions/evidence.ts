import type { Promotion } from './promotion.js';

/**
 * What Heroku holds now for a promotion's config var, or why that is not known. It never carries a value that may be
 * a secret, so it can be shown, stored and logged as it is.
 */
export type Evidence =
  | {
      readonly kind: 'read';
      readonly checkedAt: Date;
      readonly verdict: 'live' | 'not_live';
      readonly value: PresentableValue;
    }
  | { readonly kind: 'unavailable'; readonly checkedAt: Date; readonly reason: UnavailableReason };

export type UnavailableReason =
  /** No HEROKU_API_KEY is configured: nobody was asked. */
  | 'not_configured'
  /** Heroku did not answer in time, could not be reached, or is failing. */
  | 'no_answer'
  | 'rate_limited'
  /** Heroku answered, and refused: the key is wrong, or may not read this app. */
  | 'refused'
  | 'app_not_found';

export type PresentableValue =
  | { readonly kind: 'unset' }
  | { readonly kind: 'plain'; readonly value: string }
  | { readonly kind: 'masked' };

/** What the evidence means: Heroku holds the target value, holds another one (or none), or nobody knows. */
export type Verdict = 'live' | 'not_live' | 'unknown';

export type ResolutionAction = 'completed' | 'failed';

/** Turns the value that Heroku holds (null: unset) into evidence; the value itself goes no further. */
export function assess(promotion: Pick<Promotion, 'targetValue'>, value: string | null, checkedAt: Date): Evidence {
  return {
    kind: 'read',
    checkedAt,
    verdict: value === promotion.targetValue ? 'live' : 'not_live',
    value: presentableValue(value),
  };
}

export function verdictOf(evidence: Evidence): Verdict {
  return evidence.kind === 'read' ? evidence.verdict : 'unknown';
}

/** Whether resolving this way says the opposite of what Heroku says. An unknown verdict contradicts nothing. */
export function contradicts(evidence: Evidence, action: ResolutionAction): boolean {
  const verdict = verdictOf(evidence);
  return (verdict === 'live' && action === 'failed') || (verdict === 'not_live' && action === 'completed');
}

/**
 * Whether what was shown to the operator no longer holds. A second look that yields no answer changes nothing: the
 * operator decided on what was read, and the audit event keeps both.
 */
export function evidenceChanged(shown: Evidence, reread: Evidence): boolean {
  if (reread.kind === 'unavailable') return false;
  if (shown.kind === 'unavailable' || shown.verdict !== reread.verdict) return true;
  if (shown.value.kind === 'plain' && reread.value.kind === 'plain') return shown.value.value !== reread.value.value;
  return shown.value.kind !== reread.value.kind;
}

/**
 * A config var may hold a secret; only what is plainly a flag's value is ever shown or stored: booleans in words, or
 * a number of at most six digits. Everything else is masked.
 */
export function presentableValue(value: string | null): PresentableValue {
  if (value === null) return { kind: 'unset' };
  const isPlain = /^(?:true|false|on|off|yes|no|enabled|disabled|-?(?:\d{1,6}|\d{1,3}\.\d{1,3}))$/iu.test(value);
  return isPlain ? { kind: 'plain', value } : { kind: 'masked' };
}
