import * as z from 'zod';
import type { AuditAction } from '../promotions/audit-actions.js';
import {
  type AdministrationAction,
  type AdministrationRefusal,
  type AdministrationRequest,
  decideAdministration,
} from '../operators/administration.js';
import {
  type ConfirmationRefusal,
  decideConfirmation,
  decideFirstCode,
  ENROLMENT_LIFE_MS,
  type Enrolment,
  type FirstCodeCheck,
  type FirstCodeRefusal,
} from '../operators/enrolment.js';
import type { Role } from '../operators/operator.js';
import { appendAuditEvent, appendAuditEvents } from './audit.js';
import { lockAuthenticator, neverAccepted, recoveryCodeEvents, spend, type TypedCode } from './codes.js';
import type { Knex } from './connection.js';
import {
  endOpenEnrolment,
  isLastSuperadmin,
  lockAdministration,
  lockOperator,
  writeAuthenticator,
  writeDisabled,
  writeUnlocked,
} from './operators.js';
import { queueMessages } from './queueing.js';
import { recordRefusal } from './refusals.js';
import { count, idColumn, parseRows, rowCount } from './rows.js';

/** A link that is to be: its token's hash, and the secret that its page will show, sealed. */
export interface NewLink {
  readonly tokenHash: string;
  readonly sealedSecret: string;
}

/** An enrolment with the secret that its page shows; null once it can come to nothing any more. */
export interface SealedEnrolment extends Enrolment {
  readonly sealedSecret: string | null;
}

export type AdministrationOutcome =
  /** `expiresAt`: when the link dies; null where none was made. */
  { readonly kind: 'done'; readonly role: Role; readonly expiresAt: Date | null } | AdministrationRefusal;
export type FirstCodeOutcome = { readonly kind: 'proved'; readonly enrolment: Enrolment } | FirstCodeRefusal;
export type ConfirmationOutcome = { readonly kind: 'activated'; readonly enrolment: Enrolment } | ConfirmationRefusal;

interface FirstCode {
  readonly at: Date;
  readonly check: (sealedSecret: string, slackUserId: string) => FirstCodeCheck;
  readonly recoveryCodeHashes: (open: Enrolment) => readonly string[];
}

/** Who becomes an operator, and by which steps: sent as a link, proved by a first code, activated in Slack. */
export interface Enrolments {
  /**
   * What a superadmin does about an operator, or an operator about their own secret: one transaction with the decision,
   * their time step and the audit event. `link` is what comes into being where the action sends one.
   */
  administer(request: AdministrationRequest, link: NewLink, at: Date, code: TypedCode): Promise<AdministrationOutcome>;
  /** By its token's hash; null where there is none. Reading uses nothing up. */
  find(tokenHash: string): Promise<SealedEnrolment | null>;
  byId(id: string): Promise<Enrolment | null>;
  /** What can still come to something, the oldest first. */
  open(now: Date): Promise<readonly Enrolment[]>;
  /** The first code of a link: a right one uses the link up, a wrong one counts. */
  prove(
    tokenHash: string,
    at: Date,
    check: FirstCode['check'],
    recoveryCodeHashes: FirstCode['recoveryCodeHashes'],
  ): Promise<FirstCodeOutcome>;
  /** The person says in Slack that it was them: the operator is active from here on. */
  confirm(slackUserId: string, at: Date): Promise<ConfirmationOutcome>;
  /** The person says in Slack that it was not them; answers what this ended, null where nothing was open. */
  decline(slackUserId: string, at: Date): Promise<Enrolment | null>;
}

const COLUMNS = `id, slack_user_id, role, purpose, invited_by, state, end_reason, failed_attempts, expires_at,
  totp_secret_encrypted, totp_last_step, recovery_code_hashes`;

const storedRow = z
  .object({
    id: idColumn,
    slack_user_id: z.string(),
    role: z.enum(['superadmin', 'engineer']),
    purpose: z.enum(['add', 'rotate', 'reset']),
    invited_by: z.string(),
    state: z.enum(['sent', 'proved', 'activated', 'ended']),
    end_reason: z.enum(['expired', 'replaced', 'cancelled', 'declined', 'too_many_codes']).nullable(),
    failed_attempts: count,
    expires_at: z.date(),
    totp_secret_encrypted: z.string().nullable(),
    totp_last_step: idColumn.nullable(),
    recovery_code_hashes: z.array(z.string()),
  })
  .transform((row) => ({
    lastStep: row.totp_last_step,
    recoveryCodeHashes: row.recovery_code_hashes,
    enrolment: {
      id: row.id,
      slackUserId: row.slack_user_id,
      role: row.role,
      purpose: row.purpose,
      invitedBy: row.invited_by,
      state: row.state,
      endReason: row.end_reason,
      failedAttempts: row.failed_attempts,
      expiresAt: row.expires_at,
      sealedSecret: row.totp_secret_encrypted,
    } satisfies SealedEnrolment,
  }));
type Stored = z.output<typeof storedRow>;

