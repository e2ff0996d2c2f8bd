import { Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import Request from 'heroku-client/lib/request.js';

/** Why no complete answer came: the network failed, the deadline passed, or the caller stopped it or no longer wanted it sent. */
export type LossReason = 'network' | 'deadline' | 'stopped' | 'withheld';

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

/** Connections whose TLS handshake is over: one that is used again makes none. */
const handshaken = new WeakSet<Socket>();

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
  readonly #mayStillSend: () => boolean;
  readonly #outcome: Promise<Outcome>;
  #resolveOutcome: (outcome: Outcome) => void = () => undefined;
  #sending: ClientRequest | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Ends the request as what Heroku has said already; null before that. */
  #refuse: (() => void) | null = null;
  #sent = false;

  /**
   * `deadlineMs` is absolute: connecting, sending, waiting and reading together. `mayStillSend` is asked once, when the
   * connection is there and the next thing that happens is the write.
   */
  constructor(options: object, deadlineMs: number, agents: Agents, mayStillSend: () => boolean) {
    super(options);
    // heroku-client makes one for each request, which connects anew. A proxy's tunnel is none of Node's agents, and stays.
    if (this.agent instanceof Agent) this.agent = this.secure ? agents.secure : agents.plain;
    this.#deadlineMs = deadlineMs;
    this.#mayStillSend = mayStillSend;
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
    request.once('socket', (socket) => this.#sendOn(socket));
  }

  /**
   * Node writes a request to a connection that is still being made, and the bytes leave whenever it is: by then it may be
   * too late for them. So they are held until it is there. Called right before Node writes.
   */
  #sendOn(socket: Socket): void {
    const isThere = this.secure ? handshaken.has(socket) : !socket.connecting;
    if (isThere) {
      this.#decideToSend();
      return;
    }
    socket.cork();
    socket.once(this.secure ? 'secureConnect' : 'connect', () => {
      if (this.secure) handshaken.add(socket);
      // Uncorking writes within this very call.
      if (this.#decideToSend()) socket.uncork();
    });
  }

  /** False: the request is over, and its connection with it, so that nothing of it is written any more. */
  #decideToSend(): boolean {
    this.#sent = this.#mayStillSend();
    if (!this.#sent) this.#lose('withheld');
    return this.#sent;
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
