import { setTimeout as sleep } from 'node:timers/promises';
import { waiting, whileHolding } from '../support/locks.js';
import {
  CHANNEL,
  enrol,
  insertPromotion,
  NOW,
  type Person,
  postAlert,
  STEP,
  type Stored,
  startStored,
  submission,
  typed,
} from '../support/rows.js';

/* Of two transactions on the same rows one waits for the other; they never deadlock. */

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

const LEASE = { owner: 'mine', durationMs: 60_000 };

/** Starts both while the test holds `sql`'s locks, then releases them; both have to succeed. */
async function heldUp(
  sql: string,
  first: () => Promise<unknown>,
  second: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  let both: Promise<readonly PromiseSettledResult<unknown>[]> = Promise.resolve([]);
  await whileHolding(stored, sql, async () => {
    const started = first();
    await waiting(stored, 1);
    both = Promise.allSettled([started, second()]);
    // Whether the second waits or gets through doesn't matter.
    await sleep(200);
  });
  expect((await both).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
}

/** Groups that are in Slack, in this order. */
async function groups(count: number): Promise<readonly string[]> {
  const inserted = await stored.rows.query<{ id: string }>(
    `insert into flag_promotions.messages (kind, subject, ordinal, state, channel, message_ts, posted_at)
      select 'group', $1::text, n, 'posted', $1::text, n || '.1', flag_promotions.clock() from generate_series(1, $2::integer) n
     returning id`,
    [CHANNEL, count],
  );
  return inserted.map(({ id }) => id);
}

/** A promotion with an alert in a group. */
async function toldIn(
  groupId: string | null,
  flagKey: string,
  { state = 'deploying', severity = 'warning' }: { state?: string; severity?: 'warning' | 'critical' } = {},
): Promise<string> {
  const id = await insertPromotion(stored.rows, { flag_key: flagKey, state });
  await stored.rows.query('insert into flag_promotions.alerts (promotion_id, severity, group_id) values ($1, $2, $3)', [
    id,
    severity,
    groupId,
  ]);
  return id;
}

const open = (alerts: readonly { promotionId: string; severity: 'warning' | 'critical' }[], db = stored.db) =>
  db.groups.open({ channel: CHANNEL, notBefore: null, alerts }, NOW);
const name = (groupId: string, promotionIds: readonly string[], db = stored.db) =>
  db.groups.nameCriticals({ kind: 'name_criticals', groupId, ordinal: 1, promotionIds });

describe('alerts that end together and alerts that are opened together', () => {
  test('in the same groups, of which one is joined, do not lock each other out', async () => {
    const [older = '', newest = ''] = await groups(2);
    const warned = await toldIn(older, 'warned');
    await toldIn(newest, 'keeps it open');
    const fresh = await insertPromotion(stored.rows, { flag_key: 'fresh' });
    const state = 'deployed';
    const ended = [await toldIn(older, 'first', { state }), await toldIn(newest, 'second', { state })];
    // As the delivery of an update does.
    await heldUp(
      `select 1 from flag_promotions.messages where id = ${older} for update`,
      () => stored.replica().alerts.close(...ended),
      () =>
        open([
          { promotionId: warned, severity: 'critical' },
          { promotionId: fresh, severity: 'warning' },
        ]),
    );
    const told = await stored.rows.query(
      `select promotion_id as id, severity, group_id from flag_promotions.alerts
        where closed_at is null and promotion_id in ($1, $2) order by promotion_id, severity desc`,
      [warned, fresh],
    );
    expect(told).toEqual([
      { id: warned, severity: 'warning', group_id: older },
      { id: warned, severity: 'critical', group_id: older },
      { id: fresh, severity: 'warning', group_id: newest },
    ]);
  });
});

describe('criticals that are named', () => {
  let group: string;
  let criticals: readonly string[];
  beforeEach(async () => {
    [group = ''] = await groups(1);
    const told: string[] = [];
    for (let n = 0; n < 3; n += 1) told.push(await toldIn(group, `critical_${n}`, { severity: 'critical' }));
    criticals = told;
  });

  test('and some of them ending at the same time do not lock each other out', async () => {
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    await heldUp(
      `select 1 from flag_promotions.alerts where promotion_id = ${criticals[1]} for update`,
      () => name(group, criticals),
      () => stored.replica().alerts.close(...criticals),
    );
  });

  test('and their group’s message being posted again do not lock each other out', async () => {
    await name(group, criticals);
    const naming = await stored.db.messages.newest('group_criticals', group);
    await stored.rows.query('update flag_promotions.messages set wanted = wanted + 1 where id = $1', [group]);
    await stored.db.messages.claim(group, LEASE);
    await heldUp(
      `select 1 from flag_promotions.messages where id = ${naming?.id} for update`,
      () => stored.db.messages.recordGone(group, LEASE, null),
      () => name(group, criticals, stored.replica()),
    );
  });

  test('wait for their group as one that ends does, before they touch an alert', async () => {
    let free: unknown;
    let naming: Promise<unknown> = Promise.resolve();
    const held = `select 1 from flag_promotions.messages where id = ${group} for no key update`;
    await whileHolding(stored, held, async () => {
      naming = name(group, criticals);
      await waiting(stored, 1);
      free = await stored.rows.query(
        'select promotion_id as id from flag_promotions.alerts order by id for update skip locked',
      );
    });
    await naming;
    expect(free).toEqual(criticals.map((id) => ({ id })));
  });
});

/**
 * Does `work` while somebody holds the first of some rows, and expects that it locks none of the others while it waits:
 * two that follow one order never deadlock.
 */
async function goesByTheOrder(table: string, ids: readonly string[], work: () => Promise<unknown>): Promise<void> {
  const [first = '', ...others] = ids;
  // An updated row moves behind the others: a scan from end to end, or by an index, meets the first of them last.
  await stored.rows.query(`update ${table} set created_at = created_at - interval '1 second' where id = $1`, [first]);
  let free: unknown;
  let working: Promise<unknown> = Promise.resolve();
  await whileHolding(stored, `select 1 from ${table} where id = ${first} for update`, async () => {
    working = work();
    await waiting(stored, 1);
    free = await stored.rows.query(`select id from ${table} where id = any($1) order by id for update skip locked`, [
      ids,
    ]);
  });
  await working;
  expect(free).toEqual(others.map((id) => ({ id })));
}

describe('messages are locked by their ids, however they are stored:', () => {
  test('groups, by the end of what they tell', async () => {
    const told = await groups(3);
    const ended: string[] = [];
    for (const [n, id] of told.entries()) ended.push(await toldIn(id, `ended_${n}`, { state: 'deployed' }));
    await goesByTheOrder('flag_promotions.messages', told, () => stored.db.alerts.close(...ended));
  });

  test('groups, by the criticals that join them', async () => {
    const told = await groups(3);
    const warned: string[] = [];
    for (const [n, id] of told.entries()) warned.push(await toldIn(id, `warned_${n}`));
    await goesByTheOrder('flag_promotions.messages', told, () =>
      open(warned.toReversed().map((promotionId) => ({ promotionId, severity: 'critical' }))),
    );
  });

  test('those of an earlier life, by whoever forgets it', async () => {
    const id = await insertPromotion(stored.rows);
    await postAlert(stored, id, 'warning', { channel: CHANNEL, ts: '1.1' });
    await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '1.2' });
    await stored.rows.query(`update console_flag_promotions set state = 'failed'`);
    await stored.db.alerts.close(id);
    await stored.rows.query(`update console_flag_promotions set state = 'deploying'`);
    const ids = (await stored.db.messages.aboutPromotion(id)).map((message) => message.id);
    expect(ids).toHaveLength(3);
    await goesByTheOrder('flag_promotions.messages', ids, () =>
      stored.db.alerts.open({ promotionId: id, severity: 'warning' }, NOW, null),
    );
  });
});

