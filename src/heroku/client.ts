import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import HerokuClient from 'heroku-client';
import { type Agents, OneSendRequest, type Outcome } from './one-send-request.js';

export interface SendOptions {
  readonly method: 'GET' | 'PATCH';
  readonly path: string;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Record<string, string>;
  readonly body?: Readonly<Record<string, string | null>>;
  /** See {@link OneSendRequest}; a read may always be sent. */
  readonly mayStillSend?: (() => boolean) | undefined;
}

/** Sends each request once. Never rejects: an outcome is a value. */
export interface Sender {
  request(options: SendOptions): Promise<Outcome>;
  /** Stops what is running and refuses what comes later. */
  close(): void;
}

/**
 * How long a connection waits for the next request: a promotion is a handful of them, one right after the other. Short,
 * because a server that closes it at the very moment of the next request leaves that one's outcome unknown.
 */
const KEPT = { keepAlive: true, timeout: 1_000 };

/** heroku-client with {@link OneSendRequest} in place of its own request. */
export class OneSendClient extends HerokuClient implements Sender {
  readonly #running = new Set<OneSendRequest>();
  readonly #agents: Agents = { plain: new HttpAgent(KEPT), secure: new HttpsAgent(KEPT) };
  #closed = false;

  override async request(options: SendOptions): Promise<Outcome> {
    if (this.#closed || options.signal?.aborted) return notSent('stopped', 'ABORTED');
    const { deadlineMs, signal, mayStillSend = () => true, ...request } = options;
    const sending = this.#build(request, deadlineMs, mayStillSend);
    if (sending === null) return notSent('network', 'SSL_CERT_FILE');
    const stop = () => sending.stop();
    signal?.addEventListener('abort', stop, { once: true });
    this.#running.add(sending);
    try {
      return await sending.request();
    } finally {
      this.#running.delete(sending);
      signal?.removeEventListener('abort', stop);
    }
  }

  close(): void {
    this.#closed = true;
    for (const sending of this.#running) sending.stop();
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #build(request: object, deadlineMs: number, mayStillSend: () => boolean): OneSendRequest | null {
    try {
      return new OneSendRequest({ ...this.options, ...request }, deadlineMs, this.#agents, mayStillSend);
    } catch {
      // The only thing its constructor does that can fail is reading the files of SSL_CERT_FILE and SSL_CERT_DIR.
      return null;
    }
  }
}

function notSent(reason: 'network' | 'stopped', code: string): Outcome {
  return { type: 'lost', sent: false, reason, code };
}
