import type { Enrolments, SealedEnrolment } from '../db/enrolments.js';
import { type Enrolment, linkState } from '../operators/enrolment.js';
import { checkFirstCode, enrolmentUri, hashToken, isToken } from '../operators/enrolment-secrets.js';
import { type HashRecoveryCode, newRecoveryCodes } from '../operators/recovery-codes.js';
import type { SecretBox } from '../operators/secret-box.js';
import { withTimeout } from '../with-timeout.js';
import { closedLinkPage, messagePage, type OpenLink, openLinkPage, provedPage } from './enrolment-page.js';

/** A request for a page, as far as pages look at it. */
export interface PageRequest {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  /** Null where the body is larger than any form of ours. */
  readonly body: string | null;
}

export interface Page {
  readonly status: number;
  readonly contentType: 'text/html' | 'text/css';
  readonly body: string;
  /** The methods that there are, where the one asked for is none of them. */
  readonly allow?: string;
}

export interface EnrolmentPageDependencies {
  readonly enrolments: Enrolments;
  readonly secretBox: SecretBox;
  readonly hashRecoveryCode: HashRecoveryCode;
  /** A person's name; their id where Slack does not tell. Never rejects. */
  readonly nameOf: (slackUserId: string) => Promise<string>;
  /** Asks the person in Slack whether it was them. Never rejects: the page says what to do where nothing comes. */
  readonly askToConfirm: (enrolment: Enrolment) => void;
  /** The present by the database’s clock, which all replicas share. */
  readonly now: () => Promise<Date>;
}

/** Under which addresses there are pages. */
export const PAGES = '/enrol/';
/** The page doesn't wait long for a name: it is a courtesy. */
const NAME_WITHIN_MS = 1_500;

/**
 * The pages of an enrolment's link. Opening one uses nothing up: Slack and mail scanners open links too. Only a right first
 * code does, and even that makes nobody an operator before they confirm it in Slack.
 */
export function createEnrolmentPages(deps: EnrolmentPageDependencies): (request: PageRequest) => Promise<Page> {
  return async (request) => {
    const isReading = request.method === 'GET' || request.method === 'HEAD';
    const token = request.path.slice(PAGES.length);
    if (!isToken(token)) return html(404, closedLinkPage('unknown'));
    if (isReading) return show(deps, token);
    return request.method === 'POST' ? submit(deps, token, request) : wrongMethod('GET, HEAD, POST');
  };
}

async function show(deps: EnrolmentPageDependencies, token: string): Promise<Page> {
  const found = await deps.enrolments.find(hashToken(token));
  const state = linkState(found, await deps.now());
  return state === 'open' && found !== null ? html(200, await openPage(deps, found, null)) : closed(state);
}

async function submit(deps: EnrolmentPageDependencies, token: string, request: PageRequest): Promise<Page> {
  if (!/^application\/x-www-form-urlencoded(?:;|$)/iu.test(request.contentType.trim())) {
    return html(415, messagePage('This is not our form', 'Nothing was changed.'));
  }
  const { body } = request;
  if (body === null) return html(413, messagePage('This form is too long', 'Nothing was changed.'));
  const code = new URLSearchParams(body).get('code') ?? '';
  const now = await deps.now();
  const recoveryCodes = newRecoveryCodes();
  const outcome = await deps.enrolments.prove(
    hashToken(token),
    now,
    (sealedSecret, slackUserId) => checkFirstCode(code, deps.secretBox.open(sealedSecret, slackUserId), now),
    ({ slackUserId }) => recoveryCodes.map((one) => deps.hashRecoveryCode(one, slackUserId)),
  );
  switch (outcome.kind) {
    case 'proved':
      deps.askToConfirm(outcome.enrolment);
      return html(200, provedPage(outcome.enrolment, recoveryCodes));
    case 'closed':
      return closed(outcome.state);
    case 'code_refused': {
      const found = await deps.enrolments.find(hashToken(token));
      const state = linkState(found, now);
      return state === 'open' && found !== null ? html(422, await openPage(deps, found, outcome)) : closed(state);
    }
  }
}

async function openPage(
  deps: EnrolmentPageDependencies,
  found: SealedEnrolment,
  problem: OpenLink['problem'],
): Promise<string> {
  const { slackUserId } = found;
  const secret = deps.secretBox.open(found.sealedSecret ?? '', slackUserId);
  const uri = enrolmentUri(secret, slackUserId);
  const name = (await withTimeout(NAME_WITHIN_MS, deps.nameOf(slackUserId))) ?? slackUserId;
  const { default: qrcode } = await import('qrcode');
  const qrSvg = await qrcode.toString(uri, { type: 'svg', errorCorrectionLevel: 'M', margin: 1 });
  return openLinkPage({ enrolment: found, name, secret, uri, qrSvg, now: await deps.now(), problem });
}

function closed(state: ReturnType<typeof linkState>): Page {
  const reason = state === 'open' ? 'unknown' : state;
  return html(reason === 'unknown' ? 404 : 410, closedLinkPage(reason));
}

/** The address is right, the method is not. */
export function wrongMethod(allow: string): Page {
  return { ...html(405, messagePage('This page can’t do that', 'Nothing was changed.')), allow };
}

/** A whole page, as its answer. */
export function html(status: number, body: string): Page {
  return { status, contentType: 'text/html', body };
}
