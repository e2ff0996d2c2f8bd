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
import * as herokuRequests from './0019-heroku-requests.js';
import * as notices from './0020-notices.js';
import * as verifications from './0021-verifications.js';
import * as drifts from './0022-drifts.js';
import * as operatorLocks from './0023-operator-locks.js';
import * as denials from './0024-denials.js';
import * as enrolmentWords from './0025-enrolment-words.js';
import * as memberships from './0026-memberships.js';
import * as pages from './0027-pages.js';
import * as auditSeals from './0028-audit-seals.js';
import * as drills from './0029-drills.js';
import type { Migration } from './migration.js';

/**
 * All migrations, oldest first, one per table. From now on this list is append-only: a schema change is a new migration
 * at its end, and existing ones never change.
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
  { name: '0019-heroku-requests', migration: herokuRequests },
  { name: '0020-notices', migration: notices },
  { name: '0021-verifications', migration: verifications },
  { name: '0022-drifts', migration: drifts },
  { name: '0023-operator-locks', migration: operatorLocks },
  { name: '0024-denials', migration: denials },
  { name: '0025-enrolment-words', migration: enrolmentWords },
  { name: '0026-memberships', migration: memberships },
  { name: '0027-pages', migration: pages },
  { name: '0028-audit-seals', migration: auditSeals },
  { name: '0029-drills', migration: drills },
];
