import ms from 'ms';
import type { PeriodStats } from '../../promotions/stats.js';
import type { Answer } from '../../views/blocks.js';
import { sentence } from '../../views/list.js';
import { statsAnswer, statsUsageWords } from '../../views/stats.js';
import type { HandlerDependencies } from '../dependencies.js';

const DEFAULT_PERIOD = '30d';
const LONGEST_DAYS = 366;

/** How the promotions of the last days went, in figures. */
export async function statsInWords(deps: HandlerDependencies, typed: string): Promise<Answer> {
  const asked = await statsOf(deps, typed === '' ? DEFAULT_PERIOD : typed);
  return asked === null ? sentence(statsUsageWords()) : statsAnswer(asked.stats, asked.period);
}

/** null where the period is not one: `30d`, or `4w` for four weeks. */
async function statsOf(
  deps: HandlerDependencies,
  typed: string,
): Promise<{ stats: PeriodStats; period: string } | null> {
  const [, amount, unit] = /^(\d{1,3})\s*([dw])$/iu.exec(typed) ?? [];
  const days = Number(amount ?? 0) * (unit?.toLowerCase() === 'w' ? 7 : 1);
  if (days < 1 || days > LONGEST_DAYS) return null;
  const until = deps.now();
  const since = new Date(until.getTime() - ms(`${days}d`));
  const stats = await deps.db.stats.of({ since, until, stuckAfterMs: deps.thresholds.warningAfterMs });
  return { stats, period: `${days}d` };
}
