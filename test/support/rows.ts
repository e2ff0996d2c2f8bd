import { moveDatabaseClock } from '../../demo/world/database-clock.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import type { TypedCode } from '../../src/db/codes.js';
import type { Role } from '../../src/operators/operator.js';
import { checkCode } from '../../src/operators/totp.js';
import type { MessageRef } from '../../src/promotions/alert.js';
import type { Evidence } from '../../src/promotions/evidence.js';
import type { MessageKind } from '../../src/promotions/messages.js';
import type { ResolutionRequest } from '../../src/promotions/resolution.js';
import type { Severity } from '../../src/promotions/stuck.js';
import { createAuditKeys } from '../../src/audit/keys.js';
import { base32, hotp } from '../operators/hotp.js';
import { createTestDatabase } from './database.js';
import { PATIENCE } from './patience.js';
import { createRowStore, type RowStore } from './row-store.js';

/** A database with the project's schema, the app's access to it, and SQL past the app. */
export interface Stored {
  readonly url: string;
  readonly db: Database;
  readonly rows: RowStore;
  /** Another pool, as another replica would have; closed with the rest. */
  replica(): Database;
  close(): Promise<void>;
}

/** To write and seal audit events. */
export const AUDIT_KEYS = createAuditKeys([Buffer.alloc(32, 'audit')]);

export async function startStored(): Promise<Stored> {
  const database = await createTestDatabase();
  const opened: Database[] = [];
  const replica = (): Database => {
    const another = openDatabase(database.url, { maxConnections: 8, patience: PATIENCE, auditKeys: AUDIT_KEYS });
    opened.push(another);
    return another;
  };
  const rows = createRowStore(database.url);
  await moveDatabaseClock((sql) => rows.query(sql), NOW.getTime() - Date.now());
  return {
    url: database.url,
    db: replica(),
    rows,
    replica,
    async close() {
      await Promise.all(opened.map((db) => db.close()));
      await rows.close();
      await database.drop();
    },
  };
}

/** The tests' present: a day and some after the incident's promotion began to deploy. */
export const NOW = new Date('2026-05-10T06:00:10Z');
export const CHANNEL = 'C0ALERTS';
/** Milliseconds after NOW. */
export const later = (ms: number): Date => new Date(NOW.getTime() + ms);
export const MINE = { owner: 'mine', durationMs: 60_000 };
export const ROOT = { channel: CHANNEL, ts: '100.1' };
export const REPLY = { channel: CHANNEL, ts: '100.2' };
/** A message that shows its row as it was queued. */
export const SHOWN = { version: 0, as: null, restMs: null };

const TABLES = [
  'console_flag_promotions',
  'flag_promotions.alerts',
  'flag_promotions.messages',
  'flag_promotions.attention',
  'flag_promotions.operators',
  'flag_promotions.audit_log',
  'flag_promotions.audit_head',
  'flag_promotions.audit_seals',
  'flag_promotions.maintenance',
] as const;
type Table = (typeof TABLES)[number];

/** Every value of every row of the project's tables, to check that nothing else changed. */
export async function everything(rows: RowStore, except: readonly Table[] = []): Promise<Record<string, unknown>> {
  const tables = TABLES.filter((table) => !except.includes(table));
  const found = await Promise.all(
    tables.map((table) => rows.query(`select t::text as row from ${table} t order by 1`)),
  );
  return Object.fromEntries(tables.map((table, index) => [table, found[index]]));
}

/** The transactions that wrote these rows: one number if it was only one. */
export async function writersOf(rows: RowStore, tables: readonly Table[]): Promise<ReadonlySet<string>> {
  const found = await Promise.all(
    tables.map((table) => rows.query<{ xmin: string }>(`select xmin::text from ${table}`)),
  );
  return new Set(found.flat().map((row) => row.xmin));
}

/** A promotion with the given columns; by default the incident's, with its own flag. */
export async function insertPromotion(
  rows: RowStore,
  columns: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const row = {
    flag_key: 'console_heroku_log_drain_alerting',
    heroku_app: 'raxx-console-prod',
    state: 'deploying',
    marked_at: '2026-05-07T00:00:00Z',
    promoted_at: '2026-05-09T04:28:00Z',
    ...columns,
  };
  const values = { config_var: `FLAG_${row.flag_key.toUpperCase()}`, ...row };
  const names = Object.keys(values);
  const [inserted] = await rows.query<{ id: string }>(
    `insert into console_flag_promotions (${names.join(', ')})
     values (${names.map((_, index) => `$${index + 1}`).join(', ')}) returning id`,
    Object.values(values),
  );
  if (inserted === undefined) throw new Error('No row was inserted.');
  return inserted.id;
}

/** Several promotions in `deploying`, each with its own flag. */
export async function insertPromotions(rows: RowStore, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let n = 1; n <= count; n += 1) ids.push(await insertPromotion(rows, { flag_key: `flag_${n}` }));
  return ids;
}

