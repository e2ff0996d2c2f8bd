import PgBoss from 'pg-boss';

/**
 * Takes jobs and completes them, as fast as pg-boss hands them out: without `work`, whose polling leaves half a second
 * between one batch and the next at the least. Several at once, one job each, as the promoter does. Says when it has moved as
 * many as each of the milestones, and ends with the last one.
 */
const [connectionString = '', queue = '', atOnce = '1', ...milestones] = process.argv.slice(2);
const boss = new PgBoss({ connectionString, supervise: false, schedule: false });
boss.on('error', (error) => process.stderr.write(`${String(error)}\n`));
await boss.start();
await boss.createQueue(queue);
process.stdout.write('"up"\n');

let moved = 0;
async function move(): Promise<void> {
  while (moved < Number(milestones.at(-1))) {
    const [job] = await boss.fetch(queue);
    if (job === undefined) continue;
    await boss.complete(queue, job.id);
    moved += 1;
    if (milestones.includes(String(moved))) process.stdout.write(`"moved ${moved}"\n`);
  }
}
await Promise.all(Array.from({ length: Number(atOnce) }, move));
await boss.stop({ graceful: false });
