import HerokuClient from 'heroku-client';
import type { Agents, Network } from '../network/network.js';
import { OneSendRequest, type Outcome } from './one-send-request.js';

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
 * How long an idle connection is kept: a promotion makes a few requests in quick succession. Short, because if the
 * server closes it just as a request goes out, that request's outcome is unknown.
 */
const KEPT = { keepAlive: true, timeout: 1_000 };

export interface ClientOptions {
  readonly token: string;
  readonly host: string;
  readonly userAgent: string;
  readonly network: Pick<Network, 'agents'>;
}

/** heroku-client with {@link OneSendRequest} instead of its own request. */
export class OneSendClient extends HerokuClient implements Sender {
  readonly #running = new Set<OneSendRequest>();
  readonly #agents: Agents;
  readonly #account: Omit<ClientOptions, 'network'>;
  #closed = false;

  constructor({ network, ...account }: ClientOptions) {
    super({});
    this.#account = account;
    this.#agents = network.agents(KEPT);
  }

  override async request(options: SendOptions): Promise<Outcome> {
    if (this.#closed || options.signal?.aborted)
      return { type: 'lost', sent: false, reason: 'stopped', code: 'ABORTED' };
    const { deadlineMs, signal, mayStillSend = () => true, ...request } = options;
    const sending = new OneSendRequest({ ...this.#account, ...request }, deadlineMs, this.#agents, mayStillSend);
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
}