/** Opens an alert the way the watchdog does; resolves with its id. */
export async function openAlert({ db }: Pick<Stored, 'db'>, promotionId: string, severity: Severity): Promise<string> {
  if (!(await db.alerts.open({ promotionId, severity }, NOW, null))) throw new Error('The alert was not opened.');
  const opened = (await db.alerts.ofPromotion(promotionId)).find((alert) => alert.severity === severity);
  if (opened === undefined) throw new Error('The opened alert is not there.');
  return opened.id;
}

/** Opens an alert and records its promotion's message as posted; resolves with the alert's id. */
export async function postAlert(
  stored: Pick<Stored, 'db'>,
  promotionId: string,
  severity: Severity,
  message: MessageRef,
): Promise<string> {
  const id = await openAlert(stored, promotionId, severity);
  await deliverMessage(stored.db, severity === 'critical' ? 'escalation' : 'alert', promotionId, message);
  return id;
}

/** Records a message as posted, as the outbox does; an `alert` if there is none of that kind. */
export async function deliverMessage(
  db: Database,
  kind: MessageKind,
  subject: string,
  at: MessageRef,
): Promise<string> {
  const queued = (await db.messages.newest(kind, subject)) ?? (await db.messages.newest('alert', subject));
  if (queued === null) throw new Error(`No ${kind} was queued about ${subject}.`);
  const lease = { owner: 'deliverer', durationMs: 60_000 };
  if ((await db.messages.claim(queued.id, lease)) === null) throw new Error('The message could not be claimed.');
  const shown = { version: queued.wanted, as: null, restMs: null };
  if ((await db.messages.recordPosted(queued.id, lease, at, shown)) === 'lost') throw new Error('The lease was lost.');
  return queued.id;
}

const STEP_MS = 30_000;

/** An operator with their own authenticator. Secrets are stored unsealed: sealing is tested elsewhere. */
export interface Person {
  readonly id: string;
  /** The code that their authenticator shows at `NOW`, or `steps` later. */
  code(steps?: number): string;
  /** Six digits that aren't a code of theirs around `NOW`. */
  wrongCode(): string;
}

export async function enrol(db: Database, id: string, role: Role = 'superadmin'): Promise<Person> {
  const key = Buffer.from(id.padEnd(20, '.'));
  await db.operators.enrol({ slackUserId: id, role, sealedSecret: base32(key) });
  const code = (steps = 0): string => hotp(key, Math.floor(NOW.getTime() / STEP_MS) + steps);
  return {
    id,
    code,
    wrongCode() {
      const near = [-2, -1, 0, 1, 2].map(code);
      return ['000000', '111111', '222222', '333333', '444444', '555555'].find((guess) => !near.includes(guess)) ?? '';
    },
  };
}

/** The time step of `NOW`: what an accepted code stores. */
export const STEP = Math.floor(NOW.getTime() / STEP_MS);

/** A typed code, for `Promotions.resolve`. */
export function typed(code: string, now = NOW): TypedCode {
  return {
    isRecoveryCode: false,
    check: (authenticator) => checkCode(code, { ...authenticator, secret: authenticator.sealedSecret }, now),
  };
}

/** A code of this time step, which is accepted whatever is stored. */
export function accepted(step: number): TypedCode {
  return { isRecoveryCode: false, check: () => ({ kind: 'accepted', step }) };
}

export const LIVE: Evidence = {
  kind: 'read',
  checkedAt: NOW,
  verdict: 'live',
  value: { kind: 'plain', value: 'true' },
};
export const NOT_LIVE: Evidence = { kind: 'read', checkedAt: NOW, verdict: 'not_live', value: { kind: 'unset' } };

export function submission(
  promotionId: string,
  operator: Pick<Person, 'id'>,
  changes: Partial<ResolutionRequest> = {},
): ResolutionRequest {
  return {
    promotionId,
    action: 'completed',
    operatorId: operator.id,
    note: 'The dyno died after the PATCH.',
    rcaUrl: null,
    shown: LIVE,
    reread: LIVE,
    confirmedContradiction: false,
    setBack: false,
    isAsShown: () => true,
    takesSecondPerson: () => false,
    ...changes,
  };
}

/** Makes every further audit event fail, as a full disk would. */
export async function breakAuditLog(rows: RowStore): Promise<void> {
  await rows.query(`create function broken() returns trigger language plpgsql as $$
    begin raise exception 'the audit log is broken'; end $$`);
  await rows.query(
    'create trigger broken before insert on flag_promotions.audit_log for each row execute function broken()',
  );
}

export async function mendAuditLog(rows: RowStore): Promise<void> {
  await rows.query('drop function broken() cascade');
}

/** Stops, at this moment, the clock that the database defers things by. */
export async function stopClock({ rows }: Pick<Stored, 'rows'>, at: Date): Promise<void> {
  await rows.query(
    `create or replace function flag_promotions.clock() returns timestamptz language sql volatile
       as 'select timestamptz ''${at.toISOString()}'''`,
  );
}
