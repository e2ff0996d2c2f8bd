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
import type { Guard } from './guard.js';

/** Takes Slack's requests over HTTP. */
export interface HttpReceiver extends Receiver {
  /** Answers one request. Never rejects. */
  receive(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/**
 * Made of the parts of Bolt's HTTPReceiver, with the guard between. Bolt's own rejects at a signed `null`, which ends the
 * process. Nothing is parsed before its signature is checked.
 */
export function createHttpReceiver(options: {
  readonly signingSecret: string;
  readonly guard: Guard;
  /** Milliseconds for which Slack listens to an answer. */
  readonly waitMs: number;
  readonly log: Logger;
  /** The same as Bolt takes it. */
  readonly boltLog: BoltLogger;
}): HttpReceiver {
  const { signingSecret, guard, waitMs, log, boltLog: logger } = options;
  let app: App | null = null;

  /** The status with which it is refused, where it isn't Slack's. */
  async function verify(request: IncomingMessage): Promise<BufferedIncomingMessage | 401 | 413> {
    try {
      return await http.parseAndVerifyHTTPRequest(
        { enabled: true, signingSecret, bodyLimit: http.defaultBodyLimit, logger },
        request,
      );
    } catch (error) {
      return http.isRawBodyError(error) && error.statusCode === 413 ? 413 : 401;
    }
  }

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
      // Handlers deal with their own faults: what fails here is Bolt, at a body of no shape that Slack sends.
      log.warn({ err: error }, 'a request of no known shape was refused');
      ack.ack();
      refuse(response, 400);
    }
  }

  return {
    init(bolt) {
      app = bolt;
    },
    start: async () => undefined,
    stop: async () => undefined,
    async receive(request, response) {
      const verified = await verify(request);
      if (typeof verified === 'number') return refuse(response, verified);
      const body = parse(verified);
      if (isOf(body, 'ssl_check', '1')) return http.buildSSLCheckResponse(response);
      if (isOf(body, 'type', 'url_verification')) return http.buildUrlVerificationResponse(response, body);
      const admission = guard(body);
      switch (admission.kind) {
        case 'handle':
          return handle(admission.body, verified, response);
        case 'acknowledge':
          return http.buildNoBodyResponse(response, 200);
        case 'refuse':
          return refuse(response, 400);
      }
    },
  };
}

/** undefined where it is no JSON. */
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
