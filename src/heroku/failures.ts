import { isOtherJson, readRefusalId } from './bodies.js';
import { HEROKU_REASONS, HerokuError, type HerokuErrorKind, type HerokuReason } from './error.js';
import { explain, type Task } from './explain.js';
import { rateLimitRemaining, requestId, retryAfterMs } from './limits.js';
import type { Outcome } from './one-send-request.js';
import { isFromBetween, leavesOutcomeOpen } from '../network/failures.js';

type Answered = Extract<Outcome, { type: 'answered' }>;
type Lost = Extract<Outcome, { type: 'lost' }>;

/** Refused here, before anything was sent. */
export function refusedHere(task: Task): HerokuError {
  return new HerokuError({
    kind: 'invalid',
    message: explain('invalid', task, { outcomeUnknown: false }),
    outcomeUnknown: false,
    cause: new Error('Refused before sending: unusable in a path or as a name.'),
  });
}

/** Not sent: the hour's requests are used up. */
export function overBudget(task: Task): HerokuError {
  return new HerokuError({
    kind: 'over_budget',
    message: explain('over_budget', task, { outcomeUnknown: false }),
    outcomeUnknown: false,
    cause: new Error('HEROKU_REQUESTS_PER_HOUR is used up, before sending'),
  });
}

/** No complete answer came back. */
export function lost(task: Task, outcome: Lost, deadlineMs: number): HerokuError {
  const { reason, code } = outcome;
  const kind = outcome.sent ? 'unknown_outcome' : reason === 'withheld' ? 'withheld' : 'unreachable';
  const outcomeUnknown = outcome.sent && task.writes;
  return new HerokuError({
    kind,
    message: explain(kind, task, { outcomeUnknown, reason, code, deadlineMs }),
    outcomeUnknown,
    cause: new Error(`${reason === 'network' ? code : reason}, ${outcome.sent ? 'after' : 'before'} sending`),
  });
}

/** Heroku answered with another status than the one needed. */
export function refusedByHeroku(task: Task, answer: Answered, now: Date): HerokuError {
  const kind = kindOf(answer);
  // Heroku documents no 3xx here, so nobody knows what it means.
  const outcomeUnknown = task.writes && (answer.status < 400 || leavesOutcomeOpen(answer.status));
  const reason = reasonOf(answer);
  const wait = kind === 'rate_limited' || kind === 'unavailable' ? retryAfterMs(answer.headers, now) : null;
  return new HerokuError({
    ...aboutAnswer(answer),
    kind,
    reason,
    message: explain(kind, task, { outcomeUnknown, status: answer.status, refusal: reason, retryAfterMs: wait }),
    outcomeUnknown,
    retryAfterMs: wait,
    cause: new Error(`Status ${answer.status}`),
  });
}

/** The status was right, the body was not. `fault` says where, and holds nothing of the body. */
export function unreadable(task: Task, answer: Answered, fault: string): HerokuError {
  const outcomeUnknown = task.writes;
  return new HerokuError({
    ...aboutAnswer(answer),
    kind: 'unexpected',
    message: explain('unexpected', task, { outcomeUnknown, status: answer.status }),
    outcomeUnknown,
    cause: new Error(`Status ${answer.status}, body: ${fault}`),
  });
}

/** A 409 is a conflict whatever its body says. */
function reasonOf({ status, text }: Answered): HerokuReason | null {
  if (status === 409) return 'conflict';
  const id = status === 402 || status === 403 ? readRefusalId(text) : null;
  return HEROKU_REASONS.find((reason) => reason === id) ?? null;
}

/** With these Heroku refuses what was sent, and will again. Any other 4xx may be a proxy's, and pass. */
const CONTENT_REFUSED: ReadonlySet<number> = new Set([400, 413, 422]);
/** With these it refuses who asked, or what was asked for. */
const REFUSED: ReadonlySet<number> = new Set([...CONTENT_REFUSED, 401, 402, 403, 404, 410]);

/** Whether an answer surely isn't Heroku's, but that of something in between. */
export function isNotHerokus({ headers, text }: Pick<Answered, 'headers' | 'text'>): boolean {
  return isFromBetween((name) => headers[name], text);
}

function kindOf(answer: Answered): HerokuErrorKind {
  const { status, text } = answer;
  if (REFUSED.has(status) && (isNotHerokus(answer) || isOtherJson(text))) return 'unexpected';
  if (status === 401) return 'unauthorized';
  if (status === 402 || status === 403) return 'forbidden';
  if (status === 404 || status === 410) return 'not_found';
  if (status === 429) return 'rate_limited';
  if (status === 409 || status === 423 || leavesOutcomeOpen(status)) return 'unavailable';
  return CONTENT_REFUSED.has(status) ? 'invalid' : 'unexpected';
}

function aboutAnswer({ status, headers }: Answered) {
  return { status, requestId: requestId(headers), rateLimitRemaining: rateLimitRemaining(headers) };
}
