import type { PeriodStats } from '../promotions/stats.js';
import { type Block, context, type Message, section } from './blocks.js';
import { type RcaDebt, rcaDebtLine } from './rca-debt.js';
import { statsSummary } from './stats.js';
import { COMMAND } from './ids.js';
import { code } from './text.js';

export interface DigestFacts {
  readonly stats: PeriodStats;
  /** The period of `stats`: `7d`. */
  readonly period: string;
  readonly missing: RcaDebt;
  /** How many are stuck when it is posted. */
  readonly stuckNow: number;
}

/** Last week in figures, for the channel. Mentions nobody. The chart follows in its thread. */
export function digestMessage({ stats, period, missing, stuckNow }: DigestFacts): Message {
  const nothing = stats.all.promotions === 0;
  const figures = nothing ? 'Nothing was promoted.' : statsSummary(stats, period);
  const now =
    stuckNow === 0
      ? ':white_check_mark: Nothing is stuck now.'
      : `:warning: ${stuckNow === 1 ? '1 promotion is' : `${stuckNow} promotions are`} stuck now: ${code(`${COMMAND} stuck`)}`;
  const owed = rcaDebtLine(missing) ?? ':white_check_mark: No RCA is missing.';
  const text = ':bar_chart: *The week in promotions*';
  const blocks: Block[] = [section(text), section(figures), section(`${now}\n${owed}`)];
  blocks.push(context(nothing ? `${code(`${COMMAND} stats`)} looks further back.` : 'The chart is in the thread.'));
  return { text: `${text}: ${stats.all.promotions} promoted, ${stats.all.stuck} stuck`, blocks };
}
