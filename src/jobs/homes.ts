import type { Logger } from 'pino';
import type { Database } from '../db/database.js';
import type { Outbox } from '../outbox/outbox.js';
import { HOME_INTERVAL_MS } from '../promotions/home.js';
import { withoutReference } from '../reference.js';

export interface HomesDependencies {
  readonly db: Pick<Database, 'homes'>;
  readonly outbox: Outbox;
  /** A mark of what the tabs show; while it is the same, none has to be published. */
  readonly mark: () => Promise<string>;
  readonly log: Logger;
}

/** Updates the home tabs that somebody may be looking at. */
export interface Homes {
  /** Publishes a tab that was just opened. Rejects if the database doesn't answer or Slack refuses. */
  open(slackUserId: string): Promise<void>;
  /** Publishes the tabs that changed. Never rejects: what fails is due at the next call. */
  refresh(): Promise<void>;
  /** Refreshes soon, once for several changes. */
  changed(): void;
  /** Waits for a running refresh. */
  stop(): Promise<void>;
}

export function createHomes({ db, outbox, mark, log }: HomesDependencies): Homes {
  let soon: NodeJS.Timeout | null = null;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  let lastMark: string | null = null;

  async function refresh(): Promise<void> {
    if (!(await db.homes.anyIsWatched())) return;
    const newMark = await mark();
    if (newMark === lastMark) return;
    const ids = await db.homes.requestUpdates();
    lastMark = newMark;
    for (const id of ids) {
      const outcome = await outbox.deliver(id);
      if (outcome.kind === 'failed')
        log.warn({ err: outcome.error }, 'a home tab is behind; it is published again later');
    }
  }

  const homes: Homes = {
    async open(slackUserId) {
      const outcome = await outbox.deliver(await db.homes.open(slackUserId));
      if (outcome.kind === 'failed') throw outcome.error;
    },
    refresh() {
      // One at a time: two would only wait for each other's leases.
      running = running.then(refresh).catch((error: unknown) => {
        log.warn({ err: error }, 'the home tabs could not be refreshed; the next tick tries again');
      });
      return running;
    },
    changed() {
      if (stopped || soon !== null) return;
      soon = withoutReference(() =>
        setTimeout(() => {
          soon = null;
          void homes.refresh();
        }, HOME_INTERVAL_MS),
      );
      soon.unref();
    },
    async stop() {
      stopped = true;
      if (soon !== null) clearTimeout(soon);
      await running;
    },
  };
  return homes;
}
