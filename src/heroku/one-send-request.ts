import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import Request from 'heroku-client/lib/request.js';
import type { Agents } from '../network/network.js';
import { portOf } from '../network/proxies.js';

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

/** What heroku-client makes a request of. */
export interface RequestOptions {
  readonly host: string;
  readonly token: string;
  readonly userAgent: string;
  readonly method: 'GET' | 'PATCH';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, string | null>>;
}

/**
 * heroku-client's request, made to send once. The original re-sends after a network error, PATCH included, goes on
 * re-sending after its own timeout, never ends after a reset in mid-body, throws on a 304, loses the response headers
 * and, with DEBUG=http, prints bodies. Every method that did so is replaced here. Its constructor is not run: that reads every
 * certificate of SSL_CERT_DIR for each request, trusts no other then, and knows proxies by names of its own.
 */
export class OneSendRequest {
  readonly #request: Request;
  readonly #secure: boolean;
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
  constructor(options: RequestOptions, deadlineMs: number, agents: Agents, mayStillSend: () => boolean) {
    const url = new URL(options.host);
    this.#secure = url.protocol === 'https:';
    this.#request = Object.assign(Object.create(Request.prototype), {
      options,
      host: url.hostname.replace(/^\[|\]$/gu, ''),
      port: portOf(url),
      secure: this.#secure,
      userAgent: options.userAgent,
      nextRange: 'id ..; max=1000',
      agent: this.#secure ? agents.secure : agents.plain,
      certs: [],
      setRequestTimeout: (request: ClientRequest) => this.#begin(request),
      handleResponse: (response: IncomingMessage) => this.#read(response),
      handleError: (error: Error) => this.#lose('network', error),
      // The original prints the request's headers here when DEBUG=http.
      logRequest: () => undefined,
    });
    this.#deadlineMs = deadlineMs;
    this.#mayStillSend = mayStillSend;
    this.#outcome = new Promise((resolve) => {
      this.#resolveOutcome = resolve;
    });
  }

  request(): Promise<Outcome> {
    try {
      void this.#request.request();
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
  #begin(request: ClientRequest): void {
    this.#sending = request;
    this.#timer = setTimeout(() => this.#lose('deadline'), this.#deadlineMs);
    request.once('socket', (socket) => this.#sendOn(socket));
  }

  /**
   * Node writes a request to a connection that is still being made, and the bytes leave whenever it is: by then it may be
   * too late for them. So they are held until it is there: a proxy's tunnel is, before Node has the connection; the TLS in it
   * may not be. Called right before Node writes.
   */
  #sendOn(socket: Socket): void {
    const isThere = this.#secure ? handshaken.has(socket) : !socket.connecting;
    if (isThere) {
      this.#decideToSend();
      return;
    }
    socket.cork();
    socket.once(this.#secure ? 'secureConnect' : 'connect', () => {
      if (this.#secure) handshaken.add(socket);
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

  #read(response: IncomingMessage): void {
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
