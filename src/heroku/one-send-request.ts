import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import Request from 'heroku-client/lib/request.js';
import type { Agents } from '../network/network.js';
import { portOf } from '../network/proxies.js';

/** Why no complete answer came: the network failed, the deadline passed, or the caller stopped or withdrew it. */
export type LossReason = 'network' | 'deadline' | 'stopped' | 'withheld';

/** The outcome of one request. `sent` is false only if certainly not a byte of it left. */
export type Outcome =
  | {
      readonly type: 'answered';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      /** For a refusal, only what came at once, for Heroku's reason; it may be cut. */
      readonly text: string;
    }
  | { readonly type: 'lost'; readonly sent: boolean; readonly reason: LossReason; readonly code: string };

/** The status alone decides a refusal. Its body is a few words, and the wait for them is short. */
const REFUSAL_WITHIN_MS = 250;
const REFUSAL_MAX_BYTES = 8_192;

/** Connections that finished their TLS handshake: a reused one makes none. */
const handshaken = new WeakSet<Socket>();

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
 * heroku-client's request, changed to send once. The original re-sends after a network error, even a PATCH and after
 * its timeout, hangs after a reset in mid-body, throws on a 304, drops headers and, with DEBUG=http, prints bodies:
 * those methods are replaced. Its constructor is skipped: it reads SSL_CERT_DIR for each request and proxy settings of
 * its own.
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
  /** Ends the request with the refusal Heroku has already sent; null before one. */
  #refuse: (() => void) | null = null;
  #sent = false;

  /**
   * `deadlineMs` is absolute: connecting, sending, waiting and reading together. `mayStillSend` is asked once, on a
   * ready connection right before the write.
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

  /** The original calls it once the request is built, before any of it is sent. */
  #begin(request: ClientRequest): void {
    this.#sending = request;
    this.#timer = setTimeout(() => this.#lose('deadline'), this.#deadlineMs);
    request.once('socket', (socket) => this.#sendOn(socket));
  }

  /**
   * Called right before Node writes. Node would queue the bytes on a connection still being made, and send them when it
   * is ready, perhaps too late. So they wait here, also for the TLS inside a proxy's tunnel.
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

  /** False: the request is over and its connection destroyed, so nothing more is written. */
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
    // A body cut short ends in one of these, never in `end`.
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
    // A connection whose answer was fully read went back to its agent; any other ends here.
    this.#sending?.destroy();
  }
}

/** Node's errors may hold raw packets or certificates: keep only the code. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return 'ECONNRESET';
  return typeof error.code === 'string' && /^[A-Z0-9_]{1,60}$/.test(error.code) ? error.code : 'ECONNRESET';
}
