import { PgBoss } from 'pg-boss';
import { z } from 'zod';
import { type Payload, peerJob, perform, QUEUE } from './job.js';

/*
 * pg-boss with its best documented settings for low delay: `useListenNotify` with the queue's `notify`, and polling
 * every 30 s (its default then), or as configured if jobs become due later, which NOTIFY doesn't announce. Heartbeats
 * if somebody may die. Sends a job for each message of its parent, and reports right before it.
 */
const job = peerJob.parse(JSON.parse(process.argv[2] ?? ''));
const watched = job.deadAfterSeconds;
const boss = new PgBoss({
  connectionString: job.connectionString,
  useListenNotify: true,
  ...(watched === undefined
    ? {}
    : { monitorIntervalSeconds: 1, superviseIntervalSeconds: 1, queueCacheIntervalSeconds: 1 }),
});
boss.on('error', (error) => process.stderr.write(`${String(error)}\n`));
await boss.start();
await boss.createQueue(QUEUE, {
  notify: true,
  ...(watched === undefined ? {} : { heartbeatSeconds: watched, retryLimit: 100 }),
});
const poll = job.pollSeconds;
if (job.atOnce > 0) {
  await boss.work(
    QUEUE,
    {
      localConcurrency: job.atOnce,
      ...(poll === undefined ? {} : { pollingIntervalSeconds: poll, notifyPollingIntervalSeconds: poll }),
    },
    async (jobs) => {
      for (const { data } of jobs) await perform(data);
    },
  );
}
const asked = z.object({ url: z.string(), body: z.string(), dueAt: z.number().optional() });
process.on('message', (message) => {
  const { dueAt, ...data } = asked.parse(message);
  const sentAt = performance.timeOrigin + performance.now();
  boss
    .send(QUEUE, data satisfies Payload, dueAt === undefined ? {} : { startAfter: new Date(dueAt) })
    .then(() => process.send?.({ sentAt }))
    .catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    });
});
process.stdout.write('"up"\n');
