import { mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EmbeddedPostgres, EmbeddedPostgresError, startEmbeddedPostgres } from '../../src/db/embedded-postgres.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { fastTemporaryFolder, startTestServer } from '../support/database.js';
import { startChild } from './child.js';
import { countOwed } from './owed.js';
import { openForms, submitUntilClear } from './people.js';
import { addUp, pick, type Report, type Scenario } from './scenario.js';
import { newTrigger, signed } from './signed.js';
import { createSmallDisk, type SmallDisk } from './small-disk.js';

/**
 * Two replicas, and people who resolve all the time, while PostgreSQL is restarted, crashes, cuts or stalls
 * connections, and runs out of disk. Without a clear answer people submit again; in the end each promotion is resolved
 * once.
 */
export const databaseTrouble: Scenario = { name: 'database-trouble', run };

const PER_TROUBLE = 6;
const TROUBLE_MS = 4_000;
const RECOVERED_WITHIN_MS = 60_000;

interface Trouble {
  readonly what: string;
  cause(): Promise<void>;
  end?(): Promise<void>;
}

async function run(random: () => number): Promise<Report> {
  const folder = await mkdtemp(path.join(await fastTemporaryFolder(), 'flag-promotions-chaos-'));
  const own = await keepServer(folder);
  const server = await startTestServer(own.connectionString);
  const disk = await createSmallDisk(path.join(folder, 'postgres'));
  try {
    return await trouble(random, folder, disk);
  } finally {
    await server.stop();
    await own.stop();
    await disk.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

/** PostgreSQL, restarted on its port whenever it ends, as a service manager would. */
async function keepServer(dataDir: string): Promise<{ readonly connectionString: string; stop(): Promise<void> }> {
  let stopping = false;
  let restarted: Promise<EmbeddedPostgres> | undefined;
  const start = (settings: Readonly<Record<string, string>> = {}) =>
    startEmbeddedPostgres({
      dataDir,
      create: true,
      database: 'postgres',
      settings,
      onLost() {
        if (!stopping) restarted = restart();
      },
    });
  const first = await start();
  const { port } = new URL(first.connectionString);
  const restart = async (): Promise<EmbeddedPostgres> => {
    for (;;) {
      try {
        return await start({ port });
      } catch (error) {
        // While the disk is full it can't start.
        if (!(error instanceof EmbeddedPostgresError)) throw error;
        await sleep(500);
      }
    }
  };
  return {
    connectionString: first.connectionString,
    async stop() {
      stopping = true;
      await (await (restarted ?? first)).stop();
    },
  };
}

async function trouble(random: () => number, folder: string, disk: SmallDisk): Promise<Report> {
  const bed = await startTestBed({
    startAt: new Date().toISOString(),
    withoutHeroku: true,
    rateLimit: false,
    // Individual alerts, each with buttons to click.
    environment: { ALERT_MESSAGES_PER_HOUR: '50' },
  });
  await disk.hold(bed.rows);
  const replicas = [0, 1].map(() => startChild(['start'], { ...bed.environment, MAINTENANCE_CRON: '*/2 * * * * *' }));
  const ports = await Promise.all(replicas.map((replica) => replica.port()));
  const troubles = troublesOf(bed, folder, disk, ports);
  const promotedAt = new Date(Date.now() - 25 * 3_600_000).toISOString();
  for (let index = 0; index < troubles.length * PER_TROUBLE; index += 1) {
    await bed.rows.insertDeploying({ flagKey: `flag_${index}`, promotedAt });
  }
  // A tick posts only as much as its time allows.
  const told = () => bed.slack.messages(bed.slack.channels.alerts);
  while ((await told()).length < troubles.length * PER_TROUBLE) await bed.app.tick();
  const jobs = await openForms(bed, await told());
  const figures: string[] = [];
  const answersBy = new Map<Trouble, Map<string, number>>();
  let unresolved = 0;
  let unrecovered = 0;
  for (const one of troubles) {
    const batch = jobs.splice(0, PER_TROUBLE);
    const answers = new Map<string, number>();
    answersBy.set(one, answers);
    // Filling a disk takes a while, and nobody may submit before it is full.
    if (one.end !== undefined) await one.cause();
    const deadline = performance.now() + TROUBLE_MS + RECOVERED_WITHIN_MS;
    const ended = endOf(one);
    const done = await Promise.all(
      batch.map(async (job, index) => {
        await sleep(((index + random()) * TROUBLE_MS) / PER_TROUBLE);
        return submitUntilClear(bed, job, () => pick(random, ports), answers, deadline);
      }),
    );
    const endedAt = await ended;
    unresolved += done.filter((resolved) => !resolved).length;
    const recovered = await readyAgain(ports, deadline);
    if (!recovered) unrecovered += 1;
    figures.push(
      `${one.what}: ${unsaved(answers)} submissions met it; ready ${((performance.now() - endedAt) / 1000).toFixed(1)} s after its end`,
    );
  }
  for (const line of figures) process.stdout.write(`  ${line}\n`);
  // What is due in Slack goes out within the longest wait between attempts.
  await bed.rows.query('update flag_promotions.messages set next_attempt_at = null');
  await untilSettled(bed);
  const wrong = {
    'replicas that ended': replicas.filter(({ process: one }) => one.exitCode !== null || one.signalCode !== null)
      .length,
    'not ready again': unrecovered,
    'promotions not resolved': unresolved,
    ...(await judge(bed, troubles.length * PER_TROUBLE)),
  };
  for (const replica of replicas) {
    await replica.kill();
    bed.hear(replica.output());
  }
  await bed.close();
  const answers = [...answersBy.values()].map((some) => Object.fromEntries(some)).reduce(addUp, {});
  const said = Object.entries(answers).map(([answer, count]) => `${count} × ${answer}`);
  return {
    did: `${troubles.length} troubles (disk: ${disk.how}), ${troubles.length * PER_TROUBLE} promotions; answers: ${said.join(', ')}`,
    wrong,
    happened: {
      'forms submitted': {
        times: Object.values(answers).reduce((sum, n) => sum + n, 0),
        atLeast: troubles.length * PER_TROUBLE,
      },
      ...Object.fromEntries(
        [...answersBy].map(([{ what }, of]) => [`submissions that met: ${what}`, { times: unsaved(of), atLeast: 1 }]),
      ),
    },
  };
}

const unsaved = (answers: ReadonlyMap<string, number>): number =>
  [...answers].reduce((sum, [answer, times]) => sum + (answer === 'saved' ? 0 : times), 0);

const FILLER = {
  at: new Date('2026-05-10T05:00:00Z'),
  action: 'console.flag.promotion.denied',
  actor: 'U0FILLER01',
  promotionId: null,
  detail: { attempted: 'x'.repeat(500) },
} as const;

const TIMES = 4;
/** A submission takes a moment: cuts that are further apart may all fall between two. */
const CUTS = 40;

async function again(cause: () => Promise<void>, times = TIMES): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await cause();
    await sleep(TROUBLE_MS / times);
  }
}

