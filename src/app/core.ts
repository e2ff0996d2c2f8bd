import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { createDynoEvidence } from '../heroku/dyno-evidence.js';
import { createEvidenceRefresher } from '../heroku/evidence-refresh.js';
import { createLook } from '../heroku/look.js';
import { type MaintenanceReport, runMaintenance } from '../jobs/maintenance.js';
import { overdueAfter } from '../jobs/rings.js';
import { queueWebhooks } from '../jobs/steps/webhook.js';
import { createSealer, type Sealer } from '../jobs/sealer.js';
import { realTimers } from '../jobs/timers.js';
import { createWitness, type Witness } from '../jobs/witness.js';
import { markOfHomes } from '../outbox/kinds/home.js';
import { LEASE_MS, type Outbox } from '../outbox/outbox.js';
import { type AllowedConfigVars, allowedConfigVars } from '../promotions/config-vars.js';
import { LEAST_OVERDUE_MS, type Overdue } from '../promotions/overdue.js';
import type { Runtime } from '../runtime.js';
import { quietUntil } from '../zones.js';
import { type Busy, createBusy } from './busy.js';
import { type Clients, createClients } from './clients.js';
import { createAppOutbox, sourcesOf } from './outbox.js';

/** Needed by both the running app and a single tick from the command line. */
export interface Core extends Clients {
  readonly busy: Busy;
  readonly outbox: Outbox;
  readonly configVars: AllowedConfigVars;
  readonly sealer: Sealer;
  /** null: none is set. */
  readonly witness: Witness | null;
  markOfHomes(): Promise<string>;
  /** Home tabs say how long this process's watchdog has been silent, once there is one. */
  watchSilence(silentSince: () => Date | null): void;
  /** Queues a promotion's missing webhooks; called before its messages are delivered. */
  queueWebhooks(promotionId: string): Promise<void>;
  /** What has been due for longer than two minutes, or three ticks. */
  findOverdue(): Promise<Overdue | null>;
  maintain(options?: { readonly dryRun: boolean }): Promise<MaintenanceReport>;
  close(): Promise<void>;
}

/** `promoting`: a promoter runs too, so promotions count as overdue as well. `dryRun`: nothing may change. */
export function createCore(
  config: Config,
  db: Database,
  runtime: Runtime,
  { promoting = false, dryRun = false }: { readonly promoting?: boolean; readonly dryRun?: boolean } = {},
): Core {
  const clients = createClients(config, db, runtime, dryRun);
  let silentSince: () => Date | null = () => null;
  const busy = createBusy();
  const addDynos = createDynoEvidence(clients.heroku?.usedFor('critical') ?? null, runtime.log);
  const sources = sourcesOf(clients, addDynos, () => silentSince());
  const outbox = createAppOutbox(clients, sources);
  const witness = createWitnessOf(clients);
  const sealer = createSealer({
    seals: db.seals,
    timers: realTimers(runtime.elapsed),
    log: runtime.log,
    takesAnyKey: false,
    onSealed: () => witness?.wake(),
    onRefused: clients.metrics.onEventsRefused,
    onShown: (messageIds) => void busy.during(() => deliverAll(messageIds)),
  });
  /** What fails stays due, and the next tick retries it. */
  const deliverAll = async (messageIds: readonly string[]): Promise<void> => {
    for (const id of messageIds) await outbox.deliver(id).catch(() => undefined);
  };
  const owedFor = (afterMs: number) => db.overdue({ afterMs, promoting, witness: witness?.id ?? null });
  /** Mostly nothing waits that long, and a process's first look at a rare cron takes up to half a second. */
  const findOverdue = async () =>
    (await owedFor(LEAST_OVERDUE_MS)) === null ? null : owedFor(overdueAfter(config.maintenanceCron, runtime.now()));
  const maintenance = {
    db,
    outbox,
    readEvidence: clients.readEvidenceFor('watching'),
    evidenceRefresher:
      clients.heroku === null
        ? null
        : createEvidenceRefresher(clients.heroku, clients.readEvidenceFor, runtime.now, runtime.log),
    lookAtApp:
      clients.heroku === null ? null : createLook(clients.heroku.usedFor('watching'), runtime.now, runtime.log),
    addDynos,
    heroku: clients.heroku?.usedFor('watching') ?? null,
    verifyWithinMs: config.verifyWithinMs,
    driftEveryMs: config.driftEveryMs,
    newOwner: clients.newOwner,
    isOn: config.autoCommitLive,
    schedule: config.digest,
    quietUntil: (herokuApp: string, at: Date) => {
      const { quiet } = clients.routeOf(herokuApp);
      return quiet === null ? null : quietUntil(quiet, at);
    },
    thresholds: config.thresholds,
    pruneAfterMs: config.pruneAfterMs,
    longestLeaseMs: Math.max(LEASE_MS, config.promoterLeaseMs),
    individualPerHour: config.individualAlertsPerHour,
    channelOf: (herokuApp: string) => clients.routeOf(herokuApp).channel,
    routeOf: clients.routeOf,
    defaultPage: sources.defaultPage,
    sendsWebhooks: sources.sendsWebhooks,
    findOverdue,
    closing: [
      { action: { kind: 'seal' as const }, act: () => sealer.seal() },
      ...(witness === null ? [] : [{ action: { kind: 'send_seals' as const }, act: () => witness.send() }]),
    ],
    startTick: clients.workspace.startTick,
    ...runtime,
  };
  return {
    ...clients,
    busy,
    outbox,
    sealer,
    witness,
    configVars: allowedConfigVars(config.configVarPatterns),
    markOfHomes: () => markOfHomes(sources),
    watchSilence: (since) => {
      silentSince = since;
    },
    queueWebhooks: (promotionId) => queueWebhooks(sources, promotionId),
    findOverdue,
    maintain: (options) => runMaintenance(maintenance, options),
    async close() {
      clients.heroku?.close();
      await clients.herokuBudget?.close();
      clients.network.close();
    },
  };
}

function createWitnessOf({ config, db, network, newOwner, runtime }: Clients): Witness | null {
  const { auditWitnessUrl: url } = config;
  const { elapsed, random, log } = runtime;
  return url === null
    ? null
    : createWitness({ url, seals: db.seals, fetch: network.fetch, newOwner, elapsed, random, log });
}
