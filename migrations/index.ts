import * as promotions from './0001-console-flag-promotions.js';
import * as rcaUrl from './0002-rca-url.js';
import * as audit from './0003-audit-log.js';
import * as operators from './0004-operators.js';
import * as alerts from './0005-alerts.js';
import * as progress from './0006-progress.js';
import * as rcaReminder from './0007-rca-reminder.js';
import * as promoterFacts from './0008-promoter-facts.js';
import * as promotedAt from './0009-promoted-at.js';
import * as summaries from './0010-summaries.js';
import * as pruning from './0011-pruning.js';
import * as alertRoutes from './0012-alert-routes.js';
import * as attention from './0013-attention.js';
import * as enrolments from './0014-enrolments.js';
import * as promoterDue from './0015-promoter-due.js';
import * as homes from './0016-homes.js';
import * as digests from './0017-digests.js';
import * as alertEvidence from './0018-alert-evidence.js';
import * as auditChain from './0019-audit-chain.js';
import type { Migration } from './migration.js';

/**
 * All migrations, oldest first. Names carry no file extension, so that a database migrated by the compiled program
 * and one migrated from the sources read the same history.
 */
export const migrations: readonly { readonly name: string; readonly migration: Migration }[] = [
  { name: '0001-console-flag-promotions', migration: promotions },
  { name: '0002-rca-url', migration: rcaUrl },
  { name: '0003-audit-log', migration: audit },
  { name: '0004-operators', migration: operators },
  { name: '0005-alerts', migration: alerts },
  { name: '0006-progress', migration: progress },
  { name: '0007-rca-reminder', migration: rcaReminder },
  { name: '0008-promoter-facts', migration: promoterFacts },
  { name: '0009-promoted-at', migration: promotedAt },
  { name: '0010-summaries', migration: summaries },
  { name: '0011-pruning', migration: pruning },
  { name: '0012-alert-routes', migration: alertRoutes },
  { name: '0013-attention', migration: attention },
  { name: '0014-enrolments', migration: enrolments },
  { name: '0015-promoter-due', migration: promoterDue },
  { name: '0016-homes', migration: homes },
  { name: '0017-digests', migration: digests },
  { name: '0018-alert-evidence', migration: alertEvidence },
  { name: '0019-audit-chain', migration: auditChain },
];
