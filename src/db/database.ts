import type { Overdue } from '../promotions/overdue.js';
import type { AcceptedRelease } from '../promotions/progress.js';
import { type Alerts, alerts } from './alerts.js';
import { type AttentionRecords, attentionRecords } from './attention.js';
import type { SecretBox } from '../operators/secret-box.js';
import type { AuditKeys } from '../audit/keys.js';
import { type AuditLog, auditLog } from './audit.js';
import { AuditWriter } from './audit-writer.js';
import { type ChannelSlots, channelSlots } from './channel-slots.js';
import { askOf } from './console/ask.js';
import { explainRefusedWrite, mayBeRefusedWrite, type RefusedWrite } from './console/later.js';
import { type ConsoleSettings, USUAL_CONSOLE } from './console/settings.js';
import { connect, type Knex, type PoolOptions, USUAL_CONNECTIONS } from './connection.js';
import { type Chores, chores } from './chores.js';
import { type SetBackClock, setBackClock } from './set-back-clock.js';
import { findOddStates, type OddStates } from './console/odd-states.js';
import { type Drills, drills } from './drills.js';
import { type Drifts, drifts } from './drifts.js';
import { type Denials, denials } from './denials.js';
import { DEAF, type DueListener, listenForDue } from './due.js';
import { type Enrolments, enrolments } from './enrolments.js';
import { type EvidenceRecords, evidenceRecords } from './evidence.js';
import { type FollowUps, followUps } from './follow-ups.js';
import { type Forgetting, forgetting } from './forgetting.js';
import { type Groups, groups } from './groups.js';
import { type HerokuRequests, herokuRequests } from './heroku-requests.js';
import { type Homes, homes } from './homes.js';
import { type Installation, installation } from './installation.js';
import { presentOf } from './leases.js';
import { type Looks, looks } from './looks.js';
import { type MaintenanceRecords, maintenanceRecords, rewriteMaintenance } from './maintenance.js';
import { type Messages, messages } from './messages.js';
import { type OperatorNotices, operatorNotices } from './operator-notices.js';
import { type Operators, operators } from './operators.js';
import { findOverdue, type OverdueOptions } from './overdue.js';
import { acceptedRelease } from './progress.js';
import { type Paging, paging } from './paging.js';
import type { PrimaryClient } from './primary-client.js';
import { type Promoting, promoting } from './promoting.js';
import { promotingWithin } from './promoting-share.js';
import { type Promotions, promotions } from './promotions.js';
import { type Pruning, pruning } from './pruning.js';
import { type RcaDebts, rcaDebts } from './rca-debt.js';
import { type Resealing, resealing } from './resealing.js';
import { SealedValues } from './sealed-values.js';
import { type Seals, seals } from './seals.js';
import { type Stats, stats } from './stats.js';
import { type TakenRequests, takenRequests } from './taken-requests.js';
import { type Transitions, transitions } from './transitions.js';
import { type Verifications, verifications } from './verifications.js';
import { type Webhooks, webhooks } from './webhooks.js';

/** No SQL outside this folder. */
export interface Database {
  readonly promotions: Promotions;
  readonly transitions: Transitions;
  readonly followUps: FollowUps;
  readonly verifications: Verifications;
  readonly drifts: Drifts;
  readonly promoting: Promoting;
  readonly alerts: Alerts;
  readonly groups: Groups;
  /** About what is alerted. */
  readonly evidence: EvidenceRecords;
  /** The outbox. */
  readonly messages: Messages;
  /** Outside Slack. */
  readonly paging: Paging;
  readonly webhooks: Webhooks;
  readonly homes: Homes;
  /** Shared by all replicas. */
  readonly herokuRequests: HerokuRequests;
  /** About what isn't alerted yet. */
  readonly looks: Looks;
  readonly installation: Installation;
  readonly attention: AttentionRecords;
  readonly rcaDebts: RcaDebts;
  readonly stats: Stats;
  readonly operators: Operators;
  readonly operatorNotices: OperatorNotices;
  readonly enrolments: Enrolments;
  readonly forgetting: Forgetting;
  readonly drills: Drills;
  readonly resealing: Resealing;
  readonly audit: AuditLog;
  readonly denials: Denials;
  readonly seals: Seals;
  readonly channelSlots: ChannelSlots;
  readonly maintenance: MaintenanceRecords;
  readonly pruning: Pruning;
  readonly chores: Chores;
  readonly setBackClock: SetBackClock;
  readonly takenRequests: TakenRequests;
  /** Whether notifications reach this process: a pooler delivers none. */
  readonly isNotified: boolean;
  /** See listenForDue. */
  listenForDue(onDue: () => void, onTrouble: (error: unknown) => void): DueListener;
  /** The Heroku release with a promotion's change, from the audit log. */
  acceptedRelease(promotionId: string): Promise<AcceptedRelease | null>;
  /** Rows of the console's table in a state that this app doesn't know. */
  oddStates(): Promise<OddStates>;
  /** See findOverdue. */
  overdue(options: OverdueOptions): Promise<Overdue | null>;
  /** Why the database refused a write; null for an outage or a bug of ours. Never rejects. */
  explainRefusal(error: unknown): Promise<RefusedWrite | null>;
  /** By the database's clock, which all replicas share. */
  now(): Promise<Date>;
  /** Tries a write that changes nothing. Rejects if the database doesn't answer or is read-only. */
  checkWrites(): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseOptions extends Omit<PoolOptions, 'audit' | 'values'> {
  /** Seals Heroku's recorded previous value; null: it is stored unsealed. */
  readonly valueBox?: SecretBox | null;
  /** Keys for audit events and seals; null: events written here are never sealed. */
  readonly auditKeys?: AuditKeys | null;
  /** Where to listen for notifications, if not at the same address; null: nowhere. */
  readonly listenUrl?: string | null;
}

/** Connects lazily: an unreachable server shows at the first query. */
export function openDatabase(connectionString: string, options: DatabaseOptions = {}): Database {
  const { auditKeys = null, valueBox = null, ...pool } = options;
  const writer = new AuditWriter(auditKeys);
  const knex = connect(connectionString, { ...pool, audit: writer, values: new SealedValues(valueBox) });
  const { listenUrl = connectionString } = options;
  return {
    promotions: promotions(knex),
    transitions: transitions(knex),
    followUps: followUps(knex),
    verifications: verifications(knex),
    drifts: drifts(knex),
    promoting: promotingWithin(Math.floor((options.maxConnections ?? USUAL_CONNECTIONS) / 2), promoting(knex)),
    alerts: alerts(knex),
    groups: groups(knex),
    evidence: evidenceRecords(knex),
    messages: messages(knex),
    paging: paging(knex),
    webhooks: webhooks(knex),
    homes: homes(knex),
    herokuRequests: herokuRequests(knex),
    looks: looks(knex),
    installation: installation(knex),
    attention: attentionRecords(knex),
    rcaDebts: rcaDebts(knex),
    stats: stats(knex),
    operators: operators(knex),
    operatorNotices: operatorNotices(knex),
    enrolments: enrolments(knex),
    forgetting: forgetting(knex),
    drills: drills(knex),
    resealing: resealing(knex),
    audit: auditLog(knex),
    denials: denials(knex),
    seals: seals(knex, writer),
    channelSlots: channelSlots(knex),
    maintenance: maintenanceRecords(knex),
    pruning: pruning(knex),
    chores: chores(knex),
    setBackClock: setBackClock(knex),
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
    // The caller has the error itself.
    return null;
  }
}
