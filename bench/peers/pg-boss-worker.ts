import { setTimeout as sleep } from 'node:timers/promises';
import PgBoss from 'pg-boss';

/** Takes a job, says so, and never ends it: what becomes of it is for another to show. Tuned as tightly as pg-boss allows. */
const [connectionString = '', queue = ''] = process.argv.slice(2);
const boss = new PgBoss({ connectionString, maintenanceIntervalSeconds: 1, schedule: false });
boss.on('error', (error) => process.stderr.write(`${String(error)}\n`));
await boss.start();
await boss.createQueue(queue);
await boss.work(queue, { pollingIntervalSeconds: 0.5 }, async () => {
  process.stdout.write('"took it"\n');
  await sleep(3_600_000);
});
process.stdout.write('"up"\n');
