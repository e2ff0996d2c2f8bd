import { setTimeout as timer } from 'node:timers/promises';
import type { SocketModeReceiver } from '@slack/bolt';
import type { Logger } from 'pino';
import * as z from 'zod';
import type { Line } from '../network/network.js';
import { answerToSecond } from './answer-to-second.js';
import { type Guard, MOST_BYTES } from './guard.js';
import { namesWithin, type TakeOnce } from './once.js';

/** A Socket Mode connection that reconnects whenever it is lost. */
export interface SocketModeConnection {
  /** Rejects while there is no connection. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

type Client = SocketModeReceiver['client'];
/** Resolves after this many milliseconds, or once aborted. */
export type Sleep = (milliseconds: number, over: AbortSignal) => Promise<void>;

const WAIT_FIRST_MS = 1_000;
const WAIT_MOST_MS = 30_000;
/** An attempt asks for an address, connects and waits for Slack's hello. */
export const ATTEMPT_MS = 20_000;
/** For Slack's part in closing a connection. */
export const CLOSE_MS = 500;

const sleepFor: Sleep = (milliseconds, over) => timer(milliseconds, undefined, { signal: over }).catch(() => undefined);

/**
 * Connects in the background, for as long as it takes. Bolt's own reconnecting must be off: on a 5xx it rejects
 * unhandled, which ends the process, and it waits for a hello for ever. `line` can cut connections that the client
 * can't.
 */
export function keepConnected(
  client: Client,
  line: Pick<Line, 'cut' | 'trouble'>,
  log: Logger,
  sleep: Sleep = sleepFor,
): SocketModeConnection {
  const stopping = new AbortController();
  let connected = false;
  client.on('disconnected', line.cut);

  /** Resolves when the connection is gone. */
  async function connectOnce(): Promise<void> {
    let disconnected = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      disconnected = resolve;
    });
    client.once('disconnected', disconnected);
    try {
      await hello();
      connected = true;
      log.info('connected to Slack in Socket Mode');
      await gone;
    } finally {
      connected = false;
      client.off('disconnected', disconnected);
    }
  }

  /** Resolves once Slack said hello. @throws if it doesn't in time; nothing of the attempt is left then */
  async function hello(): Promise<void> {
    const over = new AbortController();
    const starting = client.start().then(
      () => 'hello' as const,
      (error: unknown) =>
        error instanceof Error
          ? error
          : new Error('there was no connection, or Slack closed it without a hello', {
              cause: line.trouble() ?? undefined,
            }),
    );
    const late = sleep(ATTEMPT_MS, AbortSignal.any([over.signal, stopping.signal])).then(() => 'late' as const);
    const outcome = await Promise.race([starting, late]);
    over.abort();
    if (outcome === 'hello') return;
    if (outcome !== 'late') throw outcome;
    // Of a connection that isn't there yet, `disconnect` leaves a timer behind, which ends a later attempt.
    await endUntil(starting, line.cut);
    throw new Error('Slack said no hello in time');
  }

  /**
   * The first call of `disconnect` closes together with Slack, the next without; and an attempt may only just have
   * connected.
   */
  async function endUntil(ended: Promise<unknown>, first: () => unknown = disconnect): Promise<void> {
    const over = new AbortController();
    const watched = ended.then(
      () => over.abort(),
      () => over.abort(),
    );
    for (let end = first; !over.signal.aborted; end = disconnect) {
      void end();
      await Promise.race([watched, sleep(CLOSE_MS, over.signal)]);
    }
  }
  const disconnect = () => client.disconnect();

  async function loop(): Promise<void> {
    let waitMs = WAIT_FIRST_MS;
    while (!stopping.signal.aborted) {
      try {
        await connectOnce();
        waitMs = WAIT_FIRST_MS;
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.warn({ err: error }, 'Socket Mode could not connect; it is tried again');
        waitMs = Math.min(WAIT_MOST_MS, waitMs * 2);
      }
      await sleep(waitMs, stopping.signal);
    }
  }
  const running = loop();

  return {
    async check() {
      if (!connected) throw new Error('not connected in Socket Mode');
    },
    async stop() {
      stopping.abort();
      // An attempt under way ends itself: it may still wait for Slack's answer, and nothing waits for it.
      if (connected) await endUntil(running);
    },
  };
}

/** What Slack says of the connection itself is for the client. */
const greeting = z.looseObject({ type: z.enum(['hello', 'disconnect']) });
/** https://docs.slack.dev/apis/events-api/using-socket-mode#events */
const envelope = z.object({
  type: z.enum(['events_api', 'interactive', 'slash_commands']),
  envelope_id: z.string().min(1),
  payload: z.unknown(),
  retry_attempt: z.number().optional().catch(undefined),
  retry_reason: z.string().optional().catch(undefined),
});

export interface FrameOptions {
  readonly guard: Guard;
  readonly takeOnce: TakeOnce;
  /** A repeated delivery. */
  readonly onTwice: () => void;
  readonly log: Logger;
}

/**
 * Puts the guard before the client. A malformed frame would make the client reject, which ends the process, and an
 * event named like one of the client's own would be mistaken for it.
 */
export function guardFrames(client: Client, options: FrameOptions): void {
  const { log } = options;
  const own = client.listeners('ws_message');
  client.removeAllListeners('ws_message');
  client.on('ws_message', (data: unknown, isBinary: boolean) => {
    if (isBinary || typeof data !== 'string' || data.length > MOST_BYTES) {
      log.warn('a frame that is not text, or larger than any of Slack’s, was refused');
      return;
    }
    const frame = parse(data);
    if (greeting.safeParse(frame).success) {
      for (const listener of own) listener(data, isBinary);
      return;
    }
    const known = envelope.safeParse(frame);
    if (known.success) void deliver(client, known.data, options);
    else log.warn('a frame of no known shape was refused');
  });
}

/** Never rejects. */
async function deliver(
  client: Client,
  { payload, ...told }: z.output<typeof envelope>,
  { guard, takeOnce, onTwice, log }: FrameOptions,
): Promise<void> {
  const ack = (answer?: unknown): Promise<void> => acknowledge(client, told.envelope_id, answer);
  const done = (answer?: unknown): Promise<void> =>
    ack(answer).catch((error: unknown) => log.warn({ err: error }, 'what Slack said could not be acknowledged'));
  const admission = guard(payload);
  if (admission.kind === 'refuse') return;
  if (admission.kind === 'acknowledge') return done();
  const { body } = admission;
  if (await takeOnce([`envelope ${told.envelope_id}`, ...namesWithin(body)])) {
    client.emit('slack_event', { ...told, ack, body, retry_num: told.retry_attempt });
    return;
  }
  onTwice();
  await done(answerToSecond(body));
}

function acknowledge(client: Client, envelopeId: string, answer: unknown): Promise<void> {
  const payload = typeof answer === 'string' ? { text: answer } : (answer ?? {});
  return new Promise((resolve, reject) => {
    const { websocket } = client;
    if (websocket?.isActive() !== true) return reject(new Error('the connection to Slack is gone'));
    websocket.send(JSON.stringify({ envelope_id: envelopeId, payload }), (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

/** undefined if it isn't JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
