import pg from 'pg';
import { z } from 'zod';
import { type Database, openDatabase } from '../../src/db/database.js';
import { startBuiltApp } from '../harness/app.js';
import { ASKED_ROWS } from '../harness/asked-rows.js';
import { compared, counted, type Figure } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { databaseWith, RECENT, SHOWN_FLAG, STUCK } from '../harness/large-tables.js';
import { command, post } from '../harness/requests.js';
import { alternate, type Contender, quantile } from '../harness/rounds.js';
import type { Bench, Measured, Row } from '../harness/row.js';

const SMALL = 10_000;
const LARGE = ASKED_ROWS;
const ROUNDS = 9;
const REPETITIONS = 20;
const DAY_MS = 24 * 3_600_000;
const WARNING_AFTER_MS = DAY_MS / 2;

const inWords = (rows: number): string => `${rows.toLocaleString('en')} promotions`;

/** Times work repeatedly; the median in milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<{ ms: number }> {
  const took: number[] = [];
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
    const startedAt = performance.now();
    await work();
    took.push(performance.now() - startedAt);
  }
  return { ms: quantile(took, 0.5) };
}

function figure(
  what: string,
  measured: ReadonlyMap<string, readonly { ms: number }[]>,
  goal: { readonly atMostTimes: number; readonly atMostMs?: number },
): Figure {
  const values = (name: string) => (measured.get(name) ?? []).map(({ ms }) => ms);
  const { atMostTimes, atMostMs } = goal;
  return compared({
    what: `${what}, among ${inWords(LARGE)}`,
    against: `the same among ${inWords(SMALL)}`,
    unit: 'ms',
    ours: values('large'),
    theirs: values('small'),
    goal: { ratio: { atMost: atMostTimes }, ...(atMostMs === undefined ? {} : { figure: { atMost: atMostMs } }) },
  });
}

/** How long `stats` over 30 days takes, however long the history is. */
export const stats: Row = {
  name: 'stats',
  isSlow: true,
  how: `\`db.stats.of\`, the app's own module, over the last 30 days, in which both tables have the same ${RECENT.toLocaleString('en')} promotions and the same alerts; the large one has ${inWords(LARGE - RECENT)} before them. Each round is the median of ${REPETITIONS}. The blocks that it reads (\`pg_stat_database\`, a count) say the same without a clock. And over 60 days of the large table, whose earlier half is denser, one every 20 s.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const urls = { large: await databaseWith(server, LARGE, say), small: await databaseWith(server, SMALL, say) };
    const until = new Date();
    const ask = async (db: Database, days: number): Promise<void> => {
      const period = { since: new Date(until.getTime() - days * DAY_MS), until, stuckAfterMs: WARNING_AFTER_MS };
      const { all } = await db.stats.of(period);
      if (days === 30 && Math.abs(all.promotions - RECENT) > RECENT / 20) {
        throw new Error(`${all.promotions} promotions are of the last 30 days.`);
      }
    };
    const open = (url: string): Database => openDatabase(url, { maxConnections: 1 });
    const [large, small] = [open(urls.large), open(urls.small)];
    const contenders = [
      { name: 'large', measure: () => timed(() => ask(large, 30)) },
      { name: 'small', measure: () => timed(() => ask(small, 30)) },
    ];
    say('asking for the figures of 30 days');
    await alternate(1, contenders);
    const measured = await alternate(ROUNDS, contenders);
    say('and of 60 days');
    const startedAt = performance.now();
    await ask(large, 60);
    const sixty = performance.now() - startedAt;
    await Promise.all([large.close(), small.close()]);
    const once = async (url: string): Promise<void> => {
      const db = open(url);
      await ask(db, 30);
      await db.close();
    };
    const touched = {
      large: await blocksOf(urls.large, () => once(urls.large)),
      small: await blocksOf(urls.small, () => once(urls.small)),
    };
    return {
      figures: [
        figure('`stats` over 30 days', measured, { atMostTimes: 2, atMostMs: 1_000 }),
        counted({
          what: `blocks of the same, among ${inWords(LARGE)}`,
          unit: 'blocks',
          ours: touched.large,
          against: `the same among ${inWords(SMALL)}`,
          theirs: touched.small,
          goal: { ratio: { atMost: 2 } },
        }),
        counted({ what: `\`stats\` over 60 days, among ${inWords(LARGE)}`, unit: 'ms', ours: sixty }),
      ],
    };
  },
};

