import type { Logger } from 'pino';
import { type Fetch, networkCode } from '../network/network.js';

/** Tells an outside monitor that all is well; the monitor alerts on silence. */
export interface Heartbeat {
  /** Requests the address; nobody waits for it. */
  send(): void;
  /** Aborts a running request; resolves once it has ended. */
  stop(): Promise<void>;
}

const TIMEOUT_MS = 5_000;

/** `url` null: there is no monitor. */
export function createHeartbeat(url: string | null, fetch: Fetch, log: Logger): Heartbeat {
  /** The running request: a monitor that hangs gets no second one. */
  let underWay: { readonly cut: AbortController; readonly ended: Promise<void> } | null = null;

  async function request(address: string, cut: AbortController): Promise<void> {
    const timer = setTimeout(() => cut.abort(new CutShort(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
    try {
      const answer = await fetch(address, { signal: cut.signal });
      // The connection stays taken until the body is read or dropped.
      await answer.body?.cancel();
      if (!answer.ok) log.warn({ status: answer.status }, 'the heartbeat was not accepted');
    } catch (error) {
      // The monitor itself alerts about a missing heartbeat. fetch's errors may quote the address, which may hold a token.
      const reason = error instanceof CutShort ? error.message : (networkCode(error) ?? 'no answer');
      log.warn({ reason }, 'the heartbeat could not be sent');
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    send() {
      if (url === null || underWay !== null) return;
      const cut = new AbortController();
      const ended = request(url, cut).finally(() => {
        underWay = null;
      });
      underWay = { cut, ended };
    },
    async stop() {
      underWay?.cut.abort(new CutShort('the app stops'));
      await underWay?.ended;
    },
  };
}

/** We gave up; the message says why. */
class CutShort extends Error {
  override readonly name = 'CutShort';
}
