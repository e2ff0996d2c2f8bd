import type { PeriodStats, PromotionStats, Spread } from '../promotions/stats.js';
import { type Answer, type Block, button, context, section } from './blocks.js';
import { ACTION, COMMAND } from './ids.js';
import { code, key, moreApps, span, utc } from './text.js';

/** A period in figures. `period`: as asked for, `30d`. */
export function statsAnswer(stats: PeriodStats, period: string): Answer {
  const { all } = stats;
  const text = `*Promotions of the last ${code(period, 20)}*, since ${utc(stats.since)}`;
  if (all.promotions === 0) {
    const none = `${text}: none.`;
    return { text: none, blocks: [section(none)] };
  }
  const blocks: Block[] = [section(`${text}\n${lines(all).join('\n')}`)];
  if (stats.byApp.length > 1) {
    for (const app of stats.byApp) blocks.push(section(`*${key(app.herokuApp)}*\n${lines(app).join('\n')}`));
    if (stats.furtherApps > 0) blocks.push(context(`And ${moreApps(stats.furtherApps)}, with fewer promotions.`));
  }
  blocks.push(
    { type: 'actions', elements: [button(ACTION.statsChart, 'Post with chart', { value: period })] },
    context(
      'Stuck: it alerted, or took long enough to. Deploying: how long that lasted, if it ended. To detect: from promoted to the first alert. To resolve: from the alert to the end.',
    ),
  );
  return { text, blocks };
}

/** The chart under the figures, a file in Slack; `altText` describes it. */
export function statsChart(fileId: string, altText: string): Answer {
  return { text: altText, blocks: [{ type: 'image', slack_file: { id: fileId }, alt_text: altText }] };
}

/** The text of the message with the chart. */
export function statsSummary(stats: PeriodStats, period: string): string {
  return `*Promotions of the last ${code(period, 20)}*, since ${utc(stats.since)}\n${lines(stats.all).join('\n')}`;
}

function lines(stats: PromotionStats): string[] {
  const { promotions, stuck, failed, deploying } = stats;
  return [
    `*Promoted*: ${promotions}${failed === 0 ? '' : `, ${failed} of them failed`}${deploying === 0 ? '' : `, ${deploying} still deploying`}`,
    `*Stuck*: ${stuck} (${share(stuck, promotions)})`,
    ...spreadLine('Deploying', stats.inDeploying),
    ...spreadLine('To detect', stats.toDetect),
    ...spreadLine('To resolve', stats.toResolve),
  ];
}

function spreadLine(name: string, spread: Spread | null): string[] {
  return spread === null ? [] : [`*${name}*: median ${span(spread.medianMs)}, p95 ${span(spread.p95Ms)}`];
}

/** One decimal below ten per cent: one of two hundred isn't none. */
function share(part: number, whole: number): string {
  const percent = (100 * part) / whole;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** For an invalid period. */
export function statsUsageWords(): string {
  return `How far back? From 1d to 366d: ${code(`${COMMAND} stats 30d`)}`;
}

/** `confirmed` false: Slack didn't say whether it took the chart. */
export function statsPostedWords(channel: string, confirmed: boolean): string {
  return confirmed
    ? `:white_check_mark: Posted to <#${channel}>.`
    : `:warning: Slack did not say whether it took the chart. Look in <#${channel}> before you post it again.`;
}
