import { setTimeout as sleep } from 'node:timers/promises';
import type { EphemeralMessage, StoredMessage } from '../../demo/slack/workspace.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { startTestServer } from '../support/database.js';
import { chaosSeed, numberFromEnvironment } from '../../scripts/numbers.js';
import { type Child, startChild } from './child.js';
import { hasGrown, type Tolerance } from './growth.js';
import { type Job, openForms, submitForm } from './people.js';
import { pick, seeded } from './scenario.js';
import { signed } from './signed.js';

/**
 * `npm run soak`: two replicas under twenty times the expected traffic for SOAK_MINUTES (default 3), pruning after half
 * a minute. Prints memory, connections and the rows of each table. Exit code 1 if anything but the promotions and the
 * audit log grew, or a replica ended.
 *
 * Expected, generously: 2,000 promotions a day, one in eight of them stuck, and every six seconds a person who looks,
 * or a request that leads nowhere.
 */
const TIMES = 20;
const MINUTES = numberFromEnvironment('SOAK_MINUTES', 3, { least: 0.1, most: 10_000, takesFractions: true });
const PROMOTION_EVERY_MS = (24 * 3_600_000) / 2_000 / TIMES;
const STUCK_ONE_IN = 8;
const OPERATORS = 20;
const LOOK_EVERY_MS = 6_000 / TIMES;
const SAMPLES = 24;
const SEED = chaosSeed();
const MIB = 2 ** 20;

/** Each is a table whose rows are counted; the first three may grow. */
const KEPT = ['console_flag_promotions', 'flag_promotions.audit_log', 'flag_promotions.audit_seals'] as const;
const TABLES = [
  ...KEPT,
  'flag_promotions.audit_head',
  'flag_promotions.audit_witnesses',
  'flag_promotions.operators',
  'flag_promotions.alerts',
  'flag_promotions.messages',
  'flag_promotions.attention',
  'flag_promotions.channel_slots',
  'flag_promotions.installation',
  'flag_promotions.maintenance',
  'flag_promotions.migrations',
] as const;

type Sample = Readonly<Record<string, number>>;

