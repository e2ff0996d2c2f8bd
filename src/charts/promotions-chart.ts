import { Resvg } from '@resvg/resvg-js';
import * as echarts from 'echarts';
import { type DayStats, everyDay, type PeriodStats } from '../promotions/stats.js';
import { FONT, fontFiles } from './font.js';

const WIDTH = 760;
const HEIGHT = 340;
/** Screens have two pixels a point or more. */
const SCALE = 2;

/** Order and label tell bars apart too: not everybody sees red and green. */
const SERIES: readonly { readonly name: string; readonly colour: string; of(day: DayStats): number }[] = [
  { name: 'deployed', colour: '#2f9e77', of: (day) => day.deployed },
  { name: 'deploying', colour: '#a9b2bd', of: (day) => day.deploying },
  { name: 'stuck', colour: '#e0a030', of: (day) => day.stuck },
  { name: 'failed', colour: '#b3261e', of: (day) => day.failed },
];

/**
 * Draws each day's promotions by outcome, as a PNG that is readable in Slack's light and dark theme. Needs no browser
 * and no system font. Blocks its thread: see draw.ts.
 */
export function promotionsChart(stats: PeriodStats): Uint8Array {
  const days = everyDay(stats);
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#fbfbfa',
      textStyle: { fontFamily: FONT },
      title: {
        text: `Promotions a day (UTC), ${days.at(0)?.day} to ${days.at(-1)?.day}, by what became of them`,
        left: 16,
        top: 12,
        textStyle: { fontSize: 15, color: '#1d1c1d' },
      },
      grid: { left: 48, right: 20, top: 52, bottom: 64 },
      legend: { bottom: 8, itemGap: 20, textStyle: { color: '#44474a' } },
      xAxis: {
        type: 'category',
        data: days.map(({ day }) => day.slice(5)),
        axisTick: { show: false },
        axisLine: { lineStyle: { color: '#c4c7ca' } },
        axisLabel: { color: '#44474a', hideOverlap: true },
      },
      yAxis: {
        type: 'value',
        minInterval: 1,
        splitLine: { lineStyle: { color: '#e6e7e8' } },
        axisLabel: { color: '#44474a' },
      },
      series: SERIES.map(({ name, colour, of }) => ({
        name,
        type: 'bar' as const,
        stack: 'promotions',
        color: colour,
        barMaxWidth: 36,
        data: days.map(of),
      })),
    });
    return new Resvg(chart.renderToSVGString(), {
      fitTo: { mode: 'width', value: WIDTH * SCALE },
      font: { loadSystemFonts: false, fontFiles: fontFiles(), defaultFontFamily: FONT },
    })
      .render()
      .asPng();
  } finally {
    chart.dispose();
  }
}
