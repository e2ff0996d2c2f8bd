import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { ACK_WITHIN_MS, type Acknowledgement, type Delivery, type Payload } from './deliver.js';

/** Slack's side of Socket Mode (https://docs.slack.dev/apis/events-api/using-socket-mode). */
export interface SocketMode extends Delivery {
  readonly connections: number;
  close(): void;
}

/** Slack pings its clients; one that hears nothing for 30 s takes the connection for dead. */
const PING_EVERY_MS = 10_000;
const PATH = '/link';

export function startSocketMode(server: Server, appId: string): SocketMode {
  const sockets = new WebSocketServer({ server, path: PATH });
  const open = new Set<WebSocket>();
  const waiting = new Map<string, (body: unknown) => void>();
  const ack = z.object({ envelope_id: z.string(), payload: z.unknown().optional() });

  sockets.on('connection', (socket) => {
    open.add(socket);
    const ping = setInterval(() => socket.ping('ping'), PING_EVERY_MS);
    socket.on('close', () => {
      clearInterval(ping);
      open.delete(socket);
    });
    socket.on('message', (data) => {
      const parsed = ack.safeParse(JSON.parse(data.toString()));
      if (parsed.success) waiting.get(parsed.data.envelope_id)?.(parsed.data.payload ?? '');
    });
    socket.send(
      JSON.stringify({
        type: 'hello',
        num_connections: open.size,
        connection_info: { app_id: appId },
        debug_info: { host: 'stand-in', approximate_connection_time: 3600 },
      }),
    );
  });

  return {
    get connections() {
      return open.size;
    },
    async deliver(payload, retry) {
      // Each payload goes to exactly one connection, whichever.
      const [socket] = [...open];
      if (socket === undefined) return { kind: 'unreachable' };
      const id = randomUUID();
      const answered = new Promise<Acknowledgement>((resolve) => {
        const timer = setTimeout(() => resolve({ kind: 'timeout' }), ACK_WITHIN_MS);
        waiting.set(id, (body) => {
          clearTimeout(timer);
          resolve({ kind: 'answered', status: 200, body });
        });
      });
      socket.send(
        JSON.stringify({
          envelope_id: id,
          ...envelope(payload),
          ...(retry === undefined ? {} : { retry_attempt: retry.number, retry_reason: retry.reason }),
        }),
      );
      const answer = await answered;
      waiting.delete(id);
      return answer;
    },
    close() {
      for (const socket of open) socket.terminate();
      sockets.close();
    },
  };
}

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

export function socketUrl(httpUrl: string): string {
  return `${httpUrl.replace(/^http/u, 'ws')}${PATH}?ticket=${randomUUID()}`;
}
