import type { ApiAnswer } from './api.js';
import type { Delivery } from './connection.js';
import type { Fault } from './faults.js';
import { refusals } from './refusals.js';

type StatusFault = Extract<Fault, { kind: 'status' }>;

/** How a fault changes the handling of a request. */
export interface Plan {
  readonly delayMs: number;
  /** Waits for this as well; null: nothing. */
  readonly heldUntil: Promise<unknown> | null;
  readonly takesEffect: boolean;
  readonly end: 'answer' | 'reset' | 'hang';
  /** Sent instead of the right answer. */
  readonly substitute: ApiAnswer | null;
  readonly delivery: Delivery;
}

const RIGHT: Plan = {
  delayMs: 0,
  heldUntil: null,
  takesEffect: true,
  end: 'answer',
  substitute: null,
  delivery: 'whole',
};

/** Without a fault: the right answer at once. */
export function planOf(fault: Fault | null): Plan {
  switch (fault?.kind) {
    case undefined:
      return RIGHT;
    case 'delay':
      return { ...RIGHT, delayMs: fault.ms };
    case 'hold':
      return { ...RIGHT, heldUntil: fault.until };
    case 'status':
      return { ...RIGHT, takesEffect: fault.takesEffect ?? false, substitute: answerOf(fault) };
    case 'garbage':
      return {
        ...RIGHT,
        takesEffect: fault.takesEffect ?? false,
        substitute: { status: fault.status ?? 200, body: PAGE },
      };
    case 'reset_before':
      return { ...RIGHT, takesEffect: false, end: 'reset' };
    case 'reset_after':
      return { ...RIGHT, end: 'reset' };
    case 'hang':
      return { ...RIGHT, takesEffect: fault.takesEffect ?? false, end: 'hang' };
    case 'stall':
    case 'truncated':
    case 'reset_mid_body':
      return { ...RIGHT, delivery: fault.kind };
  }
}

const PAGE = '<!DOCTYPE html><html><title>Sign in to the network</title></html>';

const answers: Readonly<Record<StatusFault['status'], ApiAnswer>> = {
  304: { status: 304, body: '' },
  400: refusals.badRequest('Request invalid, validate usage and try again.'),
  401: refusals.unauthorized(),
  402: { status: 402, body: { id: 'delinquent', message: 'Your account is delinquent.' } },
  403: refusals.forbidden('you asked for'),
  404: refusals.notFound('app'),
  407: { status: 407, body: PAGE },
  408: { status: 408, body: PAGE },
  409: { status: 409, body: { id: 'conflict', message: 'Another change is in progress.' } },
  413: { status: 413, body: { id: 'request_too_large', message: 'Request too large.' } },
  414: { status: 414, body: PAGE },
  418: { status: 418, body: { id: 'teapot', message: 'I am a teapot.' } },
  422: refusals.invalid('Params invalid, validate parameters and try again.'),
  425: { status: 425, body: PAGE },
  429: refusals.rateLimit(),
  431: { status: 431, body: { id: 'too_large', message: 'Request header fields too large.' } },
  451: { status: 451, body: PAGE },
  499: { status: 499, body: PAGE },
  500: refusals.internal(),
  502: { status: 502, body: PAGE },
  503: refusals.unavailable(),
};

function answerOf({ status, id, retryAfterSeconds }: StatusFault): ApiAnswer {
  const usual = answers[status];
  const answer = id === undefined ? usual : { ...usual, body: { id, message: 'Heroku says why in its own words.' } };
  if (retryAfterSeconds === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, 'Retry-After': String(retryAfterSeconds) } };
}
