import type { Logger } from 'pino';
import type { UnavailableReason } from '../promotions/evidence.js';
import { unavailableReason } from './evidence.js';
import { type Heroku, HerokuError } from './heroku.js';

/** Whether Heroku knows an app, and its current name: people may type its id, and names change. */
type AppLookup =
  | { readonly kind: 'found'; readonly name: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'not_known'; readonly reason: UnavailableReason };

/** Asks Heroku for an app. Never rejects; resolves within `deadlineMs` (milliseconds). */
export type FindApp = (app: string, deadlineMs: number) => Promise<AppLookup>;

export function createAppLookup(heroku: Heroku, log: Logger): FindApp {
  return async (app, deadlineMs) => {
    try {
      return { kind: 'found', name: (await heroku.app(app, { deadlineMs })).name };
    } catch (error) {
      if (error instanceof HerokuError && (error.kind === 'not_found' || error.kind === 'invalid')) {
        return { kind: 'unknown' };
      }
      log.warn({ err: error }, 'Heroku could not be asked whether an app exists');
      return { kind: 'not_known', reason: unavailableReason(error) };
    }
  };
}
