import pg from 'pg';
import { type Database, openDatabase } from '../../src/db/database.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { setBackOf } from '../../src/promotions/set-back.js';
import { eventually } from '../support/eventually.js';
import {
  accepted,
  enrol,
  insertPromotion,
  NOW,
  type Person,
  type Stored,
  startStored,
  stopClock,
} from '../support/rows.js';

const LEASE = { owner: 'mine', durationMs: 60_000 };
const RELEASE = { id: 'release', version: 143, status: 'succeeded', createdAt: NOW } as const;
const DEPLOYED = { state: 'deployed' } as const;

let stored: Stored;
let kris: Person;
/** Another system's session, which holds its transaction's locks. */
let other: pg.Client;

beforeEach(async () => {
  stored = await startStored();
  kris = await enrol(stored.db, 'U0KRIS');
  other = new pg.Client({ connectionString: stored.url });
  await other.connect();
});
afterEach(async () => {
  await other.end();
  await stored.close();
});

async function mark(flagKey: string, db: Database = stored.db): Promise<string> {
  const asked = { flagKey, herokuApp: 'app', configVar: `FLAG_${flagKey}`, targetValue: 'true' };
  const marked = await db.transitions.mark(asked, kris.id, NOW);
  if (marked.kind !== 'marked') throw new Error(marked.kind);
  return marked.promotion.id;
}
const promote = (promotionId: string, step: number, db: Database = stored.db) =>
  db.transitions.carryOut(
    {
      promotionId,
      transition: 'promote',
      operatorId: kris.id,
      shown: null,
      reread: null,
      isAsShown: () => true,
      takesSecondPerson: () => false,
    },
    NOW,
    accepted(step),
  );

async function claimed(): Promise<string> {
  const id = await mark('new');
  await promote(id, 1);
  const found = await stored.db.promoting.claimNext(LEASE);
  expect(found.promotion?.id).toBe(id);
  return id;
}
const stateOf = async (id: string) => (await stored.db.promotions.find(id))?.state;
/** As a promoter sends it. */
async function sent(id: string, db: Database = stored.db) {
  const promotion = await db.promotions.find(id);
  if (promotion === null) throw new Error('The promotion is gone.');
  return promotion;
}
const actionsOf = async (id: string) => (await stored.db.audit.ofPromotion(id, 10)).map(({ action }) => action);
const areWaiting = (sessions: number) =>
  eventually(async () => {
    const waiting = await stored.rows.query(
      `select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'flag-promotions'`,
    );
    expect(waiting).toHaveLength(sessions);
  });