const out = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function sample(bed: TestBed, replicas: readonly Child[]): Promise<Sample> {
  const memory = await Promise.all(replicas.map((replica) => replica.memory()));
  const [connections] = await bed.rows.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name like 'flag-promotions%'`,
  );
  const counts = await Promise.all(
    TABLES.map(async (table) => {
      const [row] = await bed.rows.query<{ n: number }>(`select count(*)::int as n from ${table}`);
      return [table, row?.n ?? -1] as const;
    }),
  );
  return {
    ...Object.fromEntries(memory.map(({ heap }, index) => [`heap of replica ${index + 1} (MiB)`, mib(heap)])),
    ...Object.fromEntries(memory.map(({ rss }, index) => [`rss of replica ${index + 1} (MiB)`, mib(rss)])),
    connections: connections?.n ?? -1,
    ...Object.fromEntries(counts),
  };
}

const mib = (bytes: number): number => Math.round((bytes / MIB) * 10) / 10;

function toleranceOf(name: string): Tolerance {
  if (name.startsWith('heap')) return { share: 0.03, absolute: 1.5 };
  if (name.startsWith('rss')) return { share: 0.1, absolute: 10 };
  return { share: 0.1, absolute: 3 };
}

/** Promotions that go well, and some that get stuck until somebody resolves them. */
async function promote(bed: TestBed, until: number): Promise<number> {
  let count = 0;
  for (; performance.now() < until; count += 1) {
    const isStuck = count % STUCK_ONE_IN === STUCK_ONE_IN - 1;
    const promotedAt = new Date(Date.now() - (isStuck ? 25 * 3_600_000 : 0)).toISOString();
    const flagKey = `${isStuck ? 'stuck' : 'flag'}_${count}`;
    await bed.rows.query(
      `with begun as (
         insert into console_flag_promotions (flag_key, heroku_app, config_var, state, checkpoint, promoted_by, promoted_at)
         values ($1, 'raxx-console-prod', $2, 'deploying', $3, 'kris', $4) returning id)
       insert into flag_promotions.messages (kind, subject, promotion_id)
         select 'progress', id::text, id from begun where $3::text is not null`,
      [flagKey, `FLAG_${flagKey.toUpperCase()}`, isStuck ? null : 'INTENT', promotedAt],
    );
    await bed.rows.query('notify flag_promotions_due');
    await sleep(PROMOTION_EVERY_MS);
  }
  return count;
}

/** A list of what is stuck, each with its buttons; empty if nothing is. */
async function stuckList(bed: TestBed): Promise<readonly EphemeralMessage[]> {
  const { superadmin } = bed.slack.people;
  for (const { id } of superadmin.ephemerals()) superadmin.dismiss(id);
  await superadmin.command('stuck');
  const list = await superadmin.waitForEphemeral(({ text }) => text.includes('stuck'));
  return JSON.stringify(list).includes('mark_completed') ? [list] : [];
}

/** Resolves what alerted, with its RCA; a few operators take turns, as their codes allow. */
async function resolve(
  bed: TestBed,
  operators: readonly string[],
  ports: readonly number[],
  random: () => number,
  until: number,
): Promise<{ readonly resolved: number; readonly unopened: number }> {
  const free = [...operators];
  const seen = new Set<string>();
  const count = { resolved: 0, unopened: 0, refused: 0 };
  while (performance.now() < until) {
    const operator = free.shift();
    const alert = operator === undefined ? undefined : await nextAlert(bed, seen);
    if (operator !== undefined && alert !== undefined) {
      const outcome = await resolveOne(bed, alert, { operator, free, port: pick(random, ports) });
      count[outcome] += 1;
      if (outcome === 'resolved') seen.add(keyOf(alert));
    } else if (operator !== undefined) free.push(operator);
    await sleep(1_000);
  }
  return count;
}

async function resolveOne(
  bed: TestBed,
  alert: Shown,
  by: { readonly operator: string; readonly free: string[]; readonly port: number },
): Promise<'resolved' | 'unopened' | 'refused'> {
  const [job] = await openForms(bed, [alert], by.operator).catch((): readonly Job[] => []);
  if (job === undefined) {
    // Another replica was too busy for the click: the person clicks again.
    by.free.push(by.operator);
    return 'unopened';
  }
  const answer = await submitForm(bed, job, by.port, ENTERED);
  freeLater(by.free, job);
  return answer === 'saved' ? 'resolved' : 'refused';
}

type Shown = StoredMessage | EphemeralMessage;
const keyOf = (shown: Shown): string => ('id' in shown ? shown.id : shown.ts);

/** An unresolved alert with buttons; if there is none, a list of those in a group. */
async function nextAlert(bed: TestBed, seen: ReadonlySet<string>): Promise<Shown | undefined> {
  const alerts = (await bed.slack.messages(bed.slack.channels.alerts)).filter(
    (shown) =>
      !seen.has(keyOf(shown)) && shown.threadTs === null && JSON.stringify(shown.raw).includes('mark_completed'),
  );
  return alerts[0] ?? (await stuckList(bed).catch(() => []))[0];
}

/** These promotions never reached Heroku: recording one as live takes an override. */
const ENTERED = {
  rca_url: { input: { type: 'url_text_input', value: 'https://docs.example.com/rca' } },
  confirmation: { input: { type: 'checkboxes', selected_options: [{ value: 'confirmed' }] } },
};

/** A code is good for one resolution, and its neighbours are accepted too. */
function freeLater(free: string[], { operator }: Job): void {
  setTimeout(() => free.push(operator), 90_000).unref();
}

const LOOKS = [
  'stuck',
  'list',
  'show 1',
  'show no_such_flag',
  'stats',
  'help',
  'stukc',
  'rca',
  'mark',
  'promote nothing',
];

async function look(bed: TestBed, ports: readonly number[], random: () => number, until: number): Promise<number> {
  // The superadmin resolves meanwhile, and has a form open for it.
  const { secondSuperadmin, engineer, externalUser } = bed.slack.people;
  let count = 0;
  for (; performance.now() < until; count += 1) {
    bed.slack.connectHttp(`http://127.0.0.1:${pick(random, ports)}/slack/events`);
    const person = pick(random, [secondSuperadmin, engineer, externalUser]);
    if (random() < 0.8) {
      await person.command(pick(random, LOOKS));
      if (person.modal() !== undefined) await person.closeModal({ all: true });
    } else {
      const request = signed(`payload=${'x'.repeat(Math.floor(random() * 10_000))}`, bed.slack.signingSecret);
      await (await fetch(`http://127.0.0.1:${pick(random, ports)}/slack/events`, request)).arrayBuffer();
    }
    await sleep(LOOK_EVERY_MS);
  }
  return count;
}

