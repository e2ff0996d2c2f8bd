import { setTimeout as sleep } from 'node:timers/promises';

export type Payload =
  | { readonly kind: 'command'; readonly form: Readonly<Record<string, string>> }
  | { readonly kind: 'interaction'; readonly payload: Readonly<Record<string, unknown>> }
  | { readonly kind: 'event'; readonly payload: Readonly<Record<string, unknown>> };

/** The app's status and body, if they came in time. */
export type Acknowledgement =
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown; readonly noRetry?: boolean }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'unreachable' };

interface Retry {
  /** 1 to 3. */
  readonly number: number;
  readonly reason: RetryReason;
}
type RetryReason = 'http_timeout' | 'http_error' | 'connection_failed';

/** Delivers payloads to the app, over HTTP or Socket Mode. */
export interface Delivery {
  deliver(payload: Payload, retry?: Retry): Promise<Acknowledgement>;
}

/** Slack waits this long for an acknowledgement (https://docs.slack.dev/interactivity). */
export const ACK_WITHIN_MS = 3_000;

/** Slack retries an event up to three times (https://docs.slack.dev/apis/events-api#retries). */
const RETRIES = 3;

/** The waits before Slack's retries of an event, in milliseconds. */
export type RetryWaits = readonly [first: number, second: number, third: number];

/**
 * Delivers an event until it is acknowledged with a 2xx, with up to three retries. False if it wasn't, or once
 * `stopped` is aborted.
 */
export async function deliverEvent(
  delivery: () => Delivery,
  payload: Payload,
  waits: RetryWaits,
  stopped: AbortSignal,
): Promise<boolean> {
  let reason: RetryReason = 'http_timeout';
  for (let attempt = 0; attempt <= RETRIES && !stopped.aborted; attempt += 1) {
    if (attempt > 0) await sleep(waits[attempt - 1], undefined, { signal: stopped }).catch(() => undefined);
    if (stopped.aborted) return false;
    const answer = await delivery().deliver(payload, attempt === 0 ? undefined : { number: attempt, reason });
    if (answer.kind === 'answered' && answer.status >= 200 && answer.status < 300) return true;
    if (answer.kind === 'answered' && answer.noRetry === true) return false;
    reason = reasonOf(answer);
  }
  return false;
}

function reasonOf({ kind }: Acknowledgement): RetryReason {
  if (kind === 'timeout') return 'http_timeout';
  return kind === 'answered' ? 'http_error' : 'connection_failed';
}
