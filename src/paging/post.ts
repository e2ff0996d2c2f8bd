import { isFromBetween, leavesOutcomeOpen, networkCode } from '../network/failures.js';
import type { Fetch } from '../network/network.js';
import type { FailedAttempt } from '../promotions/back-off.js';

/** Something sent outside Slack wasn't accepted. The message holds no key and no address. */
export class PagingError extends Error {
  override readonly name = 'PagingError';
  constructor(
    /** `page` or `webhook`. */
    readonly what: string,
    /** For people: `403`, `403, perhaps a proxy’s`, `no answer`. */
    readonly word: string,
    /** null: it would be refused again, so it isn't retried. */
    readonly waits: FailedAttempt | null,
    /** Whether the other side may have accepted it all the same. */
    readonly mayHaveArrived: boolean,
    /** What the other side says is wrong, for the log and for doctor. */
    detail = '',
  ) {
    super(`${what} not delivered: ${word}${detail === '' ? '' : ` (${detail})`}`);
  }

  /** One short line for people. */
  get says(): string {
    return `${this.what} not delivered: ${this.word}`;
  }
}

/** It took so long that another process may be sending it by now: nothing was sent. */
export function withheldPage(what: string): PagingError {
  return new PagingError(what, 'withheld', { kind: 'refused' }, false);
}

export interface OutgoingPost {
  readonly what: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly withinMs: number;
  /** The receiver answers in JSON, so a page comes from something in between. */
  readonly answersJson: boolean;
  /** Never repeated, whatever the answer quotes. */
  readonly secrets: readonly string[];
}

/** The connection was never made, so nothing can have been sent over it. */
const NEVER_SENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);
/** The request itself is wrong, or the receiver is gone for good: a retry can't help. */
const NOT_AGAIN: ReadonlySet<number> = new Set([400, 410]);
const MOST_RETRY_AFTER_MS = 15 * 60_000;
const USUAL_RETRY_AFTER_MS = 30_000;
const MOST_READ = 4_096;

/**
 * Sends JSON once, without following redirects.
 * @throws PagingError unless the answer is 2xx
 */
export async function postJson(post: OutgoingPost, fetch: Fetch): Promise<void> {
  let status: number;
  let retryAfter: string | null;
  let text = '';
  let isOthers = false;
  try {
    const answer = await fetch(post.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'flag-promotions', ...post.headers },
      body: post.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(post.withinMs),
    });
    ({ status } = answer);
    retryAfter = answer.headers.get('retry-after');
    // The text only matters for a refusal; the signal cuts off an endless body.
    if (status === 400 || (post.answersJson && status > 400 && status < 500)) {
      text = (await answer.text()).slice(0, MOST_READ);
      isOthers = post.answersJson && isFromBetween((name) => answer.headers.get(name), text);
    } else await answer.body?.cancel();
  } catch (error) {
    throw noAnswer(post.what, error);
  }
  if (status >= 200 && status < 300) return;
  const mayHaveArrived = leavesOutcomeOpen(status);
  throw new PagingError(
    post.what,
    isOthers ? `${status}, perhaps a proxy’s` : String(status),
    isOthers && NOT_AGAIN.has(status) ? { kind: 'refused' } : waitsAfter(status, retryAfter),
    mayHaveArrived,
    status === 400 && !isOthers ? detailOf(post, text) : '',
  );
}

function noAnswer(what: string, error: unknown): PagingError {
  const code = networkCode(error) ?? 'no answer';
  const neverSent = NEVER_SENT.has(code) || code.startsWith('PROXY_');
  const word = code === 'timeout' ? 'no answer' : code;
  return new PagingError(what, word, { kind: neverSent ? 'refused' : 'unknown_outcome' }, !neverSent);
}

/** Behind a 5xx or a proxy's timeout the other side may still be working on it, as behind no answer at all. */
function waitsAfter(status: number, retryAfter: string | null): FailedAttempt | null {
  if (NOT_AGAIN.has(status)) return null;
  if (leavesOutcomeOpen(status)) return { kind: 'unknown_outcome' };
  if (status !== 429) return { kind: 'refused' };
  const seconds = Number(retryAfter ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : USUAL_RETRY_AFTER_MS;
  return { kind: 'rate_limited', retryAfterMs: Math.min(MOST_RETRY_AFTER_MS, retryAfterMs) };
}

function detailOf({ secrets }: OutgoingPost, text: string): string {
  const masked = secrets.reduce((so, secret) => so.replaceAll(secret, '…'), text);
  return masked.replaceAll(/[^\p{L}\p{N} .,:;'"_()[\]{}/-]/gu, ' ').slice(0, 300);
}
