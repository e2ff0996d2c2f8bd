import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { type MaintenanceReport, runMaintenance } from '../jobs/maintenance.js';
import { markOfHomes } from '../outbox/kinds/home.js';
import type { Outbox } from '../outbox/outbox.js';
import type { Runtime } from '../runtime.js';
import { quietUntil } from '../zones.js';
import { type Busy, createBusy } from './busy.js';
import { type Clients, createClients } from './clients.js';
import { createAppOutbox, sourcesOf } from './outbox.js';

/** The part that both the running app and a single tick from the command line need. */
export interface Core extends Clients {
  readonly busy: Busy;
  readonly outbox: Outbox;
  /** See `markOfHomes`. */
  markOfHomes(): Promise<string>;
  /** The home tabs say since when this process's watchdog has been silent, once there is one. */
  watchSilence(silentSince: () => Date | null): void;
  maintain(options?: { readonly dryRun: boolean }): Promise<MaintenanceReport>;
  close(): void;
}

export function createCore(config: Config, db: Database, runtime: Runtime): Core {
  const clients = createClients(config, db, runtime);
  let silentSince: () => Date | null = () => null;
  const sources = sourcesOf(clients, () => silentSince());
  const outbox = createAppOutbox(clients, sources);
  const maintenance = {
    db,
    outbox,
    readEvidence: clients.readEvidence,
    isOn: config.autoCommitLive,
    schedule: config.digest,
    quietUntil: (herokuApp: string, at: Date) => {
      const { quiet } = clients.routeOf(herokuApp);
      return quiet === null ? null : quietUntil(quiet, at);
    },
    thresholds: config.thresholds,
    pruneAfterMs: config.pruneAfterMs,
    individualPerHour: config.individualAlertsPerHour,
    channelOf: (herokuApp: string) => clients.routeOf(herokuApp).channel,
    ...runtime,
  };
  return {
    ...clients,
    busy: createBusy(),
    outbox,
    markOfHomes: () => markOfHomes(sources),
    watchSilence: (since) => {
      silentSince = since;
    },
    maintain: (options) => runMaintenance(maintenance, options),
    close: () => clients.heroku?.close(),
  };
}
