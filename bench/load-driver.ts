import { load, loadJob } from './harness/load.js';

/** The load of a row, from a process of its own: what it costs to send must not slow who answers. */
const job = loadJob.parse(JSON.parse(process.argv[2] ?? ''));
process.stdout.write(JSON.stringify(await load(job)));
