import { startBareApp, startBuiltApp } from '../harness/app.js';
import { compared, type Figure } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { loadResult, type LoadJob, type LoadResult } from '../harness/load.js';
import { program, runToEnd } from '../harness/processes.js';
import { click, command, type Sender, submission } from '../harness/requests.js';
import { alternate } from '../harness/rounds.js';
import type { Bench, Row } from '../harness/row.js';
import { ACTION } from '../../src/views/ids.js';

const ROUNDS = 5;
const USUAL = { perSecond: 50 };
const SATURATED = { connections: 16 };

export const acks: Row = {
  name: 'acks',
  how: `TODO`,
  measure,
};

async function measure({ server, say }: Bench): Promise<readonly Figure[]> {
  const slack = await startInstantSlack();
  const databaseUrl = await server.fresh('bench_acks', 'migrated');
  const app = await startBuiltApp({ databaseUrl, slack });
  const bare = await startBareApp({ databaseUrl, slack });
  const sender: Sender = { userId: 'U0KRIS', responseUrl: slack.responseUrl };
  const kinds = [
    ['slash command', command('help', sender)],
    ['click', click(ACTION.openRcaLink, '1', sender)],
    ['click that opens a form', click(ACTION.openRca, '1', sender)],
    ['submission', submission(JSON.stringify(FORM), { code: '123456', note: '' }, sender)],
  ] as const;
  const figures: Figure[] = [];
  for (const [kind, body] of kinds) {
    for (const pace of [USUAL, SATURATED]) {
      say(`${kind}, ${JSON.stringify(pace)}`);
      const measured = await alternate<keyof LoadResult>(ROUNDS, [
        { name: 'ours', measure: () => drive({ url: `${app.url}/slack/events`, body, pace, ...TIMES }) },
        { name: 'bare', measure: () => drive({ url: `${bare.url}/slack/events`, body, pace, ...TIMES }) },
      ]);
      const values = (name: string, measure: keyof LoadResult) => (measured.get(name) ?? []).map((one) => one[measure]);
      const row = (
        measure: keyof LoadResult,
        what: string,
        unit: 'ms' | '/s',
        toReach: Parameters<typeof compared>[0]['toReach'],
      ) =>
        compared({
          what: `${kind}, ${what}`,
          against: 'bare Bolt, only ack()',
          unit,
          ours: values('ours', measure),
          theirs: values('bare', measure),
          toReach,
        });
      figures.push(
        ...(pace === USUAL
          ? [row('p50', 'p50 at 50/s', 'ms', null), row('p99', 'p99 at 50/s', 'ms', { atMost: 2 })]
          : [
              row('perSecond', 'saturated', '/s', { atLeast: 0.8 }),
              row('p50', 'p50 saturated', 'ms', null),
              row('p99', 'p99 saturated', 'ms', null),
            ]),
      );
    }
  }
  await Promise.all([app.stop(), bare.stop()]);
  await slack.close();
  return figures;
}

const FORM = { promotionId: '1', action: 'failed', evidence: null, listUrl: null };

const TIMES = { warmUpMs: 1_000, durationMs: 3_000 };

async function drive(job: LoadJob): Promise<LoadResult> {
  return loadResult.parse(JSON.parse(await runToEnd(program('load-driver.js'), [JSON.stringify(job)])));
}
