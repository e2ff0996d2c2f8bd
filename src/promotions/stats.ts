/** How a period's promotions went. Spans are in milliseconds; null: nothing to measure. */
export interface PromotionStats {
  readonly promotions: number;
  /** Those that alerted, or took long enough to. */
  readonly stuck: number;
  readonly failed: number;
  readonly deploying: number;
  /** From promoted to deployed or failed, of those that ended. */
  readonly inDeploying: Spread | null;
  /** From promoted to the first alert in Slack, of those that alerted. */
  readonly toDetect: Spread | null;
  /** From the first alert in Slack to the end, of those that alerted and ended. */
  readonly toResolve: Spread | null;
}

export interface Spread {
  readonly medianMs: number;
  readonly p95Ms: number;
}

export interface AppStats extends PromotionStats {
  readonly herokuApp: string;
}

/** A UTC day. Each promotion counts once: by its outcome, or as stuck if it was. */
export interface DayStats {
  /** `2026-05-09` */
  readonly day: string;
  readonly deployed: number;
  readonly failed: number;
  readonly stuck: number;
  readonly deploying: number;
}

export interface PeriodStats {
  readonly since: Date;
  readonly until: Date;
  readonly all: PromotionStats;
  /** Most promotions first; `furtherApps` more are left out. */
  readonly byApp: readonly AppStats[];
  readonly furtherApps: number;
  /** Only days on which something was promoted. */
  readonly byDay: readonly DayStats[];
}

/** Every day of the period, also those without promotions: a gap must not look like the day before. */
export function everyDay({ since, until, byDay }: Pick<PeriodStats, 'since' | 'until' | 'byDay'>): readonly DayStats[] {
  const known = new Map(byDay.map((one) => [one.day, one]));
  const days: DayStats[] = [];
  const first = Date.UTC(since.getUTCFullYear(), since.getUTCMonth(), since.getUTCDate());
  for (let at = first; at <= until.getTime(); at += DAY_MS) {
    const day = new Date(at).toISOString().slice(0, 10);
    days.push(known.get(day) ?? { day, deployed: 0, failed: 0, stuck: 0, deploying: 0 });
  }
  return days;
}

const DAY_MS = 86_400_000;

export interface Chart {
  /** PNG. */
  readonly content: Uint8Array;
  readonly altText: string;
}

/** Rejects if it can't be drawn. */
export type DrawChart = (stats: PeriodStats) => Promise<Chart>;
