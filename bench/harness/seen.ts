import type pg from 'pg';
import type { Statement } from '../../test/support/frontend-messages.js';
import { tapStatements } from '../../test/support/statements.js';
import { startBuiltApp, type Surroundings } from './app.js';
import { untilIdle } from './idle.js';
import type { InstantSlack } from './instant-slack.js';
import { type Case, openForm, submitForm } from './resolutions.js';
import { ticksOf } from './ticks.js';
import { until } from './until.js';

/** The statements of one resolution, by phase. */
export interface Seen {
  readonly click: readonly Statement[];
  /** From the submission until its answer. */
  readonly submission: readonly Statement[];
  /** From its answer until the app is idle: Slack is updated. */
  readonly after: readonly Statement[];
  readonly of: Case;
}

/**
 * Records the statements of a resolution. The app is idle before the click, before the submission, and at the end, so
 * each statement belongs to the phase in which it was sent; the tick at its start belongs to none.
 */
export async function seeResolution(
  around: Surroundings & { readonly slack: InstantSlack },
  cases: readonly Case[],
): Promise<Seen> {
  const tap = await tapStatements(around.databaseUrl);
  const app = await startBuiltApp({ ...around, databaseUrl: tap.url });
  const idle = () => untilIdle(around.databaseUrl, around.slack);
  try {
    await until(async () => (await ticksOf(app.url)) > 0);
    const all: Seen[] = [];
    for (const one of cases) {
      await idle();
      const beforeClick = tap.statements.length;
      const form = await openForm(app.url, around.slack, one);
      await idle();
      const beforeSubmission = tap.statements.length;
      await submitForm(app.url, one, form);
      const answered = tap.statements.length;
      await idle();
      all.push({
        click: tap.statements.slice(beforeClick, beforeSubmission),
        submission: tap.statements.slice(beforeSubmission, answered),
        after: tap.statements.slice(answered),
        of: one,
      });
    }
    // While the answer travels the app goes on, and follow-up work may start early: the fewest are the resolution's
    // own.
    const [fewest] = all.toSorted(
      (one, other) => sizeOf(one) - sizeOf(other) || one.submission.length - other.submission.length,
    );
    if (fewest === undefined) throw new Error('There was nothing to resolve.');
    return fewest;
  } finally {
    await app.kill();
    await tap.close();
  }
}

const sizeOf = ({ click, submission, after }: Seen): number => click.length + submission.length + after.length;

/** Replays recorded statements for another case: ids replaced, no pauses. */
export async function replay(client: pg.Client, statements: readonly Statement[], of: Case, one: Case): Promise<void> {
  const replaced = new Map([
    [of.promotionId, one.promotionId],
    [of.operatorId, one.operatorId],
  ]);
  for (const { sql, values } of statements) {
    const own = values.map((value) => (value === null ? null : (replaced.get(value) ?? value)));
    await client.query(sql, own);
  }
}

/** Statements as a Markdown list, one a line, so that a reader can check the count. */
export function statementList(title: string, statements: readonly Statement[]): string {
  const lines = statements.map(({ sql }, index) => `${index + 1}. \`${oneLine(sql)}\``);
  return `${title} (${statements.length}):\n\n${lines.join('\n')}`;
}

/** For many: each text once, with its count, most frequent first. */
export function statementCounts(title: string, statements: readonly Statement[]): string {
  const counts = new Map<string, number>();
  for (const { sql } of statements) counts.set(oneLine(sql), (counts.get(oneLine(sql)) ?? 0) + 1);
  const lines = [...counts].toSorted(([, one], [, other]) => other - one).map(([sql, n]) => `- ${n} × \`${sql}\``);
  return `${title} (${statements.length}):\n\n${lines.join('\n')}`;
}

const LONGEST = 160;

function oneLine(sql: string): string {
  const line = sql.replaceAll(/\s+/gu, ' ').replaceAll('`', "'").trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
