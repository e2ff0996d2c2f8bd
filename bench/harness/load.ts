import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { program, runToEnd } from './processes.js';
import { post } from './requests.js';
import { quantile } from './rounds.js';

/** The driver's one argument, as JSON. */
export const loadJob = z.object({
  url: z.string(),
  /** Sent one after the other, over and over. */
  bodies: z.array(z.string()).min(1),
  /** Requests per second, each sent on schedule even if earlier ones are slow; or as many as possible. */
  pace: z.union([z.object({ perSecond: z.number() }), z.object({ connections: z.number() })]),
  warmUpMs: z.number(),
  durationMs: z.number(),
});
export type LoadJob = z.output<typeof loadJob>;

export const loadResult = z.object({ p50: z.number(), p99: z.number(), perSecond: z.number() });
/** Milliseconds from sending to the whole answer, and answers a second. */
export type LoadResult = z.output<typeof loadResult>;

/** Sends signed requests and measures their answers. @throws if one is not a 200 */
export async function load(job: LoadJob): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const startedAt = performance.now();
  const from = startedAt + job.warmUpMs;
  const until = from + job.durationMs;
  const latencies: number[] = [];
  let count = 0;
  const once = async (): Promise<void> => {
    const body = job.bodies[count++ % job.bodies.length] ?? '';
    const sentAt = performance.now();
    await post(job.url, body, agent);
    const answeredAt = performance.now();
    if (answeredAt >= from && answeredAt < until) latencies.push(answeredAt - sentAt);
  };
  const { pace } = job;
  if ('connections' in pace) {
    const connection = async (): Promise<void> => {
      while (performance.now() < until) await once();
    };
    await Promise.all(Array.from({ length: pace.connections }, connection));
  } else {
    const sent: Promise<void>[] = [];
    for (let index = 0; ; index += 1) {
      const at = startedAt + (index * 1000) / pace.perSecond;
      if (at >= until) break;
      await sleep(Math.max(0, at - performance.now()));
      sent.push(once());
    }
    await Promise.all(sent);
  }
  agent.destroy();
  return {
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    perSecond: (latencies.length * 1000) / job.durationMs,
  };
}

/** Loads from a separate process: the cost of sending must not slow the side that answers. */
export async function drive(job: LoadJob): Promise<LoadResult> {
  return loadResult.parse(JSON.parse(await runToEnd(program('load-driver.js'), [JSON.stringify(job)])));
}
