import * as z from 'zod';
import type { AuditAction } from '../promotions/audit-actions.js';
import {
  type AdministrationAction,
  type AdministrationRefusal,
  type AdministrationRequest,
  decideAdministration,
} from '../operators/administration.js';
import {
  type ConfirmationDecision,
  decideConfirmation,
  decideFirstCode,
  ENROLMENT_LIFE_MS,
  type Enrolment,
  type FirstCodeCheck,
  type FirstCodeRefusal,
  isOwnEnrolment,
} from '../operators/enrolment.js';
import { isOperator, isSuperadmin, type Operator, type Role } from '../operators/operator.js';
import { appendAuditEvent, appendAuditEvents, type NewAuditEvent, WATCHDOG } from './audit.js';
import { lockAuthenticator, neverAccepted, recoveryCodeEvents, spend, type TypedCode } from './codes.js';
import type { Knex } from './connection.js';
import {
  endOpenEnrolment,
  isLastSuperadmin,
  lockAdministration,
  lockOperator,
  UPDATE_QUESTIONS,
  writeAuthenticator,
  writeDisabled,
  writeUnlocked,
} from './operators.js';
import { queueNotices } from './operator-notices.js';
import { queueMessages } from './queueing.js';
import { recordRefusal } from './refusals.js';
import { count, idColumn, parseRows, rowCount } from './rows.js';

/** Its token's hash, and the sealed secret that its page will show. */
export interface NewLink {
  readonly tokenHash: string;
  readonly sealedSecret: string;
}

/** The secret that its page shows; null once it is over. */
export interface SealedEnrolment extends Enrolment {
  readonly sealedSecret: string | null;
}

type AdministrationOutcome =
  /** `expiresAt`: the new link's; null if none was made. */
  { readonly kind: 'done'; readonly role: Role; readonly expiresAt: Date | null } | AdministrationRefusal;
type FirstCodeOutcome = { readonly kind: 'proved'; readonly enrolment: Enrolment } | FirstCodeRefusal;
type ConfirmationOutcome =
  | { readonly kind: 'activated'; readonly enrolment: Enrolment }
  | Exclude<ConfirmationDecision, { kind: 'activate' }>;

interface ConfirmationRequest {
  readonly enrolmentId: string;
  readonly confirmedBy: string;
  /** Whether the typed word is the one stored for this person. */
  isWord(stored: string | null, slackUserId: string): boolean;
}

interface FirstCode {
  readonly at: Date;
  readonly check: (sealedSecret: string, slackUserId: string) => FirstCodeCheck;
  readonly proofs: (open: Enrolment) => NewProofs;
}

/** What the page shows after a right first code, hashed for storage. */
interface NewProofs {
  readonly recoveryCodeHashes: readonly string[];
  readonly wordHash: string;
}

/** How a person becomes an operator: a link is sent, a first code proves it, the spoken word activates it. */
export interface Enrolments {
  /**
   * A superadmin's act on an operator, or one's own on a secret: one transaction with decision, time step and audit
   * event. `link` is stored if the action sends one.
   */
  administer(request: AdministrationRequest, link: NewLink, at: Date, code: TypedCode): Promise<AdministrationOutcome>;
  /** Null if there is none. Reading uses nothing up. */
  find(tokenHash: string): Promise<SealedEnrolment | null>;
  byId(id: string): Promise<Enrolment | null>;
  /** Those that can still succeed, the oldest first. */
  open(now: Date): Promise<readonly Enrolment[]>;
  /** A person's open enrolments and those they sent, even if expired. */
  underWay(slackUserId: string): Promise<readonly Enrolment[]>;
  /** Ends expired enrolments, forgets their secrets and audits each. */
  endExpired(now: Date): Promise<void>;
  /** Checks a link's first code: a right one uses the link up, a wrong one counts. */
  prove(tokenHash: string, at: Date, check: FirstCode['check'], proofs: FirstCode['proofs']): Promise<FirstCodeOutcome>;
  /** The sender types the word they heard, with their own code; this activates the operator. */
  confirm(request: ConfirmationRequest, at: Date, code: TypedCode): Promise<ConfirmationOutcome>;
  /** The person says in Slack that it wasn't them. Answers what this ended, if anything. */
  decline(slackUserId: string, at: Date): Promise<Enrolment | null>;
}

