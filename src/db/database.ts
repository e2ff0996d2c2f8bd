import { type Alerts, alerts } from './alerts.js';
import { type AttentionRecords, attentionRecords } from './attention.js';
import { type AuditLog, auditLog } from './audit.js';
import { connect } from './connection.js';
import { type Digests, digests } from './digests.js';
import { type DueListener, listenForDue } from './due.js';
import { type Enrolments, enrolments } from './enrolments.js';
import { type Homes, homes } from './homes.js';
import { type MaintenanceRecords, maintenanceRecords } from './maintenance.js';
import { type Operators, operators } from './operators.js';
import { type ProgressMessages, progressMessages } from './progress.js';
import { type Promoting, promoting } from './promoting.js';
import { type Promotions, promotions } from './promotions.js';
import { type Pruning, pruning } from './pruning.js';
import { type RcaDebts, rcaDebts } from './rca-debt.js';
import { type Replies, replies } from './replies.js';
import { type Stats, stats } from './stats.js';
import { type Summaries, summaries } from './summaries.js';
import { type Transitions, transitions } from './transitions.js';
import { type Turns, turns } from './turns.js';

/** Everything that is stored, by table. Nothing outside this folder knows SQL. */
export interface Database {
  readonly promotions: Promotions;
  readonly transitions: Transitions;
  readonly promoting: Promoting;
  readonly progress: ProgressMessages;
  readonly alerts: Alerts;
  readonly replies: Replies;
  readonly attention: AttentionRecords;
  readonly summaries: Summaries;
  readonly rcaDebts: RcaDebts;
  readonly stats: Stats;
  readonly operators: Operators;
  readonly enrolments: Enrolments;
  readonly audit: AuditLog;
  readonly turns: Turns;
  readonly maintenance: MaintenanceRecords;
  readonly homes: Homes;
  readonly digests: Digests;
  readonly pruning: Pruning;
  /** Calls back whenever a promotion is due, as far as PostgreSQL can tell: see listenForDue. */
  listenForDue(onDue: () => void, onTrouble: (error: unknown) => void): DueListener;
  /** Rejects where the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Connects lazily: an unreachable server shows at the first query, not here. */
export function openDatabase(connectionString: string, options: { maxConnections?: number } = {}): Database {
  const knex = connect(connectionString, options);
  return {
    promotions: promotions(knex),
    transitions: transitions(knex),
    promoting: promoting(knex),
    progress: progressMessages(knex),
    alerts: alerts(knex),
    replies: replies(knex),
    attention: attentionRecords(knex),
    summaries: summaries(knex),
    rcaDebts: rcaDebts(knex),
    stats: stats(knex),
    operators: operators(knex),
    enrolments: enrolments(knex),
    audit: auditLog(knex),
    turns: turns(knex),
    maintenance: maintenanceRecords(knex),
    homes: homes(knex),
    digests: digests(knex),
    pruning: pruning(knex),
    listenForDue: (onDue, onTrouble) => listenForDue(connectionString, onDue, onTrouble),
    async ping() {
      await knex.raw('select 1');
    },
    close: () => knex.destroy(),
  };
}