describe('ending a promotion', () => {
  test('records that Heroku took the change, and then the end, with one update wanted', async () => {
    const id = await claimed();
    expect(await stored.db.promoting.commit(id, LEASE, DEPLOYED, NOW, RELEASE)).toBe(true);
    expect(await actionsOf(id)).toEqual(
      ['marked', 'promoted', 'heroku_patched', 'deployed'].map((word) => `console.flag.promotion.${word}`),
    );
    expect(await stored.db.messages.newest('progress', id)).toMatchObject({ wanted: 1 });
    expect(await stored.db.audit.verify()).toMatchObject({ intact: true });
  });

  test.each(['another’s lease', 'an ended promotion'])('of %s writes nothing, and records nothing', async (of) => {
    const id = await claimed();
    if (of === 'an ended promotion') await stored.db.promoting.commit(id, LEASE, DEPLOYED, NOW, RELEASE);
    const before = await stored.rows.query('select * from console_flag_promotions');
    const events = await actionsOf(id);
    const lease = of === 'an ended promotion' ? LEASE : { ...LEASE, owner: 'another' };
    const failed = { state: 'failed', reason: 'no' } as const;
    expect(await stored.db.promoting.commit(id, lease, failed, NOW, null)).toBe(false);
    expect(await stored.db.promoting.writePendingCommit(id, lease, RELEASE, NOW)).toBe(false);
    expect(await stored.rows.query('select * from console_flag_promotions')).toEqual(before);
    expect(await actionsOf(id)).toEqual(events);
  });

  test('is undone as a whole if the event cannot be recorded', async () => {
    const id = await claimed();
    await stored.rows.query(
      `alter table flag_promotions.audit_log add constraint none check (action not like '%.deployed')`,
    );
    await expect(stored.db.promoting.commit(id, LEASE, DEPLOYED, NOW, RELEASE)).rejects.toThrow(/none/u);
    expect(await stateOf(id)).toBe('deploying');
    expect(await actionsOf(id)).toHaveLength(2);
    expect(await stored.db.messages.newest('progress', id)).toMatchObject({ wanted: 0 });
  });

  test('locks the head of the audit chain last: whoever waits for something else holds up nobody’s event', async () => {
    const id = await claimed();
    await other.query('begin');
    await other.query('select from flag_promotions.messages where promotion_id = $1 for update', [id]);
    const committing = stored.db.promoting.commit(id, LEASE, DEPLOYED, NOW, RELEASE);
    await areWaiting(1);
    await mark('another');
    await other.query('rollback');
    expect(await committing).toBe(true);
    expect(await stored.db.audit.verify()).toMatchObject({ intact: true });
  });

  test('closes the alert that was opened before, with its event last', async () => {
    const id = await claimed();
    expect(await stored.db.alerts.open({ promotionId: id, severity: 'warning' }, NOW, null)).toBe(true);
    expect(await stored.db.promoting.commit(id, LEASE, DEPLOYED, NOW, RELEASE)).toBe(true);
    expect(await stored.db.alerts.ofPromotion(id)).toMatchObject([{ closedAt: expect.any(Date) }]);
    expect((await actionsOf(id)).at(-1)).toBe('console.flag.promotion.deployed');
    expect(await stored.db.audit.verify()).toMatchObject({ intact: true });
  });

  test('waits for whoever opens an alert at that very moment, and closes it, also in a group', async () => {
    const id = await claimed();
    await other.query('begin');
    await other.query('lock table flag_promotions.audit_log in share mode');
    const alerts = [{ promotionId: id, severity: 'critical' as const }];
    const opening = stored.db.groups.open({ channel: 'C0ALERTS', notBefore: null, alerts }, NOW);
    await areWaiting(1);
    const committing = stored.db.promoting.commit(id, LEASE, DEPLOYED, NOW, RELEASE);
    await areWaiting(2);
    await other.query('commit');
    await opening;
    expect(await committing).toBe(true);
    expect(await stored.db.alerts.ofPromotion(id)).toMatchObject([{ closedAt: expect.any(Date) }]);
    const group = await stored.db.messages.newest('group', 'C0ALERTS');
    expect(await stored.db.groups.facts(group?.id ?? '')).toMatchObject({ open: [], completed: 1 });
    expect(await stored.db.groups.withCriticals()).toEqual([]);
  });
});

describe('taking up what waits for Heroku', () => {
  const HOUR = 3_600_000;
  const at = (ms: number) => stopClock(stored, new Date(NOW.getTime() + ms));

  test.each([
    ['moves on', null],
    ['failed', 'rate limit'],
  ])('takes what %s once its time has come by the database’s clock, and not before', async (_what, lastError) => {
    await at(0);
    const id = await claimed();
    await stored.db.promoting.postpone(id, LEASE, { waitMs: HOUR, lastError });
    expect(await stored.db.promoting.claimNext(LEASE)).toMatchObject({ promotion: null });
    await at(HOUR - 1);
    expect(await stored.db.promoting.claimNext(LEASE)).toMatchObject({ promotion: null });
    await at(HOUR);
    expect((await stored.db.promoting.claimNext(LEASE)).promotion?.id).toBe(id);
  });

  test('takes it over from a holder whose lease has run out by the database’s clock, and not before', async () => {
    await at(0);
    const id = await claimed();
    const another = { ...LEASE, owner: 'another' };
    await at(LEASE.durationMs - 1);
    expect(await stored.db.promoting.claimNext(another)).toMatchObject({ promotion: null });
    expect(await stored.db.promoting.renew(id, LEASE)).toBe(true);
    await at(2 * LEASE.durationMs - 2);
    expect(await stored.db.promoting.claimNext(another)).toMatchObject({ promotion: null });
    await at(2 * LEASE.durationMs - 1);
    expect(await stored.db.promoting.claimNext(another)).toMatchObject({ attempts: 2 });
  });
});

