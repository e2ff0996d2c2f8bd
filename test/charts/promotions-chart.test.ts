import { inflateSync } from 'node:zlib';
import { createChartDrawer } from '../../src/charts/draw.js';
import { promotionsChart } from '../../src/charts/promotions-chart.js';
import type { DayStats, PeriodStats } from '../../src/promotions/stats.js';

const NONE = { promotions: 0, stuck: 0, failed: 0, deploying: 0, inDeploying: null, toDetect: null, toResolve: null };
const period = (byDay: readonly DayStats[]): PeriodStats => ({
  since: new Date('2026-05-01T12:00:00Z'),
  until: new Date('2026-05-31T12:00:00Z'),
  all: { ...NONE, promotions: 9, stuck: 2, failed: 1 },
  byApp: [],
  furtherApps: 0,
  byDay,
});
const day = (name: string, changes: Partial<DayStats>): DayStats => ({
  day: name,
  deployed: 0,
  failed: 0,
  stuck: 0,
  deploying: 0,
  ...changes,
});

/** How many pixels of a PNG (8 bits a channel, RGBA) have each colour, as `#rrggbb`. https://www.w3.org/TR/png-3/ */
function colours(png: Uint8Array): { width: number; height: number; counts: Map<string, number> } {
  const bytes = Buffer.from(png);
  const width = bytes.readUInt32BE(16);
  const height = bytes.readUInt32BE(20);
  const raw = inflateSync(imageData(bytes));
  const stride = width * 4;
  const counts = new Map<string, number>();
  let above = Buffer.alloc(stride);
  for (let row = 0; row < height; row += 1) {
    const filter = raw[row * (stride + 1)] ?? 0;
    const line = Buffer.from(raw.subarray(row * (stride + 1) + 1, (row + 1) * (stride + 1)));
    unfilter(line, above, filter);
    for (let x = 0; x < stride; x += 4) {
      const colour = `#${line.toString('hex', x, x + 3)}`;
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
    above = line;
  }
  return { width, height, counts };
}

function imageData(bytes: Buffer): Buffer {
  const data: Buffer[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return Buffer.concat(data);
}

function unfilter(line: Buffer, above: Buffer, filter: number): void {
  for (let x = 0; x < line.length; x += 1) {
    const left = line[x - 4] ?? 0;
    const corner = above[x - 4] ?? 0;
    line[x] = ((line[x] ?? 0) + predicted(filter, left, above[x] ?? 0, corner)) & 255;
  }
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4: {
      const [toLeft, toUp, toCorner] = [
        Math.abs(up - corner),
        Math.abs(left - corner),
        Math.abs(left + up - 2 * corner),
      ];
      if (toLeft <= toUp && toLeft <= toCorner) return left;
      return toUp <= toCorner ? up : corner;
    }
    default:
      return 0;
  }
}

describe('the chart of promotions', () => {
  const drawn = colours(
    promotionsChart(
      period([
        day('2026-05-02', { deployed: 4 }),
        day('2026-05-09', { deployed: 1, stuck: 2 }),
        day('2026-05-20', { failed: 1, deploying: 1 }),
      ]),
    ),
  );
  const legendOnly = colours(promotionsChart(period([])));
  const area = (colour: string) => (drawn.counts.get(colour) ?? 0) - (legendOnly.counts.get(colour) ?? 0);

  test('is a picture of its own size on a ground of its own, so that no theme shines through', () => {
    expect([drawn.width, drawn.height]).toEqual([1520, 680]);
    const [[ground, pixels] = ['', 0]] = [...drawn.counts].sort((a, b) => b[1] - a[1]);
    expect(ground).toBe('#fbfbfa');
    expect(pixels).toBeGreaterThan(0.5 * drawn.width * drawn.height);
  });

  test('shows what became of them in areas that are in proportion', () => {
    const [deployed, stuck, failed, deploying] = ['#2f9e77', '#e0a030', '#b3261e', '#a9b2bd'].map(area);
    expect(failed).toBeGreaterThan(500);
    for (const [part, times] of [
      [deployed, 5],
      [stuck, 2],
      [deploying, 1],
    ] as const) {
      expect(Math.abs((part ?? 0) / (failed ?? 1) - times)).toBeLessThan(0.2 * times);
    }
  });

  test('is written on, with a font that came along', () => {
    // Only the title has this colour; without a font there would be no such pixel.
    expect(legendOnly.counts.get('#1d1c1d') ?? 0).toBeGreaterThan(200);
  });

  test('is drawn in a thread of its own, and told to who cannot see it', async () => {
    const draw = createChartDrawer();
    const charts = await Promise.all([draw(period([])), draw(period([]))]);
    const whole = promotionsChart(period([]));
    for (const { content, altText } of charts) {
      expect(Buffer.from(content).equals(whole)).toBe(true);
      expect(altText).toBe('Bar chart of promotions a day since 2026-05-01: 9 in all, 2 stuck, 1 failed.');
    }
  });

  test('that cannot be drawn is an error of its caller, and the next one is drawn', async () => {
    const draw = createChartDrawer();
    const broken = draw({ ...period([]), since: new Date(Number.NaN) });
    const next = draw(period([]));
    await expect(broken).rejects.toThrow();
    expect((await next).altText).toContain('9 in all');
  });
});
