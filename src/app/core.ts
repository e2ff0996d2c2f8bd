import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { createEvidenceRefresher } from '../heroku/evidence-refresh.js';
import { type MaintenanceReport, runMaintenance } from '../jobs/maintenance.js';
import { overdueAfter } from '../jobs/rings.js';
import { markOfHomes } from '../outbox/kinds/home.js';
import type { Outbox } from '../outbox/outbox.js';
import { type AllowedConfigVars, allowedConfigVars } from '../promotions/config-vars.js';
import type { Overdue } from '../promotions/overdue.js';
import type { Runtime } from '../runtime.js';
import { quietUntil } from '../zones.js';
import { type Busy, createBusy } from './busy.js';
import { type Clients, createClients } from './clients.js';
import { createAppOutbox, sourcesOf } from './outbox.js';

/** The part that both the running app and a single tick from the command line need. */
export interface Core extends Clients {
  readonly busy: Busy;
  readonly outbox: Outbox;
  readonly configVars: AllowedConfigVars;
  /** See `markOfHomes`. */
  markOfHomes(): Promise<string>;
  /** The home tabs say since when this process's watchdog has been silent, once there is one. */
  watchSilence(silentSince: () => Date | null): void;
  /** What is owed for longer than two minutes, or three ticks. */
  findOverdue(): Promise<Overdue | null>;
  maintain(options?: { readonly dryRun: boolean }): Promise<MaintenanceReport>;
  close(): void;
}

/** `promoting`: whether a promoter runs beside it, so that promotions are owed as well. `dryRun`: nothing is to be changed. */
export function createCore(
  config: Config,
  db: Database,
  runtime: Runtime,
  { promoting = false, dryRun = false }: { readonly promoting?: boolean; readonly dryRun?: boolean } = {},
): Core {
  const clients = createClients(config, db, runtime, dryRun);
  let silentSince: () => Date | null = () => null;
  const sources = sourcesOf(clients, () => silentSince());
  const outbox = createAppOutbox(clients, sources);
  const findOverdue = () =>
    db.overdue({
      afterMs: overdueAfter(config.maintenanceCron, runtime.now()),
      promoting,
    });
  const maintenance = {
    db,
    outbox,
    readEvidence: clients.readEvidence,
    evidenceRefresher:
      clients.heroku === null
        ? null
        : createEvidenceRefresher(clients.heroku, clients.readEvidence, runtime.now, runtime.log),
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
    findOverdue,
    startTick: clients.workspace.startTick,
    ...runtime,
  };
  return {
    ...clients,
    busy: createBusy(),
    outbox,
    configVars: allowedConfigVars(config.configVarPatterns),
    markOfHomes: () => markOfHomes(sources),
    watchSilence: (since) => {
      silentSince = since;
    },
    findOverdue,
    maintain: (options) => runMaintenance(maintenance, options),
    close() {
      clients.heroku?.close();
      clients.network.close();
    },
  };
}
