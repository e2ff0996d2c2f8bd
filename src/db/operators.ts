import { z } from 'zod';
import type { CodeCheck, Operator } from '../promotions/resolution.js';
import type { Knex } from './connection.js';
import { count, idColumn, parseRows, rowCount } from './rows.js';

/** An operator's authenticator as it is stored, the secret still sealed. */
export interface StoredAuthenticator {
  readonly operatorId: string;
  readonly sealedSecret: string;
  readonly lastStep: number | null;
  readonly failedAttempts: number;
  readonly lockedUntil: Date | null;
}

export interface ListedOperator extends Operator {
  readonly lockedUntil: Date | null;
  readonly failedAttempts: number;
  readonly createdAt: Date;
}

export interface Operators {
  find(slackUserId: string): Promise<Operator | null>;
  /** The enabled superadmins: whom to ask. */
  superadmins(): Promise<readonly Operator[]>;
  list(): Promise<readonly ListedOperator[]>;
  /** Enrols or enrols again, without lock or failures; a time step that was accepted stays used. Answers whether the operator existed. */
  enrol(operator: { slackUserId: string; role: Operator['role']; sealedSecret: string }): Promise<boolean>;
  /** Each of these answers false where there is no such operator. */
  disable(slackUserId: string, at: Date): Promise<boolean>;
  unlock(slackUserId: string): Promise<boolean>;
}

const operatorRow = z
  .object({ slack_user_id: z.string(), role: z.enum(['superadmin', 'engineer']), disabled_at: z.date().nullable() })
  .transform((row): Operator => ({ slackUserId: row.slack_user_id, role: row.role, disabledAt: row.disabled_at }));

export function operators(knex: Knex): Operators {
  return {
    async find(slackUserId) {
      const found = await knex.raw(
        `select slack_user_id, role, disabled_at from console_operators where slack_user_id = ?`,
        [slackUserId],
      );
      return parseRows(found, operatorRow)[0] ?? null;
    },
    async superadmins() {
      const found = await knex.raw(
        `select slack_user_id, role, disabled_at from console_operators
          where role = 'superadmin' and disabled_at is null order by created_at, slack_user_id`,
      );
      return parseRows(found, operatorRow);
    },
    async list() {
      const found = await knex.raw(
        `select slack_user_id, role, disabled_at, locked_until, totp_failed_attempts, created_at
           from console_operators order by created_at, slack_user_id`,
      );
      const row = z
        .object({
          slack_user_id: z.string(),
          role: z.enum(['superadmin', 'engineer']),
          disabled_at: z.date().nullable(),
          locked_until: z.date().nullable(),
          totp_failed_attempts: count,
          created_at: z.date(),
        })
        .transform(
          (operator): ListedOperator => ({
            slackUserId: operator.slack_user_id,
            role: operator.role,
            disabledAt: operator.disabled_at,
            lockedUntil: operator.locked_until,
            failedAttempts: operator.totp_failed_attempts,
            createdAt: operator.created_at,
          }),
        );
      return parseRows(found, row);
    },
    async enrol({ slackUserId, role, sealedSecret }) {
      const upserted = await knex.raw(
        `insert into console_operators (slack_user_id, role, totp_secret_encrypted) values (?, ?, ?)
         on conflict (slack_user_id) do update
           set role = excluded.role, totp_secret_encrypted = excluded.totp_secret_encrypted,
               totp_failed_attempts = 0, locked_until = null, disabled_at = null, updated_at = now()
         returning xmax <> 0 as existed`,
        [slackUserId, role, sealedSecret],
      );
      return parseRows(upserted, z.object({ existed: z.boolean() }))[0]?.existed ?? false;
    },
    async disable(slackUserId, at) {
      const updated = await knex.raw(
        `update console_operators set disabled_at = coalesce(disabled_at, ?), updated_at = now() where slack_user_id = ?`,
        [at, slackUserId],
      );
      return rowCount(updated) === 1;
    },
    async unlock(slackUserId) {
      const updated = await knex.raw(
        `update console_operators set totp_failed_attempts = 0, locked_until = null, updated_at = now() where slack_user_id = ?`,
        [slackUserId],
      );
      return rowCount(updated) === 1;
    },
  };
}

const authenticatorRow = z.object({
  totp_secret_encrypted: z.string(),
  totp_last_step: idColumn.nullable(),
  totp_failed_attempts: count,
  locked_until: z.date().nullable(),
});

/** Locks an operator until the end of the transaction; null where there is none. */
export async function lockOperator(
  trx: Knex.Transaction,
  slackUserId: string,
): Promise<{ operator: Operator; authenticator: StoredAuthenticator } | null> {
  const found = await trx.raw(
    `select slack_user_id, role, disabled_at, totp_secret_encrypted, totp_last_step, totp_failed_attempts, locked_until
       from console_operators where slack_user_id = ? for update`,
    [slackUserId],
  );
  const [operator] = parseRows(found, operatorRow);
  const [row] = parseRows(found, authenticatorRow);
  if (operator === undefined || row === undefined) return null;
  return {
    operator,
    authenticator: {
      operatorId: slackUserId,
      sealedSecret: row.totp_secret_encrypted,
      lastStep: row.totp_last_step === null ? null : Number(row.totp_last_step),
      failedAttempts: row.totp_failed_attempts,
      lockedUntil: row.locked_until,
    },
  };
}

/**
 * Stores what a check of a code means for the authenticator. An accepted step is settled by the condition on the
 * stored one, so that no step can be accepted twice, whoever else is at work.
 */
export async function recordCodeCheck(trx: Knex.Transaction, slackUserId: string, check: CodeCheck): Promise<void> {
  if (check.kind === 'locked') return;
  if (check.kind === 'rejected') {
    await trx.raw(
      `update console_operators set totp_failed_attempts = ?, locked_until = ?, updated_at = now() where slack_user_id = ?`,
      [check.failedAttempts, check.lockedUntil, slackUserId],
    );
    return;
  }
  const updated = await trx.raw(
    `update console_operators set totp_last_step = ?, totp_failed_attempts = 0, locked_until = null, updated_at = now()
      where slack_user_id = ? and (totp_last_step is null or totp_last_step < ?)`,
    [check.step, slackUserId, check.step],
  );
  if (rowCount(updated) !== 1) throw new Error('The time step of an accepted code had been used already.');
}
