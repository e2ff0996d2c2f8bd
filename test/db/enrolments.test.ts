import type { TypedCode } from '../../src/db/codes.js';
import type { AdministrationRequest } from '../../src/operators/administration.js';
import {
  accepted,
  breakAuditLog,
  enrol,
  everything,
  insertPromotions,
  mendAuditLog,
  NOW,
  type Person,
  STEP,
  type Stored,
  startStored,
  submission,
  typed,
} from '../support/rows.js';

let stored: Stored;
let kris: Person;
beforeEach(async () => {
  stored = await startStored();
  kris = await enrol(stored.db, 'U0KRIS');
});
afterEach(() => stored.close());

const LATER = new Date(NOW.getTime() + 15 * 60_000);
let made = 0;
const link = () => {
  made += 1;
  return { tokenHash: `hash ${made}`, sealedSecret: `sealed ${made}` };
};
const asked = (
  action: AdministrationRequest['action'],
  personId: string,
  askedBy = 'U0KRIS',
): AdministrationRequest => ({
  action,
  personId,
  role: 'engineer',
  askedBy,
});
const right =
  (step = STEP) =>
  () => ({ kind: 'right' as const, step });
const proofs = () => ({ recoveryCodeHashes: ['h1', 'h2'], wordHash: 'stored word' });
const confirmed = async (by = 'U0KRIS', heard = 'stored word') => {
  const [row] = await stored.rows.query<{ id: string }>('select max(id) as id from flag_promotions.enrolments');
  return { enrolmentId: row?.id ?? '', confirmedBy: by, isWord: (word: string | null) => word === heard };
};
const operatorEvents = async () =>
  (
    await stored.rows.query<{ action: string }>(
      `select action from flag_promotions.audit_log where action like 'console.flag.operator.%' order by id`,
    )
  ).map(({ action }) => action.replace('console.flag.operator.', ''));

async function invited(personId = 'U0NEW', step = STEP) {
  const made_ = link();
  const outcome = await stored.db.enrolments.administer(asked('add', personId), made_, NOW, accepted(step));
  expect(outcome).toEqual({ kind: 'done', role: 'engineer', expiresAt: LATER });
  return made_;
}

test('a first code that comes twice at once is taken once, and its recovery codes are the first one’s', async () => {
  const { tokenHash } = await invited();
  const replica = stored.replica();
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, (_, n) =>
      (n % 2 === 0 ? stored.db : replica).enrolments.prove(tokenHash, NOW, right(STEP + n), () => ({
        recoveryCodeHashes: [`of ${n}`],
        wordHash: 'w',
      })),
    ),
  );
  expect(outcomes.filter(({ kind }) => kind === 'proved')).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome.kind === 'closed' && outcome.state === 'used')).toHaveLength(5);
  const winner = outcomes.findIndex(({ kind }) => kind === 'proved');
  expect(await stored.rows.query('select recovery_code_hashes as codes from flag_promotions.enrolments')).toEqual([
    { codes: [`of ${winner}`] },
  ]);
  expect(await operatorEvents()).toEqual(['added', 'first_code']);
});

test('wrong first codes at once are all counted, and no more than five are looked at', async () => {
  const { tokenHash } = await invited();
  const outcomes = await Promise.all(
    Array.from({ length: 9 }, () => stored.db.enrolments.prove(tokenHash, NOW, () => ({ kind: 'wrong' }), proofs)),
  );
  const left = outcomes.flatMap((outcome) => (outcome.kind === 'code_refused' ? [outcome.left] : []));
  expect(left.toSorted()).toEqual([0, 1, 2, 3, 4]);
  expect(outcomes.filter((outcome) => outcome.kind === 'closed' && outcome.state === 'too_many_codes')).toHaveLength(4);
  expect(await operatorEvents()).toEqual(['added', 'enrolment_locked']);
});