describe('if nothing is due', () => {
  const at = (ms: number) => stopClock(stored, new Date(NOW.getTime() + ms));
  const claim = (owner = 'another') => stored.db.promoting.claimNext({ ...LEASE, owner });

  test('is told when something will be: at the end of a lease, or of a wait, whichever comes first', async () => {
    await at(0);
    expect(await claim()).toEqual({ promotion: null, dueInMs: null });
    const id = await claimed();
    expect(await claim()).toEqual({ promotion: null, dueInMs: LEASE.durationMs });
    await at(1_500);
    expect(await claim()).toEqual({ promotion: null, dueInMs: LEASE.durationMs - 1_500 });
    await stored.db.promoting.postpone(id, LEASE, { waitMs: 7_000, lastError: null });
    expect(await claim()).toEqual({ promotion: null, dueInMs: 7_000 });
    const another = await mark('another');
    await promote(another, 2);
    expect((await claim('third')).promotion?.id).toBe(another);
    expect(await claim()).toEqual({ promotion: null, dueInMs: 7_000 });
  });

  test('is not put off by what nobody here may take', async () => {
    await at(0);
    await stored.rows.insertDeploying({ flagKey: 'theirs', checkpoint: null });
    await stored.rows.insertDeploying({ flagKey: 'odd', checkpoint: 'THEIRS' });
    expect(await claim()).toEqual({ promotion: null, dueInMs: null });
  });

  test('is due at once if it is only locked', async () => {
    await at(0);
    const id = await mark('new');
    await promote(id, 1);
    await other.query('begin');
    await other.query('select from console_flag_promotions for update');
    expect(await claim()).toEqual({ promotion: null, dueInMs: 0 });
    await other.query('rollback');
    expect((await claim()).promotion?.id).toBe(id);
  });
});

