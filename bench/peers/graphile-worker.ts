import { run } from 'graphile-worker';
import { peerJob, perform, QUEUE } from './job.js';

/**
 * graphile-worker as its documentation runs it: LISTEN tells it of new jobs; it polls, every 2 s by default, for those that
 * become due later.
 */
const job = peerJob.parse(JSON.parse(process.argv[2] ?? ''));
await run({
  connectionString: job.connectionString,
  concurrency: job.atOnce,
  ...(job.pollSeconds === undefined ? {} : { pollInterval: job.pollSeconds * 1_000 }),
  taskList: { [QUEUE]: perform },
});
process.stdout.write('"up"\n');
