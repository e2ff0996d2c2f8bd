import { Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import Request from 'heroku-client/lib/request.js';

/** Why no complete answer came: the network failed, the deadline passed, or the caller stopped it. */
export type LossReason = 'network' | 'deadline' | 'stopped';

/** What became of one request. `sent` is false only where it is certain that not a byte of it left. */
export type Outcome =
  | {
      readonly type: 'answered';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      /** Of a refusal as much as came at once, for Heroku's reason; it may be cut. */
      readonly text: string;
    }
  | { readonly type: 'lost'; readonly sent: boolean; readonly reason: LossReason; readonly code: string };

/** A refusal stands by its status. Its body is a few words, which are waited for only so long. */
const REFUSAL_WITHIN_MS = 250;
const REFUSAL_MAX_BYTES = 8_192;

/** Connections that outlast a request, without and with TLS. */
export interface Agents {
  readonly plain: Agent;
  readonly secure: Agent;
}

/**
 * heroku-client's request, made to send once. The original re-sends after a network error, PATCH included, goes on
 * re-sending after its own timeout, never ends after a reset in mid-body, throws on a 304, loses the response headers
 * and, with DEBUG=http, prints bodies. Every method that did so is replaced here.
 */
export class OneSendRequest extends Request {
  readonly #deadlineMs: number;
  readonly #outcome: Promise<Outcome>;
  #resolveOutcome: (outcome: Outcome) => void = () => undefined;
  #sending: ClientRequest | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Ends the request as what Heroku has said already; null before that. */
  #refuse: (() => void) | null = null;
  #sent = false;

  /** `deadlineMs` is absolute: connecting, sending, waiting and reading together. */
  constructor(options: object, deadlineMs: number, agents: Agents) {
    super(options);
    // heroku-client makes one for each request, which connects anew. A proxy's tunnel is none of Node's agents, and stays.
    if (this.agent instanceof Agent) this.agent = this.secure ? agents.secure : agents.plain;
    this.#deadlineMs = deadlineMs;
    this.#outcome = new Promise((resolve) => {
      this.#resolveOutcome = resolve;
    });
  }

  override request(): Promise<Outcome> {
    try {
      void super.request();
    } catch (error) {
      this.#lose('network', error);
    }
    return this.#outcome;
  }

  /** Gives up at once; the outcome then says whether anything had been sent. */
  stop(): void {
    this.#lose('stopped');
  }

  /** Called by the original once the request is built and before any of it is sent. */
  override setRequestTimeout(request: ClientRequest): void {
    this.#sending = request;
    this.#timer = setTimeout(() => this.#lose('deadline'), this.#deadlineMs);
    request.once('socket', (socket) => {
      // A socket that is connected already was used before, or comes from a proxy's tunnel: when it began to carry this
      // request is not ours to see.
      if (!socket.connecting) {
        this.#sent = true;
        return;
      }
      socket.once(this.secure ? 'secureConnect' : 'connect', () => {
        this.#sent = true;
      });
    });
  }

  override handleResponse(response: IncomingMessage): void {
    this.#sent = true;
    const status = response.statusCode ?? 0;
    const chunks: Buffer[] = [];
    if (status < 200 || status > 299) {
      this.#readRefusal(response, chunks);
      return;
    }
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => this.#answer(response, Buffer.concat(chunks).toString('utf8')));
    // A body that is cut short ends in one of these, and never in `end`.
    response.on('aborted', () => this.#lose('network'));
    response.on('error', (error) => this.#lose('network', error));
  }

  #readRefusal(response: IncomingMessage, chunks: Buffer[]): void {
    const refuse = () => this.#answer(response, Buffer.concat(chunks).toString('utf8'));
    this.#refuse = refuse;
    const waiting = setTimeout(refuse, REFUSAL_WITHIN_MS);
    const end = () => {
      clearTimeout(waiting);
      refuse();
    };
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > REFUSAL_MAX_BYTES) end();
      else chunks.push(chunk);
    });
    for (const ending of ['end', 'aborted', 'error', 'close']) response.on(ending, end);
  }

  override handleError(error: Error): void {
    this.#lose('network', error);
  }

  override logRequest(): void {
    // The original prints the request's headers here when DEBUG=http.
  }

  override logResponse(): void {
    // The original hands the response's headers to a logger or prints them here.
  }

  #answer(response: IncomingMessage, text: string): void {
    this.#end({ type: 'answered', status: response.statusCode ?? 0, headers: response.headers, text });
  }

  #lose(reason: LossReason, error?: unknown): void {
    if (this.#refuse !== null) this.#refuse();
    else this.#end({ type: 'lost', sent: this.#sent, reason, code: codeOf(error) });
  }

  #end(outcome: Outcome): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#resolveOutcome(outcome);
    // A connection whose answer was read to its end went back to its agent; every other one ends here.
    this.#sending?.destroy();
  }
}

/** Node's errors may hold raw packets or certificates: the code is all that is kept of one. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return 'ECONNRESET';
  return typeof error.code === 'string' && /^[A-Z0-9_]{1,60}$/.test(error.code) ? error.code : 'ECONNRESET';
}