describe('announcing a PATCH', () => {
  const BEFORE = { value: 'off', release: 7 };
  const at = (ms: number) => stopClock(stored, new Date(NOW.getTime() + ms));
  const announce = async (id: string, lease = LEASE) =>
    stored.db.promoting.announcePatch(await sent(id), lease, BEFORE);
  /** Moves the clock on, so that an earlier lease has expired. */
  const successor = async (ms: number) => {
    await at(ms);
    const lease = { ...LEASE, owner: `successor after ${ms}` };
    expect((await stored.db.promoting.claimNext(lease)).promotion).not.toBeNull();
    return lease;
  };

  test('records it by the database’s clock, with what Heroku held, and renews the lease', async () => {
    await at(0);
    const id = await claimed();
    await at(40_000);
    expect(await announce(id)).toEqual({ kind: 'announced' });
    expect((await stored.db.audit.ofPromotion(id, 10)).at(-1)).toMatchObject({
      action: 'console.flag.promotion.heroku_patching',
      at: new Date(NOW.getTime() + 40_000),
      actor: 'promoter',
      detail: { heroku_app: 'app', config_var: 'FLAG_new', target: { kind: 'plain', value: 'true' } },
    });
    expect(await stored.db.promotions.find(id)).toMatchObject({ previousValue: 'off', baseRelease: 7 });
    const [row] = await stored.rows.query('select lease_until from console_flag_promotions');
    expect(row).toEqual({ lease_until: new Date(NOW.getTime() + 40_000 + LEASE.durationMs) });
    expect(await stored.db.audit.verify()).toMatchObject({ intact: true });
  });

  test('lets the next claim tell for how long it may still take effect', async () => {
    await at(0);
    const id = await claimed();
    const claimAgain = async () => {
      await stored.db.promoting.postpone(id, LEASE, { waitMs: 0, lastError: null });
      return stored.db.promoting.claimNext(LEASE);
    };
    expect(await claimAgain()).toMatchObject({ settlesInMs: 0 });
    await announce(id);
    await at(10_000);
    expect(await claimAgain()).toMatchObject({ settlesInMs: 20_000 });
    await at(30_000);
    expect(await claimAgain()).toMatchObject({ settlesInMs: 0 });
    await announce(id);
    await stored.db.promoting.recordUnchanged(id, LEASE, 'rate_limited', NOW);
    expect(await claimAgain()).toMatchObject({ settlesInMs: 0 });
  });

  test('keeps what Heroku held before the first one', async () => {
    await at(0);
    const id = await claimed();
    await announce(id);
    await at(30_000);
    expect(await stored.db.promoting.announcePatch(await sent(id), LEASE, { value: 'another', release: 8 })).toEqual({
      kind: 'announced',
    });
    expect(await stored.db.promotions.find(id)).toMatchObject({ previousValue: 'off', baseRelease: 7 });
  });

  test.each([
    ['its own', false],
    ['its predecessor’s', true],
  ])('is too soon within 30 s of %s last one, which may have been sent', async (_whose, isSuccessor) => {
    await at(0);
    const id = await claimed();
    expect(await announce(id)).toEqual({ kind: 'announced' });
    if (isSuccessor) await stored.rows.query('update console_flag_promotions set lease_until = $1', [NOW]);
    const lease = isSuccessor ? await successor(20_000) : LEASE;
    await at(29_999);
    expect(await announce(id, lease)).toEqual({ kind: 'too_soon', waitMs: 1 });
    expect(await actionsOf(id)).toHaveLength(3);
    await at(30_000);
    expect(await announce(id, lease)).toEqual({ kind: 'announced' });
    expect(await announce(id, lease)).toEqual({ kind: 'too_soon', waitMs: 30_000 });
  });

  test('after the clock was set back, is too soon until a holder has waited 30 s by its own', async () => {
    await at(0);
    const id = await claimed();
    expect(await announce(id)).toEqual({ kind: 'announced' });
    await stored.rows.query('update console_flag_promotions set lease_until = null');
    await at(-6 * 3_600_000);
    const lease = { ...LEASE, owner: 'after the failover' };
    expect((await stored.db.promoting.claimNext(lease)).promotion).not.toBeNull();
    const again = async (hasWaited: boolean) =>
      stored.db.promoting.announcePatch(await sent(id), lease, BEFORE, { hasWaited });
    expect(await again(false)).toMatchObject({ kind: 'too_soon' });
    expect(await again(true)).toEqual({ kind: 'announced' });
    // This one has the present clock's time.
    expect(await again(true)).toEqual({ kind: 'too_soon', waitMs: 30_000 });
    await at(30_000 - 6 * 3_600_000);
    expect(await again(false)).toEqual({ kind: 'announced' });
  });

  test('is not too soon if the last one certainly changed nothing, until the next one', async () => {
    await at(0);
    const id = await claimed();
    await announce(id);
    expect(await stored.db.promoting.recordUnchanged(id, LEASE, 'forbidden', NOW)).toBe(true);
    expect(await announce(id)).toEqual({ kind: 'announced' });
    expect(await announce(id)).toEqual({ kind: 'too_soon', waitMs: 30_000 });
    expect(await actionsOf(id)).toEqual(
      ['marked', 'promoted', 'heroku_patching', 'heroku_unchanged', 'heroku_patching'].map(
        (word) => `console.flag.promotion.${word}`,
      ),
    );
  });

  test('is its holder’s alone', async () => {
    await at(0);
    const id = await claimed();
    await announce(id);
    const lease = await successor(LEASE.durationMs);
    const before = await stored.rows.query('select * from console_flag_promotions');
    expect(await announce(id)).toEqual({ kind: 'lost' });
    expect(await stored.db.promoting.recordUnchanged(id, LEASE, 'withheld', NOW)).toBe(false);
    expect(await stored.rows.query('select * from console_flag_promotions')).toEqual(before);
    expect(await actionsOf(id)).toHaveLength(3);
    await stored.db.promoting.commit(id, lease, DEPLOYED, NOW, RELEASE);
    expect(await announce(id, lease)).toEqual({ kind: 'lost' });
  });

  test('is undone as a whole if the event cannot be recorded', async () => {
    const id = await claimed();
    await stored.rows.query(
      `alter table flag_promotions.audit_log add constraint none check (action not like '%.heroku_patching')`,
    );
    await expect(announce(id)).rejects.toThrow(/none/u);
    expect(await stored.db.promotions.find(id)).toMatchObject({ previousValue: null, baseRelease: null });
  });
});

