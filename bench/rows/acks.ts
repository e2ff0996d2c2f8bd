import { ACTION } from '../../src/views/ids.js';
import { startBareApp, startBuiltApp } from '../harness/app.js';
import { compared, type Figure, type Unit } from '../harness/figures.js';
import { untilIdle } from '../harness/idle.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { drive, type LoadResult } from '../harness/load.js';
import { click, FORM_FIELDS, type Sender, submission } from '../harness/requests.js';
import { alternate } from '../harness/rounds.js';
import type { Bench, Measured, Row } from '../harness/row.js';

const ROUNDS = 3;
const WARM_UP_MS = 500;
/** A thousand samples for a p99: 20 s at 50 a second. */
const USUAL = { pace: { perSecond: 50 }, warmUpMs: WARM_UP_MS, durationMs: 21_000 };
const SATURATED = { pace: { connections: 16 }, warmUpMs: WARM_UP_MS, durationMs: 3_000 };

/** The form of `Mark failed` without its note: refused under its field, without asking anybody. */
const FORM = JSON.stringify({ promotionId: '1', action: 'failed', evidence: null, listUrl: null });

/** How soon Slack is answered if there is nothing else to do: the cost of the app's own layers. */
export const acks: Row = {
  name: 'acks',
  how: `Signed afresh for each request, by a driver in a process of its own; from sending to the whole answer. Only what a bare app does as well, so that both do the same: "click" is the link button of an RCA, which is only acknowledged, and "submission" a form that is refused under its field with the same words. The bare app uses the same Bolt over Bolt's own HTTPReceiver, and is bundled the same way. Each side is idle (2 s without a statement or a request) before the other is measured. At ${USUAL.pace.perSecond}/s each request is sent at its time, ${(USUAL.pace.perSecond * USUAL.durationMs) / 1_000} a round; saturated, ${SATURATED.pace.connections} connections send one after the other.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const databaseUrl = await server.fresh('bench_acks', 'migrated');
    const app = await startBuiltApp({ databaseUrl, slack });
    const bare = await startBareApp({ databaseUrl, slack });
    const sender: Sender = { userId: 'U0KRIS', responseUrl: slack.responseUrl };
    const refused = { [FORM_FIELDS.code]: '123456', [FORM_FIELDS.note]: '' };
    const figures: Figure[] = [];

    async function measureKind(kind: string, body: string): Promise<void> {
      for (const load of [USUAL, SATURATED]) {
        const when = load === USUAL ? `${USUAL.pace.perSecond}/s` : 'saturated';
        say(`${kind}, ${when}`);
        const contender = (name: string, url: string) => ({
          name,
          async measure() {
            await untilIdle(databaseUrl, slack);
            return drive({ url: `${url}/slack/events`, bodies: [body], ...load });
          },
        });
        const contenders = [contender('ours', app.url), contender('bare', bare.url)];
        // Warms up both: code is compiled at its first use.
        await alternate<keyof LoadResult>(1, contenders);
        const measured = await alternate<keyof LoadResult>(ROUNDS, contenders);
        const figure = (
          of: keyof LoadResult,
          what: string,
          unit: Unit,
          goal: Parameters<typeof compared>[0]['goal'],
        ) => {
          const values = (name: string) => (measured.get(name) ?? []).map((one) => one[of]);
          return compared({
            what: `${kind}, ${what}, ${when}`,
            against: 'bare Bolt, bundled the same way, only ack()',
            unit,
            ours: values('ours'),
            theirs: values('bare'),
            ...(goal === undefined ? {} : { goal }),
          });
        };
        figures.push(
          ...(load === USUAL
            ? [figure('p50', 'p50', 'ms', undefined), figure('p99', 'p99', 'ms', { ratio: { atMost: 2 } })]
            : [figure('perSecond', 'answers', '/s', { ratio: { atLeast: 0.8 } })]),
        );
      }
    }

    await measureKind('click', click(ACTION.openRcaLink, '1', sender));
    await measureKind('submission', submission(FORM, refused, sender));
    await Promise.all([app.stop(), bare.stop()]);
    await slack.close();
    return { figures };
  },
};
