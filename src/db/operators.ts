import * as z from 'zod';
import type { EnrolmentEnd } from '../operators/enrolment.js';
import { isOperator, isSuperadmin, type Operator, type Role } from '../operators/operator.js';
import type { StoredSecret } from '../operators/secret-box.js';
import { MEMBERSHIPS, type Membership } from '../promotions/membership.js';
import type { AuditAction } from '../promotions/audit-actions.js';
import { appendAuditEvent } from './audit.js';
import { type Knex, runPrepared } from './connection.js';
import { queueNotices } from './operator-notices.js';
import { count, idRow, parseRows, rowCount } from './rows.js';

interface ListedOperator extends Operator {
  readonly lockedUntil: Date | null;
  readonly failedAttempts: number;
  /** How many are left. */
  readonly recoveryCodes: number;
  readonly createdAt: Date;
}

export interface Doer {
  readonly actor: string;
  readonly at: Date;
}

export interface NewAuthenticator {
  readonly slackUserId: string;
  readonly role: Role;
  readonly sealedSecret: string;
  /** They replace the former ones. */
  readonly recoveryCodeHashes?: readonly string[];
}

export interface Operators {
  find(slackUserId: string): Promise<Operator | null>;
  /** Those of these people who are operators, by id. */
  among(slackUserIds: readonly string[]): Promise<ReadonlyMap<string, Operator>>;
  /** Enabled ones, whom people can ask. */
  superadmins(): Promise<readonly Operator[]>;
  list(): Promise<readonly ListedOperator[]>;
  /**
   * Enrols, or enrols again without lock or failures; a used time step stays used. `last_superadmin`: refused, because
   * nobody would be left to enrol, promote or resolve.
   */
  enrol(operator: NewAuthenticator, by?: Doer): Promise<'new' | 'again' | 'last_superadmin'>;
  /** `last_superadmin`: as above. */
  disable(
    slackUserId: string,
    at: Date,
    by?: { readonly actor: string; readonly keepLast: boolean },
  ): Promise<'disabled' | 'unknown' | 'last_superadmin'>;
  /** Slack's last answer about an operator; null if never asked, or no operator. */
  membershipOf(slackUserId: string): Promise<Membership | null>;
  /** Stores it if they are an operator. */
  recordMembership(slackUserId: string, membership: Membership): Promise<void>;
  /** False if there is no such operator. */
  unlock(slackUserId: string, by?: Doer): Promise<boolean>;
  /** Of enabled operators, to see whether a key opens them. */
  sealedSecrets(): Promise<readonly StoredSecret[]>;
}

export const operatorRow = z
  .object({ slack_user_id: z.string(), role: z.enum(['superadmin', 'engineer']), disabled_at: z.date().nullable() })
  .transform((row): Operator => ({ slackUserId: row.slack_user_id, role: row.role, disabledAt: row.disabled_at }));