describe('linking an RCA', () => {
  test('locks the head of the audit chain last, as ending a promotion of the same group does', async () => {
    const [ending, linking] = [await claimed(), await mark('another')];
    await promote(linking, 2);
    const alerts = [ending, linking].map((promotionId) => ({ promotionId, severity: 'warning' as const }));
    await stored.db.groups.open({ channel: 'C0ALERTS', notBefore: null, alerts }, NOW);
    await other.query('begin');
    await other.query('select from flag_promotions.alerts where promotion_id = $1 for update', [ending]);
    const committing = stored.db.promoting.commit(ending, LEASE, DEPLOYED, NOW, RELEASE);
    await areWaiting(1);
    const rca = { promotionId: linking, url: 'https://wiki.example/rca', operatorId: kris.id, at: NOW };
    const link = stored.db.promotions.linkRca(rca);
    await areWaiting(2);
    await other.query('commit');
    expect(await committing).toBe(true);
    expect(await link).toMatchObject({ kind: 'linked' });
  });
});

describe('marking', () => {
  test('if the console’s own index is in the way, fails, and says which one', async () => {
    await mark('new');
    await stored.rows.query('create unique index theirs on console_flag_promotions (flag_key)');
    const asked = { flagKey: 'new', herokuApp: 'another', configVar: 'FLAG_NEW', targetValue: 'true' };
    await expect(stored.db.transitions.mark(asked, kris.id, NOW)).rejects.toThrow(/unique constraint "theirs"/u);
    expect(await stored.rows.query('select 1 from console_flag_promotions')).toHaveLength(1);
  });

  test('waits for whoever takes a person’s rights at that moment, and then refuses', async () => {
    await other.query('begin');
    await other.query('update flag_promotions.operators set disabled_at = now() where slack_user_id = $1', [kris.id]);
    const asked = { flagKey: 'new', herokuApp: 'app', configVar: 'FLAG_NEW', targetValue: 'true' };
    const marking = stored.db.transitions.mark(asked, kris.id, NOW);
    await areWaiting(1);
    await other.query('commit');
    expect(await marking).toEqual({ kind: 'not_operator' });
    expect(await stored.rows.query('select 1 from console_flag_promotions')).toEqual([]);
    expect(await stored.rows.query('select action, actor from flag_promotions.audit_log')).toEqual([
      { action: 'console.flag.promotion.denied', actor: kris.id },
    ]);
  });
});