/** One parameter, now. */
export const HAS_EXPIRED = `state in ('sent', 'proved') and expires_at <= ?`;

const COLUMNS = `id, slack_user_id, role, purpose, invited_by, state, end_reason, failed_attempts, expires_at,
  totp_secret_encrypted, totp_last_step, recovery_code_hashes, word_hash, wrong_words`;

const storedRow = z
  .object({
    id: idColumn,
    slack_user_id: z.string(),
    role: z.enum(['superadmin', 'engineer']),
    purpose: z.enum(['add', 'rotate', 'reset']),
    invited_by: z.string(),
    state: z.enum(['sent', 'proved', 'activated', 'ended']),
    end_reason: z.enum(['expired', 'replaced', 'cancelled', 'declined', 'too_many_codes', 'too_many_words']).nullable(),
    failed_attempts: count,
    expires_at: z.date(),
    totp_secret_encrypted: z.string().nullable(),
    totp_last_step: idColumn.nullable(),
    recovery_code_hashes: z.array(z.string()),
    word_hash: z.string().nullable(),
    wrong_words: count,
  })
  .transform((row) => ({
    lastStep: row.totp_last_step,
    recoveryCodeHashes: row.recovery_code_hashes,
    wordHash: row.word_hash,
    enrolment: {
      id: row.id,
      slackUserId: row.slack_user_id,
      role: row.role,
      purpose: row.purpose,
      invitedBy: row.invited_by,
      state: row.state,
      endReason: row.end_reason,
      failedAttempts: row.failed_attempts,
      wrongWords: row.wrong_words,
      expiresAt: row.expires_at,
      sealedSecret: row.totp_secret_encrypted,
    } satisfies SealedEnrolment,
  }));
type Stored = z.output<typeof storedRow>;

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
    async underWay(slackUserId) {
      const found = await knex.raw(
        `select ${COLUMNS} from flag_promotions.enrolments
          where state in ('sent', 'proved') and (slack_user_id = ? or invited_by = ?) order by id limit 100`,
        [slackUserId, slackUserId],
      );
      return parseRows(found, storedRow).map(({ enrolment }) => enrolment);
    },
    endExpired: (now) => knex.transaction((trx) => endExpired(trx, now)),
    byId: async (id) => (await select(knex, 'where id = ?::bigint', [id]))?.enrolment ?? null,

    prove: (tokenHash, at, check, proofs) =>
      knex.transaction((trx) => proveWithin(trx, tokenHash, { at, check, proofs })),

    confirm: (request, at, code) => knex.transaction((trx) => confirmWithin(trx, request, at, code)),

    async decline(slackUserId, at) {
      return knex.transaction(async (trx) => {
        const open = await lockOpen(trx, slackUserId);
        if (open === null) return null;
        await endOpenEnrolment(trx, slackUserId, 'declined');
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
      const [event] = await appendAuditEvents(trx, [
        {
          at,
          action: AUDITED[action],
          actor: askedBy,
          promotionId: null,
          detail: { operator: personId, role, ...(expiresAt === null ? {} : { link_until: expiresAt }) },
        },
        ...recoveryCodeEvents({ ...asked, for: attempted }, decision.check),
      ]);
      // A rotated secret is announced once it is in force.
      if (event !== undefined && action !== 'rotate') {
        await queueNotices(trx, event, isSuperadmin(person) ? [personId] : []);
      }
      return { kind: 'done', role, expiresAt };
    }
    default:
      return decision;
  }
}

