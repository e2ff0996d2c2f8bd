import { run } from 'graphile-worker';
import { peerJob, perform, QUEUE } from './job.js';

/**
 * graphile-worker as its documentation runs it: LISTEN tells it of new jobs; it polls, every 2 s by default, for those that
 * become due later. With a local queue of one more than it works on at once, as its documentation suggests to begin with, one
 * of its workers looks for all.
 */
const job = peerJob.parse(JSON.parse(process.argv[2] ?? ''));
await run({
  connectionString: job.connectionString,
  concurrency: job.atOnce,
  preset: { worker: { localQueue: { size: job.atOnce + 1 } } },
  ...(job.pollSeconds === undefined ? {} : { pollInterval: job.pollSeconds * 1_000 }),
  taskList: { [QUEUE]: perform },
});
process.stdout.write('"up"\n');