describe('a console that alters its table', () => {
  let db: Database;
  beforeEach(() => {
    db = openDatabase(stored.url, { maxConnections: 1 });
  });
  afterEach(() => db.close());

  async function work(flagKey: string, step: number): Promise<unknown> {
    const id = await mark(flagKey, db);
    const promoted = await promote(id, step, db);
    const found = await db.promoting.claimNext(LEASE);
    await db.promoting.announcePatch(await sent(id, db), LEASE, { value: null, release: 1 });
    return [promoted.kind, found.promotion?.id === id, await db.promoting.commit(id, LEASE, DEPLOYED, NOW, RELEASE)];
  }

  test('does not disturb statements that a connection has prepared', async () => {
    // The console's: narrower types than ours, which its later version widens.
    await stored.rows.query(`
      alter table console_flag_promotions
        alter column id type integer, alter column flag_key type varchar(100), alter column marked_by type varchar(40)`);
    expect(await work('before', 1)).toEqual(['done', true, true]);
    await stored.rows.query(`
      alter table console_flag_promotions
        alter column id type bigint, alter column flag_key type text, alter column marked_by type text,
        add column another text;
      select setval(pg_get_serial_sequence('console_flag_promotions', 'id'), 5000000000)`);
    expect(await work('after', 2)).toEqual(['done', true, true]);
  });

  test('disturbs at most one attempt, if a value is of another type now', async () => {
    await stored.rows.query(`
      alter table console_flag_promotions
        alter column target_value drop default, alter column target_value type boolean using target_value::boolean,
        alter column previous_value type boolean using previous_value::boolean`);
    expect(await work('before', 1)).toEqual(['done', true, true]);
    await stored.rows.query(`
      alter table console_flag_promotions
        alter column target_value type text, alter column previous_value type text`);
    const asked = { flagKey: 'after', herokuApp: 'app', configVar: 'FLAG_AFTER', targetValue: 'green' };
    await expect(db.transitions.mark(asked, kris.id, NOW)).rejects.toMatchObject({ code: '22P02' });
    const marked = await db.transitions.mark(asked, kris.id, NOW);
    const id = marked.kind === 'marked' ? marked.promotion.id : '';
    await promote(id, 2, db);
    await db.promoting.claimNext(LEASE);
    // The connection that met the change is gone, with all its prepared statements.
    const kept = await db.promoting.announcePatch(await sent(id, db), LEASE, { value: 'blue', release: 1 });
    expect(kept).toEqual({ kind: 'announced' });
    expect(await db.promotions.find(id)).toMatchObject({ targetValue: 'green', previousValue: 'blue' });
  });
});

describe('what Heroku held before', () => {
  const box = createSecretBox(Buffer.alloc(32, 'values'));
  const BEFORE = { value: 'sk_live_canary', release: 3 };
  let sealing: Database;
  beforeEach(() => {
    sealing = openDatabase(stored.url, { maxConnections: 1, valueBox: box });
  });
  afterEach(() => sealing.close());
  const kept = async (id: string) =>
    (
      await stored.rows.query<{ previous_value: string | null }>(
        'select previous_value from console_flag_promotions where id = $1',
        [id],
      )
    )[0]?.previous_value;
  const read = async (db: Database, id: string) => (await db.promotions.find(id))?.previousValue;

  test('is sealed in its row if an alert would mask it, and read by whoever has the key', async () => {
    const id = await claimed();
    expect(await sealing.promoting.announcePatch(await sent(id), LEASE, BEFORE)).toEqual({ kind: 'announced' });
    expect(await kept(id)).toMatch(/^sealed:v1\./u);
    expect(
      JSON.stringify(
        await stored.rows.query('select p::text, a::text from console_flag_promotions p, flag_promotions.audit_log a'),
      ),
    ).not.toContain('canary');
    expect(await read(sealing, id)).toBe('sk_live_canary');
  });

  test('moved to another row, or under another key, is known to nobody', async () => {
    const id = await claimed();
    await sealing.promoting.announcePatch(await sent(id), LEASE, BEFORE);
    const other = await insertPromotion(stored.rows, { flag_key: 'other', previous_value: await kept(id) });
    const moved = await sealing.promotions.find(other);
    expect(moved?.previousValue).toMatch(/^sealed:/u);
    if (moved === null) throw new Error('The promotion is gone.');
    expect(setBackOf(moved, null)).toEqual({ kind: 'unknown' });
    const lost = openDatabase(stored.url, { maxConnections: 1, valueBox: createSecretBox(Buffer.alloc(32, 'lost')) });
    expect(await read(lost, id)).toMatch(/^sealed:/u);
    await lost.close();
  });

  test.each(['true', 'off', '42'])('stays as it is where it is plainly a flag’s: %s', async (value) => {
    const id = await claimed();
    await sealing.promoting.announcePatch(await sent(id), LEASE, { ...BEFORE, value });
    expect(await kept(id)).toBe(value);
  });

  test('that another system recorded is read as it is', async () => {
    const id = await insertPromotion(stored.rows, { previous_value: 'sk_of_the_console' });
    expect(await read(sealing, id)).toBe('sk_of_the_console');
  });
});
