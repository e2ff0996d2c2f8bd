import { setTimeout as sleep } from 'node:timers/promises';
import { ACTION } from '../../src/views/ids.js';
import { startBuiltApp } from '../harness/app.js';
import { compared, type Figure } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { databaseWith } from '../harness/large-tables.js';
import { drive } from '../harness/load.js';
import { click, command, submission } from '../harness/requests.js';
import type { Bench, Row } from '../harness/row.js';

/** BENCH_SOAK_MINUTES: an hour is what is meant, and more than a run of everything can wait for. */
const MINUTES = Number(process.env['BENCH_SOAK_MINUTES'] ?? 1.5);
const PER_SECOND = 40;
const SAMPLES = 10;
const FLAT = 1.1;

/** Whether memory keeps growing under use. */
export const soak: Row = {
  name: 'soak',
  how: `${MINUTES} minutes (BENCH_SOAK_MINUTES; a stand-in for the hour) of ${PER_SECOND} requests a second in turn (\`stuck\`, \`list\`, \`show\`, \`help\`, clicks, refused submissions) and a tick of the watchdog every second, then as long again; the resident memory, ${SAMPLES} samples over the end of each half. The first half warms up; what the second adds to it is growth.`,
  async measure({ server, say }: Bench): Promise<readonly Figure[]> {
    const slack = await startInstantSlack();
    const databaseUrl = await databaseWith(server, 10_000, say);
    const environment = { MAINTENANCE_CRON: '* * * * * *' };
    const app = await startBuiltApp({ databaseUrl, slack, environment });
    const sender = { userId: 'U0KRIS', responseUrl: slack.responseUrl };
    const form = JSON.stringify({ promotionId: '1', action: 'failed', evidence: null, listUrl: null });
    const bodies = [
      ...['stuck', 'list', 'show 77', 'help'].map((text) => command(text, sender)),
      click(ACTION.openRca, '1', sender),
      click(ACTION.markCompleted, '1', sender),
      submission(form, { code: '123456', note: '' }, sender),
    ];
    const half = async (): Promise<readonly number[]> => {
      say(`${MINUTES} minutes of ${PER_SECOND} requests a second`);
      const durationMs = MINUTES * 60_000;
      const url = `${app.url}/slack/events`;
      const driving = drive({ url, bodies, pace: { perSecond: PER_SECOND }, warmUpMs: 0, durationMs });
      const samples: number[] = [];
      for (let sample = 0; sample < SAMPLES; sample += 1) {
        await sleep(durationMs / 2 / SAMPLES + (sample === 0 ? durationMs / 2 : 0));
        samples.push(await app.memory());
      }
      await driving;
      return samples;
    };
    const first = await half();
    const second = await half();
    await app.stop();
    await slack.close();
    return [
      compared({
        what: 'memory after a soak',
        against: 'itself, half of it earlier',
        unit: 'MB',
        ours: second,
        theirs: first,
        toReach: { atMost: FLAT },
      }),
    ];
  },
};
