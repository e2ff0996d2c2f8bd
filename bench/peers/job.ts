import { Agent, request } from 'node:http';
import { z } from 'zod';

/** What a peer's worker is told, as its one argument in JSON. */
export const peerJob = z.object({
  connectionString: z.string(),
  /** Looks for jobs that have become due, in seconds; without it, by the peer's default. */
  pollSeconds: z.number().optional(),
  /** A worker that is silent for so long is taken for dead, where the peer can be told. */
  deadAfterSeconds: z.number().optional(),
  atOnce: z.number(),
});
export type PeerJob = z.output<typeof peerJob>;

export const QUEUE = 'promotions';
/** What each job does: a request to this address. */
const payload = z.object({ url: z.string(), body: z.string() });
export type Payload = z.output<typeof payload>;

const agent = new Agent({ keepAlive: true });

/** Sends the job's request and reads its answer; it is given as long as the other side takes. */
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
