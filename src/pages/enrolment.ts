import type { Logger } from 'pino';
import type { Enrolments, SealedEnrolment } from '../db/enrolments.js';
import { type Enrolment, linkState } from '../operators/enrolment.js';
import { checkFirstCode, enrolmentUri, hashToken, isToken } from '../operators/enrolment-secrets.js';
import { newRecoveryCodes, type RecoveryHash } from '../operators/recovery-codes.js';
import { type SecretBox, SecretBoxError } from '../operators/secret-box.js';
import type { SpokenWords } from '../operators/spoken-word.js';
import { withTimeout } from '../with-timeout.js';
import {
  closedLinkPage,
  keyMissingPage,
  messagePage,
  type OpenLink,
  openLinkPage,
  provedPage,
} from './enrolment-page.js';

export interface PageRequest {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  /** Null if the body is larger than any form of ours. */
  readonly body: string | null;
}

export interface Page {
  readonly status: number;
  readonly contentType: 'text/html' | 'text/css';
  readonly body: string;
  /** The allowed methods, if the request's isn't one of them. */
  readonly allow?: string;
}

export interface EnrolmentPageDependencies {
  readonly enrolments: Enrolments;
  readonly secretBox: SecretBox;
  readonly recoveryHash: RecoveryHash;
  readonly spokenWords: SpokenWords;
  /** A person's name; their id if Slack doesn't say. Never rejects. */
  readonly nameOf: (slackUserId: string) => Promise<string>;
  /** Asks in Slack for the word. Never rejects: the page says what to do if nothing comes. */
  readonly askToConfirm: (enrolment: Enrolment) => void;
  /** The time by the database’s clock, which all replicas share. */
  readonly now: () => Promise<Date>;
  readonly log: Logger;
}

export const PAGES = '/enrol/';
/** The page doesn't wait long for a name: it is a courtesy. */
const NAME_WITHIN_MS = 1_500;

/**
 * The pages of an enrolment link. Opening one uses nothing up, because Slack and mail scanners open links too. Only a
 * right first code does, and even then nobody is an operator until the word that it shows was said aloud.
 */
export function createEnrolmentPages(deps: EnrolmentPageDependencies): (request: PageRequest) => Promise<Page> {
  return async (request) => {
    const isReading = request.method === 'GET' || request.method === 'HEAD';
    const token = request.path.slice(PAGES.length);
    if (!isToken(token)) return html(404, closedLinkPage('unknown'));
    if (!isReading && request.method !== 'POST') return wrongMethod('GET, HEAD, POST');
    try {
      return await (isReading ? show(deps, token) : submit(deps, token, request));
    } catch (error) {
      if (!(error instanceof SecretBoxError)) throw error;
      deps.log.error({ err: error }, 'a link could not be opened: TOTP_ENCRYPTION_KEY does not open its secret');
      return html(503, keyMissingPage());
    }
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
  let word = '';
  const outcome = await deps.enrolments.prove(
    hashToken(token),
    now,
    (sealedSecret, slackUserId) => checkFirstCode(code, deps.secretBox.open(sealedSecret, slackUserId), now),
    ({ slackUserId }) => {
      const made = deps.spokenWords.make(slackUserId);
      word = made.word;
      return {
        recoveryCodeHashes: recoveryCodes.map((one) => deps.recoveryHash.ofNew(one, slackUserId)),
        wordHash: made.hash,
      };
    },
  );
  switch (outcome.kind) {
    case 'proved':
      deps.askToConfirm(outcome.enrolment);
      return html(
        200,
        provedPage(outcome.enrolment, {
          recoveryCodes,
          word,
          inviter: await nameOf(deps, outcome.enrolment.invitedBy),
        }),
      );
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
  const name = await nameOf(deps, slackUserId);
  const { default: qrcode } = await import('qrcode');
  const qrSvg = await qrcode.toString(uri, { type: 'svg', errorCorrectionLevel: 'M', margin: 1 });
  return openLinkPage({ enrolment: found, name, secret, uri, qrSvg, now: await deps.now(), problem });
}

async function nameOf(deps: EnrolmentPageDependencies, slackUserId: string): Promise<string> {
  return (await withTimeout(NAME_WITHIN_MS, deps.nameOf(slackUserId))) ?? slackUserId;
}

function closed(state: ReturnType<typeof linkState>): Page {
  const reason = state === 'open' ? 'unknown' : state;
  return html(reason === 'unknown' ? 404 : 410, closedLinkPage(reason));
}

/** The address is right, the method is not. */
export function wrongMethod(allow: string): Page {
  return { ...html(405, messagePage('This page can’t do that', 'Nothing was changed.')), allow };
}

export function html(status: number, body: string): Page {
  return { status, contentType: 'text/html', body };
}
