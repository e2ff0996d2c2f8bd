import type { Logger } from 'pino';
import { assess, type Evidence } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { unavailableReason } from './evidence.js';
import type { Heroku } from './heroku.js';

/** Evidence for each promotion, by its id. Never rejects; resolves within `deadlineMs`. */
export type ReadEvidenceOfMany = (
  promotions: readonly Promotion[],
  deadlineMs: number,
) => Promise<ReadonlyMap<string, Evidence>>;

/** Apps asked about at once: the rest of the app needs connections, too. */
const AT_ONCE = 10;

/**
 * One request per Heroku app, however many of its promotions are asked about. By the value alone: releases would be a
 * request each. Apps that weren't reached in time are missing. `heroku` is null if no API key is configured.
 */
export function createEvidenceOfMany(heroku: Heroku | null, now: () => Date, log: Logger): ReadEvidenceOfMany {
  return async (promotions, deadlineMs) => {
    const evidence = new Map<string, Evidence>();
    if (heroku === null) {
      const notAsked: Evidence = { kind: 'unavailable', checkedAt: now(), reason: 'not_configured' };
      for (const { id } of promotions) evidence.set(id, notAsked);
      return evidence;
    }
    const signal = AbortSignal.timeout(deadlineMs);
    const waiting = [...byApp(promotions)];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift()) {
        await readApp(heroku, next[0], next[1], signal);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return evidence;

    async function readApp(from: Heroku, app: string, its: readonly Promotion[], within: AbortSignal): Promise<void> {
      try {
        const names = [...new Set(its.map(({ configVar }) => configVar))];
        const values = await from.readConfigVars(app, names, { signal: within });
        for (const promotion of its) {
          evidence.set(promotion.id, assess(promotion, values.get(promotion.configVar) ?? null, now()));
        }
      } catch (error) {
        log.warn({ err: error }, 'Heroku could not be asked about a group of promotions');
        for (const { id } of its) {
          evidence.set(id, { kind: 'unavailable', checkedAt: now(), reason: unavailableReason(error) });
        }
      }
    }
  };
}

function byApp(promotions: readonly Promotion[]): ReadonlyMap<string, readonly Promotion[]> {
  const apps = new Map<string, Promotion[]>();
  for (const promotion of promotions) {
    const its = apps.get(promotion.herokuApp);
    if (its === undefined) apps.set(promotion.herokuApp, [promotion]);
    else its.push(promotion);
  }
  return apps;
}
