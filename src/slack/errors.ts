import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api';
import { leavesOutcomeOpen, networkCode } from '../network/failures.js';

/**
 * Slack didn't do what was asked, or it is unknown whether it did.
 *
 * - `refused`: Slack said no (`code` is its word for why); nothing happened.
 * - `rate_limited`: nothing happened; ask again after `retryAfterMs`.
 * - `unreachable`: the request was never sent; nothing happened.
 * - `unknown_outcome`: no answer, a broken one, a 5xx or a proxy's timeout; Slack may have done it.
 */
export class SlackError extends Error {
  override readonly name = 'SlackError';
  constructor(
    readonly kind: 'refused' | 'rate_limited' | 'unreachable' | 'unknown_outcome',
    readonly method: string,
    readonly code: string,
    readonly retryAfterMs: number,
    cause: unknown,
  ) {
    super(`Slack's ${method} failed: ${code}`, { cause });
  }

  /** Slack's error code, without its details. */
  get word(): string {
    return this.code.split(';')[0] ?? this.code;
  }
}

/** Errors that mean a message is not there (any more). */
export const MESSAGE_GONE: ReadonlySet<string> = new Set(['message_not_found', 'thread_not_found']);

/**
 * After these Slack may have done it all the same (https://docs.slack.dev/reference/methods/chat.postMessage#errors).
 */
const UNKNOWN_OUTCOME: ReadonlySet<string> = new Set(['internal_error', 'fatal_error']);
const RATE_LIMITED_WORD = 'ratelimited';
/** Temporary: a retry helps, another channel doesn't. */
const PASSING: ReadonlySet<string> = new Set([
  ...UNKNOWN_OUTCOME,
  RATE_LIMITED_WORD,
  'service_unavailable',
  'request_timeout',
]);

/** No message reaches this person: usually a deactivated account. */
const OUT_OF_REACH: ReadonlySet<string> = new Set([
  'channel_not_found',
  'user_not_found',
  'user_not_visible',
  'user_disabled',
  'cannot_dm_bot',
]);

/** Whether Slack accepts no direct message to a person, whoever sends it. */
export function isOutOfReach(error: unknown): boolean {
  return error instanceof SlackError && error.kind === 'refused' && OUT_OF_REACH.has(error.word);
}

/**
 * Whether Slack will refuse until somebody changes something; it may accept the same in another channel. A bare HTTP
 * status may be a proxy's, and says nothing of a channel.
 */
export function isLastingRefusal(error: unknown): error is SlackError {
  if (!(error instanceof SlackError) || error.kind !== 'refused') return false;
  return !PASSING.has(error.word) && !error.code.startsWith('http_');
}

/** About the request, the app or its workspace: any message would be refused, until somebody changes something. */
const NOT_ABOUT_THE_MESSAGE: ReadonlySet<string> = new Set([
  'access_denied',
  'accesslimited',
  'account_inactive',
  'as_user_not_supported',
  'attachment_payload_limit_exceeded',
  'block_mismatch',
  'deprecated_endpoint',
  'ekm_access_denied',
  'enterprise_is_restricted',
  'external_channel_migrating',
  'invalid_arg_name',
  'invalid_arguments',
  'invalid_array_arg',
  'invalid_attachments',
  'invalid_auth',
  'invalid_blocks',
  'invalid_blocks_format',
  'invalid_charset',
  'invalid_form_data',
  'invalid_json',
  'invalid_metadata_format',
  'invalid_metadata_schema',
  'invalid_post_type',
  'json_not_object',
  'markdown_text_conflict',
  'message_limit_exceeded',
  'metadata_must_be_sent_from_app',
  'metadata_too_large',
  'method_deprecated',
  'missing_post_type',
  'missing_scope',
  'msg_blocks_too_long',
  'msg_too_long',
  'no_permission',
  'no_text',
  'not_allowed_token_type',
  'not_authed',
  'org_login_required',
  'rate_limited',
  'team_access_not_granted',
  'team_added_to_org',
  'team_not_found',
  'token_expired',
  'token_revoked',
  'too_many_attachments',
  'too_many_contact_cards',
  'two_factor_setup_required',
  'upgrade_required',
]);

/** What Slack says if a whole channel is closed to the app (https://docs.slack.dev/reference/methods/chat.update#errors). */
const CHANNEL_CLOSED: ReadonlySet<string> = new Set([
  'channel_not_found',
  'is_archived',
  'is_inactive',
  'not_in_channel',
]);

/** What Slack says if it will never let the app change this one message. */
const MESSAGE_CLOSED: ReadonlySet<string> = new Set(['cant_update_message', 'edit_window_closed']);

