import { Agent, request } from 'node:http';
import { z } from 'zod';

/** A peer worker's one argument, as JSON. */
export const peerJob = z.object({
  connectionString: z.string(),
  /** How often to look for jobs that have become due, in seconds; default: the peer's. */
  pollSeconds: z.number().optional(),
  /** After this much silence a worker counts as dead, if the peer has such a setting. */
  deadAfterSeconds: z.number().optional(),
  atOnce: z.number(),
});
export type PeerJob = z.output<typeof peerJob>;

export const QUEUE = 'promotions';
/** Each job sends a request to this address. */
const payload = z.object({ url: z.string(), body: z.string() });
export type Payload = z.output<typeof payload>;

const agent = new Agent({ keepAlive: true });

/** Sends the job's request and reads its answer, without a time limit. */
export function perform(data: unknown): Promise<void> {
  const { url, body } = payload.parse(data);
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) };
    const sending = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('end', () => resolve());
      response.once('error', reject);
    });
    sending.once('error', reject);
    sending.end(body);
  });
}
