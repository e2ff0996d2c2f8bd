import { openDatabase } from '../../src/db/database.js';
import { startBuiltApp } from '../harness/app.js';
import { compared, type Figure } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { databaseWith, SHOWN_FLAG, STUCK } from '../harness/large-tables.js';
import { command, post } from '../harness/requests.js';
import { alternate, type Contender, quantile } from '../harness/rounds.js';
import type { Bench, Row } from '../harness/row.js';

const SMALL = 10_000;
const LARGE = Number(process.env['BENCH_ROWS'] ?? 10_000_000);
const ROUNDS = 9;
const REPETITIONS = 30;
const WARNING_AFTER_MS = 12 * 3_600_000;

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

function figure(what: string, atMost: number, measured: ReadonlyMap<string, readonly { ms: number }[]>): Figure {
  const values = (name: string) => (measured.get(name) ?? []).map(({ ms }) => ms);
  return compared({
    what: `${what}, among ${inWords(LARGE)}`,
    against: `the same among ${inWords(SMALL)}`,
    unit: 'ms',
    ours: values('large'),
    theirs: values('small'),
    toReach: { atMost },
  });
}

/** What the watchdog asks at each tick, of the tables as they are and through the app's own code. */
export const detection: Row = {
  name: 'detection',
  how: `Everything that one tick of the watchdog asks of the database while nothing is to be told (${STUCK} promotions are stuck and were alerted): what is stuck with its alerts, what ended, which RCAs are owed, what is to be delivered. Asked through the app's own modules; each round is the median of ${REPETITIONS}. Both tables lie on one server, with the settings that the embedded PostgreSQL ships with.`,
  async measure({ server, say }: Bench) {
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
    return [figure(`detecting ${STUCK} that are stuck`, 1.2, measured)];
  },
};

/** What people type, from the signed request to the answer at its response URL. */
export const commands: Row = {
  name: 'commands',
  how: `From sending the signed slash command until its answer arrives at the response URL, over HTTP, one after the other; each round is the median of ${REPETITIONS}. One app on each table, without Heroku: what it takes to answer is the same for both.`,
  async measure({ server, say }: Bench) {
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
      figures.push(figure(`\`/flag-promotions ${text.split(' ')[0]}\``, 1.5, await alternate(ROUNDS, contenders)));
    }
    await Promise.all([apps.large.stop(), apps.small.stop()]);
    await slack.close();
    return figures;
  },
};