async function soak(): Promise<boolean> {
  const bed = await startTestBed({
    startAt: new Date().toISOString(),
    // The app in this process has no promoter, and its timer never rings: the two replicas do the work.
    withoutHeroku: true,
    vars: {},
    // A few individual alerts, the rest grouped.
    environment: {
      ALERT_MESSAGES_PER_HOUR: '3',
      PRUNE_AFTER: '30s',
      MAINTENANCE_CRON: '*/5 * * * * *',
      LOG_LEVEL: 'info',
    },
  });
  const heroku = { HEROKU_API_KEY: bed.heroku.apiKey, HEROKU_API_URL: bed.heroku.apiUrl };
  await bed.enrol(bed.slack.people.secondSuperadmin.id);
  const operators = Array.from({ length: OPERATORS }, (_, index) => `U0OPERATOR${String(index).padStart(3, '0')}`);
  for (const operator of operators) await bed.enrol(operator);
  const replicas = [0, 1].map(() => startChild(['start'], { ...bed.environment, ...heroku }));
  const ports = await Promise.all(replicas.map((replica) => replica.port()));
  const random = seeded(SEED);
  const until = performance.now() + MINUTES * 60_000;
  const traffic = Promise.all([
    promote(bed, until),
    resolve(bed, operators, ports, random, until),
    look(bed, ports, random, until),
  ]);
  const samples: Sample[] = [];
  for (let taken = 0; taken < SAMPLES; taken += 1) {
    await sleep((MINUTES * 60_000) / SAMPLES);
    samples.push(await sample(bed, replicas));
    const shown = Object.entries(samples.at(-1) ?? {}).map(([name, value]) => `${name} ${value}`);
    if (taken % 2 === 1) out(`${(((taken + 1) * MINUTES) / SAMPLES).toFixed(1)} min: ${shown.join(', ')}`);
  }
  const [promotions, { resolved, unopened }, looks] = await traffic;
  const [left] = await bed.rows.query<{ n: number }>(
    `select count(*)::int as n from console_flag_promotions where state = 'deployed'`,
  );
  const ended = replicas.filter(({ process: one }) => one.exitCode !== null || one.signalCode !== null).length;
  for (const replica of replicas) {
    await replica.kill();
    bed.hear(replica.output());
  }
  const grown = Object.keys(samples[0] ?? {}).filter(
    (name) =>
      !KEPT.some((kept) => kept === name) &&
      hasGrown(
        samples.map((one) => one[name] ?? 0),
        toleranceOf(name),
      ),
  );
  await bed.close();
  out(`\n${MINUTES} min at ${TIMES} times the expected traffic, seed ${SEED}: ${promotions} promotions begun,`);
  out(
    `${left?.n ?? 0} deployed, ${resolved} of them resolved by hand (${unopened} forms did not open in 5 s), ${looks} commands and requests besides`,
  );
  out(`${String(ended).padStart(6)}  replicas that ended`);
  out(`${String(grown.length).padStart(6)}  what grew${grown.length === 0 ? '' : `: ${grown.join(', ')}`}`);
  return ended === 0 && grown.length === 0;
}

const server = await startTestServer();
try {
  if (!(await soak())) process.exitCode = 1;
} finally {
  await server.stop();
}
