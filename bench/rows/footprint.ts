import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningServer, type Surroundings, startBareApp, startBuiltApp } from '../harness/app.js';
import { compared } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { untilReady } from '../harness/ready.js';
import { alternate, type Contender } from '../harness/rounds.js';
import type { Bench, Measured, Row } from '../harness/row.js';

const ROUNDS = 7;
const REST_MS = 20_000;
/** The default. A cron of once a year, as other rows have, takes long to look back over: nobody deploys that. */
const EACH_MINUTE = '* * * * *';

/** What the app costs at rest. */
export const footprint: Row = {
  name: 'footprint',
  how: `From the start of the process until \`/readyz\` answers 200 (the database and Slack answer), on a database whose schema is up to date; then the resident memory ${REST_MS / 1_000} s later. Against a bare Bolt app with a pool of pg's, ready by the same measure, bundled by the same script (\`scripts/bundle.ts\`) and started with the same environment and Node options (Procfile's). One process at a time.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const databaseUrl = await server.fresh('bench_footprint', 'migrated');
    const contender = (
      name: string,
      start: (around: Surroundings) => Promise<RunningServer>,
    ): Contender<'ready' | 'memory'> => ({
      name,
      async measure() {
        const startedAt = performance.now();
        const running = await start({ databaseUrl, slack, environment: { MAINTENANCE_CRON: EACH_MINUTE } });
        await untilReady(running.url);
        const ready = performance.now() - startedAt;
        await sleep(REST_MS);
        const memory = await running.memory();
        await running.stop();
        return { ready, memory };
      },
    });
    say('starting, and resting');
    const measured = await alternate(ROUNDS, [contender('ours', startBuiltApp), contender('bare', startBareApp)]);
    await slack.close();
    const values = (name: string, of: 'ready' | 'memory') => (measured.get(name) ?? []).map((one) => one[of]);
    const against = 'bare Bolt and a pg pool, bundled the same way';
    return {
      figures: [
        compared({
          what: 'start to ready',
          unit: 'ms',
          ours: values('ours', 'ready'),
          against,
          theirs: values('bare', 'ready'),
          goal: { ratio: { atMost: 1.8 } },
        }),
        compared({
          what: `RSS ${REST_MS / 1_000} s after ready`,
          unit: 'MB',
          ours: values('ours', 'memory'),
          against,
          theirs: values('bare', 'memory'),
          goal: { ratio: { atMost: 1.3 } },
        }),
      ],
    };
  },
};
