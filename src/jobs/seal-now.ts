import type { Logger } from 'pino';
import type { Database } from '../db/database.js';
import { sealOnce } from './sealer.js';
import { realTimers } from './timers.js';

/**
 * Seals what a command wrote, without waiting for a tick; what can't be sealed is left to the running app.
 * `takesAnyKey`: the key of the newest seal is lost.
 */
export async function sealNow(
  db: Database,
  { log, elapsed }: { readonly log: Logger; readonly elapsed: () => number },
  { takesAnyKey = false }: { readonly takesAnyKey?: boolean } = {},
): Promise<void> {
  await sealOnce({ seals: db.seals, timers: realTimers(elapsed), log, takesAnyKey });
}
