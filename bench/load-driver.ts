import { load, loadJob } from './harness/load.js';

/** A row's load, from its own process: the cost of sending must not slow the side that answers. */
const job = loadJob.parse(JSON.parse(process.argv[2] ?? ''));
process.stdout.write(JSON.stringify(await load(job)));
