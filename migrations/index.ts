import * as schema from './0001-schema.js';
import * as promotions from './0002-console-flag-promotions.js';
import * as rcaUrl from './0003-rca-url.js';
import * as auditLog from './0004-audit-log.js';
import * as operators from './0005-operators.js';
import * as recoveryCodes from './0006-recovery-codes.js';
import * as enrolments from './0007-enrolments.js';
import * as attention from './0008-attention.js';
import * as maintenance from './0009-maintenance.js';
import * as channelSlots from './0010-channel-slots.js';
import * as messages from './0011-messages.js';
import * as alerts from './0012-alerts.js';
import * as stuckEvents from './0013-stuck-events.js';
import * as owedSince from './0014-owed-since.js';
import * as auditHead from './0015-audit-head.js';
import * as installation from './0016-installation.js';
import * as consoleRecord from './0017-console-record.js';
import * as takenRequests from './0018-taken-requests.js';
import type { Migration } from './migration.js';

/**
 * All migrations, oldest first, one per table. From now on this list is append-only: a change of the schema is a new
 * migration at its end, and one that is here stays as it is.
 *
 * Names have no file extension, so the compiled program and the sources read the same history.
 */
export const migrations: readonly { readonly name: string; readonly migration: Migration }[] = [
  { name: '0001-schema', migration: schema },
  { name: '0002-console-flag-promotions', migration: promotions },
  { name: '0003-rca-url', migration: rcaUrl },
  { name: '0004-audit-log', migration: auditLog },
  { name: '0005-operators', migration: operators },
  { name: '0006-recovery-codes', migration: recoveryCodes },
  { name: '0007-enrolments', migration: enrolments },
  { name: '0008-attention', migration: attention },
  { name: '0009-maintenance', migration: maintenance },
  { name: '0010-channel-slots', migration: channelSlots },
  { name: '0011-messages', migration: messages },
  { name: '0012-alerts', migration: alerts },
  { name: '0013-stuck-events', migration: stuckEvents },
  { name: '0014-owed-since', migration: owedSince },
  { name: '0015-audit-head', migration: auditHead },
  { name: '0016-installation', migration: installation },
  { name: '0017-console-record', migration: consoleRecord },
  { name: '0018-taken-requests', migration: takenRequests },
];