test('a word that comes twice at once activates once: secret, step and recovery codes, one event', async () => {
  const { tokenHash, sealedSecret } = await invited();
  await stored.db.enrolments.prove(tokenHash, NOW, right(STEP + 1), proofs);
  const replica = stored.replica();
  const outcomes = await Promise.all([
    stored.db.enrolments.confirm(await confirmed(), NOW, accepted(STEP + 1)),
    replica.enrolments.confirm(await confirmed(), NOW, accepted(STEP + 1)),
    stored.db.enrolments.confirm(await confirmed(), NOW, accepted(STEP + 1)),
  ]);
  expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual([
    'activated',
    'nothing_to_confirm',
    'nothing_to_confirm',
  ]);
  const [operator] = await stored.rows.query(
    `select role, totp_secret_encrypted as secret, totp_last_step as step from flag_promotions.operators where slack_user_id = 'U0NEW'`,
  );
  expect(operator).toEqual({ role: 'engineer', secret: sealedSecret, step: String(STEP + 1) });
  expect(await stored.rows.query('select code_hash from flag_promotions.recovery_codes order by 1')).toEqual([
    { code_hash: 'h1' },
    { code_hash: 'h2' },
  ]);
  expect(await operatorEvents()).toEqual(['added', 'first_code', 'activated']);
});

test('if the audit log does not take its event, nothing else is written', async () => {
  const { tokenHash } = await invited();
  const before = {
    ...(await everything(stored.rows)),
    enrolments: await stored.rows.query('select * from flag_promotions.enrolments'),
  };
  await breakAuditLog(stored.rows);
  const { enrolments } = stored.db;
  await expect(enrolments.prove(tokenHash, NOW, right(), proofs)).rejects.toThrow('broken');
  await expect(enrolments.decline('U0NEW', NOW)).rejects.toThrow('broken');
  await expect(enrolments.administer(asked('add', 'U0OTHER'), link(), NOW, accepted(STEP + 1))).rejects.toThrow(
    'broken',
  );
  const after = {
    ...(await everything(stored.rows)),
    enrolments: await stored.rows.query('select * from flag_promotions.enrolments'),
  };
  expect(after).toEqual(before);
  await mendAuditLog(stored.rows);
  await enrolments.prove(tokenHash, NOW, right(), proofs);
  await breakAuditLog(stored.rows);
  await expect(enrolments.confirm(await confirmed(), NOW, accepted(STEP + 1))).rejects.toThrow('broken');
  expect(await stored.db.operators.find('U0NEW')).toBeNull();
});

test('two superadmins who disable each other at once leave one', async () => {
  await enrol(stored.db, 'U0MINA');
  const replica = stored.replica();
  for (let round = 0; round < 5; round += 1) {
    await stored.rows.query('update flag_promotions.operators set disabled_at = null');
    const outcomes = await Promise.all([
      stored.db.enrolments.administer(asked('disable', 'U0MINA', 'U0KRIS'), link(), NOW, accepted(STEP + 1 + round)),
      replica.enrolments.administer(asked('disable', 'U0KRIS', 'U0MINA'), link(), NOW, accepted(STEP + 1 + round)),
    ]);
    expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(['done', 'not_superadmin']);
    expect(await stored.db.operators.superadmins()).toHaveLength(1);
  }
});

test('two superadmins who disable themselves at once leave one, by Slack as by the command line', async () => {
  await enrol(stored.db, 'U0MINA');
  const replica = stored.replica();
  const outcomes = await Promise.all([
    stored.db.enrolments.administer(asked('disable', 'U0KRIS', 'U0KRIS'), link(), NOW, accepted(STEP)),
    replica.operators.disable('U0MINA', NOW, { actor: 'command line', keepLast: true }),
  ]);
  expect(
    outcomes.filter(
      (outcome) => outcome === 'last_superadmin' || (typeof outcome === 'object' && outcome.kind === 'last_superadmin'),
    ),
  ).toHaveLength(1);
  expect(await stored.db.operators.superadmins()).toHaveLength(1);
});