export function operators(knex: Knex): Operators {
  return {
    async find(slackUserId) {
      const found = await knex.raw(
        `select slack_user_id, role, disabled_at from flag_promotions.operators where slack_user_id = ?`,
        [slackUserId],
      );
      return parseRows(found, operatorRow)[0] ?? null;
    },
    async among(slackUserIds) {
      const found = await knex.raw(
        `select slack_user_id, role, disabled_at from flag_promotions.operators where slack_user_id = any(?::text[])`,
        [[...slackUserIds]],
      );
      return new Map(parseRows(found, operatorRow).map((operator) => [operator.slackUserId, operator]));
    },
    async superadmins() {
      const found = await knex.raw(
        `select slack_user_id, role, disabled_at from flag_promotions.operators
          where role = 'superadmin' and disabled_at is null order by created_at, slack_user_id`,
      );
      return parseRows(found, operatorRow);
    },
    async list() {
      const found = await knex.raw(
        `select slack_user_id, role, disabled_at, locked_until, totp_failed_attempts, created_at,
                (select count(*) from flag_promotions.recovery_codes c
                  where c.slack_user_id = o.slack_user_id and c.used_at is null) as recovery_codes
           from flag_promotions.operators o order by created_at, slack_user_id`,
      );
      const row = z
        .object({
          slack_user_id: z.string(),
          role: z.enum(['superadmin', 'engineer']),
          disabled_at: z.date().nullable(),
          locked_until: z.date().nullable(),
          totp_failed_attempts: count,
          recovery_codes: count,
          created_at: z.date(),
        })
        .transform(
          (operator): ListedOperator => ({
            slackUserId: operator.slack_user_id,
            role: operator.role,
            disabledAt: operator.disabled_at,
            lockedUntil: operator.locked_until,
            failedAttempts: operator.totp_failed_attempts,
            recoveryCodes: operator.recovery_codes,
            createdAt: operator.created_at,
          }),
        );
      return parseRows(found, row);
    },
    async enrol(operator, by) {
      return knex.transaction(async (trx) => {
        await lockAdministration(trx);
        const { slackUserId, role } = operator;
        if (role !== 'superadmin' && (await isLastSuperadmin(trx, slackUserId))) return 'last_superadmin';
        const former = await lockOperator(trx, slackUserId);
        const existed = await writeAuthenticator(trx, { ...operator, lastStep: null });
        await endOpenEnrolment(trx, slackUserId, 'replaced');
        const detail = { operator: slackUserId, role, former_role: isOperator(former) ? former.role : null };
        if (by !== undefined) await record(trx, by, 'console.flag.operator.activated', detail, former);
        return existed ? 'again' : 'new';
      });
    },
    async disable(slackUserId, at, by) {
      return knex.transaction(async (trx) => {
        await lockAdministration(trx);
        if (by?.keepLast === true && (await isLastSuperadmin(trx, slackUserId))) return 'last_superadmin';
        const former = await lockOperator(trx, slackUserId);
        if (!(await writeDisabled(trx, slackUserId, at))) return 'unknown';
        const doer = by === undefined ? null : { actor: by.actor, at };
        if (doer !== null) await record(trx, doer, 'console.flag.operator.disabled', { operator: slackUserId }, former);
        return 'disabled';
      });
    },
    async unlock(slackUserId, by) {
      return knex.transaction(async (trx) => {
        if (!(await writeUnlocked(trx, slackUserId))) return false;
        if (by !== undefined) await record(trx, by, 'console.flag.operator.unlocked', { operator: slackUserId });
        return true;
      });
    },
    async membershipOf(slackUserId) {
      const found = await knex.raw('select membership from flag_promotions.memberships where slack_user_id = ?', [
        slackUserId,
      ]);
      return parseRows(found, membershipRow)[0]?.membership ?? null;
    },
    async recordMembership(slackUserId, membership) {
      await knex.raw(
        `insert into flag_promotions.memberships as m (slack_user_id, membership)
         select slack_user_id, ? from flag_promotions.operators where slack_user_id = ?
         on conflict (slack_user_id) do update set membership = excluded.membership
          where m.membership <> excluded.membership`,
        [membership, slackUserId],
      );
    },
    async sealedSecrets() {
      const found = await knex.raw(
        'select slack_user_id, totp_secret_encrypted from flag_promotions.operators where disabled_at is null order by 1',
      );
      const row = z
        .object({ slack_user_id: z.string(), totp_secret_encrypted: z.string() })
        .transform((sealed) => ({ slackUserId: sealed.slack_user_id, sealedSecret: sealed.totp_secret_encrypted }));
      return parseRows(found, row);
    },
  };
}

/** `former`: the person before. A superadmin who loses the role is told too. */
async function record(
  trx: Knex.Transaction,
  by: Doer,
  action: AuditAction,
  detail: Readonly<Record<string, unknown>>,
  former: Operator | null = null,
): Promise<void> {
  const event = await appendAuditEvent(trx, { ...by, action, promotionId: null, detail });
  await queueNotices(trx, event, isSuperadmin(former) ? [former.slackUserId] : []);
}

/** An arbitrary number: changes of operators take turns under this advisory lock. */
const ADMINISTRATION_LOCK = 2026_11_24;

/** Nobody else changes operators until the transaction ends: two superadmins can't disable each other. */
export async function lockAdministration(trx: Knex.Transaction): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock(?)', [ADMINISTRATION_LOCK]);
}

/** Nobody changes operators, or forgets one, until the transaction ends; others may do the same at once. */
export async function keepOperators(trx: Knex.Transaction): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock_shared(?)', [ADMINISTRATION_LOCK]);
}

