import ms from 'ms';
import type { Chart, PeriodStats } from '../../promotions/stats.js';
import { bare } from '../../promotions/typed.js';
import { referenceNote } from '../../reference.js';
import type { StoredFile } from '../../slack/upload.js';
import { type Answer, textAnswer } from '../../views/blocks.js';
import { ACTION } from '../../views/ids.js';
import { statsAnswer, statsChart, statsPostedWords, statsSummary, statsUsageWords } from '../../views/stats.js';
import { answer } from '../answer.js';
import { refuseUnlessOperator } from '../authority.js';
import type { HandlerDependencies } from '../dependencies.js';
import type { Clicks } from '../handler.js';
import { type Command, unpackClick } from '../unpack.js';
import { mindRcaDebt } from './rca-debt.js';

const DEFAULT_PERIOD = '30d';
const LONGEST_DAYS = 366;

export const statsClicks = { [ACTION.statsChart]: clickStatsChart } satisfies Clicks;

/** `/flag-promotions stats`: figures at once, then a chart. */
export async function commandStats(deps: HandlerDependencies, command: Command, typed: string): Promise<void> {
  const asked = await statsOf(deps, bare(typed) || DEFAULT_PERIOD);
  if (asked === null) return answer(deps, command.responseUrl, textAnswer(statsUsageWords()));
  const { stats, period } = asked;
  await answer(deps, command.responseUrl, await mindRcaDebt(deps, statsAnswer(stats, period)));
  if (stats.all.promotions === 0) return;
  const picture = await chartOf(deps, stats, period);
  const chart = await storedChart(deps, picture);
  if (chart !== null) await answer(deps, command.responseUrl, statsChart(chart, picture.altText));
}

/** The figures stand without a chart and say how to get one, so a failure is only logged. */
async function storedChart(deps: HandlerDependencies, chart: StoredFile): Promise<string | null> {
  try {
    const id = await deps.slack.storePicture(chart);
    if (id === null) deps.log.warn('Slack was not ready to show a chart in time');
    return id;
  } catch (error) {
    deps.log.warn({ err: error }, 'a chart could not be stored');
    return null;
  }
}

async function chartOf(
  { drawChart }: HandlerDependencies,
  stats: PeriodStats,
  period: string,
): Promise<StoredFile & Chart> {
  return {
    name: `promotions-${stats.until.toISOString().slice(0, 10)}-${period}.png`,
    title: `Promotions of the last ${period}`,
    ...(await drawChart(stats)),
  };
}

/** `Post with chart`: an operator posts to the alert channel what one person saw. */
async function clickStatsChart(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  await answer(
    deps,
    click.responseUrl,
    (await refuseUnlessOperator(deps, click, 'stats')) ?? (await post(deps, click.value)),
  );
}

async function post(deps: HandlerDependencies, typed: string): Promise<Answer> {
  const asked = await statsOf(deps, typed);
  if (asked === null) return textAnswer(statsUsageWords());
  const { stats, period } = asked;
  const uploaded = await deps.slack.upload({
    channel: deps.alertChannel,
    threadTs: null,
    ...(await chartOf(deps, stats, period)),
    comment: statsSummary(stats, period),
  });
  if (uploaded.kind === 'shared') return textAnswer(statsPostedWords(deps.alertChannel, true));
  deps.log.warn({ err: uploaded.trouble }, 'Slack did not say whether it took a chart');
  return textAnswer(`${statsPostedWords(deps.alertChannel, false)}${referenceNote()}`);
}

/** null if the period is invalid. Valid: `30d`, or `4w` for four weeks. */
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
