/** Who can run a cure, in the order in which they must. */
export const CURERS = ['superuser', 'database owner', 'schema owner', 'table owner', 'app schema owner'] as const;
export type Curer = (typeof CURERS)[number];
export type Curers = Readonly<Record<Curer, string>>;

/** What keeps this app from working with a database or the console's table. */
export interface Finding {
  /** What is wrong, in one or two sentences. */
  readonly says: string;
  /** The cure's statements in order, without semicolons; empty if SQL can't help. */
  readonly sql: readonly string[];
  readonly by: Curer;
  /** The table's constraints that the cure drops, quoted. */
  readonly drops?: readonly string[];
  /** `blocks`: refused. `limits`: something fails now and then, but the main job works. */
  readonly weight: 'blocks' | 'limits';
  /** Another role's write may pass. */
  readonly dependsOnRole?: true;
  /** It may pass without anybody thinking of this app. */
  readonly mayPass?: true;
  /** Only `migrate` finds it, so `migrate --sql` doesn't print its cure. */
  readonly isUnscripted?: true;
}

export const blocks = (says: string, sql: readonly string[] = [], by: Curer = 'table owner'): Finding => ({
  says,
  sql,
  by,
  weight: 'blocks',
});

export const limits = (says: string, sql: readonly string[] = [], by: Curer = 'table owner'): Finding => ({
  says,
  sql,
  by,
  weight: 'limits',
});

/** Each finding once; of those with the same cure, only the first. */
export function distinct(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Map<string, Finding>();
  for (const finding of findings) {
    const key = finding.sql.length === 0 ? finding.says : finding.sql.join(';');
    if (!seen.has(key)) seen.set(key, finding);
  }
  return [...seen.values()];
}

/** More statements don't fit a sentence. */
const TOLD_IN_A_SENTENCE = 3;

/** A finding with its cure, on one line of a terminal. */
export function describeFinding(finding: Finding, curers: Curers): string {
  return describe(finding, curers).replaceAll(/\p{Cc}/gu, '?');
}

function describe({ says, sql, by, isUnscripted }: Finding, curers: Curers): string {
  if (sql.length === 0) return says;
  if (sql.length > TOLD_IN_A_SENTENCE && isUnscripted !== true) {
    return `${says} What ${curers[by]} has to run for that: flag-promotions migrate --sql`;
  }
  return `${says} As ${curers[by]}, run: ${sql.map((statement) => `${statement};`).join(' ')}`;
}

const IN_ORDER = 'All statements, in their order: flag-promotions migrate --sql';

/** Why a database is refused: one sentence, or one a line. */
export function describeFindings(findings: readonly Finding[], curers: Curers, done: string): string {
  const lines = findings.map((finding) => describeFinding(finding, curers));
  const [only] = lines;
  if (only !== undefined && lines.length === 1) return `${only}\n${done}`;
  return [
    `This database can’t be used as it is, for ${lines.length} reasons:`,
    ...lines.map((line) => `  - ${line}`),
    ...(findings.some(({ isUnscripted }) => isUnscripted) || findings.every(({ sql }) => sql.length === 0)
      ? []
      : [IN_ORDER]),
    done,
  ].join('\n');
}
