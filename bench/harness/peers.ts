import type { PeerJob } from '../peers/job.js';
import { PEER_NODE } from './peer-node.js';
import { program, type Running, run } from './processes.js';

/** A peer's worker, in its own process with its own database. */
export function startPeer(peer: 'pg-boss' | 'graphile-worker', job: PeerJob): Promise<Running> {
  const file = program(peer === 'pg-boss' ? 'peers/pg-boss-worker.js' : 'peers/graphile-worker.js');
  return run(file, [JSON.stringify(job)], {}, /"up"/u, { node: PEER_NODE });
}