/** Causes trouble that ends by itself, and ends the one before. */
async function endOf({ cause, end }: Trouble): Promise<number> {
  if (end === undefined) {
    await cause();
  } else {
    await sleep(TROUBLE_MS);
    await end();
  }
  return performance.now();
}

function troublesOf(bed: TestBed, folder: string, disk: SmallDisk, ports: readonly number[]): readonly Trouble[] {
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    const lock = await lockFileOf(folder);
    process.kill(Number(lock.split('\n')[0]), name);
  };
  return [
    { what: 'restarted, again and again', cause: () => again(() => signal('SIGINT')) },
    { what: 'crashed, again and again', cause: () => again(() => signal('SIGQUIT')) },
    {
      what: 'connections cut, again and again',
      cause: () =>
        again(async () => {
          await bed.rows.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'flag-promotions'`,
          );
        }, CUTS),
    },
    {
      what: 'every connection waiting',
      async cause() {
        const held = bed.rows.query(
          `do $$ begin lock table flag_promotions.operators in access exclusive mode; perform pg_sleep(${TROUBLE_MS / 1000}); end $$`,
        );
        const crowd = Array.from({ length: 60 }, (_, index) => {
          const command = new URLSearchParams({
            command: '/flag-promotions',
            text: 'rca',
            user_id: 'U0NOBODY01',
            team_id: bed.slack.teamId,
            trigger_id: newTrigger(),
            response_url: `${bed.slack.apiUrl}nowhere`,
          });
          return fetch(
            `http://127.0.0.1:${ports[index % ports.length]}/slack/events`,
            signed(command.toString(), bed.slack.signingSecret),
          );
        });
        await Promise.all([held, ...crowd]);
      },
    },
    { what: 'disk full', cause: () => disk.fill(() => bed.db.audit.append(FILLER)), end: disk.empty },
  ];
}

/** Once the server runs again: it may take longer than the pause between two signals. */
async function lockFileOf(folder: string): Promise<string> {
  for (;;) {
    const lock = await readFile(path.join(folder, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '');
    if (lock !== '') return lock;
    await sleep(50);
  }
}

async function readyAgain(ports: readonly number[], deadline: number): Promise<boolean> {
  while (performance.now() < deadline) {
    const statuses = await Promise.all(
      ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/readyz`)).status),
    );
    if (statuses.every((status) => status === 200)) return true;
    await sleep(100);
  }
  return false;
}

/** The replicas' own ticks, every two seconds, post what is left. */
async function untilSettled(bed: TestBed): Promise<void> {
  const deadline = performance.now() + RECOVERED_WITHIN_MS;
  while (performance.now() < deadline) {
    if ((await countOwed(bed.rows)) === 0) return;
    await sleep(500);
  }
}

async function judge(bed: TestBed, count: number): Promise<Readonly<Record<string, number>>> {
  const [rows] = await bed.rows.query<{ half: number; resolved: number; left: number }>(
    `with events as (
       select promotion_id, count(*) as n from flag_promotions.audit_log where action like '%ops_complete' group by 1)
     select count(*) filter (where (p.state = 'deployed') <> (e.n is not null) or (p.state = 'deployed' and p.resolved_by is null))::int as half,
            count(*) filter (where e.n = 1)::int as resolved,
            count(*) filter (where exists (select 1 from flag_promotions.alerts a where a.promotion_id = p.id and a.closed_at is null)
                                or exists (select 1 from flag_promotions.messages m where m.promotion_id = p.id
                                            and (m.state = 'pending' or m.wanted > m.shown)))::int as left
       from console_flag_promotions p left join events e on e.promotion_id = p.id`,
  );
  const messages = await bed.slack.messages(bed.slack.channels.alerts);
  const replies = await Promise.all(
    messages.map(async ({ ts }) => (await bed.slack.thread(bed.slack.channels.alerts, ts)).length),
  );
  return {
    'half resolutions': rows?.half ?? -1,
    'audit events lost or doubled': count - (rows?.resolved ?? 0),
    'alerts not brought up to date': rows?.left ?? -1,
    'messages that still show buttons': messages.filter(({ raw }) => JSON.stringify(raw).includes('mark_completed'))
      .length,
    'replies lost or doubled': replies.filter((number) => number !== 1).length,
    'broken audit chains': (await bed.db.audit.verify()).intact ? 0 : 1,
  };
}
