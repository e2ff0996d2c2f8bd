import { createServer as createHttpServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { createFrontendReader } from '../support/frontend-messages.js';

/**
 * Counts a process's messages to PostgreSQL, Slack and a pager, and cuts all traffic at one of them: earlier ones took
 * effect and were answered, this and later ones never arrive. Killed then, the process was between two writes. Reads
 * and a transaction's begin aren't counted: a kill before one leaves what a kill before the next write leaves.
 */
export interface Cut {
  readonly databaseUrl: string;
  readonly slackApiUrl: string;
  readonly pagerUrl: string | null;
  /**
   * Counts from now on, or from the first message that `from` matches; at message number `at` (from 1) calls `then`.
   * Calls under way don't count.
   */
  arm(at: number, then: () => void, from?: RegExp): void;
  seen(): number;
  /** The message at the cut: a statement, or a method of Slack's; null before it. */
  at(): string | null;
  close(): Promise<void>;
}

export async function startCut(databaseUrl: string, slackApiUrl: string, pagerUrl: string | null = null): Promise<Cut> {
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
    // The migrations' connections have no application name, and pass uncounted.
    let counts: boolean | null = null;
    client.on('data', (chunk) => {
      for (const { bytes, statement } of read(chunk)) {
        counts ??= bytes.includes('application_name\0flag-promotions\0');
        if (where !== null || (counts && statement !== null && !pass(inShort(statement.sql)))) {
          // The server rolls back open transactions, as it does when a process is gone.
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
  const forwardTo = (target: URL, name: string) =>
    createHttpServer((incoming, answer) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        if (!pass(`${name}: ${methodOf(incoming)}`)) {
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
  const target = new URL(slackApiUrl);
  const slack = forwardTo(target, 'Slack');
  const pager = pagerUrl === null ? null : { target: new URL(pagerUrl), server: forwardTo(new URL(pagerUrl), 'Pager') };
  const through = new URL(databaseUrl);
  through.hostname = '127.0.0.1';
  through.port = String(await listening(wire));
  const slackPort = await listening(slack);
  const pagerPort = pager === null ? null : await listening(pager.server);
  return {
    databaseUrl: through.href,
    slackApiUrl: `http://127.0.0.1:${slackPort}${target.pathname}`,
    pagerUrl: pager === null ? null : `http://127.0.0.1:${pagerPort}${pager.target.pathname}`,
    arm(at, then, from = /^/u) {
      count = 0;
      armed = { at, then, from };
    },
    seen: () => count,
    at: () => where,
    async close() {
      const servers = [slack, ...(pager === null ? [] : [pager.server])];
      for (const server of servers) server.closeAllConnections();
      await Promise.all([wire, ...servers].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A listening TCP server has an address of this kind.
  return (server.address() as AddressInfo).port;
}

const methodOf = (incoming: IncomingMessage): string => incoming.url?.split('/').at(-1) ?? '';

/** A short name for the statement at the cut. */
const inShort = (statement: string): string => statement.replaceAll(/\s+/gu, ' ').trim().slice(0, 60);