export async function isLastSuperadmin(trx: Knex.Transaction, slackUserId: string): Promise<boolean> {
  const found = await trx.raw(
    `select slack_user_id from flag_promotions.operators where role = 'superadmin' and disabled_at is null`,
  );
  const left = parseRows(found, slackUserIdRow);
  return left.length === 1 && left[0]?.slack_user_id === slackUserId;
}

/** Answers whether the operator existed. */
export async function writeAuthenticator(
  trx: Knex.Transaction,
  operator: NewAuthenticator & { readonly lastStep: string | null },
): Promise<boolean> {
  const { slackUserId, role, sealedSecret, lastStep } = operator;
  const upserted = await trx.raw(
    `insert into flag_promotions.operators as o (slack_user_id, role, totp_secret_encrypted, totp_last_step) values (?, ?, ?, ?)
     on conflict (slack_user_id) do update
       set role = excluded.role, totp_secret_encrypted = excluded.totp_secret_encrypted,
           totp_last_step = greatest(o.totp_last_step, excluded.totp_last_step),
           totp_failed_attempts = 0, locked_until = null, locks = 0, last_lock_ends_at = null,
           disabled_at = null, updated_at = now()
     returning xmax <> 0 as existed`,
    [slackUserId, role, sealedSecret, lastStep],
  );
  await trx.raw('delete from flag_promotions.recovery_codes where slack_user_id = ?', [slackUserId]);
  await trx.raw(
    `insert into flag_promotions.recovery_codes (slack_user_id, code_hash)
      select ?, value from jsonb_array_elements_text(?::jsonb)`,
    [slackUserId, JSON.stringify(operator.recoveryCodeHashes ?? [])],
  );
  return parseRows(upserted, existedRow)[0]?.existed ?? false;
}

/** Disables an operator at once, and ends every link that could enable them again. False: no such operator. */
export async function writeDisabled(trx: Knex.Transaction, slackUserId: string, at: Date): Promise<boolean> {
  const updated = await trx.raw(
    `update flag_promotions.operators set disabled_at = coalesce(disabled_at, ?), updated_at = now() where slack_user_id = ?`,
    [at, slackUserId],
  );
  await endOpenEnrolment(trx, slackUserId, 'cancelled');
  return rowCount(updated) === 1;
}

export async function writeUnlocked(trx: Knex.Transaction, slackUserId: string): Promise<boolean> {
  const updated = await trx.raw(
    `update flag_promotions.operators
        set totp_failed_attempts = 0, locked_until = null, locks = 0, last_lock_ends_at = null, updated_at = now()
      where slack_user_id = ?`,
    [slackUserId],
  );
  return rowCount(updated) === 1;
}

/** Makes the messages about enrolments (one parameter, their ids) show how those ended. */
export const UPDATE_QUESTIONS = `update flag_promotions.messages set wanted = wanted + 1
  where kind in ('confirm_enrolment', 'link_used') and subject = any(?::text[])`;

/** Ends a person's open enrolment and forgets its secret. */
export async function endOpenEnrolment(
  trx: Knex.Transaction,
  slackUserId: string,
  reason: EnrolmentEnd,
): Promise<void> {
  const ended = await trx.raw(
    `update flag_promotions.enrolments
        set state = 'ended', end_reason = ?, totp_secret_encrypted = null, recovery_code_hashes = '{}', word_hash = null,
            updated_at = now()
      where slack_user_id = ? and state in ('sent', 'proved') returning id`,
    [reason, slackUserId],
  );
  const ids = parseRows(ended, idRow).map(({ id }) => id);
  if (ids.length > 0) await trx.raw(UPDATE_QUESTIONS, [ids]);
}

const slackUserIdRow = z.object({ slack_user_id: z.string() });
const membershipRow = z.object({ membership: z.enum(MEMBERSHIPS).nullable().catch(null) });
const existedRow = z.object({ existed: z.boolean() });
/** SQL: `isOperator` for the operator `o`. */
export const IS_OPERATOR = 'o.disabled_at is null';

export async function lockOperator(trx: Knex.Transaction, slackUserId: string): Promise<Operator | null> {
  const found = await runPrepared(trx, {
    sql: `select slack_user_id, role, disabled_at from flag_promotions.operators where slack_user_id = ? for update`,
    values: [slackUserId],
  });
  return parseRows(found, operatorRow)[0] ?? null;
}