/** Slack doesn't let the app change a message. */
export interface Unchangeable {
  /** Slack's word for why. */
  readonly because: string;
  /** No message in its channel can be changed. */
  readonly inWholeChannel: boolean;
  /** By a word that we know: trying again is in vain. */
  readonly isForGood: boolean;
  readonly error: SlackError;
}

/** null: a later attempt may succeed, or there is something to put right first. */
export function unchangeable(error: unknown): Unchangeable | null {
  if (!isLastingRefusal(error) || NOT_ABOUT_THE_MESSAGE.has(error.word)) return null;
  const inWholeChannel = CHANNEL_CLOSED.has(error.word);
  return { because: error.word, inWholeChannel, isForGood: inWholeChannel || MESSAGE_CLOSED.has(error.word), error };
}

const READS: ReadonlySet<string> = new Set([
  'auth.test',
  'users.info',
  'conversations.history',
  'conversations.replies',
  'files.info',
]);

/** Whether something may have changed in Slack although the call failed. */
export function mayHaveHappened(error: SlackError): boolean {
  return error.kind === 'unknown_outcome' && !READS.has(error.method);
}

const NO_SLOT = 'no_slot';
const RATE_LIMITED = 'rate_limited';

/** No channel slot is taken for that long. */
const LONGEST_SLOT_MS = 60_000;

/**
 * The channel's slot is taken, so nothing was asked of Slack; ask again after `afterMs`. If that is longer than any
 * slot lasts, it is Slack's own limit, and the error says so.
 */
export function noSlot(method: string, afterMs: number): SlackError {
  const code = afterMs > LONGEST_SLOT_MS ? RATE_LIMITED : NO_SLOT;
  return new SlackError('rate_limited', method, code, afterMs, undefined);
}

/** It took so long that the caller may no longer be the one to send it: nothing was asked of Slack. */
export function withheld(method: string): SlackError {
  return new SlackError('unreachable', method, 'withheld', 0, undefined);
}

/** Whether it only has to wait for a channel slot. */
export function awaitsSlot(error: unknown): boolean {
  return error instanceof SlackError && error.code === NO_SLOT;
}

/** The connection was never made, not even to or by a proxy, so nothing can have been sent over it. */
const NEVER_SENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

/** Turns the Web API client's errors into a SlackError, without token and message text. */
export function toSlackError(method: string, error: unknown): SlackError {
  if (error instanceof WebAPIPlatformError) return refusalOf(method, error);
  if (error instanceof WebAPIRateLimitedError) {
    return new SlackError('rate_limited', method, RATE_LIMITED, error.retryAfter * 1000, undefined);
  }
  if (error instanceof WebAPIHTTPError) {
    const kind = leavesOutcomeOpen(error.statusCode) ? 'unknown_outcome' : 'refused';
    return new SlackError(kind, method, `http_${error.statusCode}`, 0, undefined);
  }
  if (error instanceof WebAPIRequestError) {
    const code = networkCode(error.original) ?? 'no_answer';
    const kind = NEVER_SENT.has(code) || code.startsWith('PROXY_') ? 'unreachable' : 'unknown_outcome';
    return new SlackError(kind, method, code, 0, error.original);
  }
  return new SlackError('unknown_outcome', method, 'unexpected', 0, error);
}

/** The longest of Slack's words has half of these letters. */
const LONGEST_WORD = 100;
/** Slack said no, and not why. */
const NO_REASON = 'no_reason';

function refusalOf(method: string, error: WebAPIPlatformError): SlackError {
  const { error: told, response_metadata: metadata } = error.data;
  const word = typeof told === 'string' && told !== '' ? told.slice(0, LONGEST_WORD) : NO_REASON;
  const retryAfter = metadata?.retryAfter;
  if (word === RATE_LIMITED_WORD && retryAfter !== undefined) {
    return new SlackError('rate_limited', method, RATE_LIMITED, retryAfter * 1000, undefined);
  }
  const kind = UNKNOWN_OUTCOME.has(word) ? 'unknown_outcome' : 'refused';
  return new SlackError(kind, method, describe(word, error), 0, undefined);
}

/** Calls the Web API; rejects with a SlackError. */
export async function attempt<T>(method: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toSlackError(method, error);
  }
}

/** Slack's code, with the details that it gives for malformed blocks. */
function describe(word: string, error: WebAPIPlatformError): string {
  const details = error.data.response_metadata?.messages ?? [];
  return [word, ...details.slice(0, 3)].join('; ').slice(0, 300);
}
