import pg from 'pg';

/*
 * A console working on its own table, in its own process: a fixed number of requests a second, half of them writes,
 * each begun on time, however long earlier ones take. `report` returns the durations since the last report.
 */

const EVERY_MS = 1_000 / Number(process.argv[3] ?? 200);
const CONNECTIONS = 50;

const pool = new pg.Pool({ connectionString: process.argv[2], max: CONNECTIONS, min: CONNECTIONS });
const { rows } = await pool.query('select max(id) as newest from console_flag_promotions');
const newest: number = Number(rows[0].newest);
await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.query('select 1')));

const REQUESTS: readonly (readonly [string, () => readonly unknown[]])[] = [
  ['select * from console_flag_promotions where id = $1', () => [Math.ceil(Math.random() * newest)]],
  [
    `insert into console_flag_promotions (flag_key, heroku_app, state, started_at) values ($1, 'console', 'deploying', now())`,
    () => [`bench_${Math.random()}`],
  ],
  ['select * from console_flag_promotions order by id desc limit 20', () => []],
  [
    `update console_flag_promotions set state = 'deployed', finished_at = now() where id = $1`,
    () => [newest - Math.floor(Math.random() * 1_000)],
  ],
];

let took: number[] = [];
let failed: string[] = [];
let begun = 0;
const startedAt = performance.now();

function beginDue(): void {
  for (; startedAt + begun * EVERY_MS <= performance.now(); begun += 1) {
    const dueAt = startedAt + begun * EVERY_MS;
    const [sql, values] = REQUESTS[begun % REQUESTS.length] ?? ['select 1', () => []];
    const into = took;
    pool.query(sql, [...values()]).then(
      () => into.push(performance.now() - dueAt),
      (error: Error) => failed.push(error.message),
    );
  }
}
setInterval(beginDue, 1);

process.on('message', () => {
  const sorted = took.toSorted((a, b) => a - b);
  const at = (quantile: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 0;
  process.send?.({
    requests: sorted.length,
    failed: failed.slice(0, 3),
    p50: at(0.5),
    p99: at(0.99),
    longest: sorted.at(-1) ?? 0,
  });
  took = [];
  failed = [];
});
process.stdout.write('at work\n');