test('forgetting a message that was deleted and resolving its promotion do not lock each other out', async () => {
  const { db, rows } = stored;
  const kris = await enrol(stored.db, 'U0KRIS');
  const id = await insertPromotion(rows);
  await postAlert(stored, id, 'warning', { channel: CHANNEL, ts: '1.1' });
  await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '1.2' });
  await db.alerts.repeat(id, 1);
  const message = (await db.messages.newest('alert', id))?.id ?? '';
  const repeat = (await db.messages.newest('repeat', id))?.id ?? '';
  await db.messages.claim(message, LEASE);
  // As the delivery of the repeat does.
  await heldUp(
    `select 1 from flag_promotions.messages where id = ${repeat} for update`,
    () => db.messages.recordGone(message, LEASE, null),
    () => stored.replica().promotions.resolve(submission(id, kris), NOW, typed(kris.code())),
  );
  const alerts = await rows.query(
    'select severity from flag_promotions.alerts where closed_at is not null order by id',
  );
  expect(alerts).toEqual([{ severity: 'warning' }, { severity: 'critical' }]);
});

describe('a resolution that waits sees what was written meanwhile:', () => {
  let kris: Person;
  beforeEach(async () => {
    kris = await enrol(stored.db, 'U0KRIS');
  });
  /** Resolves while somebody writes `sql`, which the resolution has to wait for. */
  async function resolvedDuring(id: string, sql: string): Promise<unknown> {
    let outcome: Promise<unknown> = Promise.resolve();
    await whileHolding(stored, sql, async () => {
      outcome = stored.db.promotions.resolve(submission(id, kris), NOW, typed(kris.code()));
      await waiting(stored, 1);
    });
    return outcome;
  }

  test('that the promotion ended', async () => {
    const id = await insertPromotion(stored.rows);
    const ended = `update console_flag_promotions set state = 'failed', failed_at = now() where id = ${id}`;
    expect(await resolvedDuring(id, ended)).toMatchObject({ kind: 'already_resolved' });
  });

  test.each([
    ['that its operator was disabled', 'disabled_at = now()', { kind: 'not_superadmin' }],
    ['that the code was used', `totp_last_step = ${STEP}`, { kind: 'code_refused', check: { reason: 'reused' } }],
    [
      'that its operator was locked',
      `locked_until = '2100-01-01'`,
      { kind: 'code_refused', check: { kind: 'locked' } },
    ],
  ])('%s', async (_what, assignment, refusal) => {
    const id = await insertPromotion(stored.rows);
    expect(await resolvedDuring(id, `update flag_promotions.operators set ${assignment}`)).toMatchObject(refusal);
  });

  test('that its alert is about to be posted, so that a reply says how it ended', async () => {
    const id = await insertPromotion(stored.rows);
    await stored.db.alerts.open({ promotionId: id, severity: 'warning' }, NOW, null);
    const begun = `update flag_promotions.messages set attempts = 1, lease_owner = 'x' where subject = '${id}'`;
    expect(await resolvedDuring(id, begun)).toMatchObject({ kind: 'resolved' });
    const [alert, reply] = await stored.db.messages.aboutPromotion(id);
    expect(alert).toMatchObject({ kind: 'alert', state: 'pending', wanted: 1 });
    expect(reply).toMatchObject({ kind: 'resolved', root: { id: alert?.id } });
  });

  test('that nothing had been posted so far: then nothing is said at all', async () => {
    const id = await insertPromotion(stored.rows);
    await stored.db.alerts.open({ promotionId: id, severity: 'warning' }, NOW, null);
    const deferred = `update flag_promotions.messages set not_before = null where subject = '${id}'`;
    expect(await resolvedDuring(id, deferred)).toMatchObject({ kind: 'resolved' });
    expect(await stored.db.messages.aboutPromotion(id)).toMatchObject([{ kind: 'alert', state: 'closed' }]);
  });
});

