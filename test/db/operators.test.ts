import { enrol, insertPromotion, NOW, STEP, type Stored, startStored, submission, typed } from '../support/rows.js';

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

const authenticatorNow = () =>
  stored.rows.query(
    'select totp_secret_encrypted as secret, totp_last_step as step, totp_failed_attempts as failures, locked_until from flag_promotions.operators',
  );
const SEALED = { slackUserId: 'U0KRIS', role: 'superadmin', sealedSecret: 'sealed' } as const;

test('enrolling answers whether the operator existed, even if several enrol the same one at once', async () => {
  expect(await stored.db.operators.enrol(SEALED)).toBe('new');
  expect(await stored.db.operators.enrol(SEALED)).toBe('again');
  const replica = stored.replica();
  const existed = await Promise.all(
    Array.from({ length: 6 }, (_, n) =>
      (n % 2 === 0 ? stored.db : replica).operators.enrol({ ...SEALED, slackUserId: 'U0NEW' }),
    ),
  );
  expect(existed.filter((outcome) => outcome === 'new')).toHaveLength(1);
  expect(await stored.db.operators.list()).toHaveLength(2);
});

test('of two shells that demote the last two superadmins at once, one is refused', async () => {
  await enrol(stored.db, 'U0FIRST');
  await enrol(stored.db, 'U0SECOND');
  const replica = stored.replica();
  const outcomes = await Promise.all([
    stored.db.operators.enrol({ ...SEALED, slackUserId: 'U0FIRST', role: 'engineer' }),
    replica.operators.enrol({ ...SEALED, slackUserId: 'U0SECOND', role: 'engineer' }),
  ]);
  expect(outcomes.toSorted()).toEqual(['again', 'last_superadmin']);
  expect(await stored.db.operators.superadmins()).toHaveLength(1);
});

test('enrolling again brings a new secret and role, ends the lock, and lets a disabled operator back in', async () => {
  await stored.db.operators.enrol(SEALED);
  await stored.rows.query(
    `update flag_promotions.operators set totp_last_step = 7, totp_failed_attempts = 5, locked_until = now() + interval '1 day'`,
  );
  await stored.db.operators.disable('U0KRIS', NOW);
  await stored.db.operators.enrol({ slackUserId: 'U0KRIS', role: 'engineer', sealedSecret: 'new' });
  expect(await authenticatorNow()).toMatchObject([{ secret: 'new', failures: 0, locked_until: null }]);
  const expected = { slackUserId: 'U0KRIS', role: 'engineer', disabledAt: null };
  expect(await stored.db.operators.find('U0KRIS')).toEqual(expected);
});

test('enrolling again with the same secret does not make an accepted code good once more', async () => {
  const [first, second] = [
    await insertPromotion(stored.rows, { flag_key: 'a' }),
    await insertPromotion(stored.rows, { flag_key: 'b' }),
  ];
  const kris = await enrol(stored.db, 'U0KRIS');
  await stored.db.promotions.resolve(submission(first, kris), NOW, typed(kris.code()));
  await enrol(stored.db, 'U0KRIS');
  const outcome = await stored.db.promotions.resolve(submission(second, kris), NOW, typed(kris.code()));
  expect(outcome).toMatchObject({ kind: 'code_refused', check: { reason: 'reused' } });
});

test('superadmins are the enabled ones, and nobody else is among them', async () => {
  await enrol(stored.db, 'U0FIRST');
  await enrol(stored.db, 'U0ENGINEER', 'engineer');
  await enrol(stored.db, 'U0GONE');
  await enrol(stored.db, 'U0SECOND');
  await stored.db.operators.disable('U0GONE', NOW);
  const ids = (await stored.db.operators.superadmins()).map(({ slackUserId }) => slackUserId);
  expect(ids).toEqual(['U0FIRST', 'U0SECOND']);
  const everybody = (await stored.db.operators.list()).map(({ slackUserId }) => slackUserId);
  expect(everybody).toEqual(['U0FIRST', 'U0ENGINEER', 'U0GONE', 'U0SECOND']);
});

test('disabling keeps the time of the first, and unlocking forgets failures but not which code was used', async () => {
  await stored.db.operators.enrol(SEALED);
  const again = new Date(NOW.getTime() + 60_000);
  expect(await stored.db.operators.disable('U0KRIS', NOW)).toBe('disabled');
  expect(await stored.db.operators.disable('U0KRIS', again)).toBe('disabled');
  expect(await stored.db.operators.find('U0KRIS')).toMatchObject({ disabledAt: NOW });

  await stored.rows.query(
    `update flag_promotions.operators set totp_last_step = $1, totp_failed_attempts = 5, locked_until = $2`,
    [STEP, again],
  );
  expect(await stored.db.operators.list()).toMatchObject([{ lockedUntil: again, failedAttempts: 5 }]);
  expect(await stored.db.operators.unlock('U0KRIS')).toBe(true);
  expect(await authenticatorNow()).toEqual([{ secret: 'sealed', step: String(STEP), failures: 0, locked_until: null }]);
  expect(await stored.db.operators.find('U0KRIS')).toMatchObject({ disabledAt: NOW });
});

test('an unknown id finds, disables and unlocks nobody, whatever it looks like', async () => {
  await stored.db.operators.enrol(SEALED);
  for (const id of ['U0NOBODY', '', `' or true --`, 'u0kris', '%']) {
    expect(await stored.db.operators.find(id)).toBeNull();
    expect(await stored.db.operators.disable(id, NOW)).toBe('unknown');
    expect(await stored.db.operators.unlock(id)).toBe(false);
  }
  expect(await stored.db.operators.find('U0KRIS')).toMatchObject({ disabledAt: null });
});

test('nothing that is listed holds a secret', async () => {
  await stored.db.operators.enrol({ ...SEALED, sealedSecret: 'v1.canary' });
  const shown = [
    await stored.db.operators.list(),
    await stored.db.operators.superadmins(),
    await stored.db.operators.find('U0KRIS'),
  ];
  expect(JSON.stringify(shown)).not.toContain('canary');
});

test.each([
  `insert into flag_promotions.operators (slack_user_id, role, totp_secret_encrypted) values ('U0EVE', 'root', 'x')`,
  `update flag_promotions.operators set totp_failed_attempts = -1`,
])('the table itself refuses: %s', async (sql) => {
  await stored.db.operators.enrol(SEALED);
  await expect(stored.rows.query(sql)).rejects.toThrow('check constraint');
});