test('a recovery code that comes for two promotions at once is taken for one', async () => {
  await stored.db.operators.enrol({
    slackUserId: 'U0KRIS',
    role: 'superadmin',
    sealedSecret: 's',
    recoveryCodeHashes: ['h'],
  });
  const [first = '', second = ''] = await insertPromotions(stored.rows, 2);
  const replica = stored.replica();
  const code: TypedCode = {
    isRecoveryCode: true,
    check: (authenticator) =>
      authenticator.recoveryCodes.some(({ hash, usedAt }) => hash === 'h' && usedAt === null)
        ? { kind: 'accepted', recoveryCode: 'h', left: 0 }
        : { kind: 'rejected', reason: 'reused', failedAttempts: 0, lockedUntil: null },
  };
  const outcomes = await Promise.all([
    stored.db.promotions.resolve(submission(first, kris), NOW, code),
    replica.promotions.resolve(submission(second, kris), NOW, code),
  ]);
  expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(['code_refused', 'resolved']);
  expect(await operatorEvents()).toEqual(['recovery_code_used']);
  // Even if the check was wrong about it, the row refuses the code, and nothing is resolved.
  const left = outcomes[0]?.kind === 'resolved' ? second : first;
  const wrongly: TypedCode = { isRecoveryCode: true, check: () => ({ kind: 'accepted', recoveryCode: 'h', left: 0 }) };
  await expect(stored.db.promotions.resolve(submission(left, kris), NOW, wrongly)).rejects.toThrow('used already');
  expect((await stored.db.promotions.find(left))?.state).toBe('deploying');
});

test('a newer link ends the one before, forgets its secret, and those that ran out as well', async () => {
  const old = await invited('U0OLD');
  await stored.rows.query(`update flag_promotions.enrolments set expires_at = $1`, [NOW]);
  const first = await invited('U0NEW', STEP + 1);
  const second = await invited('U0NEW', STEP + 2);
  const rows = await stored.rows.query(
    'select token_hash as hash, state, end_reason as why, totp_secret_encrypted is null as forgotten from flag_promotions.enrolments order by id',
  );
  expect(rows).toEqual([
    { hash: old.tokenHash, state: 'ended', why: 'expired', forgotten: true },
    { hash: first.tokenHash, state: 'ended', why: 'replaced', forgotten: true },
    { hash: second.tokenHash, state: 'sent', why: null, forgotten: false },
  ]);
});

test('whoever is enrolled on the command line meanwhile keeps that secret: their link is dead', async () => {
  const { tokenHash } = await invited();
  await stored.db.enrolments.prove(tokenHash, NOW, right(), proofs);
  await stored.db.operators.enrol({ slackUserId: 'U0NEW', role: 'engineer', sealedSecret: 'by hand' });
  expect(await stored.db.enrolments.confirm(await confirmed(), NOW, accepted(STEP + 1))).toEqual({
    kind: 'nothing_to_confirm',
  });
  expect(
    await stored.rows.query(
      `select totp_secret_encrypted as secret from flag_promotions.operators where slack_user_id = 'U0NEW'`,
    ),
  ).toEqual([{ secret: 'by hand' }]);
});

test('a role that was changed while a secret was renewed stays changed', async () => {
  const mina = await enrol(stored.db, 'U0MINA');
  const { tokenHash, sealedSecret } = link();
  await stored.db.enrolments.administer(
    asked('rotate', mina.id, mina.id),
    { tokenHash, sealedSecret },
    NOW,
    typed(mina.code()),
  );
  await stored.db.enrolments.prove(tokenHash, NOW, right(STEP + 1), proofs);
  await stored.rows.query(`update flag_promotions.operators set role = 'engineer' where slack_user_id = 'U0MINA'`);
  const outcome = await stored.db.enrolments.confirm(await confirmed('U0MINA'), NOW, typed(mina.code(1)));
  expect(outcome.kind).toBe('activated');
  expect(await stored.db.operators.find('U0MINA')).toMatchObject({ role: 'engineer' });
});

