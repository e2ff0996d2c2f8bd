import { setTimeout as sleep } from 'node:timers/promises';
import type { SocketModeReceiver } from '@slack/bolt';
import type { Logger } from 'pino';

/** A Socket Mode connection that is made again whenever it is lost. */
export interface SocketModeConnection {
  /** Rejects while there is no connection. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

const WAIT_FIRST_MS = 1_000;
const WAIT_MOST_MS = 30_000;

/**
 * Connects in the background, so that nothing else waits for Slack, and goes on for as long as it takes. Bolt's own
 * reconnecting (to be switched off in `receiver`) gives up on a 5xx or a network error by a rejection that nobody can
 * handle, which ends the process.
 */
export function keepConnected(receiver: SocketModeReceiver, log: Logger): SocketModeConnection {
  const stopping = new AbortController();
  let connected = false;

  /** Resolves when the connection is gone. */
  async function connectOnce(): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      receiver.client.once('disconnected', () => resolve());
    });
    await receiver.start();
    connected = true;
    log.info('connected to Slack in Socket Mode');
    await gone;
  }

  async function loop(): Promise<void> {
    let waitMs = WAIT_FIRST_MS;
    while (!stopping.signal.aborted) {
      try {
        await connectOnce();
        waitMs = WAIT_FIRST_MS;
      } catch (error) {
        log.warn({ err: error }, 'Socket Mode could not connect; it is tried again');
        waitMs = Math.min(WAIT_MOST_MS, waitMs * 2);
      }
      connected = false;
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
  const running = loop();

  return {
    async check() {
      if (!connected) throw new Error('not connected in Socket Mode');
    },
    async stop() {
      stopping.abort();
      // Ends a connection that stands, and one that is being made.
      await receiver.client.disconnect();
      if (connected) await running;
    },
  };
}