test('no event waits behind an owner who releases a critical: the head of the audit log is locked after its alert', async () => {
  const [group = ''] = await groups(1);
  const id = await toldIn(group, 'owned', { severity: 'critical' });
  const other = await insertPromotion(stored.rows, { flag_key: 'other' });
  await enrol(stored.db, 'U0KRIS');
  const asked = { promotionId: id, operatorId: 'U0KRIS', at: NOW };
  await stored.db.attention.take({ ...asked, over: null });
  let released: Promise<unknown> = Promise.resolve();
  await whileHolding(stored, `select 1 from flag_promotions.alerts where promotion_id = ${id} for update`, async () => {
    released = stored.db.attention.answer({ ...asked, answer: 'hand_over' });
    await waiting(stored, 1);
    expect(await stored.replica().alerts.open({ promotionId: other, severity: 'warning' }, NOW, null)).toBe(true);
  });
  expect(await released).toMatchObject({ kind: 'done' });
});

test('of two shells that disable the last two superadmins at once, the second sees what the first did', async () => {
  const first = await enrol(stored.db, 'U0FIRST000');
  const second = await enrol(stored.db, 'U0SECOND00');
  const by = { actor: 'command line', keepLast: true };
  const disabling = (id: string) => stored.db.operators.disable(id, NOW, by);
  const row = `select 1 from flag_promotions.operators where slack_user_id = '${first.id}' for update`;
  let both: Promise<readonly string[]> = Promise.resolve([]);
  await whileHolding(stored, row, async () => {
    const started = disabling(first.id);
    await waiting(stored, 1);
    both = Promise.all([started, disabling(second.id)]);
    // Without a lock of its own, the second would be through by now.
    await sleep(500);
  });
  expect(await both).toEqual(['disabled', 'last_superadmin']);
});

