import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const posted = z.object({
  number: z.number(),
  hash: z.string(),
  events: z.number(),
  at: z.string(),
  signature: z.string(),
});

/** A witness as anybody could run one. */
export interface WitnessStandIn {
  readonly url: string;
  readonly seals: z.output<typeof posted>[];
  status: number;
  requests: number;
  close(): Promise<void>;
}

export async function startWitness(): Promise<WitnessStandIn> {
  const seals: z.output<typeof posted>[] = [];
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = posted.strict().parse(JSON.parse(await text(request)));
    witness.requests += 1;
    if (witness.status < 300) seals.push(body);
    response.writeHead(witness.status).end();
  }
  const server: Server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const witness: WitnessStandIn = {
    url: `http://127.0.0.1:${port}/seals?token=canary-witness`,
    seals,
    status: 200,
    requests: 0,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return witness;
}
