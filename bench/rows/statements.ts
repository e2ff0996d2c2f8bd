import { buildBefore, BEFORE, migrateBefore } from '../harness/before.js';
import { counted, type Figure } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { prepareCases } from '../harness/resolutions.js';
import type { Bench, Measured, Row } from '../harness/row.js';
import { type Seen, seeResolution, statementList } from '../harness/seen.js';

const CASES = 5;
const SUBMISSION_AT_MOST = 6;
const AFTER_AT_MOST = 12;

/** How often a resolution asks the database: each is a round trip, wherever the database is. */
export const statements: Row = {
  name: 'statements',
  how: `Heard on the wire between the app and PostgreSQL (\`test/support/statements.ts\`), BEGIN and COMMIT included. From the submission of *Mark completed* until its answer, which comes after the commit; and from then until the app is idle (2 s without a statement or a request to Slack). The app is idle before the click and before the submission too, so that nothing else is counted. Of ${CASES} resolutions, the one with the fewest. Without Heroku. Against it: ${BEFORE}, in the same run.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    say('hearing what a resolution asks for');
    const databaseUrl = await server.fresh('bench_statements', 'migrated');
    const ours = await seeResolution({ databaseUrl, slack }, await prepareCases(databaseUrl, CASES));
    const file = await buildBefore();
    let before: Seen | null = null;
    if (file !== null) {
      say('and what it asked for before');
      const beforeUrl = await server.fresh('bench_statements_before', 'empty');
      await migrateBefore(file, beforeUrl);
      before = await seeResolution({ databaseUrl: beforeUrl, slack, file }, await prepareCases(beforeUrl, CASES));
    }
    await slack.close();
    const figure = (what: string, of: (seen: Seen) => number, atMost: number): Figure =>
      counted({
        what,
        unit: 'statements',
        ours: of(ours),
        ...(before === null ? {} : { against: BEFORE, theirs: of(before) }),
        goal: { figure: { atMost } },
      });
    return {
      figures: [
        figure('SQL of a resolving submission', ({ submission }) => submission.length, SUBMISSION_AT_MOST),
        figure('SQL after its answer', ({ after }) => after.length, AFTER_AT_MOST),
        counted({ what: 'SQL of the click that opens the form', unit: 'statements', ours: ours.click.length }),
      ],
      shown: [
        statementList('The submission', ours.submission),
        statementList('After its answer', ours.after),
        statementList('The click', ours.click),
      ].join('\n\n'),
    };
  },
};
