import type { Logger } from 'pino';

/**
 * What a request to Heroku is for, most important first.
 * - `promoting`: the promoter's. Never waits, and counts against the others.
 * - `person`: somebody waits for it
 * - `critical`: an alert being posted, and open criticals
 * - `watching`: everything else that the app checks by itself
 */
const HEROKU_USES = ['promoting', 'person', 'critical', 'watching'] as const;
export type HerokuUse = (typeof HEROKU_USES)[number];

/** HEROKU_REQUESTS_PER_HOUR, if it isn't set. */
export const REQUESTS_PER_HOUR = 1_000;

/** How much of the hour's requests each use may take: the rest is for more important ones. */
export const SHARE: Readonly<Record<Exclude<HerokuUse, 'promoting'>, number>> = {
  person: 1,
  critical: 0.9,
  watching: 0.75,
};

/** All replicas count their requests here. */
interface RequestCount {
  /** Counts more requests unless the last hour would exceed `limit`; resolves with the hour's number, or null. */
  count(requests: number, limit: number): Promise<number | null>;
}

/** The hourly requests that all replicas share. */
export interface HerokuBudget {
  /** Counts one request, if this use may send one now. Never rejects; resolves within a second. */
  admit(use: HerokuUse): Promise<boolean>;
  /** Counts what isn't counted yet. Never rejects. */
  close(): Promise<void>;
}

export interface HerokuBudgetDependencies {
  readonly requests: RequestCount;
  /** HEROKU_REQUESTS_PER_HOUR. */
  readonly perHour: number;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** See `Runtime`. */
  readonly patience: number;
  readonly log: Logger;
}

/** Requests sent without asking are counted this much later, many at once. */
const COUNT_AFTER_MS = 1_000;
/** How long the other replicas' count is reused while plenty is left. */
const KNOWN_FOR_MS = 30_000;
const PLENTY = 0.5;
const ANSWER_WITHIN_MS = 1_000;
const NO_LIMIT = 2_147_483_647;

/**
 * Neither the promoter nor a person waits for the count while plenty is left. Everything else is counted before it is
 * sent, so more replicas don't send more. If the database can't count, people are served and background requests stop.
 */
export function createHerokuBudget({
  requests,
  perHour,
  elapsed,
  patience,
  log,
}: HerokuBudgetDependencies): HerokuBudget {
  let uncounted = 0;
  let known: { readonly used: number; readonly at: number } | null = null;
  let timer: NodeJS.Timeout | null = null;

  function learn(used: number): void {
    known = { used, at: elapsed() };
  }

  async function countLater(): Promise<void> {
    timer = null;
    const counting = uncounted;
    if (counting === 0) return;
    uncounted = 0;
    try {
      learn((await requests.count(counting, NO_LIMIT)) ?? 0);
    } catch (error) {
      uncounted += counting;
      log.warn({ err: error }, 'requests to Heroku could not be counted');
    }
  }

  function note(): true {
    uncounted += 1;
    timer ??= setTimeout(() => void countLater(), COUNT_AFTER_MS).unref();
    return true;
  }

  async function countNow(use: Exclude<HerokuUse, 'promoting'>): Promise<boolean> {
    const limit = Math.ceil(perHour * SHARE[use]) - uncounted;
    const used = limit < 1 ? null : await requests.count(1, limit);
    if (used !== null) learn(used);
    return used !== null;
  }

  return {
    async admit(use) {
      if (use === 'promoting') return note();
      const isPlenty = known !== null && known.used + uncounted < perHour * PLENTY;
      if (use === 'person' && isPlenty && known !== null && elapsed() - known.at < KNOWN_FOR_MS) return note();
      let late: NodeJS.Timeout | undefined;
      const counted = await Promise.race([
        countNow(use).catch((error: unknown) => {
          log.warn({ err: error }, 'requests to Heroku could not be counted');
          return null;
        }),
        new Promise<null>((resolve) => {
          late = setTimeout(resolve, ANSWER_WITHIN_MS * patience, null);
        }),
      ]);
      clearTimeout(late);
      return counted ?? use === 'person';
    },
    async close() {
      if (timer !== null) clearTimeout(timer);
      await countLater();
    },
  };
}
