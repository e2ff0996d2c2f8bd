import * as promotions from './0001-console-flag-promotions.js';
import * as rcaUrl from './0002-rca-url.js';
import * as audit from './0003-audit-log.js';
import * as operators from './0004-operators.js';
import * as alerts from './0005-alerts.js';
import * as progress from './0006-progress.js';
import * as rcaReminder from './0007-rca-reminder.js';
import * as promoterFacts from './0008-promoter-facts.js';
import * as promotedAt from './0009-promoted-at.js';
import * as promoterDue from './0015-promoter-due.js';
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
  { name: '0015-promoter-due', migration: promoterDue },
];
