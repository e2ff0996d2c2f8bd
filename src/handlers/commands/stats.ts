import ms from 'ms';
import type { PeriodStats } from '../../promotions/stats.js';
import type { Answer } from '../../views/blocks.js';
import { sentence } from '../../views/list.js';
import { statsAnswer, statsPostedWords, statsSummary, statsUsageWords } from '../../views/stats.js';
import { answer } from '../answer.js';
import { refuseUnlessOperator } from '../authority.js';
import type { HandlerDependencies } from '../dependencies.js';
import { unpackClick } from '../unpack.js';
import { mindRcaDebt } from './rca-debt.js';

const DEFAULT_PERIOD = '30d';
const LONGEST_DAYS = 366;

/** How the promotions of the last days went, in figures. */
export async function statsInWords(deps: HandlerDependencies, typed: string): Promise<Answer> {
  const asked = await statsOf(deps, typed === '' ? DEFAULT_PERIOD : typed);
  return asked === null ? sentence(statsUsageWords()) : mindRcaDebt(deps, statsAnswer(asked.stats, asked.period));
}

/**
 * `Post with chart` was clicked: an answer that one person sees can hold no file, so that the picture goes to the alert
 * channel, and only where somebody asks for it.
 */
export async function clickStatsChart(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  await answer(
    deps,
    click.responseUrl,
    (await refuseUnlessOperator(deps, click, 'Posting figures')) ?? (await post(deps, click.value)),
  );
}

async function post(deps: HandlerDependencies, typed: string): Promise<Answer> {
  const asked = await statsOf(deps, typed);
  if (asked === null) return sentence(statsUsageWords());
  const { stats, period } = asked;
  // What draws is larger than all the rest of the app, and most replicas never draw.
  const { chartAltText, promotionsChart } = await import('../../charts/promotions-chart.js');
  const uploaded = await deps.slack.upload({
    channel: deps.alertChannel,
    threadTs: null,
    name: `promotions-${stats.until.toISOString().slice(0, 10)}-${period}.png`,
    title: `Promotions of the last ${period}`,
    content: promotionsChart(stats),
    altText: chartAltText(stats),
    comment: statsSummary(stats, period),
  });
  return sentence(statsPostedWords(deps.alertChannel, uploaded.kind === 'shared'));
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
