import * as z from 'zod';
import type { AcceptedCode, CodeCheck, RefusedCode } from '../operators/code-check.js';
import type { Operator } from '../operators/operator.js';
import { locksSoFar } from '../operators/totp.js';
import type { Promotion } from '../promotions/promotion.js';
import type { NewAuditEvent } from './audit.js';
import { type Knex, runPrepared } from './connection.js';
import { operatorRow } from './operators.js';
import { after, inOne, type Part } from './parts.js';
import { count, idColumn, joined, PROMOTION_COLUMNS, parseRows, promotionRow } from './rows.js';

/** The secret is still sealed. */
interface StoredAuthenticator {
  readonly operatorId: string;
  readonly sealedSecret: string;
  readonly lastStep: number | null;
  readonly failedAttempts: number;
  readonly lockedUntil: Date | null;
  readonly locks: number;
  readonly lastLockEndsAt: Date | null;
  readonly recoveryCodes: readonly { readonly hash: string; readonly usedAt: Date | null }[];
}

export interface TypedCode {
  /** If false, the recovery codes aren't read. */
  readonly isRecoveryCode: boolean;
  check(authenticator: StoredAuthenticator): CodeCheck;
}

/** Locked until the transaction ends. */
export interface LockedPerson {
  readonly operator: Operator;
  readonly authenticator: StoredAuthenticator;
}

const AUTHENTICATOR_COLUMNS = `o.slack_user_id, o.role, o.disabled_at, o.totp_secret_encrypted, o.totp_last_step,
  o.totp_failed_attempts, o.locked_until, o.locks, o.last_lock_ends_at`;

const personRow = z
  .object({
    slack_user_id: z.string(),
    totp_secret_encrypted: z.string(),
    totp_last_step: idColumn.nullable(),
    totp_failed_attempts: count,
    locked_until: z.date().nullable(),
    locks: count,
    last_lock_ends_at: z.date().nullable(),
  })
  .loose()
  .transform(
    (row): LockedPerson => ({
      operator: operatorRow.parse(row),
      authenticator: {
        operatorId: row.slack_user_id,
        sealedSecret: row.totp_secret_encrypted,
        lastStep: row.totp_last_step === null ? null : Number(row.totp_last_step),
        failedAttempts: row.totp_failed_attempts,
        lockedUntil: row.locked_until,
        locks: row.locks,
        lastLockEndsAt: row.last_lock_ends_at,
        recoveryCodes: [],
      },
    }),
  );
const locksRow = z
  .object({ locks: count, last_lock_ends_at: z.date().nullable() })
  .transform((row) => ({ locks: row.locks, lastLockEndsAt: row.last_lock_ends_at }));
const recoveryCodeRow = z
  .object({ code_hash: z.string(), used_at: z.date().nullable() })
  .transform((row) => ({ hash: row.code_hash, usedAt: row.used_at }));

/**
 * Locks a promotion, then who decides about it, in one statement that reads each after its lock: it sees a change that
 * it waited for.
 */
export async function lockToDecide(
  trx: Knex.Transaction,
  promotionId: string,
  slackUserId: string,
  code: TypedCode,
): Promise<{ readonly promotion: Promotion | null; readonly person: LockedPerson | null }> {
  const { sql, values } = inOne(
    [
      {
        name: 'promotion',
        sql: `select ${PROMOTION_COLUMNS} from {promotions} p where p.id = ?::bigint for update`,
        values: [promotionId],
      },
      {
        name: 'person',
        sql: `select ${AUTHENTICATOR_COLUMNS} from flag_promotions.operators o
               where o.slack_user_id = ? and ${after('promotion')} for update`,
        values: [slackUserId],
      },
    ],
    { sql: 'select * from (values (1)) as one left join promotion on true left join person on true', values: [] },
  );
  const locked = await runPrepared(trx, { sql, values });
  const [promotion = null] = parseRows(locked, joined('id', promotionRow));
  const [person = null] = parseRows(locked, joined('slack_user_id', personRow));
  return { promotion, person: await withRecoveryCodes(trx, person, code) };
}

/** The same for a decision about no promotion. */
export async function lockAuthenticator(
  trx: Knex.Transaction,
  slackUserId: string,
  code: TypedCode,
): Promise<LockedPerson | null> {
  const found = await trx.raw(
    `select ${AUTHENTICATOR_COLUMNS} from flag_promotions.operators o where o.slack_user_id = ? for update`,
    [slackUserId],
  );
  return withRecoveryCodes(trx, parseRows(found, personRow)[0] ?? null, code);
}

