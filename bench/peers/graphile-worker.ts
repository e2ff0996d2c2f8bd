import { run } from 'graphile-worker';
import { peerJob, perform, QUEUE } from './job.js';

/**
 * graphile-worker as its documentation runs it: LISTEN for new jobs, and polling (default 2 s) for those that become
 * due later. Its local queue is one larger than its concurrency, as its documentation suggests to begin with, so one of
 * its workers looks for all.
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