/** The audit event of what was asked for. */
const AUDITED: Record<AdministrationAction, AuditAction> = {
  add: 'console.flag.operator.added',
  reset: 'console.flag.operator.reset',
  rotate: 'console.flag.operator.rotation_started',
  disable: 'console.flag.operator.disabled',
  unlock: 'console.flag.operator.unlocked',
};

export function enrolments(knex: Knex): Enrolments {
  return {
    administer: (request, link, at, code) =>
      knex.transaction((trx) => administerWithin(trx, request, { link, at, code })),

    find: async (tokenHash) => (await select(knex, 'where token_hash = ?', [tokenHash]))?.enrolment ?? null,
    async open(now) {
      const found = await knex.raw(
        `select ${COLUMNS} from flag_promotions.enrolments where state in ('sent', 'proved') and expires_at > ? order by id limit 100`,
        [now],
      );
      return parseRows(found, storedRow).map(({ enrolment }) => enrolment);
    },
    byId: async (id) => (await select(knex, 'where id = ?::bigint', [id]))?.enrolment ?? null,

    prove: (tokenHash, at, check, recoveryCodeHashes) =>
      knex.transaction((trx) => proveWithin(trx, tokenHash, { at, check, recoveryCodeHashes })),

    confirm: (slackUserId, at) => knex.transaction((trx) => confirmWithin(trx, slackUserId, at)),

    async decline(slackUserId, at) {
      return knex.transaction(async (trx) => {
        const open = await lockOpen(trx, slackUserId);
        if (open === null) return null;
        await endOpenEnrolment(trx, slackUserId, 'declined');
        await queueEnding(trx, open.enrolment);
        await append(trx, 'console.flag.operator.enrolment_declined', slackUserId, open.enrolment, at);
        return open.enrolment;
      });
    },
  };
}

async function select(from: Knex, rest: string, values: readonly string[]): Promise<Stored | null> {
  const found = await from.raw(`select ${COLUMNS} from flag_promotions.enrolments ${rest}`, [...values]);
  return parseRows(found, storedRow)[0] ?? null;
}

/** A person's open enrolment, locked until the end of the transaction. */
const lockOpen = (trx: Knex.Transaction, slackUserId: string) =>
  select(trx, `where slack_user_id = ? and state in ('sent', 'proved') for update`, [slackUserId]);

async function administerWithin(
  trx: Knex.Transaction,
  request: AdministrationRequest,
  { link, at, code }: { readonly link: NewLink; readonly at: Date; readonly code: TypedCode },
): Promise<AdministrationOutcome> {
  const { action, personId, askedBy } = request;
  await lockAdministration(trx);
  const actor = await lockAuthenticator(trx, askedBy, code);
  const person = personId === askedBy ? (actor?.operator ?? null) : await lockOperator(trx, personId);
  const decision = decideAdministration(
    request,
    { actor: actor?.operator ?? null, person, isLastSuperadmin: await isLastSuperadmin(trx, personId) },
    () => (actor === null ? neverAccepted() : code.check(actor.authenticator)),
  );
  const attempted = `operators ${action}`;
  const asked = { at, operatorId: askedBy, promotionId: null, attempted };
  switch (decision.kind) {
    case 'not_superadmin':
    case 'not_operator':
    case 'code_refused':
      await recordRefusal(trx, asked, decision);
      return decision;
    case 'do': {
      await spend(trx, askedBy, decision.check);
      const role = action === 'add' ? request.role : (person?.role ?? request.role);
      const expiresAt = await writeAdministration(trx, { ...request, role }, link, at);
      await appendAuditEvents(trx, [
        {
          at,
          action: AUDITED[action],
          actor: askedBy,
          promotionId: null,
          detail: { operator: personId, role, ...(expiresAt === null ? {} : { link_until: expiresAt }) },
        },
        ...recoveryCodeEvents({ ...asked, for: attempted }, decision.check),
      ]);
      return { kind: 'done', role, expiresAt };
    }
    default:
      return decision;
  }
}

async function proveWithin(
  trx: Knex.Transaction,
  tokenHash: string,
  { at, check, recoveryCodeHashes }: FirstCode,
): Promise<FirstCodeOutcome> {
  const locked = await select(trx, 'where token_hash = ? for update', [tokenHash]);
  if (locked === null) return { kind: 'closed', state: 'unknown' };
  const { enrolment } = locked;
  const decision = decideFirstCode(enrolment, at, () => check(secretOf(enrolment), enrolment.slackUserId));
  if (decision.kind === 'closed') return decision;
  if (decision.kind === 'code_refused') {
    if (decision.reason === 'wrong') await countWrong(trx, enrolment, decision.left, at);
    return decision;
  }
  const until = new Date(at.getTime() + ENROLMENT_LIFE_MS);
  const updated = await trx.raw(
    `update flag_promotions.enrolments
        set state = 'proved', totp_last_step = ?, expires_at = ?, updated_at = now(),
            recovery_code_hashes = array(select jsonb_array_elements_text(?::jsonb))
      where id = ? and state = 'sent'`,
    [decision.step, until, JSON.stringify(recoveryCodeHashes(enrolment)), enrolment.id],
  );
  if (rowCount(updated) !== 1) throw new Error('An enrolment left `sent` while it was locked.');
  await queueMessages(trx, { kind: 'confirm_enrolment', subject: enrolment.id });
  await append(trx, 'console.flag.operator.first_code', enrolment.slackUserId, enrolment, at);
  return { kind: 'proved', enrolment: { ...enrolment, state: 'proved', expiresAt: until } };
}