test('three wrong words end the enrolment, none of which uses the code up; nobody is told which word was right', async () => {
  const { tokenHash } = await invited();
  await stored.db.enrolments.prove(tokenHash, NOW, right(STEP + 1), proofs);
  const code = accepted(STEP + 1);
  for (const left of [2, 1, 0]) {
    const outcome = await stored.db.enrolments.confirm(await confirmed('U0KRIS', 'another'), NOW, code);
    expect(outcome).toEqual({ kind: 'wrong_word', left });
  }
  expect(await stored.db.enrolments.confirm(await confirmed(), NOW, code)).toEqual({ kind: 'nothing_to_confirm' });
  expect(await stored.db.operators.find('U0NEW')).toBeNull();
  expect(
    await stored.rows.query(
      'select state, end_reason as why, wrong_words as words, word_hash as word, totp_secret_encrypted as secret from flag_promotions.enrolments',
    ),
  ).toEqual([{ state: 'ended', why: 'too_many_words', words: 3, word: null, secret: null }]);
  expect(await operatorEvents()).toEqual(['added', 'first_code', 'wrong_word', 'wrong_word', 'enrolment_locked']);
});

test('a person who neither had the link sent nor is a superadmin any more confirms nobody', async () => {
  const mina = await enrol(stored.db, 'U0MINA');
  const { tokenHash } = await invited();
  await stored.db.enrolments.prove(tokenHash, NOW, right(STEP + 1), proofs);
  const byMina = await stored.db.enrolments.confirm(await confirmed('U0MINA'), NOW, typed(mina.code()));
  expect(byMina).toEqual({ kind: 'not_inviter', invitedBy: 'U0KRIS' });
  await stored.db.operators.disable('U0KRIS', NOW);
  const byKris = await stored.db.enrolments.confirm(await confirmed(), NOW, accepted(STEP + 1));
  expect(byKris).toEqual({ kind: 'not_superadmin' });
  expect(await stored.db.operators.find('U0NEW')).toBeNull();
});

test('a wrong code counts, is audited, and sends nothing', async () => {
  const outcome = await stored.db.enrolments.administer(asked('add', 'U0NEW'), link(), NOW, typed(kris.wrongCode()));
  expect(outcome).toMatchObject({ kind: 'code_refused', check: { reason: 'wrong', failedAttempts: 1 } });
  expect(await stored.rows.query('select 1 from flag_promotions.enrolments')).toEqual([]);
  expect(await stored.rows.query('select action, detail from flag_promotions.audit_log')).toMatchObject([
    { action: 'console.flag.promotion.totp_rejected', detail: { attempted: 'operators add', reason: 'wrong' } },
  ]);
});

test('expired links are forgotten whole, with an event each; superadmins hear of it if the link was used', async () => {
  await invited('U0SENT', STEP);
  const { tokenHash } = await invited('U0USED', STEP + 1);
  await stored.db.enrolments.prove(tokenHash, NOW, right(), proofs);
  await stored.rows.query(`update flag_promotions.messages set wanted = 0, shown = 0`);
  const replica = stored.replica();
  await Promise.all([stored.db, replica].map((db) => db.enrolments.endExpired(LATER)));
  expect(
    await stored.rows.query(
      `select state, end_reason, totp_secret_encrypted as secret, recovery_code_hashes as codes, word_hash as word
         from flag_promotions.enrolments`,
    ),
  ).toEqual(
    Array.from({ length: 2 }, () => ({ state: 'ended', end_reason: 'expired', secret: null, codes: [], word: null })),
  );
  const events = await stored.rows.query<{ id: string }>(
    `select id, actor, detail ->> 'operator' as who from flag_promotions.audit_log
      where action = 'console.flag.operator.enrolment_expired' order by id`,
  );
  expect(events).toMatchObject([
    { actor: 'watchdog', who: 'U0SENT' },
    { actor: 'watchdog', who: 'U0USED' },
  ]);
  // The question and the notice of use say how it ended; only what was used is worth a direct message.
  expect(
    await stored.rows.query(
      `select kind, wanted from flag_promotions.messages where kind in ('confirm_enrolment', 'link_used') order by kind`,
    ),
  ).toEqual([
    { kind: 'confirm_enrolment', wanted: 1 },
    { kind: 'link_used', wanted: 1 },
  ]);
  expect(
    await stored.rows.query(
      `select subject, ordinal from flag_promotions.messages where kind = 'operator_notice' and ordinal >= $1`,
      [events[0]?.id],
    ),
  ).toEqual([{ subject: 'U0KRIS', ordinal: events[1]?.id }]);
});
