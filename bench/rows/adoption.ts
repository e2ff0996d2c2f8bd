import pg from 'pg';
import { z } from 'zod';
import { ASKED_ROWS } from '../harness/asked-rows.js';
import { compared, type Figure } from '../harness/figures.js';
import { APP, program, type Running, run, runToEnd } from '../harness/processes.js';
import type { Bench, Measured, Row } from '../harness/row.js';

const ROWS = ASKED_ROWS;
const A_SECOND = 200;
const REPORT_MS = 30_000;
const P99_MS = 100;
const LONGEST_MS = 2_500;

/** What a console notices of the migration that adopts its table. */
export const adoption: Row = {
  name: 'adoption',
  isSlow: true,
  how: `A console that begins ${A_SECOND} requests a second on its own table of ${ROWS.toLocaleString('en')} promotions, half of them writes, each at its time however long the ones before take, in a process of its own, while \`flag-promotions migrate\` adopts that table: how long they took from the time that each was due. Against the same console before it. And once more, after \`migrate --rollback\`, behind a report that holds the table for ${REPORT_MS / 1_000} s from before the migration on.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const databaseUrl = await server.fresh('bench_adoption', 'empty');
    say(`filling a console's table with ${ROWS.toLocaleString('en')} promotions`);
    await server.durable(false);
    await fill(databaseUrl);
    await server.durable(true);
    const console = await run(program('harness/console.js'), [databaseUrl, String(A_SECOND)], {}, /at work/u);
    await pause(5_000);
    await reportOf(console);
    say('the console alone');
    await pause(20_000);
    const alone = await reportOf(console);
    say('adopting');
    const { taken, lines } = await migrating(databaseUrl);
    const during = await reportOf(console);
    say(`${lines} (${(taken / 1_000).toFixed(0)} s)`);
    await runToEnd(APP, ['migrate', '--rollback'], { DATABASE_URL: databaseUrl });
    await pause(5_000);
    const rollback = await reportOf(console);
    say('adopting behind a report');
    const report = new pg.Client({ connectionString: databaseUrl });
    await report.connect();
    await report.query('begin isolation level repeatable read; select * from console_flag_promotions limit 1');
    const ended = pause(REPORT_MS).then(() => report.query('commit'));
    await migrating(databaseUrl);
    const behind = await reportOf(console);
    await ended;
    await report.end();
    await console.stop();
    await server.drop('bench_adoption');
    return {
      figures: [
        ...figures('during `migrate`', during, alone),
        ...figures('during `migrate` behind a report', behind, alone),
        ...figures('during `migrate --rollback`', rollback, alone),
      ],
    };
  },
};

const reported = z.object({
  requests: z.number(),
  failed: z.array(z.string()),
  p50: z.number(),
  p99: z.number(),
  longest: z.number(),
});
type Report = z.output<typeof reported>;

async function reportOf(console: Running): Promise<Report> {
  const report = reported.parse(await console.ask('report'));
  if (report.failed.length > 0) throw new Error(`Requests failed: ${report.failed.join('; ')}`);
  return report;
}

function figures(when: string, { requests, p99, longest }: Report, alone: Report): readonly Figure[] {
  const against = 'the console alone';
  return [
    compared({
      what: `a console's requests ${when}, p99 of ${requests.toLocaleString('en')}`,
      unit: 'ms',
      ours: [p99],
      against,
      theirs: [alone.p99],
      goal: { figure: { atMost: P99_MS } },
    }),
    compared({
      what: `the longest of them`,
      unit: 'ms',
      ours: [longest],
      against,
      theirs: [alone.longest],
      goal: { figure: { atMost: LONGEST_MS } },
    }),
  ];
}

async function migrating(databaseUrl: string): Promise<{ taken: number; lines: string }> {
  const startedAt = performance.now();
  const lines = await runToEnd(APP, ['migrate'], { DATABASE_URL: databaseUrl });
  return { taken: performance.now() - startedAt, lines: lines.trim().split('\n')[0] ?? '' };
}

/** As a console may have made it, with nearly everything deployed. */
async function fill(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`
    set maintenance_work_mem = '512MB';
    create table console_flag_promotions (
      id bigserial, flag_key text not null, heroku_app text not null, state text not null, requested_by text,
      started_at timestamptz, finished_at timestamptz);
    insert into console_flag_promotions (flag_key, heroku_app, state, requested_by, started_at, finished_at)
      select 'flag_' || n % 5000, 'app-' || n % 50, case when n % 100 < 97 then 'deployed' else 'failed' end, 'kris@raxx.example',
             now() - (${ROWS} - n) * interval '20 seconds', now() - (${ROWS} - n) * interval '20 seconds' + interval '1 minute'
        from generate_series(1, ${ROWS}) n;
    alter table console_flag_promotions add primary key (id);`);
  await client.query('vacuum analyze console_flag_promotions');
  await client.end();
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