/** Read only under the operator's lock: a statement that waited for it may not see a code as used. */
async function withRecoveryCodes(
  trx: Knex.Transaction,
  person: LockedPerson | null,
  { isRecoveryCode }: TypedCode,
): Promise<LockedPerson | null> {
  if (person === null || !isRecoveryCode) return person;
  const { operator, authenticator } = person;
  const found = await trx.raw('select code_hash, used_at from flag_promotions.recovery_codes where slack_user_id = ?', [
    operator.slackUserId,
  ]);
  return { operator, authenticator: { ...authenticator, recoveryCodes: parseRows(found, recoveryCodeRow) } };
}

/**
 * Parts that use a code up together with what it authorises. Conditions on the stored time step and on the recovery
 * code keep either from being accepted twice, even concurrently.
 */
export function spending(operatorId: string, check: AcceptedCode): readonly Part[] {
  if ('recoveryCode' in check) {
    return [
      {
        name: 'used',
        sql: `update flag_promotions.recovery_codes set used_at = now()
               where slack_user_id = ? and code_hash = ? and used_at is null returning slack_user_id`,
        values: [operatorId, check.recoveryCode],
      },
      {
        name: 'spent',
        sql: `update flag_promotions.operators set totp_failed_attempts = 0, locked_until = null, updated_at = now()
               where slack_user_id in (select slack_user_id from used) returning 1`,
        values: [],
      },
    ];
  }
  return [
    {
      name: 'spent',
      sql: `update flag_promotions.operators
               set totp_last_step = ?, totp_failed_attempts = 0, locked_until = null, updated_at = now()
             where slack_user_id = ? and (totp_last_step is null or totp_last_step < ?) returning 1`,
      values: [check.step, operatorId, check.step],
    },
  ];
}

/** The condition of a change that follows `spending`. */
export const IS_SPENT = 'exists (select from spent)';

/** Uses a code up by itself, inside the transaction that it authorises. */
export async function spend(trx: Knex.Transaction, operatorId: string, check: AcceptedCode): Promise<void> {
  const { sql, values } = inOne(spending(operatorId, check), { sql: 'select 1 from spent', values: [] });
  if (parseRows(await trx.raw(sql, [...values]), z.unknown()).length !== 1) throw new Error(SPENT_ALREADY);
}

/** Can't happen: whoever accepts a code holds its operator's lock. */
const SPENT_ALREADY = 'An accepted code had been used already.';

/** The event for a recovery code that stood in for a TOTP code. */
export function recoveryCodeEvents(
  used: { readonly operatorId: string; readonly at: Date; readonly promotionId: string | null; readonly for: string },
  check: AcceptedCode,
): readonly NewAuditEvent[] {
  if (!('recoveryCode' in check)) return [];
  return [
    {
      at: used.at,
      action: 'console.flag.operator.recovery_code_used',
      actor: used.operatorId,
      promotionId: used.promotionId,
      detail: { for: used.for, left: check.left },
    },
  ];
}

/** Counts a wrong code; answers how many locks in a row there have been. `at`: when it was checked. */
export async function countWrongCode(
  trx: Knex.Transaction,
  operatorId: string,
  { failedAttempts, lockedUntil }: Extract<RefusedCode, { kind: 'rejected' }>,
  at: Date,
): Promise<number> {
  if (lockedUntil === null) {
    await trx.raw(
      `update flag_promotions.operators set totp_failed_attempts = ?, locked_until = null, updated_at = now() where slack_user_id = ?`,
      [failedAttempts, operatorId],
    );
    return 0;
  }
  const found = await trx.raw(
    'select locks, last_lock_ends_at from flag_promotions.operators where slack_user_id = ?',
    [operatorId],
  );
  const locks = locksSoFar(parseRows(found, locksRow)[0] ?? {}, at) + 1;
  await trx.raw(
    `update flag_promotions.operators
        set totp_failed_attempts = ?, locked_until = ?, locks = ?, last_lock_ends_at = ?, updated_at = now()
      where slack_user_id = ?`,
    [failedAttempts, lockedUntil, locks, lockedUntil, operatorId],
  );
  return locks;
}

/** For an unknown operator, who is refused before any code is checked. */
export function neverAccepted(): CodeCheck {
  return { kind: 'rejected', reason: 'wrong', failedAttempts: 0, lockedUntil: null };
}
