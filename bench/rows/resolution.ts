import pg from 'pg';
import { startBuiltApp } from '../harness/app.js';
import { BEFORE, buildBefore, migrateBefore } from '../harness/before.js';
import { compared } from '../harness/figures.js';
import { untilIdle } from '../harness/idle.js';
import { type InstantSlack, startInstantSlack } from '../harness/instant-slack.js';
import { type Case, openForm, prepareCases, submitForm } from '../harness/resolutions.js';
import { alternate, type Contender } from '../harness/rounds.js';
import type { Bench, Measured, Row } from '../harness/row.js';
import { replay, seeResolution, statementList } from '../harness/seen.js';

const ROUNDS = 5;
const RESOLUTIONS = 60;
const AT_ONCE = 4;
const SEEN_CASES = 3;

/** A whole resolution: click, form and submission, until it is durable. */
export const resolution: Row = {
  name: 'resolution',
  how: `${RESOLUTIONS} resolutions a round, ${AT_ONCE} at a time, each by an operator of its own, because a time step is accepted once: the signed click on *Mark completed*, the form that the app opens, its submission; the clock stops at the last answer. What follows an answer goes on meanwhile, as far as Slack's pace lets it: it edits 50 messages a minute, however fast the app is. Without Heroku. Against it: the statements of a click and its submission as heard on the wire, ids replaced, over ${AT_ONCE} connections of bare pg, without HTTP, signatures, forms and Slack. And against ${BEFORE}, which does the same resolutions in the same run. Each side is idle while another is measured.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const own = await prepared(await server.fresh('bench_resolution', 'migrated'), 2);
    const { databaseUrl } = own;
    const seen = await seeResolution({ databaseUrl, slack }, own.take(SEEN_CASES));
    const statements = [...seen.click, ...seen.submission];
    const clients = await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const client = new pg.Client({ connectionString: databaseUrl });
        await client.connect();
        return client;
      }),
    );
    const app = await startBuiltApp({ databaseUrl, slack });
    const contenders: Contender<'perSecond'>[] = [
      resolving('ours', app.url, own, slack),
      {
        name: 'bare',
        async measure() {
          const startedAt = performance.now();
          await inTurns(own.take(RESOLUTIONS), async (one, worker) => {
            const client = clients[worker];
            if (client !== undefined) await replay(client, statements, seen.of, one);
          });
          return perSecond(performance.now() - startedAt);
        },
      },
    ];
    const file = await buildBefore();
    const stop = [() => app.stop()];
    if (file !== null) {
      const beforeUrl = await server.fresh('bench_resolution_before', 'empty');
      await migrateBefore(file, beforeUrl);
      const before = await startBuiltApp({ databaseUrl: beforeUrl, slack, file });
      stop.push(() => before.stop());
      contenders.push(resolving('before', before.url, await prepared(beforeUrl, 1), slack));
    }
    say(`resolving, ${statements.length} statements each`);
    await alternate(1, contenders);
    const measured = await alternate(ROUNDS, contenders);
    const values = (name: string) => (measured.get(name) ?? []).map((one) => one.perSecond);
    await Promise.all([...clients.map((client) => client.end()), ...stop.map((each) => each())]);
    await slack.close();
    const common = { what: 'a whole resolution', unit: '/s', ours: values('ours') } as const;
    return {
      figures: [
        compared({ ...common, against: `its own ${statements.length} statements in bare pg`, theirs: values('bare') }),
        ...(file === null
          ? []
          : [compared({ ...common, against: BEFORE, theirs: values('before'), goal: { ratio: { atLeast: 2 } } })]),
      ],
      shown: statementList('What is replayed in bare pg', statements),
    };
  },
};

interface Prepared {
  readonly databaseUrl: string;
  take(count: number): readonly Case[];
}

async function prepared(databaseUrl: string, sides: number): Promise<Prepared> {
  const cases = await prepareCases(databaseUrl, (ROUNDS + 1) * sides * RESOLUTIONS + SEEN_CASES);
  return { databaseUrl, take: (count) => cases.splice(0, count) };
}

function resolving(
  name: string,
  appUrl: string,
  { databaseUrl, take }: Prepared,
  slack: InstantSlack,
): Contender<'perSecond'> {
  return {
    name,
    async measure() {
      await untilIdle(databaseUrl, slack);
      const startedAt = performance.now();
      await inTurns(take(RESOLUTIONS), async (one) => submitForm(appUrl, one, await openForm(appUrl, slack, one)));
      const took = performance.now() - startedAt;
      await untilIdle(databaseUrl, slack);
      return perSecond(took);
    },
  };
}

function perSecond(milliseconds: number): { readonly perSecond: number } {
  return { perSecond: (RESOLUTIONS * 1000) / milliseconds };
}

async function inTurns(cases: readonly Case[], work: (one: Case, worker: number) => Promise<unknown>): Promise<void> {
  const left = cases.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, worker) => {
      for (const one of left) await work(one, worker);
    }),
  );
}
