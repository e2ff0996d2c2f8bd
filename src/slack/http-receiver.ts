import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type App,
  type BufferedIncomingMessage,
  HTTPModuleFunctions as http,
  HTTPResponseAck,
  type Logger as BoltLogger,
  type Receiver,
} from '@slack/bolt';
import type { Logger } from 'pino';
import { answerToSecond } from './answer-to-second.js';
import { type Guard, MOST_BYTES } from './guard.js';
import { namesWithin, type TakeOnce } from './once.js';
import { isSigned, type NoClaim, readClaim } from './signature.js';

/** A request to Slack's address, before its sender is known. */
export interface Knock {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The body's bytes, or the status of the refusal if they can't be had. */
  readonly readBody: (mostBytes: number) => Promise<Buffer | number>;
  /** Call once it is proven to be Slack's. */
  readonly trust: () => void;
}

/**
 * Why a request had no effect: see {@link NoClaim}; its bytes aren't what was signed; they couldn't be read; it came
 * before.
 */
export type RefusedRequest = NoClaim | 'forged' | 'unread' | 'twice';

type Authentication =
  | { readonly kind: 'slack'; readonly bytes: Buffer; readonly signature: string }
  | { readonly kind: 'refused'; readonly reason: RefusedRequest; readonly status: number };

export interface HttpReceiver extends Receiver {
  /** Answers one request. Never rejects. */
  receive(knock: Knock): Promise<void>;
}

/** Bolt accepts it unsigned as well: https://docs.slack.dev/interactivity/implementing-slash-commands */
const SSL_CHECK = /(?:^|&)ssl_check=1(?:&|$)/u;
const SSL_CHECK_BYTES = 1_024;

const FORM = 'application/x-www-form-urlencoded';

/**
 * Parts of Bolt's HTTPReceiver with the guard between, checking bytes before parsing them. Bolt's own rejects on a
 * signed `null`, which ends the process, reads forms of unknown senders, and accepts a timestamp of `Infinity`.
 */
export function createHttpReceiver(options: {
  readonly signingSecret: string;
  readonly guard: Guard;
  readonly takeOnce: TakeOnce;
  readonly onRefused: (reason: RefusedRequest) => void;
  /** Milliseconds that Slack waits for an answer. */
  readonly waitMs: number;
  readonly log: Logger;
  /** The same log, in Bolt's form. */
  readonly boltLog: BoltLogger;
}): HttpReceiver {
  const { signingSecret, guard, takeOnce, onRefused, waitMs, log, boltLog: logger } = options;
  let app: App | null = null;

  async function handle(
    body: Readonly<Record<string, unknown>>,
    request: BufferedIncomingMessage,
    response: ServerResponse,
  ) {
    const ack = new HTTPResponseAck({
      logger,
      processBeforeResponse: false,
      unhandledRequestTimeoutMillis: waitMs,
      httpRequest: request,
      httpRequestBody: body,
      httpResponse: response,
    });
    const retryNum = http.extractRetryNumFromHTTPRequest(request);
    const retryReason = http.extractRetryReasonFromHTTPRequest(request);
    try {
      await app?.processEvent({
        body,
        ack: ack.bind(),
        ...(retryNum === undefined ? {} : { retryNum }),
        ...(retryReason === undefined ? {} : { retryReason }),
      });
    } catch (error) {
      // Handlers catch their own faults: what fails here is Bolt, on a body of a shape that Slack never sends.
      log.warn({ err: error }, 'a request of no known shape was refused');
      ack.ack();
      refuse(response, 400);
    }
  }

  /** The bytes, once they are certainly Slack's; otherwise why not, and the status of the refusal. */
  async function authenticate({ request, readBody, trust }: Knock): Promise<Authentication> {
    const claim = readClaim(request, new Date());
    if (typeof claim === 'string') return { kind: 'refused', reason: claim, status: 401 };
    const bytes = await readBody(MOST_BYTES);
    if (typeof bytes === 'number') return { kind: 'refused', reason: 'unread', status: bytes };
    if (!isSigned(claim, bytes, signingSecret)) return { kind: 'refused', reason: 'forged', status: 401 };
    trust();
    return { kind: 'slack', bytes, signature: claim.digest };
  }

  return {
    init(bolt) {
      app = bolt;
    },
    start: async () => undefined,
    stop: async () => undefined,
    async receive(knock) {
      const { request, response } = knock;
      if (await isSslCheck(knock)) return http.buildSSLCheckResponse(response);
      const found = await authenticate(knock);
      if (found.kind === 'refused') {
        onRefused(found.reason);
        return refuse(response, found.status);
      }
      const verified: BufferedIncomingMessage = Object.assign(request, { rawBody: found.bytes });
      const body = parse(verified);
      if (isOf(body, 'ssl_check', '1')) return http.buildSSLCheckResponse(response);
      if (isOf(body, 'type', 'url_verification')) return http.buildUrlVerificationResponse(response, body);
      const admission = guard(body);
      if (admission.kind === 'refuse') return refuse(response, 400);
      if (admission.kind === 'acknowledge') return http.buildNoBodyResponse(response, 200);
      if (await takeOnce([`signature ${found.signature}`, ...namesWithin(admission.body)])) {
        return handle(admission.body, verified, response);
      }
      onRefused('twice');
      http.buildContentResponse(response, answerToSecond(admission.body));
    },
  };
}

/** Slack checks a certificate: nothing is done, so it needs no signature. */
async function isSslCheck({ request, readBody }: Knock): Promise<boolean> {
  const { headers } = request;
  if (headers['x-slack-signature'] !== undefined || headers['content-type'] !== FORM) return false;
  const bytes = await readBody(SSL_CHECK_BYTES);
  return typeof bytes !== 'number' && SSL_CHECK.test(bytes.toString('latin1'));
}

/** undefined if it isn't JSON. */
function parse(request: BufferedIncomingMessage): unknown {
  try {
    return http.parseHTTPRequestBody(request);
  } catch {
    return undefined;
  }
}

function isOf(body: unknown, field: string, value: string): boolean {
  return typeof body === 'object' && body !== null && Object.getOwnPropertyDescriptor(body, field)?.value === value;
}

function refuse(response: ServerResponse, status: number): void {
  if (!response.headersSent) http.buildNoBodyResponse(response, status);
}
