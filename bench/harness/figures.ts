import { type Spread, spreadOf } from './rounds.js';

/** One line of the table. */
export interface Figure {
  readonly what: string;
  readonly ours: string;
  readonly against: string;
  readonly theirs: string;
  readonly ratio: string;
  readonly toReach: string;
  readonly reached: 'yes' | 'no' | '';
}

export type Target = { readonly atLeast: number } | { readonly atMost: number };

/**
 * Compares what was measured side by side: round by round, so that the ratio's median and spread are those of rounds, not
 * of two medians. Where `toReach` is null the figure is shown for what it is.
 */
export function compared(measured: {
  readonly what: string;
  readonly against: string;
  readonly unit: Unit;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  readonly toReach: Target | null;
}): Figure {
  const { what, against, unit, ours, theirs, toReach } = measured;
  const ratio = spreadOf(ours.map((own, round) => own / (theirs[round] ?? Number.NaN)));
  return {
    what,
    ours: withUnit(spreadOf(ours).median, unit),
    against,
    theirs: withUnit(spreadOf(theirs).median, unit),
    ratio: inWords(ratio),
    toReach: toReach === null ? '' : 'atLeast' in toReach ? `≥ ${toReach.atLeast} ×` : `≤ ${toReach.atMost} ×`,
    reached: toReach === null ? '' : isReached(ratio.median, toReach) ? 'yes' : 'no',
  };
}

function isReached(ratio: number, toReach: Target): boolean {
  return 'atLeast' in toReach ? ratio >= toReach.atLeast : ratio <= toReach.atMost;
}

function inWords({ median, least, most }: Spread): string {
  return `${short(median)} × (${short(least)}–${short(most)})`;
}

export type Unit = 'ms' | 's' | '/s' | 'MB' | 'packages';

export function withUnit(value: number, unit: Unit): string {
  return unit === '/s' ? `${short(value)}/s` : `${short(value)} ${unit}`;
}

/** Three digits are more than a shared machine is good for. */
export function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

const COLUMNS: readonly (readonly [title: string, of: (figure: Figure) => string])[] = [
  ['what', (figure) => figure.what],
  ['flag-promotions', (figure) => figure.ours],
  ['against', (figure) => figure.against],
  ['theirs', (figure) => figure.theirs],
  ['ratio (least–most)', (figure) => figure.ratio],
  ['to reach', (figure) => figure.toReach],
  ['reached', (figure) => figure.reached],
];

/** The figures as a table in Markdown, its columns aligned for whoever reads it in a terminal. */
export function tableOf(figures: readonly Figure[]): string {
  const cells = [COLUMNS.map(([title]) => title), ...figures.map((figure) => COLUMNS.map(([, of]) => of(figure)))];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [title = [], ...rows] = cells;
  return [line(title), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
