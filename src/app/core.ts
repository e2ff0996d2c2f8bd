import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import type { Delivery } from '../jobs/delivery.js';
import { type MaintenanceReport, planMaintenance, runMaintenance } from '../jobs/maintenance.js';
import type { Runtime } from '../runtime.js';
import { quietUntil } from '../zones.js';
import { type Busy, createBusy } from './busy.js';
import { type Clients, createClients } from './clients.js';
import { createOutgoing } from './outgoing.js';

/** The part that both the running app and a single tick from the command line need. */
export interface Core extends Clients {
  readonly busy: Busy;
  readonly delivery: Delivery;
  maintain(): Promise<MaintenanceReport>;
  /** Decides as `maintain` does, and does nothing. */
  planOnly(): Promise<MaintenanceReport>;
  close(): void;
}

export function createCore(config: Config, db: Database, runtime: Runtime): Core {
  const clients = createClients(config, db, runtime);
  const { delivery, digest } = createOutgoing(clients);
  const maintenance = {
    db,
    delivery,
    digest,
    readEvidence: clients.readEvidence,
    autoCommitLive: config.autoCommitLive,
    heldUntil: (herokuApp: string, at: Date) => {
      const { quiet } = clients.routeOf(herokuApp);
      return quiet === null ? null : quietUntil(quiet, at);
    },
    thresholds: config.thresholds,
    pruneAfterMs: config.pruneAfterMs,
    ownPerHour: config.ownAlertsPerHour,
    channelOf: (herokuApp: string) => clients.routeOf(herokuApp).channel,
    ...runtime,
  };
  return {
    ...clients,
    busy: createBusy(),
    delivery,
    maintain: () => runMaintenance(maintenance),
    planOnly: () => planMaintenance(maintenance),
    close: () => clients.heroku?.close(),
  };
}
