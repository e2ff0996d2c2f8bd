import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningServer, type Surroundings, startBareApp, startBuiltApp } from '../harness/app.js';
import { compared, type Figure } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { alternate, type Contender } from '../harness/rounds.js';
import type { Bench, Row } from '../harness/row.js';

const ROUNDS = 5;
/** As long as it takes until V8 has collected what a start leaves. */
const REST_MS = 18_000;

type Footprint = 'ready' | 'memory';

/** What it takes to be there at all. */
export const footprint: Row = {
  name: 'footprint',
  how: `From the start of the process until \`/readyz\` answers 200 (the database and Slack answer), on a database whose schema is up to date; then the resident memory after ${REST_MS / 1_000} s without a request; with MALLOC_ARENA_MAX=2, as Procfile, Dockerfile and the systemd unit have it. Against a bare Bolt app with a pool of pg's, ready by the same measure; and, listed, against the same app that also loads the other libraries this project was given (knex, zod, otplib, heroku-client, node-schedule) and uses none of them.`,
  async measure({ server, say }: Bench): Promise<readonly Figure[]> {
    const slack = await startInstantSlack();
    const databaseUrl = await server.fresh('bench_footprint', 'migrated');
    const contender = (
      name: string,
      start: (around: Surroundings) => Promise<RunningServer>,
    ): Contender<Footprint> => ({
      name,
      async measure() {
        const startedAt = performance.now();
        const running = await start({ databaseUrl, slack });
        await ready(running.url);
        const readyMs = performance.now() - startedAt;
        await sleep(REST_MS);
        const memory = await running.memory();
        await running.stop();
        return { ready: readyMs, memory };
      },
    });
    say('starting, and resting');
    const measured = await alternate(ROUNDS, [
      contender('ours', startBuiltApp),
      contender('bare', (around) => startBareApp(around)),
      contender('given', (around) => startBareApp(around, ['knex', 'zod', 'otplib', 'heroku-client', 'node-schedule'])),
    ]);
    await slack.close();
    const values = (name: string, of: Footprint) => (measured.get(name) ?? []).map((one) => one[of]);
    const figure = (what: string, of: Footprint, unit: 'ms' | 'MB', against: 'bare' | 'given', atMost: number | null) =>
      compared({
        what,
        against: against === 'bare' ? 'bare Bolt and a pg pool' : 'the same, the given libraries loaded',
        unit,
        ours: values('ours', of),
        theirs: values(against, of),
        toReach: atMost === null ? null : { atMost },
      });
    return [
      figure('start to ready', 'ready', 'ms', 'bare', 1.5),
      figure('start to ready', 'ready', 'ms', 'given', null),
      figure('memory at rest', 'memory', 'MB', 'bare', 1.3),
      figure('memory at rest', 'memory', 'MB', 'given', null),
    ];
  },
};

async function ready(url: string): Promise<void> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await sleep(5)) {
    const answer = await fetch(`${url}/readyz`);
    await answer.arrayBuffer();
    if (answer.status === 200) return;
  }
  throw new Error('The app was not ready in time.');
}
