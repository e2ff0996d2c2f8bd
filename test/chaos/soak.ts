import { setTimeout as sleep } from 'node:timers/promises';
import { startTestBed, type TestBed } from '../support/app.js';
import { startTestServer } from '../support/database.js';
import { type Child, startChild } from './child.js';
import { judgeGrowth, type Sample } from './growth.js';
import { submitForm } from './people.js';
import { seeded } from './scenario.js';

/**
 * `npm run soak`: two replicas under twenty times the expected traffic for SOAK_MINUTES (3 unless told), with what was told
 * pruned after half a minute. Prints memory, connections and the rows of each table, and ends with exit code 1 where anything
 * grew but the promotions and the audit log, or a replica ended.
 *
 * Expected, generously: 60 promotions a day for each of 10 apps, one in ten of them stuck, and a person who looks, or
 * sends something that leads nowhere, every six seconds in working hours. That is a promotion every 2.4 minutes.
 */
const TIMES = 20;
const MINUTES = Number(process.env['SOAK_MINUTES'] ?? '3');
const PROMOTION_EVERY_MS = (24 * 3_600_000) / (60 * 10) / TIMES;
const STUCK_ONE_IN = 10;
const LOOK_EVERY_MS = 6_000 / TIMES;
const SAMPLE_EVERY_MS = Math.max(3_000, (MINUTES * 60_000) / 24);
const PRUNE_AFTER = '30s';

const TABLES = [
  'console_flag_promotions',
  'console_audit_log',
  'console_audit_head',
  'console_operators',
  'flag_promotion_alerts',
  'flag_promotion_replies',
  'flag_promotion_progress',
  'flag_promotion_maintenance',
  'flag_promotions_migrations',
] as const;

const out = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
