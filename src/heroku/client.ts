import HerokuClient from 'heroku-client';
import { OneSendRequest, type Outcome } from './one-send-request.js';

export interface SendOptions {
  readonly method: 'GET' | 'PATCH';
  readonly path: string;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Record<string, string>;
  readonly body?: Readonly<Record<string, string | null>>;
}

/** heroku-client with {@link OneSendRequest} in place of its own request. Never rejects: an outcome is a value. */
export class OneSendClient extends HerokuClient {
  readonly #running = new Set<OneSendRequest>();
  #closed = false;

  override async request(options: SendOptions): Promise<Outcome> {
    if (this.#closed || options.signal?.aborted) return notSent('stopped', 'ABORTED');
    const { deadlineMs, signal, ...request } = options;
    const sending = this.#build(request, deadlineMs);
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

  /** Stops what is running and refuses what comes later. */
  close(): void {
    this.#closed = true;
    for (const sending of this.#running) sending.stop();
  }

  #build(request: object, deadlineMs: number): OneSendRequest | null {
    try {
      return new OneSendRequest({ ...this.options, ...request }, deadlineMs);
    } catch {
      // The only thing its constructor does that can fail is reading the files of SSL_CERT_FILE and SSL_CERT_DIR.
      return null;
    }
  }
}

function notSent(reason: 'network' | 'stopped', code: string): Outcome {
  return { type: 'lost', sent: false, reason, code };
}
