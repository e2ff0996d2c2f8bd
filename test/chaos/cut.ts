import { createServer as createHttpServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { createFrontendReader } from '../support/frontend-messages.js';

/**
 * Counts what a process sends to PostgreSQL and to Slack, and at one message lets nothing more pass, in either direction:
 * what was sent before has taken its effect and been answered, this and what follows never arrives. Killed at that moment,
 * the process was between two writes. The app knows nothing of it. Plain reads, and a transaction's begin, pass uncounted:
 * killed before one, a process leaves what it leaves when it is killed before the next write.
 */
export interface Cut {
  readonly databaseUrl: string;
  readonly slackApiUrl: string;
  /**
   * Counts from here on, or from the first message that `from` matches; at message number `at` (from 1) `then` is called. Calls
   * that are under way don't count.
   */
  arm(at: number, then: () => void, from?: RegExp): void;
  /** How many messages were seen since. */
  seen(): number;
  /** What the message was at which it was cut: a statement, or a method of Slack's; null while it was not. */
  at(): string | null;
  close(): Promise<void>;
}

export async function startCut(databaseUrl: string, slackApiUrl: string): Promise<Cut> {
  let count = 0;
  let armed: { readonly at: number; readonly then: () => void; readonly from: RegExp } | null = null;
  let where: string | null = null;

  /** Whether a message may pass. */
  function pass(what: string): boolean {
    if (where !== null) return false;
    if (armed === null || /^(?:\(?select|begin)/iu.test(what)) return true;
    if (count === 0 && !armed.from.test(what)) return true;
    count += 1;
    if (count < armed.at) return true;
    where = what;
    armed.then();
    return false;
  }

  const database = new URL(databaseUrl);
  const wire = createServer((client) => {
    const upstream = connect(Number(database.port), database.hostname);
    const read = createFrontendReader();
    // The migrations' connections name no application, and are let through uncounted.
    let counts: boolean | null = null;
    client.on('data', (chunk) => {
      for (const { bytes, statement } of read(chunk)) {
        counts ??= bytes.includes('application_name\0flag-promotions\0');
        if (where !== null || (counts && statement !== null && !pass(inShort(statement.sql)))) {
          // The server rolls back what was open, as it does when a process is gone.
          upstream.destroy();
          return;
        }
        upstream.write(bytes);
      }
    });
    upstream.on('data', (chunk) => {
      if (where === null) client.write(chunk);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  const target = new URL(slackApiUrl);
  const slack = createHttpServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      if (!pass(methodOf(incoming))) {
        incoming.socket.destroy();
        return;
      }
      const { method, headers } = incoming;
      const onward = request(new URL(incoming.url ?? '/', target.origin), { method, headers }, (answered) => {
        answer.writeHead(answered.statusCode ?? 502, answered.headers);
        answered.pipe(answer);
      });
      onward.on('error', () => answer.destroy());
      onward.end(Buffer.concat(chunks));
    });
  });
  const through = new URL(databaseUrl);
  through.hostname = '127.0.0.1';
  through.port = String(await listening(wire));
  const slackPort = await listening(slack);
  return {
    databaseUrl: through.href,
    slackApiUrl: `http://127.0.0.1:${slackPort}${target.pathname}`,
    arm(at, then, from = /^/u) {
      count = 0;
      armed = { at, then, from };
    },
    seen: () => count,
    at: () => where,
    async close() {
      slack.closeAllConnections();
      await Promise.all([wire, slack].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A listening TCP server has an address of this kind.
  return (server.address() as AddressInfo).port;
}

const methodOf = (incoming: IncomingMessage): string => `Slack: ${incoming.url?.split('/').at(-1) ?? ''}`;

/** How a statement is named where it is said at which one it was cut. */
const inShort = (statement: string): string => statement.replaceAll(/\s+/gu, ' ').trim().slice(0, 60);