async function proveWithin(
  trx: Knex.Transaction,
  tokenHash: string,
  { at, check, proofs }: FirstCode,
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
  const { wordHash, recoveryCodeHashes } = proofs(enrolment);
  const updated = await trx.raw(
    `update flag_promotions.enrolments
        set state = 'proved', totp_last_step = ?, expires_at = ?, word_hash = ?, updated_at = now(),
            recovery_code_hashes = array(select jsonb_array_elements_text(?::jsonb))
      where id = ? and state = 'sent'`,
    [decision.step, until, wordHash, JSON.stringify(recoveryCodeHashes), enrolment.id],
  );
  if (rowCount(updated) !== 1) throw new Error('An enrolment left `sent` while it was locked.');
  await queueMessages(trx, { kind: 'confirm_enrolment', subject: enrolment.id });
  if (!isOwnEnrolment(enrolment)) await queueMessages(trx, { kind: 'link_used', subject: enrolment.id });
  await append(trx, 'console.flag.operator.first_code', enrolment.slackUserId, enrolment, at);
  return { kind: 'proved', enrolment: { ...enrolment, state: 'proved', expiresAt: until } };
}

async function confirmWithin(
  trx: Knex.Transaction,
  { enrolmentId, confirmedBy, isWord }: ConfirmationRequest,
  at: Date,
  code: TypedCode,
): Promise<ConfirmationOutcome> {
  await lockAdministration(trx);
  const open = await select(trx, `where id = ?::bigint and state in ('sent', 'proved') for update`, [enrolmentId]);
  if (open === null) return { kind: 'nothing_to_confirm' };
  const { enrolment, wordHash } = open;
  const { slackUserId, purpose } = enrolment;
  const actor = await lockAuthenticator(trx, confirmedBy, code);
  const person = slackUserId === confirmedBy ? (actor?.operator ?? null) : await lockOperator(trx, slackUserId);
  const decision = decideConfirmation(
    {
      open: enrolment,
      confirmedBy,
      actor: actor?.operator ?? null,
      isLastSuperadmin: await isLastSuperadmin(trx, slackUserId),
    },
    at,
    {
      checkCode: () => (actor === null ? neverAccepted() : code.check(actor.authenticator)),
      isWord: () => isWord(wordHash, slackUserId),
    },
  );
  const asked = { at, operatorId: confirmedBy, promotionId: null, attempted: 'operators confirm' };
  switch (decision.kind) {
    case 'not_inviter':
    case 'not_superadmin':
    case 'not_operator':
    case 'code_refused':
      await recordRefusal(trx, asked, decision);
      return decision;
    case 'wrong_word':
      await countWrongWord(trx, enrolment, decision.left, { confirmedBy, at });
      return decision;
    case 'activate': {
      await spend(trx, confirmedBy, decision.check);
      // Rotating a secret changes no role.
      const role = purpose === 'rotate' ? (person?.role ?? enrolment.role) : enrolment.role;
      await activate(trx, open, role);
      await recordActivation(trx, { ...enrolment, role }, person, [
        ...recoveryCodeEvents({ ...asked, for: asked.attempted }, decision.check),
      ]);
      return { kind: 'activated', enrolment: { ...enrolment, state: 'activated' } };
    }
    default:
      return decision;
  }

  /** `former`: the person before. */
  async function recordActivation(
    within: Knex.Transaction,
    of: Enrolment,
    former: Operator | null,
    more: readonly NewAuditEvent[],
  ): Promise<void> {
    const action = of.purpose === 'rotate' ? 'console.flag.operator.rotated' : 'console.flag.operator.activated';
    const detail = { ...detailOf(of), former_role: isOperator(former) ? former.role : null };
    const [event] = await appendAuditEvents(within, [
      { at, action, actor: confirmedBy, promotionId: null, detail },
      ...more,
    ]);
    if (event !== undefined) await queueNotices(within, event, isSuperadmin(former) ? [of.slackUserId] : []);
  }
}

