/**
 * What went wrong, as far as a caller has to act on it.
 *
 * - `unauthorized`: the API key was not accepted (401)
 * - `forbidden`: the key is good, but may not do this (402, 403)
 * - `not_found`: no such app or release, or the key can't see it (404, 410)
 * - `invalid`: refused by Heroku for its content (400, 413, 422), or here before anything was sent
 * - `rate_limited`: too many requests in this hour (429); see `retryAfterMs`
 * - `unavailable`: Heroku is in trouble or busy with the app (5xx, 408, 409, 423, 425, 499)
 * - `unreachable`: no connection was made, so the request was certainly not sent
 * - `over_budget`: HEROKU_REQUESTS_PER_HOUR is used up, so the request was not sent
 * - `withheld`: the caller withdrew it before it could be sent, so it certainly was not
 * - `unknown_outcome`: the request was sent and no complete answer came back
 * - `unexpected`: an answer that Heroku doesn't document, or a refusal not in its form; perhaps a proxy's
 */
export type HerokuErrorKind =
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'invalid'
  | 'rate_limited'
  | 'unavailable'
  | 'unreachable'
  | 'over_budget'
  | 'withheld'
  | 'unknown_outcome'
  | 'unexpected';

/** Those of Heroku's refusal ids that have a next step of their own; others are dropped. */
export const HEROKU_REASONS = ['delinquent', 'two_factor', 'suspended', 'conflict'] as const;
export type HerokuReason = (typeof HEROKU_REASONS)[number];

export interface HerokuErrorDetails {
  readonly kind: HerokuErrorKind;
  readonly message: string;
  readonly outcomeUnknown: boolean;
  readonly cause: Error;
  readonly reason?: HerokuReason | null;
  readonly status?: number | null;
  readonly requestId?: string | null;
  readonly retryAfterMs?: number | null;
  readonly rateLimitRemaining?: number | null;
}

/**
 * The only error of this adapter. Neither its fields nor its `cause` carry a body, a config var's value or a token, so
 * it may be logged as it is. `message` is a sentence for people.
 */
export class HerokuError extends Error {
  override readonly name = 'HerokuError';
  readonly kind: HerokuErrorKind;
  /** True only for a write that may have taken effect: find out by reading, never by sending it again. */
  readonly outcomeUnknown: boolean;
  /** Heroku's own reason; null if it gave none that we know. */
  readonly reason: HerokuReason | null;
  /** HTTP status; null if there was no answer. */
  readonly status: number | null;
  /** Heroku's id of the request, for its support; null if there was none. */
  readonly requestId: string | null;
  /** Milliseconds that Heroku asks to wait; null if it names no time. */
  readonly retryAfterMs: number | null;
  /** Requests left in this account's limit; null if Heroku didn't say. */
  readonly rateLimitRemaining: number | null;

  constructor(details: HerokuErrorDetails) {
    super(details.message, { cause: details.cause });
    this.kind = details.kind;
    this.outcomeUnknown = details.outcomeUnknown;
    this.reason = details.reason ?? null;
    this.status = details.status ?? null;
    this.requestId = details.requestId ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.rateLimitRemaining = details.rateLimitRemaining ?? null;
  }
}
