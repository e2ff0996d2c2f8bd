import pg from 'pg';
import { startBuiltApp } from '../harness/app.js';
import { BEFORE, buildBefore, migrateBefore } from '../harness/before.js';
import { atDistance } from '../harness/distance.js';
import { compared } from '../harness/figures.js';
import { untilIdle } from '../harness/idle.js';
import { type InstantSlack, startInstantSlack } from '../harness/instant-slack.js';
import { type Case, openForm, prepareCases, submitForm } from '../harness/resolutions.js';
import { alternate, type Contender, quantile } from '../harness/rounds.js';
import type { Bench, Measured, Row } from '../harness/row.js';
import { replay, seeResolution } from '../harness/seen.js';

const ROUND_TRIP_MS = 20;
const ROUNDS = 5;
const SUBMISSIONS = 8;
const SEEN_CASES = 3;
/** Silence between two submissions of one side: what follows the first must not slow the second. */
const SILENT_MS = 400;
const P50_AT_MOST_MS = 150;

/** From submitting the code until the form closes, which means that it is saved. */
export const durable: Row = {
  name: 'durable',
  how: `From sending the signed submission until its answer, which comes after the commit, with the database ${ROUND_TRIP_MS} ms away: a wire that holds each piece for ${ROUND_TRIP_MS / 2} ms in each direction. One at a time, as a person types, over a form that was opened before; the app is idle in between (${SILENT_MS} ms without a statement or a request), its connections stay open. The p50 of ${SUBMISSIONS} submissions a round. Without Heroku. Against it: the submission's own statements, heard on the wire, in bare pg over the same wire. And ${BEFORE}, in the same run.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const databaseUrl = await server.fresh('bench_durable', 'migrated');
    const cases = await prepareCases(databaseUrl, (ROUNDS + 1) * 2 * SUBMISSIONS + SEEN_CASES);
    const seen = await seeResolution({ databaseUrl, slack }, cases.splice(0, SEEN_CASES));
    const wire = await atDistance(databaseUrl, ROUND_TRIP_MS);
    const app = await startBuiltApp({ databaseUrl: wire.url, slack });
    const client = new pg.Client({ connectionString: wire.url });
    await client.connect();
    const closing: (() => Promise<unknown>)[] = [() => client.end(), () => app.stop(), () => wire.close()];
    const contenders: Contender<'ms'>[] = [
      submitting('ours', { databaseUrl, appUrl: app.url, slack, cases }),
      {
        name: 'bare',
        measure: () =>
          p50(cases.splice(0, SUBMISSIONS), async (one) => {
            const startedAt = performance.now();
            await replay(client, seen.submission, seen.of, one);
            return performance.now() - startedAt;
          }),
      },
    ];
    const file = await buildBefore();
    if (file !== null) {
      const beforeUrl = await server.fresh('bench_durable_before', 'empty');
      await migrateBefore(file, beforeUrl);
      const beforeWire = await atDistance(beforeUrl, ROUND_TRIP_MS);
      const before = await startBuiltApp({ databaseUrl: beforeWire.url, slack, file });
      const beforeCases = await prepareCases(beforeUrl, (ROUNDS + 1) * SUBMISSIONS);
      contenders.push(submitting('before', { databaseUrl: beforeUrl, appUrl: before.url, slack, cases: beforeCases }));
      closing.unshift(
        () => before.stop(),
        () => beforeWire.close(),
      );
    }
    say(`submitting, ${seen.submission.length} statements each, ${ROUND_TRIP_MS} ms away`);
    await alternate(1, contenders);
    const measured = await alternate(ROUNDS, contenders);
    for (const close of closing) await close();
    await slack.close();
    const values = (name: string) => (measured.get(name) ?? []).map(({ ms }) => ms);
    const common = {
      what: `code typed → durable, database ${ROUND_TRIP_MS} ms away, p50`,
      unit: 'ms',
      ours: values('ours'),
      goal: { figure: { atMost: P50_AT_MOST_MS } },
    } as const;
    return {
      figures: [
        compared({
          ...common,
          against: `its own ${seen.submission.length} statements in bare pg, one after the other`,
          theirs: values('bare'),
        }),
        ...(file === null ? [] : [compared({ ...common, against: BEFORE, theirs: values('before') })]),
      ],
    };
  },
};

interface Submitting {
  readonly databaseUrl: string;
  readonly appUrl: string;
  readonly slack: InstantSlack;
  readonly cases: Case[];
}

function submitting(name: string, { databaseUrl, appUrl, slack, cases }: Submitting): Contender<'ms'> {
  return {
    name,
    async measure() {
      const measured = await p50(cases.splice(0, SUBMISSIONS), async (one) => {
        const form = await openForm(appUrl, slack, one);
        await untilIdle(databaseUrl, slack, SILENT_MS);
        const startedAt = performance.now();
        await submitForm(appUrl, one, form);
        const took = performance.now() - startedAt;
        await untilIdle(databaseUrl, slack, SILENT_MS);
        return took;
      });
      await untilIdle(databaseUrl, slack);
      return measured;
    },
  };
}

async function p50(cases: readonly Case[], work: (one: Case) => Promise<number>): Promise<{ readonly ms: number }> {
  const took: number[] = [];
  for (const one of cases) took.push(await work(one));
  return { ms: quantile(took, 0.5) };
}
