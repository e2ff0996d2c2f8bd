import type { HerokuErrorKind, HerokuReason } from './error.js';
import type { LossReason } from './one-send-request.js';

/** What was being done, in words that follow "to": `read FLAG_X of raxx-console-prod`. */
export interface Task {
  readonly words: string;
  readonly writes: boolean;
}

export interface Circumstances {
  readonly outcomeUnknown: boolean;
  readonly status?: number;
  readonly reason?: LossReason;
  readonly refusal?: HerokuReason | null;
  readonly code?: string;
  readonly deadlineMs?: number;
  readonly retryAfterMs?: number | null;
}

/** A name from outside, made safe for a sentence: only a name's own characters, and not too many. */
export function shown(name: string): string {
  const plain = name.replace(/[^\w.-]/g, '?');
  return plain.length > 64 ? `${plain.slice(0, 63)}…` : plain;
}

/** In plain words: what happened, what it means, what to do. */
export function explain(kind: HerokuErrorKind, task: Task, circumstances: Circumstances): string {
  const refusal = circumstances.refusal == null ? null : REFUSALS[circumstances.refusal];
  return [
    refusal?.happened(task) ?? whatHappened(kind, task, circumstances),
    whatItMeans(task, circumstances),
    (circumstances.outcomeUnknown ? null : refusal?.todo) ?? whatToDo(kind, circumstances),
  ].join(' ');
}

/** What Heroku's own reasons mean, and each one's next step. */
const REFUSALS: Readonly<Record<HerokuReason, { happened(task: Task): string; readonly todo: string }>> = {
  delinquent: {
    happened: ({ words }) =>
      `Heroku refused to ${words}: a bill of the app's account is unpaid, or its payment method isn't confirmed (delinquent).`,
    todo: "Settle the bill in Heroku's dashboard.",
  },
  two_factor: {
    happened: ({ words }) => `Heroku refused to ${words}: it wants a second factor for this API key (two_factor).`,
    todo: 'Use an API key of heroku authorizations:create in place of a password or a login session.',
  },
  suspended: {
    happened: ({ words }) => `Heroku refused to ${words}: the account or the app is suspended (suspended).`,
    todo: "Ask Heroku's support why.",
  },
  conflict: {
    happened: ({ words }) =>
      `Heroku was busy with another change of the app when asked to ${words} (status 409, conflict).`,
    todo: 'Try again in a minute.',
  },
};

function whatHappened(kind: HerokuErrorKind, task: Task, { status, reason, code, deadlineMs }: Circumstances): string {
  const to = `to ${task.words}`;
  switch (kind) {
    case 'unauthorized':
      return `Heroku did not accept the API key when asked ${to}.`;
    case 'forbidden':
      return `Heroku does not let this API key's account do this: ${task.words} (status ${status}).`;
    case 'not_found':
      return `Heroku found nothing by that name when asked ${to}: it does not exist, or the API key can't see it.`;
    case 'invalid':
      return status === undefined
        ? `This can't be asked of Heroku: ${task.words}. The name is not usable.`
        : `Heroku refused the request ${to} as invalid (status ${status}).`;
    case 'rate_limited':
      return `Heroku's request limit for this account is used up, so it refused ${to}.`;
    case 'unavailable':
      return `Heroku answered with an error of its own (status ${status}) when asked ${to}.`;
    case 'unreachable':
      if (reason === 'stopped') return `The request ${to} was stopped before it was sent.`;
      if (isOfProxy(code)) return `The proxy let no connection through to Heroku ${to} (${code}).`;
      return reason === 'deadline'
        ? `No connection to Heroku came about within ${seconds(deadlineMs ?? 0)} ${to}.`
        : `No connection to Heroku could be made ${to} (${code}).`;
    case 'over_budget':
      return `The request ${to} was not sent: this app's requests for this hour are used up (HEROKU_REQUESTS_PER_HOUR).`;
    case 'withheld':
      return `The request ${to} was not sent: too much time had passed when it could have been.`;
    case 'unknown_outcome':
      if (reason === 'stopped') return `The request ${to} was stopped before Heroku had answered.`;
      return reason === 'deadline'
        ? `Heroku gave no complete answer within ${seconds(deadlineMs ?? 0)} when asked ${to}.`
        : `The connection broke before Heroku's answer was complete, when asked ${to} (${code}).`;
    case 'unexpected':
      return `The answer (status ${status}) to the request ${to} was not in the form that Heroku documents.`;
  }
}

function whatItMeans(task: Task, { outcomeUnknown }: Circumstances): string {
  if (outcomeUnknown) return 'The change may or may not have taken effect.';
  return task.writes ? 'Nothing was changed.' : 'Nothing was read.';
}

function whatToDo(kind: HerokuErrorKind, { outcomeUnknown, status, retryAfterMs, code }: Circumstances): string {
  if (outcomeUnknown) return 'Look at the present value on Heroku before trying again.';
  switch (kind) {
    case 'unauthorized':
      return 'Set HEROKU_API_KEY to a valid key; the present one may have expired or been revoked.';
    case 'forbidden':
      return 'Give that account access to the app; a scoped key needs read-protected and write-protected.';
    case 'not_found':
      return 'Check the spelling, and whether the app was renamed or deleted.';
    case 'invalid':
      return status === undefined
        ? "Use the app's name as Heroku shows it, and letters, digits and _ in a config var's name."
        : 'Check the name (letters, digits and _) and the size (32 kB for all config vars of an app).';
    case 'rate_limited':
      return `Try again in ${seconds(retryAfterMs ?? 60_000)}.`;
    case 'unreachable':
      return isOfProxy(code)
        ? 'Check HTTPS_PROXY and NO_PROXY (flag-promotions doctor says more), then try again.'
        : 'Check the network and HEROKU_API_URL, then try again.';
    case 'over_budget':
      return 'Try again in a few minutes, or raise HEROKU_REQUESTS_PER_HOUR.';
    case 'withheld':
      return 'Look at the present value on Heroku, then try again.';
    case 'unavailable':
      return 'Try again in a minute; https://status.heroku.com tells of outages.';
    case 'unknown_outcome':
      return 'Try again.';
    case 'unexpected':
      return 'Check that HEROKU_API_URL names the Heroku API and that no proxy answers in its place.';
  }
}

/** By the code: whether the proxy failed to make the tunnel. */
function isOfProxy(code: string | undefined): boolean {
  return code?.startsWith('PROXY_') ?? false;
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${Math.ceil(milliseconds / 1000)} s`;
}
