import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import type { Acknowledgement, Delivery, Payload } from './deliver.js';

/** Slack's side of Socket Mode (https://docs.slack.dev/apis/events-api/using-socket-mode). */
export interface SocketMode extends Delivery {
  readonly connections: number;
  /** A fresh address, good for one connection. */
  url(): string;
  /**
   * Asks every client to reconnect, as Slack does every few hours, and closes the connections `afterMs` milliseconds
   * later (default 0). Well-behaved clients have reconnected by then.
   */
  refresh(afterMs?: number): Promise<void>;
  /** Cuts every connection without a close handshake. */
  drop(): void;
  /** How Slack treats new connections: it never says hello, never answers the upgrade, or answers otherwise. */
  greet(how: Greeting): void;
  /** How many connection attempts came with a good address. */
  readonly attempts: number;
  sendFrame(frame: string | Buffer): void;
  /** Acknowledged envelopes, in order. */
  readonly acknowledged: readonly string[];
  /** Closes every connection with a handshake, if the client takes part. */
  close(): Promise<void>;
}

/** `answer`: to the request to upgrade, as sent. */
type Greeting = 'hello' | 'no_hello' | 'no_upgrade' | { readonly answer: string };

/** Slack pings its clients; one that hears nothing for 30 s takes the connection for dead. */
const PING_EVERY_MS = 10_000;
const PATH = '/link';
/** https://docs.slack.dev/apis/events-api/using-socket-mode#connections */
const MOST_CONNECTIONS = 10;
const HANDSHAKE_WITHIN_MS = 1_000;

const ack = z.object({ envelope_id: z.string(), payload: z.unknown().optional() });

export function startSocketMode(
  server: Server,
  options: { readonly appId: string; readonly ackWithinMs: number; readonly httpUrl: string },
): SocketMode {
  const tickets = new Set<string>();
  let greeting: Greeting = 'hello';
  let attempts = 0;
  const unanswered: Socket[] = [];
  const sockets = new WebSocketServer({
    server,
    path: PATH,
    verifyClient: ({ req }: { req: IncomingMessage }, admit: (isGood: boolean) => void) => {
      const isGood = tickets.delete(new URL(req.url ?? '/', 'http://localhost').searchParams.get('ticket') ?? '');
      if (isGood) attempts += 1;
      if (!isGood || greeting === 'hello' || greeting === 'no_hello') return admit(isGood);
      unanswered.push(req.socket);
      if (greeting !== 'no_upgrade') req.socket.write(greeting.answer);
    },
  });
  const open: WebSocket[] = [];
  const acknowledged: string[] = [];
  const waiting = new Map<string, (answer: Acknowledgement) => void>();
  let turn = 0;

  function forget(socket: WebSocket): void {
    const at = open.indexOf(socket);
    if (at >= 0) open.splice(at, 1);
  }

  sockets.on('connection', (socket) => {
    if (open.length >= MOST_CONNECTIONS) {
      socket.send(JSON.stringify({ type: 'disconnect', reason: 'too_many_websockets', debug_info: DEBUG }));
      socket.close();
      return;
    }
    if (greeting === 'hello') open.push(socket);
    const ping = setInterval(() => socket.ping('ping'), PING_EVERY_MS);
    socket.on('close', () => {
      clearInterval(ping);
      forget(socket);
    });
    socket.on('message', (data) => {
      const parsed = ack.safeParse(jsonOf(String(data)));
      if (!parsed.success) return;
      acknowledged.push(parsed.data.envelope_id);
      waiting.get(parsed.data.envelope_id)?.({ kind: 'answered', status: 200, body: parsed.data.payload ?? '' });
    });
    if (greeting !== 'hello') return;
    socket.send(
      JSON.stringify({
        type: 'hello',
        num_connections: open.length,
        connection_info: { app_id: options.appId },
        debug_info: { ...DEBUG, approximate_connection_time: 3_600 },
      }),
    );
  });

  return {
    get connections() {
      return open.length;
    },
    url() {
      const ticket = randomBytes(16).toString('hex');
      tickets.add(ticket);
      return `${options.httpUrl.replace(/^http/u, 'ws')}${PATH}?ticket=${ticket}&app_id=${options.appId}`;
    },
    async deliver(payload, retry) {
      // Each payload goes to exactly one connection, any of them.
      const socket = open[turn % Math.max(open.length, 1)];
      turn += 1;
      if (socket === undefined) return { kind: 'unreachable' };
      const id = randomUUID();
      return new Promise<Acknowledgement>((resolve) => {
        const settle = (answer: Acknowledgement): void => {
          clearTimeout(timer);
          waiting.delete(id);
          socket.off('close', gone);
          resolve(answer);
        };
        const gone = (): void => settle({ kind: 'unreachable' });
        const timer = setTimeout(() => settle({ kind: 'timeout' }), options.ackWithinMs);
        waiting.set(id, settle);
        socket.on('close', gone);
        socket.send(
          JSON.stringify({
            envelope_id: id,
            ...envelope(payload),
            ...(retry === undefined
              ? { retry_attempt: 0, retry_reason: '' }
              : { retry_attempt: retry.number, retry_reason: retry.reason }),
          }),
        );
      });
    },
    async refresh(afterMs = 0) {
      const old = [...open];
      for (const socket of old) {
        // What comes from here on belongs to the connection that replaces this one.
        forget(socket);
        socket.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested', debug_info: DEBUG }));
      }
      await sleep(afterMs);
      for (const socket of old) socket.close();
    },
    drop() {
      for (const socket of [...open]) socket.terminate();
    },
    greet(how) {
      greeting = how;
    },
    get attempts() {
      return attempts;
    },
    sendFrame(frame) {
      for (const socket of open) socket.send(frame);
    },
    acknowledged,
    async close() {
      sockets.close();
      for (const socket of unanswered) socket.destroy();
      // A client cut off during its own handshake would wait half a minute for the rest.
      for (const socket of sockets.clients) socket.close(1001);
      const deadline = performance.now() + HANDSHAKE_WITHIN_MS;
      while (sockets.clients.size > 0 && performance.now() < deadline) await sleep(5);
      for (const socket of sockets.clients) socket.terminate();
    },
  };
}

const DEBUG = { host: 'stand-in' };

function envelope(payload: Payload) {
  switch (payload.kind) {
    case 'command':
      return { type: 'slash_commands', accepts_response_payload: true, payload: payload.form };
    case 'interaction':
      return { type: 'interactive', accepts_response_payload: true, payload: payload.payload };
    case 'event':
      return { type: 'events_api', accepts_response_payload: false, payload: payload.payload };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
