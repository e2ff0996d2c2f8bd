import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBareApp, startBuiltApp } from '../harness/app.js';
import { counted, type Figure } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import type { Bench, Measured, Row } from '../harness/row.js';

const CONNECTIONS = 400;
/** Heroku's router keeps an idle connection this long. */
const PROXY_KEEPS_MS = 90_000;
/** When Node closes one by default: after 5 s, and up to another until it checks. A request and the close can cross. */
const NODE_CLOSES_MS = { from: 4_900, to: 6_200 };

/** Whether a proxy's idle connections stay usable as long as it assumes. */
export const keepAlive: Row = {
  name: 'keep-alive',
  how: `${CONNECTIONS} connections send a request each, lie idle, and send another one, as a proxy does that keeps connections for ${PROXY_KEEPS_MS / 1_000} s (Heroku's router). Half of them lie idle for ${NODE_CLOSES_MS.from / 1_000} to ${NODE_CLOSES_MS.to / 1_000} s, when Node closes them by default, half for something up to ${PROXY_KEEPS_MS / 1_000} s. "Closed first": connections that the app closed before the proxy would have. "Lost": requests that were sent on a connection that still looked open, and got no answer. Against bare Bolt, whose server has Node's default.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const databaseUrl = await server.fresh('bench_keep_alive', 'migrated');
    const app = await startBuiltApp({ databaseUrl, slack });
    const bare = await startBareApp({ databaseUrl, slack });
    say(`${CONNECTIONS} connections to each lie idle for up to ${PROXY_KEEPS_MS / 1_000} s`);
    const [ours, theirs] = await Promise.all([idling(app.url), idling(bare.url)]);
    await Promise.all([app.stop(), bare.stop()]);
    await slack.close();
    const figure = (what: string, of: keyof Outcome): Figure =>
      counted({
        what,
        unit: of === 'lost' ? 'requests' : 'connections',
        ours: ours[of],
        against: 'bare Bolt',
        theirs: theirs[of],
        goal: { figure: { atMost: 0 } },
      });
    return {
      figures: [
        figure(`idle HTTP connections: requests lost, of ${CONNECTIONS}`, 'lost'),
        figure(`idle HTTP connections: closed first, of ${CONNECTIONS}`, 'closedFirst'),
      ],
    };
  },
};

interface Outcome {
  readonly lost: number;
  readonly closedFirst: number;
}

async function idling(url: string): Promise<Outcome> {
  const outcomes = await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => idleOnce(url, restOf(index))));
  return {
    lost: outcomes.filter((outcome) => outcome === 'lost').length,
    closedFirst: outcomes.filter((outcome) => outcome === 'closed').length,
  };
}

/** Half of them around Node's default, a few milliseconds apart; the others spread up to the proxy's limit. */
function restOf(index: number): number {
  const half = CONNECTIONS / 2;
  return index < half
    ? NODE_CLOSES_MS.from + (index * (NODE_CLOSES_MS.to - NODE_CLOSES_MS.from)) / half
    : ((index - half) * (PROXY_KEEPS_MS - 1_000)) / half + 1_000;
}

/** Over a bare socket: Node's own agent would heed the server's `Keep-Alive` header, which a proxy ignores. */
async function idleOnce(url: string, restMs: number): Promise<'answered' | 'lost' | 'closed'> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let hasEnded = false;
  socket.once('end', () => {
    hasEnded = true;
  });
  // The request that a reset hits reports it.
  socket.on('error', () => {
    hasEnded = true;
  });
  try {
    if (!(await answered(socket))) throw new Error('The first request of a connection was not answered.');
    await sleep(restMs);
    // A proxy that saw the close takes another connection; only a request that crosses it is lost.
    if (hasEnded) return 'closed';
    return (await answered(socket)) ? 'answered' : 'lost';
  } finally {
    socket.destroy();
  }
}

/** Sends a request; resolves with whether an answer began before the connection ended. */
function answered(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('data', () => resolve(true));
    socket.once('close', () => resolve(false));
    socket.write('GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n');
  });
}
