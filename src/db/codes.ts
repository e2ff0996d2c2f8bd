import * as z from 'zod';
import type { AcceptedCode, CodeCheck, RefusedCode } from '../operators/code-check.js';
import type { Operator } from '../operators/operator.js';
import type { Promotion } from '../promotions/promotion.js';
import type { NewAuditEvent } from './audit.js';
import { type Knex, runPrepared } from './connection.js';
import { operatorRow } from './operators.js';
import { after, inOne, type Part } from './parts.js';
import { count, idColumn, joined, PROMOTION_COLUMNS, parseRows, promotionRow } from './rows.js';

/** An operator's authenticator as it is stored, the secret still sealed, and the recovery codes that stand in for it. */
export interface StoredAuthenticator {
  readonly operatorId: string;
  readonly sealedSecret: string;
  readonly lastStep: number | null;
  readonly failedAttempts: number;
  readonly lockedUntil: Date | null;
  readonly recoveryCodes: readonly { readonly hash: string; readonly usedAt: Date | null }[];
}

/** What an operator typed as their code. */
export interface TypedCode {
  /** Else the stored recovery codes are not looked at. */
  readonly isRecoveryCode: boolean;
  check(authenticator: StoredAuthenticator): CodeCheck;
}

/** Who decides something with a code, locked until the end of the transaction. */
export interface LockedPerson {
  readonly operator: Operator;
  readonly authenticator: StoredAuthenticator;
}

const AUTHENTICATOR_COLUMNS = `o.slack_user_id, o.role, o.disabled_at, o.totp_secret_encrypted, o.totp_last_step,
  o.totp_failed_attempts, o.locked_until`;

const personRow = z
  .object({
    slack_user_id: z.string(),
    totp_secret_encrypted: z.string(),
    totp_last_step: idColumn.nullable(),
    totp_failed_attempts: count,
    locked_until: z.date().nullable(),
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
        recoveryCodes: [],
      },
    }),
  );
const recoveryCodeRow = z
  .object({ code_hash: z.string(), used_at: z.date().nullable() })
  .transform((row) => ({ hash: row.code_hash, usedAt: row.used_at }));

/**
 * Locks a promotion, and then who decides about it, in one statement: each is read as it is once it is locked, whatever was
 * written while this waited.
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

/** Locks who decides something that is about no promotion; null where there is no such operator. */
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

/** Only where they are needed, and under the operator's lock: a statement that waited for it may not see who used one meanwhile. */
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
 * Uses a code up, as parts of the statement that writes what the code authorises. An accepted time step is settled by the
 * condition on the stored one, and a recovery code by its not being used: neither is accepted twice, whoever else is at work.
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

/** The condition of a change that `spending` comes before. */
export const IS_SPENT = 'exists (select from spent)';

/** Uses a code up by itself, inside the transaction of what it authorises. */
export async function spend(trx: Knex.Transaction, operatorId: string, check: AcceptedCode): Promise<void> {
  const { sql, values } = inOne(spending(operatorId, check), { sql: 'select 1 from spent', values: [] });
  if (parseRows(await trx.raw(sql, [...values]), z.unknown()).length !== 1) throw new Error(SPENT_ALREADY);
}

/** Can't be: whoever accepts a code holds its operator's lock. */
const SPENT_ALREADY = 'An accepted code had been used already.';

/** What is recorded of a recovery code that stood in for a TOTP code; nothing where none did. */
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

/** Counts what was typed wrongly; a locked operator's is not looked at. */
export async function recordRefusedCode(trx: Knex.Transaction, operatorId: string, check: RefusedCode): Promise<void> {
  if (check.kind === 'locked') return;
  await trx.raw(
    `update flag_promotions.operators set totp_failed_attempts = ?, locked_until = ?, updated_at = now() where slack_user_id = ?`,
    [check.failedAttempts, check.lockedUntil, operatorId],
  );
}

/** Only reached where the operator is unknown, which is refused before any code is looked at. */
export function neverAccepted(): CodeCheck {
  return { kind: 'rejected', reason: 'wrong', failedAttempts: 0, lockedUntil: null };
}
