import type { Overdue } from '../promotions/overdue.js';
import type { AcceptedRelease } from '../promotions/progress.js';
import { type Alerts, alerts } from './alerts.js';
import { type AttentionRecords, attentionRecords } from './attention.js';
import { type AuditLog, auditLog } from './audit.js';
import { type ChannelSlots, channelSlots } from './channel-slots.js';
import { askOf } from './console/ask.js';
import { explainRefusedWrite, mayBeRefusedWrite, type RefusedWrite } from './console/later.js';
import { type ConsoleSettings, USUAL_CONSOLE } from './console/settings.js';
import { connect, type Knex, type PoolOptions, USUAL_CONNECTIONS } from './connection.js';
import { findOddStates, type OddStates } from './console/odd-states.js';
import { DEAF, type DueListener, listenForDue } from './due.js';
import { type Enrolments, enrolments } from './enrolments.js';
import { type EvidenceRecords, evidenceRecords } from './evidence.js';
import { type Forgetting, forgetting } from './forgetting.js';
import { type Groups, groups } from './groups.js';
import { type Homes, homes } from './homes.js';
import { type Installation, installation } from './installation.js';
import { presentOf } from './leases.js';
import { type MaintenanceRecords, maintenanceRecords, rewriteMaintenance } from './maintenance.js';
import { type Messages, messages } from './messages.js';
import { type Operators, operators } from './operators.js';
import { findOverdue } from './overdue.js';
import { acceptedRelease } from './progress.js';
import type { PrimaryClient } from './primary-client.js';
import { type Promoting, promoting } from './promoting.js';
import { promotingWithin } from './promoting-share.js';
import { type Promotions, promotions } from './promotions.js';
import { type Pruning, pruning } from './pruning.js';
import { type RcaDebts, rcaDebts } from './rca-debt.js';
import { type Stats, stats } from './stats.js';
import { type TakenRequests, takenRequests } from './taken-requests.js';
import { type Transitions, transitions } from './transitions.js';

/** Everything that is stored, by table. Nothing outside this folder knows SQL. */
export interface Database {
  readonly promotions: Promotions;
  readonly transitions: Transitions;
  readonly promoting: Promoting;
  readonly alerts: Alerts;
  readonly groups: Groups;
  /** What Heroku said last about what is alerted. */
  readonly evidence: EvidenceRecords;
  /** The outbox. */
  readonly messages: Messages;
  readonly homes: Homes;
  readonly installation: Installation;
  readonly attention: AttentionRecords;
  readonly rcaDebts: RcaDebts;
  readonly stats: Stats;
  readonly operators: Operators;
  readonly enrolments: Enrolments;
  readonly forgetting: Forgetting;
  readonly audit: AuditLog;
  readonly channelSlots: ChannelSlots;
  readonly maintenance: MaintenanceRecords;
  readonly pruning: Pruning;
  readonly takenRequests: TakenRequests;
  /** Whether PostgreSQL's notifications reach this process: a pooler passes none on. */
  readonly isNotified: boolean;
  /** Calls back whenever a promotion is due, as far as PostgreSQL can tell: see listenForDue. */
  listenForDue(onDue: () => void, onTrouble: (error: unknown) => void): DueListener;
  /** The release in which Heroku holds a promotion's change, as the audit log has it; null where it has none. */
  acceptedRelease(promotionId: string): Promise<AcceptedRelease | null>;
  /** Rows of the console's table whose state this app doesn't know. */
  oddStates(): Promise<OddStates>;
  /** See findOverdue. */
  overdue(options: { readonly afterMs: number; readonly promoting: boolean }): Promise<Overdue | null>;
  /** Why the database refused a write, if it did: null for an outage or a fault of this app's. Never rejects. */
  explainRefusal(error: unknown): Promise<RefusedWrite | null>;
  /** The present by the database's clock, which all replicas share. */
  now(): Promise<Date>;
  /** Writes something, and changes nothing by it. Rejects if the database does not answer, or takes no writes. */
  checkWrites(): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseOptions extends PoolOptions {
  /** Where notifications are listened for, if not at the same address; null: nowhere. */
  readonly listenUrl?: string | null;
}

/** Connects lazily: an unreachable server shows at the first query, not here. */
export function openDatabase(connectionString: string, options: DatabaseOptions = {}): Database {
  const knex = connect(connectionString, options);
  const { listenUrl = connectionString } = options;
  return {
    promotions: promotions(knex),
    transitions: transitions(knex),
    promoting: promotingWithin(Math.floor((options.maxConnections ?? USUAL_CONNECTIONS) / 2), promoting(knex)),
    alerts: alerts(knex),
    groups: groups(knex),
    evidence: evidenceRecords(knex),
    messages: messages(knex),
    homes: homes(knex),
    installation: installation(knex),
    attention: attentionRecords(knex),
    rcaDebts: rcaDebts(knex),
    stats: stats(knex),
    operators: operators(knex),
    enrolments: enrolments(knex),
    forgetting: forgetting(knex),
    audit: auditLog(knex),
    channelSlots: channelSlots(knex),
    maintenance: maintenanceRecords(knex),
    pruning: pruning(knex),
    takenRequests: takenRequests(knex),
    isNotified: listenUrl !== null,
    listenForDue: (onDue, onTrouble) => (listenUrl === null ? DEAF : listenForDue(listenUrl, onDue, onTrouble)),
    acceptedRelease: (promotionId) => acceptedRelease(knex, promotionId),
    oddStates: () => findOddStates((sql) => knex.raw(sql)),
    overdue: (options) => findOverdue(knex, options),
    explainRefusal: (error) => explainRefusal(knex, options.console ?? USUAL_CONSOLE, error),
    now: () => presentOf(knex),
    checkWrites: () => rewriteMaintenance(knex),
    close: () => knex.destroy(),
  };
}

async function explainRefusal(knex: Knex, settings: ConsoleSettings, error: unknown): Promise<RefusedWrite | null> {
  if (!mayBeRefusedWrite(error)) return null;
  try {
    const connection: PrimaryClient = await knex.client.acquireConnection();
    try {
      return await explainRefusedWrite(askOf(connection), settings, error);
    } finally {
      await knex.client.releaseConnection(connection);
    }
  } catch {
    // Whoever asks has the error itself.
    return null;
  }
}