describe('what was told of a promotion that came to rest', () => {
  const LONG_AGO = '2026-01-01T00:00:00Z';
  const BEFORE = new Date('2026-02-01T00:00:00Z');
  const ended = { state: 'deployed', deployed_at: LONG_AGO, rca_url: 'https://docs.example.com/rca' };

  async function told(flagKey: string): Promise<string> {
    const id = await insertPromotion(stored.rows, { ...ended, flag_key: flagKey });
    await stored.rows.query(
      `insert into flag_promotions.alerts (promotion_id, severity, is_rca_reminder_done, closed_at) values ($1, 'critical', true, $2)`,
      [id, LONG_AGO],
    );
    await stored.rows.query(
      `insert into flag_promotions.messages (kind, subject, promotion_id, state, updated_at)
        select kind, $1::text, $1::bigint, 'posted', $2::timestamptz from unnest(array['progress', 'alert', 'resolved']) as kind`,
      [id, LONG_AGO],
    );
    return id;
  }
  async function expectNothingIsLeft(): Promise<void> {
    for (const table of ['alerts', 'messages']) {
      expect(await stored.rows.query(`select 1 from flag_promotions.${table}`)).toEqual([]);
    }
  }

  test('is removed once, even by two replicas at a time', async () => {
    const id = await told('told');
    await heldUp(
      'select 1 from flag_promotions.messages for update',
      () => stored.db.pruning.prune(id, BEFORE),
      () => stored.replica().pruning.prune(id, BEFORE),
    );
    await expectNothingIsLeft();
  });

  test('so is much, by two ticks of the same second', async () => {
    for (let n = 0; n < 40; n += 1) await told(`told_${n}`);
    const tick = async ({ pruning }: Stored['db']) => {
      for (const id of await pruning.prunable(BEFORE, 100)) await pruning.prune(id, BEFORE);
    };
    await Promise.all([tick(stored.db), tick(stored.replica())]);
    await expectNothingIsLeft();
  });

  test('is removed while somebody clicks an old button of it, and neither locks the other out', async () => {
    const id = await told('clicked');
    await heldUp(
      'select 1 from flag_promotions.alerts for key share',
      () => stored.db.pruning.prune(id, BEFORE),
      () => stored.replica().alerts.closeOf(id),
    );
    await expectNothingIsLeft();
  });

  test('is left to the next tick if somebody has the promotion, and holds up no other', async () => {
    const id = await told('forgotten');
    await whileHolding(stored, `update console_flag_promotions set resolution_note = 'by hand'`, async () => {
      expect(await stored.db.pruning.prune(id, BEFORE)).toBe(false);
    });
    expect(await stored.db.pruning.prunable(BEFORE, 10)).toEqual([id]);
    expect(await stored.db.pruning.prune(id, BEFORE)).toBe(true);
  });
});
