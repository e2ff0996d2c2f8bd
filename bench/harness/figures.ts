import { z } from 'zod';
import { type Spread, spreadOf } from './rounds.js';

/** One line of the table. */
export interface Figure {
  readonly what: string;
  readonly ours: string;
  readonly against: string;
  readonly theirs: string;
  readonly ratio: string;
  readonly goal: string;
  readonly reached: 'yes' | 'no' | '';
  /** Whether other work on the machine changes it. It doesn't change a count. */
  readonly isTiming: boolean;
}

export type Limit = { readonly atLeast: number } | { readonly atMost: number };

/** A figure's goal: for its value, its ratio to the counterpart, or both. */
export interface Goal {
  readonly figure?: Limit;
  readonly ratio?: Limit;
}

/**
 * Compares what was measured side by side, round by round: median and spread are those of the rounds' ratios, not of
 * two medians. Without `theirs` or a goal, the figure is only listed.
 */
export function compared(measured: {
  readonly what: string;
  readonly unit: Unit;
  readonly ours: readonly number[];
  readonly against?: string;
  readonly theirs?: readonly number[];
  readonly goal?: Goal;
}): Figure {
  const { what, against = '', unit, ours, theirs = [], goal = {} } = measured;
  const own = spreadOf(ours);
  const ratios = ours.flatMap((one, round) => {
    const other = theirs[round];
    return other === undefined || other === 0 ? [] : [one / other];
  });
  const ratio = ratios.length === 0 ? null : spreadOf(ratios);
  return {
    what,
    ours: withUnit(own.median, unit),
    against,
    theirs: theirs.length === 0 ? '' : withUnit(spreadOf(theirs).median, unit),
    ratio: ratio === null ? '' : ratioWords(ratio),
    goal: goalWords(goal, unit),
    reached: reached(goal, own.median, ratio?.median ?? null),
    isTiming: TIMINGS.has(unit),
  };
}

/** The same for a figure measured once. */
export function counted(measured: {
  readonly what: string;
  readonly unit: Unit;
  readonly ours: number;
  readonly against?: string;
  readonly theirs?: number;
  readonly goal?: Goal;
}): Figure {
  const { ours, theirs, ...rest } = measured;
  return compared({ ...rest, ours: [ours], ...(theirs === undefined ? {} : { theirs: [theirs] }) });
}

function reached(goal: Goal, figure: number, ratio: number | null): Figure['reached'] {
  const verdicts = [
    ...(goal.figure === undefined ? [] : [meets(figure, goal.figure)]),
    ...(goal.ratio === undefined ? [] : [ratio !== null && meets(ratio, goal.ratio)]),
  ];
  if (verdicts.length === 0) return '';
  return verdicts.every((verdict) => verdict) ? 'yes' : 'no';
}

function meets(value: number, limit: Limit): boolean {
  return 'atLeast' in limit ? value >= limit.atLeast : value <= limit.atMost;
}

function goalWords({ figure, ratio }: Goal, unit: Unit): string {
  const words = (limit: Limit, value: (number: number) => string): string =>
    'atLeast' in limit ? `≥ ${value(limit.atLeast)}` : `≤ ${value(limit.atMost)}`;
  return [
    ...(figure === undefined ? [] : [words(figure, (value) => withUnit(value, unit))]),
    ...(ratio === undefined ? [] : [words(ratio, (value) => `${value} ×`)]),
  ].join(', ');
}

function ratioWords({ median, least, most }: Spread): string {
  return least === most ? `${short(median)} ×` : `${short(median)} × (${short(least)}–${short(most)})`;
}

export type Unit =
  | 'ms'
  | 's'
  | '/s'
  | 'MB'
  | 'packages'
  | 'statements'
  | 'connections'
  | 'requests'
  | 'blocks'
  | 'bytes'
  | 'events';

const TIMINGS: ReadonlySet<Unit> = new Set(['ms', 's', '/s']);

export function withUnit(value: number, unit: Unit): string {
  return unit === '/s' ? `${short(value)}/s` : `${short(value)} ${unit}`;
}

/** A shared machine isn't accurate to more than three digits. */
export function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** A figure, and how busy the machine was before it: no time counts if others used it. */
export const figureShape = z.object({
  what: z.string(),
  ours: z.string(),
  against: z.string(),
  theirs: z.string(),
  ratio: z.string(),
  goal: z.string(),
  reached: z.enum(['yes', 'no', '', 'too busy']),
  isTiming: z.boolean(),
  busy: z.string(),
});
export type MeasuredFigure = z.output<typeof figureShape>;

const COLUMNS: readonly (readonly [title: string, of: (figure: MeasuredFigure) => string])[] = [
  ['what', (figure) => figure.what],
  ['flag-promotions', (figure) => figure.ours],
  ['against', (figure) => figure.against],
  ['theirs', (figure) => figure.theirs],
  ['ratio (least–most)', (figure) => figure.ratio],
  ['goal', (figure) => figure.goal],
  ['reached', (figure) => figure.reached],
  ['load', (figure) => figure.busy],
];

/** The figures as a Markdown table, aligned for readers in a terminal. */
export function tableOf(figures: readonly MeasuredFigure[]): string {
  const cells = [COLUMNS.map(([title]) => title), ...figures.map((figure) => COLUMNS.map(([, of]) => of(figure)))];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [title = [], ...rows] = cells;
  return [line(title), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
