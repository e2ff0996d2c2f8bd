import { ACTION } from '../../src/views/ids.js';
import { startBareApp, startBuiltApp } from '../harness/app.js';
import { compared, type Figure, type Target, type Unit } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { drive, type LoadResult } from '../harness/load.js';
import { click, command, FORM_FIELDS, type Sender, submission } from '../harness/requests.js';
import { alternate } from '../harness/rounds.js';
import type { Bench, Row } from '../harness/row.js';

const ROUNDS = 5;
const TIMES = { warmUpMs: 500, durationMs: 2_000 };
const CONNECTIONS = 16;
const USUAL = { perSecond: 50 };

/** The form of `Mark failed`, whose note is missing: refused under its field, without asking anybody. */
const FORM = JSON.stringify({ promotionId: '1', action: 'failed', evidence: null, listUrl: null });

/** What each kind is held to; `null` where the app has work to do behind the acknowledgement that a bare one has not. */
const HELD = { atUsual: { atMost: 2 }, saturated: { atLeast: 0.8 } } as const;
const WORKS = { atUsual: { atMost: 2 }, saturated: null } as const;

/** How soon Slack is answered, with whatever is to be done behind it. */
export const acks: Row = {
  name: 'acks',
  how: `Signed afresh for each request, by a driver in a process of its own; from sending to the whole answer. The bare app uses the same Bolt, over Bolt's own HTTPReceiver, and its handlers only \`ack()\`, the one of forms with the same refusal as the app. One round warms both up. At ${USUAL.perSecond}/s each request is sent at its time; saturated, ${CONNECTIONS} connections send one after the other. "click" is the link button of an RCA and "submission" a form that is refused under its field: there is nothing to do but to acknowledge, as in the bare app. "slash command" is \`help\`, which has a second request to make (its answer), and "click that opens a form" reads the database and calls Slack; saturated, their rate is that of the work behind the acknowledgement, which a bare app has none of, so that they are listed without a limit.`,
  async measure({ server, say }: Bench): Promise<readonly Figure[]> {
    const slack = await startInstantSlack();
    const databaseUrl = await server.fresh('bench_acks', 'migrated');
    const app = await startBuiltApp({ databaseUrl, slack });
    const bare = await startBareApp({ databaseUrl, slack });
    const sender: Sender = { userId: 'U0KRIS', responseUrl: slack.responseUrl };
    const refused = { [FORM_FIELDS.code]: '123456', [FORM_FIELDS.note]: '' };
    const figures: Figure[] = [];

    async function measureKind(kind: string, body: string, held: typeof HELD | typeof WORKS): Promise<void> {
      for (const pace of [USUAL, { connections: CONNECTIONS }]) {
        const isUsual = pace === USUAL;
        say(`${kind}, ${isUsual ? `${USUAL.perSecond}/s` : 'saturated'}`);
        const contender = (name: string, url: string) => ({
          name,
          measure: () => drive({ url: `${url}/slack/events`, bodies: [body], pace, ...TIMES }),
        });
        const contenders = [contender('ours', app.url), contender('bare', bare.url)];
        // What is compiled at its first use is compiled by then, in both.
        await alternate<keyof LoadResult>(1, contenders);
        const measured = await alternate<keyof LoadResult>(ROUNDS, contenders);
        const figure = (of: keyof LoadResult, what: string, unit: Unit, toReach: Target | null): Figure => {
          const values = (name: string) => (measured.get(name) ?? []).map((one) => one[of]);
          return compared({
            what: `${kind}, ${what}`,
            against: 'bare Bolt, only ack()',
            unit,
            ours: values('ours'),
            theirs: values('bare'),
            toReach,
          });
        };
        const when = isUsual ? `${USUAL.perSecond}/s` : 'saturated';
        figures.push(
          figure('p50', `p50, ${when}`, 'ms', null),
          figure('p99', `p99, ${when}`, 'ms', isUsual ? held.atUsual : null),
        );
        if (!isUsual) figures.push(figure('perSecond', 'throughput', '/s', held.saturated));
      }
    }

    await measureKind('click', click(ACTION.openRcaLink, '1', sender), HELD);
    await measureKind('submission', submission(FORM, refused, sender), HELD);
    await measureKind('slash command', command('help', sender), WORKS);
    await measureKind('click that opens a form', click(ACTION.openRca, '1', sender), WORKS);
    await Promise.all([app.stop(), bare.stop()]);
    await slack.close();
    return figures;
  },
};