/** Makes the link's secret the operator's. */
async function activate(
  trx: Knex.Transaction,
  { enrolment, recoveryCodeHashes, lastStep }: Stored,
  role: Role,
): Promise<void> {
  const { id, slackUserId } = enrolment;
  await writeAuthenticator(trx, {
    slackUserId,
    role,
    sealedSecret: secretOf(enrolment),
    recoveryCodeHashes,
    lastStep,
  });
  const updated = await trx.raw(
    `update flag_promotions.enrolments
        set state = 'activated', totp_secret_encrypted = null, recovery_code_hashes = '{}', word_hash = null, updated_at = now()
      where id = ? and state = 'proved'`,
    [id],
  );
  if (rowCount(updated) !== 1) throw new Error('An enrolment left `proved` while it was locked.');
  await trx.raw(UPDATE_QUESTIONS, [[id]]);
  if (!isOwnEnrolment(enrolment)) await queueMessages(trx, { kind: 'enrolment_ended', subject: id });
}

/** A table constraint gives every open enrolment a secret, so this never throws. */
function secretOf({ sealedSecret }: SealedEnrolment): string {
  if (sealedSecret === null) throw new Error('An open enrolment has no secret.');
  return sealedSecret;
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
  // A lost secret works no longer, whether or not the link is used.
  if (action === 'reset') await writeDisabled(trx, personId, at);
  await endExpired(trx, at);
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

/** Locked in order of ids, for a replica that does the same. */
async function endExpired(trx: Knex.Transaction, at: Date): Promise<void> {
  const expired = await trx.raw(
    `select ${COLUMNS} from flag_promotions.enrolments where ${HAS_EXPIRED} order by id for update`,
    [at],
  );
  for (const { enrolment } of parseRows(expired, storedRow)) {
    await endOpenEnrolment(trx, enrolment.slackUserId, 'expired');
    await append(trx, 'console.flag.operator.enrolment_expired', WATCHDOG, enrolment, at);
  }
}

/** Counts a wrong first code; the last one allowed ends the link. */
async function countWrong(trx: Knex.Transaction, enrolment: Enrolment, left: number, at: Date): Promise<void> {
  await trx.raw(
    'update flag_promotions.enrolments set failed_attempts = failed_attempts + 1, updated_at = now() where id = ?',
    [enrolment.id],
  );
  if (left > 0) return;
  await endOpenEnrolment(trx, enrolment.slackUserId, 'too_many_codes');
  await append(trx, 'console.flag.operator.enrolment_locked', enrolment.slackUserId, enrolment, at);
}

/** Counts a wrong word; the last one allowed ends the enrolment. */
async function countWrongWord(
  trx: Knex.Transaction,
  enrolment: Enrolment,
  left: number,
  { confirmedBy, at }: { readonly confirmedBy: string; readonly at: Date },
): Promise<void> {
  await trx.raw(
    'update flag_promotions.enrolments set wrong_words = wrong_words + 1, updated_at = now() where id = ?',
    [enrolment.id],
  );
  if (left > 0) {
    await append(trx, 'console.flag.operator.wrong_word', confirmedBy, enrolment, at);
    return;
  }
  await endOpenEnrolment(trx, enrolment.slackUserId, 'too_many_words');
  await append(trx, 'console.flag.operator.enrolment_locked', confirmedBy, enrolment, at);
}

/** The superadmins are told of these. A link that nobody used may expire quietly. */
function isTold(action: AuditAction, { state }: Enrolment): boolean {
  if (action === 'console.flag.operator.enrolment_expired') return state === 'proved';
  return action === 'console.flag.operator.enrolment_declined' || action === 'console.flag.operator.enrolment_locked';
}

async function append(
  trx: Knex.Transaction,
  action: AuditAction,
  actor: string,
  of: Enrolment,
  at: Date,
): Promise<void> {
  const event = await appendAuditEvent(trx, { at, action, actor, promotionId: null, detail: detailOf(of) });
  if (isTold(action, of)) await queueNotices(trx, event);
}

function detailOf({ slackUserId, role, purpose, invitedBy }: Enrolment) {
  return { operator: slackUserId, role, purpose, invited_by: invitedBy };
}
