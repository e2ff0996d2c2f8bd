import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { type Database, openDatabase } from '../../src/db/database.js';
import { tapStatements } from '../../test/support/statements.js';
import { type RunningServer, startBuiltApp, tickOnce } from '../harness/app.js';
import { counted, type Figure, type Unit } from '../harness/figures.js';
import { type BenchHeroku, startHeroku } from '../harness/heroku.js';
import { untilIdle } from '../harness/idle.js';
import { type InstantSlack, startInstantSlack } from '../harness/instant-slack.js';
import { openForm, prepareCases, submitForm } from '../harness/resolutions.js';
import type { Bench, Measured, Row } from '../harness/row.js';
import { type Cost, scaleTables, writeScale } from '../harness/scale.js';
import { ticksOf } from '../harness/ticks.js';
import { until } from '../harness/until.js';
import { peakConnections } from './connections.js';

/** Each in its own channel: one takes a message a second. */
const PROMOTIONS = 40;
const OPERATORS = 5;
const STUCK = 40;
const RESOLUTIONS = 10;
/** Statements while waiting, with a tick every 5 s, are counted for this long and subtracted. */
const WAITED_MS = 30_000;
const SETTLE_MS = 5_000;
const TICK = '*/5 * * * * *';

/** What one of each costs: docs/scale.md multiplies it. */
export const costs: Row = {
  name: 'costs',
  how: `Unit costs: what many of a kind add, divided by how many there are: statements on the wire (BEGIN and COMMIT count), bytes of WAL (\`pg_current_wal_insert_lsn\`; a checkpoint adds full pages to that), calls of Slack's Web API, requests to Heroku, audit events, bytes that stay in tables and indexes. A promotion: ${PROMOTIONS} are marked and promoted by the app's own transactions and brought to \`deployed\` by the built app, each with its progress message in a channel of its own; what the app asks anyway, waiting and ticking, is taken off, and listed. A stuck promotion: \`flag-promotions maintenance\` with ${STUCK} more than none, each alerted in a channel of its own, with evidence. An open alert: the same once more. A resolution: from the click on *Mark completed* until the app is idle, without Heroku, which is asked twice for each: for the form and at its submission. Counts: the load doesn't change them. docs/scale.md is computed from these, in this run.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const heroku = await startHeroku();
    const around = { slack, heroku };
    say(`${PROMOTIONS} promotions`);
    const { promotion, waiting, tick } = await promoting(await server.fresh('bench_costs', 'migrated'), around);
    say(`${STUCK} alerts`);
    const { alert, open } = await alerting(await server.fresh('bench_costs_alerts', 'migrated'), around);
    say(`${RESOLUTIONS} resolutions`);
    const resolution = await resolving(await server.fresh('bench_costs_resolutions', 'migrated'), around);
    say('and the sessions of a replica');
    const connections = await peakConnections(await server.fresh('bench_costs_sessions', 'migrated'), around);
    await heroku.stop();
    await slack.close();
    const units = { promotion, alert, resolution, tick, waiting, connections };
    await writeScale(units);
    return {
      shown: scaleTables(units),
      figures: [
        counted({ what: 'a promoter that waits, a minute: SQL', unit: 'statements', ours: waiting }),
        ...listed('a promotion, marked → deployed', promotion),
        ...listed('a tick with nothing to do', tick),
        ...listed('a promotion that gets stuck, alerted', alert),
        ...listed('an open alert at a tick', open),
        ...listed('a resolution', resolution),
      ],
    };
  },
};

interface Around {
  readonly slack: InstantSlack;
  readonly heroku: BenchHeroku;
}

const LISTED: readonly (readonly [of: keyof Cost, words: string, unit: Unit])[] = [
  ['statements', 'SQL', 'statements'],
  ['wal', 'WAL', 'bytes'],
  ['slack', 'Slack', 'requests'],
  ['heroku', 'Heroku', 'requests'],
  ['events', 'audit', 'events'],
  ['kept', 'kept on disk', 'bytes'],
];

function listed(what: string, cost: Cost): readonly Figure[] {
  return LISTED.map(([of, words, unit]) => counted({ what: `${what}: ${words}`, unit, ours: cost[of] }));
}

/** The counters so far. */
async function spent(client: pg.Client, heard: readonly unknown[], { slack, heroku }: Around): Promise<Cost> {
  const asked = await client.query(
    `select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as wal,
            (select count(*) from flag_promotions.audit_log) as events,
            (select sum(pg_total_relation_size(c.oid)) from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where c.relkind = 'r' and n.nspname in ('public', 'flag_promotions')) as kept`,
  );
  const { wal, events, kept } = sizes.parse(asked.rows[0]);
  const api = [...slack.calls].filter(([method]) => method !== 'auth.test');
  return {
    statements: heard.length,
    wal,
    slack: api.reduce((sum, [, calls]) => sum + calls, 0),
    heroku: await heroku.requests(),
    events,
    kept,
  };
}

const sizes = z.object({ wal: z.coerce.number(), events: z.coerce.number(), kept: z.coerce.number() });

/** The cost of each, from counters before and after. */
function each(before: Cost, after: Cost, times: number): Cost {
  const of = (name: keyof Cost) => (after[name] - before[name]) / times;
  return {
    statements: of('statements'),
    wal: of('wal'),
    slack: of('slack'),
    heroku: of('heroku'),
    events: of('events'),
    kept: of('kept'),
  };
}

interface Promoting {
  readonly promotion: Cost;
  /** Statements a minute of a promoter with nothing to do. */
  readonly waiting: number;
  readonly tick: Cost;
}

async function promoting(databaseUrl: string, around: Around): Promise<Promoting> {
  const tap = await tapStatements(databaseUrl);
  const client = await connected(databaseUrl);
  const start = (settings: Readonly<Record<string, string>> = {}): Promise<RunningServer> =>
    startBuiltApp({
      databaseUrl: tap.url,
      slack: around.slack,
      environment: { ...around.heroku.environment, ...settings },
    });
  const spending = () => spent(client, tap.statements, around);
  const quiet = await start();
  const polling = await waited(quiet, spending);
  await quiet.stop();
  const routes = Array.from({ length: OPERATORS + PROMOTIONS }, (_, index) => `app-${index}=C0APP${index}`);
  const app = await start({ MAINTENANCE_CRON: TICK, ALERT_ROUTES: routes.join(';') });
  const db = openDatabase(tap.url, { maxConnections: 1 });
  const promote = await promoterOf(db);
  const promoteAll = async (from: number, count: number): Promise<void> => {
    for (let index = from; index < from + count; index += 1) await promote(index);
    await until(async () => {
      const left = await client.query(
        `select from console_flag_promotions where state <> 'deployed'
         union all select from flag_promotions.messages where state = 'pending' or (state = 'posted' and wanted > shown)
          limit 1`,
      );
      return left.rowCount === 0;
    });
  };
  // The first of everything costs more: pages and prepared statements.
  await promoteAll(0, OPERATORS);
  const ticking = await waited(app, spending);
  const before = await spending();
  const startedAt = performance.now();
  await promoteAll(OPERATORS, PROMOTIONS);
  const after = await spending();
  const asLong = each(ticking.before, ticking.after, WAITED_MS / (performance.now() - startedAt));
  await Promise.all([db.close(), client.end(), app.kill()]);
  await tap.close();
  const polls = each(polling.before, polling.after, 1);
  return {
    promotion: each(asLong, each(before, after, 1), PROMOTIONS),
    waiting: (polls.statements * 60_000) / WAITED_MS,
    tick: {
      ...each(polls, each(ticking.before, ticking.after, 1), ticking.ticks),
      // Waiting writes nothing; subtracting what a start leaves behind would distort a tick.
      wal: (ticking.after.wal - ticking.before.wal) / ticking.ticks,
    },
  };
}

/** What an app with nothing to do costs for a while, after a tick. */
async function waited(
  app: RunningServer,
  spending: () => Promise<Cost>,
): Promise<{ readonly before: Cost; readonly after: Cost; readonly ticks: number }> {
  await until(async () => (await ticksOf(app.url)) > 0);
  await sleep(SETTLE_MS);
  const ticksBefore = await ticksOf(app.url);
  const before = await spending();
  await sleep(WAITED_MS);
  const after = await spending();
  return { before, after, ticks: (await ticksOf(app.url)) - ticksBefore };
}

/** Marks and promotes with the app's own transactions; each operator uses another time step. */
async function promoterOf(db: Database): Promise<(index: number) => Promise<void>> {
  const operators = Array.from({ length: OPERATORS }, (_, index) => `U0KRIS${index}`);
  for (const slackUserId of operators) {
    await db.operators.enrol({ slackUserId, role: 'superadmin', sealedSecret: 'unused' });
  }
  let step = 0;
  return async (index) => {
    const operatorId = operators[index % OPERATORS] ?? '';
    const asked = {
      flagKey: `flag_${index}`,
      herokuApp: `app-${index}`,
      configVar: `FLAG_${index}`,
      targetValue: 'true',
    };
    const marked = await db.transitions.mark(asked, operatorId, new Date());
    if (marked.kind !== 'marked') throw new Error(`Not marked: ${marked.kind}.`);
    const request = {
      promotionId: marked.promotion.id,
      transition: 'promote',
      operatorId,
      shown: null,
      reread: null,
      isAsShown: () => true,
      takesSecondPerson: () => false,
    } as const;
    const done = await db.transitions.carryOut(request, new Date(), {
      isRecoveryCode: false,
      check() {
        step += 1;
        return { kind: 'accepted', step };
      },
    });
    if (done.kind !== 'done') throw new Error(`Not promoted: ${done.kind}.`);
  };
}

async function alerting(databaseUrl: string, around: Around): Promise<{ readonly alert: Cost; readonly open: Cost }> {
  const tap = await tapStatements(databaseUrl);
  const client = await connected(databaseUrl);
  const environment = {
    ...around.heroku.environment,
    ALERT_ROUTES: Array.from({ length: STUCK }, (_, index) => `stuck-${index}=C0STUCK${index}`).join(';'),
  };
  const ticked = async (): Promise<Cost> => {
    const before = await spent(client, tap.statements, around);
    await tickOnce({ databaseUrl: tap.url, slack: around.slack, environment });
    return each(before, await spent(client, tap.statements, around), 1);
  };
  await ticked();
  const tick = await ticked();
  await client.query(
    `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at)
      select 'flag_' || n, 'stuck-' || n, 'FLAG_' || n, 'deploying', now() - interval '13 hours'
        from generate_series(0, ${STUCK - 1}) n`,
  );
  const alerted = await ticked();
  const open = await ticked();
  await client.end();
  await tap.close();
  return { alert: each(tick, alerted, STUCK), open: each(tick, open, STUCK) };
}

async function resolving(databaseUrl: string, around: Around): Promise<Cost> {
  const { slack, heroku } = around;
  const tap = await tapStatements(databaseUrl);
  const client = await connected(databaseUrl);
  const cases = await prepareCases(databaseUrl, RESOLUTIONS + 1);
  // Without the promoter, which isn't part of it and polls on and on.
  const app = await startBuiltApp({ databaseUrl: tap.url, slack });
  const resolve = async (count: number): Promise<void> => {
    for (const one of cases.splice(0, count)) {
      await submitForm(app.url, one, await openForm(app.url, slack, one));
      await untilIdle(databaseUrl, slack);
    }
  };
  await untilIdle(databaseUrl, slack);
  await resolve(1);
  const before = await spent(client, tap.statements, { slack, heroku });
  await resolve(RESOLUTIONS);
  const after = await spent(client, tap.statements, { slack, heroku });
  await Promise.all([client.end(), app.kill()]);
  await tap.close();
  return each(before, after, RESOLUTIONS);
}

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}