async function confirmWithin(trx: Knex.Transaction, slackUserId: string, at: Date): Promise<ConfirmationOutcome> {
  await lockAdministration(trx);
  const open = await lockOpen(trx, slackUserId);
  const person = await lockOperator(trx, slackUserId);
  const inviter = open === null ? null : await lockOperator(trx, open.enrolment.invitedBy);
  const decision = decideConfirmation(open?.enrolment ?? null, { person, inviter }, at);
  if (decision.kind !== 'activate') return decision;
  if (open === null) throw new Error('Nothing was open, and was to be activated.');
  const { enrolment } = open;
  const isRotation = enrolment.purpose === 'rotate';
  await writeAuthenticator(trx, {
    slackUserId,
    // A new secret of one's own brings no new role.
    role: isRotation ? (person?.role ?? enrolment.role) : enrolment.role,
    sealedSecret: secretOf(enrolment),
    recoveryCodeHashes: open.recoveryCodeHashes,
    lastStep: open.lastStep,
  });
  const updated = await trx.raw(
    `update flag_promotions.enrolments
        set state = 'activated', totp_secret_encrypted = null, recovery_code_hashes = '{}', updated_at = now()
      where id = ? and state = 'proved'`,
    [enrolment.id],
  );
  if (rowCount(updated) !== 1) throw new Error('An enrolment left `proved` while it was locked.');
  await queueEnding(trx, enrolment);
  const action = isRotation ? 'console.flag.operator.rotated' : 'console.flag.operator.activated';
  await append(trx, action, slackUserId, enrolment, at);
  return { kind: 'activated', enrolment: { ...enrolment, state: 'activated' } };
}

/** A table constraint gives every open enrolment a secret. */
function secretOf({ sealedSecret }: SealedEnrolment): string {
  if (sealedSecret === null) throw new Error('An open enrolment has no secret.');
  return sealedSecret;
}

/** The inviter hears how it ended, unless it is they who ended it. */
async function queueEnding(trx: Knex.Transaction, { id, invitedBy, slackUserId }: Enrolment): Promise<void> {
  if (invitedBy !== slackUserId) await queueMessages(trx, { kind: 'enrolment_ended', subject: id });
}

/** Answers when the new link expires; null if the action makes none. */
async function writeAdministration(
  trx: Knex.Transaction,
  { action, personId, role, askedBy }: AdministrationRequest,
  link: NewLink,
  at: Date,
): Promise<Date | null> {
  if (action === 'disable') {
    await writeDisabled(trx, personId, at);
    return null;
  }
  if (action === 'unlock') {
    await writeUnlocked(trx, personId);
    return null;
  }
  // A lost secret opens nothing from here on, whether or not the link is ever used.
  if (action === 'reset') await writeDisabled(trx, personId, at);
  // What ran out is forgotten when the next link is made: its secret is of no use to anybody.
  await trx.raw(
    `update flag_promotions.enrolments
        set state = 'ended', end_reason = 'expired', totp_secret_encrypted = null, recovery_code_hashes = '{}', updated_at = now()
      where state in ('sent', 'proved') and expires_at <= ?`,
    [at],
  );
  await endOpenEnrolment(trx, personId, 'replaced');
  const expiresAt = new Date(at.getTime() + ENROLMENT_LIFE_MS);
  await trx.raw(
    `insert into flag_promotions.enrolments
       (token_hash, slack_user_id, role, purpose, invited_by, totp_secret_encrypted, expires_at)
     values (?, ?, ?, ?, ?, ?, ?)`,
    [link.tokenHash, personId, role, action, askedBy, link.sealedSecret, expiresAt],
  );
  return expiresAt;
}

/** A wrong first code; with the last one that it lives through, the link ends. */
async function countWrong(trx: Knex.Transaction, enrolment: Enrolment, left: number, at: Date): Promise<void> {
  await trx.raw(
    'update flag_promotions.enrolments set failed_attempts = failed_attempts + 1, updated_at = now() where id = ?',
    [enrolment.id],
  );
  if (left > 0) return;
  await endOpenEnrolment(trx, enrolment.slackUserId, 'too_many_codes');
  await append(trx, 'console.flag.operator.enrolment_locked', enrolment.slackUserId, enrolment, at);
}

function append(trx: Knex.Transaction, action: AuditAction, actor: string, of: Enrolment, at: Date): Promise<string> {
  const detail = { operator: of.slackUserId, role: of.role, purpose: of.purpose, invited_by: of.invitedBy };
  return appendAuditEvent(trx, { at, action, actor, promotionId: null, detail });
}