/** What the watchdog asks at each tick, through the app's own code. */
export const detection: Row = {
  name: 'detection',
  isSlow: true,
  how: `Everything that one tick of the watchdog asks of the database while nothing is to be told (${STUCK} promotions are stuck and were alerted): what is stuck with its alerts, what ended, which RCAs are missing, what is to be delivered. Asked through the app's own modules; each round is the median of ${REPETITIONS}.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const contender = async (name: string, rows: number) => {
      const db = openDatabase(await databaseWith(server, rows, say), { maxConnections: 1 });
      const tick = async (): Promise<void> => {
        const now = new Date();
        const { stuck } = await db.alerts.gather(new Date(now.getTime() - WARNING_AFTER_MS));
        if (stuck.length !== STUCK) throw new Error(`${stuck.length} are stuck.`);
        await db.attention.all();
        await db.groups.withCriticals();
        await db.rcaDebts.unsettled(200);
        await db.messages.due(200);
      };
      return { name, measure: () => timed(tick), close: () => db.close() };
    };
    const large = await contender('large', LARGE);
    const small = await contender('small', SMALL);
    await alternate(1, [large, small]);
    say('detecting what is stuck');
    const measured = await alternate(ROUNDS, [large, small]);
    await Promise.all([large.close(), small.close()]);
    return { figures: [figure(`detecting ${STUCK} that are stuck`, measured, { atMostTimes: 1.2 })] };
  },
};

/** What people type, from the signed request to the answer at its response URL. */
export const commands: Row = {
  name: 'commands',
  isSlow: true,
  how: `From sending the signed slash command until its answer arrives at the response URL, over HTTP, one after the other; each round is the median of ${REPETITIONS}. One app on each table, without Heroku: what it takes to answer is the same for both.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const urls = { large: await databaseWith(server, LARGE, say), small: await databaseWith(server, SMALL, say) };
    const apps = {
      large: await startBuiltApp({ databaseUrl: urls.large, slack }),
      small: await startBuiltApp({ databaseUrl: urls.small, slack }),
    };
    const figures: Figure[] = [];
    for (const [text, says] of [
      ['stuck', 'stuck_1'],
      ['list', 'newest first'],
      [`show ${SHOWN_FLAG}`, SHOWN_FLAG],
    ] as const) {
      say(`/flag-promotions ${text}`);
      const body = command(text, { userId: 'U0KRIS', responseUrl: slack.responseUrl });
      const contender = (name: 'large' | 'small'): Contender<'ms'> => ({
        name,
        measure: () =>
          timed(async () => {
            const answered = slack.nextAnswer();
            await post(`${apps[name].url}/slack/events`, body);
            const answer = await answered;
            if (!answer.includes(says)) throw new Error(`/flag-promotions ${text} was answered: ${answer}`);
          }),
      });
      const contenders = [contender('large'), contender('small')];
      await alternate(1, contenders);
      const measured = await alternate(ROUNDS, contenders);
      figures.push(figure(`\`/flag-promotions ${text.split(' ')[0]}\``, measured, { atMostTimes: 1.5 }));
    }
    await Promise.all([apps.large.stop(), apps.small.stop()]);
    await slack.close();
    return { figures };
  },
};

const counter = z.object({ blocks: z.coerce.number() });

/** Blocks that PostgreSQL read in a database meanwhile. A session reports its counts when it ends. */
async function blocksOf(databaseUrl: string, work: () => Promise<unknown>): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const count = async (): Promise<number> => {
    const asked = await client.query(
      'select blks_hit + blks_read as blocks from pg_stat_database where datname = current_database()',
    );
    return counter.parse(asked.rows[0]).blocks;
  };
  const before = await count();
  await work();
  for (;;) {
    const left = await client.query(
      `select from pg_stat_activity where datname = current_database() and application_name = 'flag-promotions'`,
    );
    if (left.rowCount === 0) break;
  }
  const after = await count();
  await client.end();
  return after - before;
}
