import pg from 'pg';
import { type Database, openDatabase } from '../../src/db/database.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { accepted, enrol, LIVE, type Person, submission } from '../support/rows.js';

/** Enough rows that a sequential scan of them would be a choice of the planner's, not a shortcut for a small table. */
const ROWS = 200_000;
const STUCK = 20;
/** Of which nothing was said for a hundred days. */
const OLD = 8;
/** Of the 200,000 and more rows, what one call of any kind may touch at most. */
const FEW = 200;

const TABLES = [
  'console_flag_promotions',
  'flag_promotions.audit_log',
  'flag_promotions.audit_head',
  'flag_promotions.alerts',
  'flag_promotions.progress',
] as const;
const HOUR = 3_600_000;
const LEASE = { owner: 'mine', durationMs: 60_000 };
const RELEASE = { id: 'release', version: 143, status: 'pending', createdAt: new Date() } as const;

let database: TestDatabase;
let client: pg.Client;
let rows: RowStore;
let kris: Person;
let stuckIds: readonly string[];
let now: Date;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  rows = createRowStore(database.url);
  // Each in a transaction of its own: an index that is built over many rows is faster than one that is grown.
  await client.query(
    `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at, deployed_at)
      select 'flag_' || n % 5000, 'app-' || n % 50, 'FLAG_' || n % 5000, 'deployed', now() - n * interval '1 minute', now()
        from generate_series(1, ${ROWS}) n`,
  );
  const inserted = await client.query<{ id: string }>(
    `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, checkpoint, promoted_at)
      select 'stuck_' || n, 'app', 'FLAG_STUCK_' || n, 'deploying', 'INTENT', now() - interval '2 days' + n * interval '1 minute'
        from generate_series(1, ${STUCK}) n returning id`,
  );
  stuckIds = inserted.rows.map(({ id }) => id);
  // The chain of the log is not what is looked at here, and would take long for so many events.
  await client.query(`
    alter table flag_promotions.audit_log disable trigger user;
    insert into flag_promotions.audit_log (id, at, action, actor, promotion_id, prev_hash, hash)
      select n, now(), 'console.flag.promotion.deployed', 'promoter', n, repeat('0', 64), repeat('0', 64)
        from generate_series(1, ${ROWS}) n;
    update flag_promotions.audit_log set action = 'console.flag.promotion.ops_complete' where id in (2, 3);
    update flag_promotions.audit_head set last_id = ${ROWS};
    alter table flag_promotions.audit_log enable trigger user;
    insert into flag_promotions.alerts (promotion_id, severity, state, channel, message_ts, created_at, posted_at, rca_settled)
      select n, 'critical', 'closed', 'C0ALERTS', n || '.1', now() - n * interval '10 minutes', now(), n > 5 from generate_series(1, 20000) n;
    insert into flag_promotions.progress (promotion_id, state, channel, message_ts, shown_state, repaint_wanted, repaint_done)
      select n, 'posted', 'C0ALERTS', n || '.2', 'deployed', 4, 4 from generate_series(1, ${ROWS}) n;
    update flag_promotions.alerts set updated_at = now() - interval '100 days' where promotion_id <= ${OLD};
    update flag_promotions.progress set updated_at = now() - interval '100 days' where promotion_id <= ${OLD};`);
  await client.query('vacuum analyze');
  const db = openDatabase(database.url);
  kris = await enrol(db, 'U0KRIS');
  await db.close();
  now = new Date();
}, 60_000);

afterAll(async () => {
  await rows.close();
  await client.end();
  await database.drop();
});

interface Reads {
  readonly sequentialScans: number;
  readonly rowsRead: number;
}

async function reads(): Promise<readonly Reads[]> {
  // A session's counts are complete once it has ended, which is a moment after it was told to.
  await eventually(async () => {
    const { rows: sessions } = await client.query(
      `select 1 from pg_stat_activity where datname = current_database() and application_name = 'flag-promotions'`,
    );
    expect(sessions).toEqual([]);
  });
  await client.query('select pg_stat_force_next_flush()');
  const found = await client.query<{ scans: string; rows: string }>(
    `select seq_scan as scans,
            seq_tup_read + (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes i where i.relid = t.relid) as rows
       from pg_stat_user_tables t where relid = any($1::text[]::regclass[]) order by relname`,
    [TABLES],
  );
  return found.rows.map(({ scans, rows: read }) => ({ sequentialScans: Number(scans), rowsRead: Number(read) }));
}

/** How often the large tables were read from end to end meanwhile, and how many of their rows were read. */
async function readBy(work: (db: Database) => Promise<unknown>): Promise<Reads> {
  const before = await reads();
  const db = openDatabase(database.url, { maxConnections: 1 });
  try {
    await work(db);
  } finally {
    await db.close();
  }
  const after = await reads();
  const difference = (of: (read: Reads) => number) =>
    after.reduce((sum, read, index) => sum + of(read) - of(before[index] ?? { sequentialScans: 0, rowsRead: 0 }), 0);
  return { sequentialScans: difference((r) => r.sequentialScans), rowsRead: difference((r) => r.rowsRead) };
}

const cutoff = () => new Date(now.getTime() - 12 * HOUR);
const nth = (index: number): string => stuckIds[index] ?? '';

/** What the app asks of the database, each with what it must answer for the question to have been a real one. */
const CALLS: readonly (readonly [string, (db: Database) => Promise<unknown>, expected: unknown])[] = [
  [
    'gathering what is stuck',
    (db) => db.alerts.gather(cutoff()),
    { stuck: { length: STUCK }, deploying: STUCK, endedPromotionIds: [] },
  ],
  [
    'a page of the stuck',
    (db) => db.promotions.stuck(cutoff(), { offset: 5, limit: 5 }),
    { total: STUCK, rows: { length: 5 } },
  ],
  ['what was resolved last by a person', (db) => db.promotions.resolved(5), [{ id: '3' }, { id: '2' }]],
  ['the first page of the list', (db) => db.promotions.list({ beforeId: null, limit: 10 }), { length: 10 }],
  ['a page in the middle of the list', (db) => db.promotions.list({ beforeId: '1000', limit: 10 }), { length: 10 }],
  ['a promotion by its id', (db) => db.promotions.find('77'), { id: '77' }],
  [
    'the newest of a flag',
    (db) => db.promotions.newestOf('flag_77'),
    { flagKey: 'flag_77', id: String(ROWS - 5000 + 77) },
  ],
  ['the newest of a flag that is not there', (db) => db.promotions.newestOf('no_such_flag'), null],
  ['what is deploying', (db) => db.promotions.deploying(), { total: STUCK, oldest: { flagKey: 'stuck_1' } }],
  ['the one that ended last', (db) => db.promotions.lastEnded(), { state: 'deployed' }],
  ['the history of a promotion', (db) => db.audit.ofPromotion('77', 10), { length: 1 }],
  ['an event by its id', (db) => db.audit.find('77'), { id: '77' }],
  ['opening an alert', (db) => db.alerts.open(nth(0), 'critical', now), true],
  ['the alerts that are due', (db) => db.alerts.due(now, 200), { length: 1 }],
  [
    'delivering an alert',
    async (db) => {
      const [id = ''] = await db.alerts.pendingOf(nth(0));
      const claimed = await db.alerts.claim(id, LEASE, now);
      await db.alerts.recordPosted(id, LEASE, {
        message: { channel: 'C0ALERTS', ts: 'mine' },
        threadTs: null,
        at: now,
        evidenceDueAt: null,
      });
      const again = await db.alerts.reread(id, LEASE);
      await db.alerts.release(id, LEASE, null);
      return { claimed: claimed?.promotion.id === nth(0), again: again?.alert.state };
    },
    { claimed: true, again: 'posted' },
  ],
  ['a thread’s promotion', (db) => db.alerts.promotionOfThread({ channel: 'C0ALERTS', ts: '77.1' }), '77'],
  [
    'repeating a critical',
    async (db) => {
      await db.replies.queueRepeat(nth(0), 1);
      const due = await db.replies.due(now, 200);
      const claimed = await db.replies.claim(due[0] ?? '', LEASE, now);
      await db.replies.recordPosted(due[0] ?? '', LEASE, { channel: 'C0ALERTS', ts: 'reply' }, now);
      return claimed?.promotion.id === nth(0);
    },
    true,
  ],
  ['the criticals whose RCA is not settled', (db) => db.rcaDebts.unsettled(200), { length: 5 }],
  [
    'reminding of an RCA, and settling one',
    async (db) => {
      const [first, second] = await db.rcaDebts.unsettled(2);
      await db.rcaDebts.remind(first?.promotion.id ?? '0', first?.alertId ?? '0');
      await db.rcaDebts.settle(second?.alertId ?? '0');
      return db.rcaDebts.unsettled(200);
    },
    { length: 3 },
  ],
  [
    'linking an RCA',
    (db) =>
      db.promotions.linkRca({ promotionId: nth(1), url: 'https://wiki.example/rca', operatorId: kris.id, at: now }),
    { kind: 'linked' },
  ],
  ['resolving', (db) => db.promotions.resolve(submission(nth(0), kris), now, accepted(1)), { kind: 'resolved' }],
  [
    'a refused resolution',
    (db) => db.promotions.resolve(submission(nth(0), kris, { shown: LIVE }), now, accepted(1)),
    { kind: 'already_resolved' },
  ],
  [
    'noticing another system’s end',
    async (db) => {
      await db.alerts.open(nth(2), 'warning', now);
      await rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [nth(2)]);
      const { endedPromotionIds } = await db.alerts.gather(cutoff());
      for (const id of endedPromotionIds) await db.alerts.close(id);
      return endedPromotionIds;
    },
    { length: 1 },
  ],
  [
    'telling of several in a summary, calling, and what follows',
    async (db) => {
      const openings = [5, 6, 7].map((index) => ({ promotionId: nth(index), severity: 'critical' as const }));
      await db.summaries.openAlerts({ channel: 'C0ALERTS', heldUntil: null, alerts: openings }, now);
      const [id = ''] = await db.summaries.due(now, 200);
      const claimed = await db.summaries.claim(id, LEASE, now);
      const shown = { upTo: 1, through: claimed?.facts.through ?? '' };
      await db.summaries.recordPosted(id, LEASE, { channel: 'C0ALERTS', ts: 'summary' }, shown, now);
      await db.summaries.release(id, LEASE, null);
      await db.summaries.call(id, 0, now);
      const { open } = await db.summaries.gather();
      const { total } = await db.summaries.members(id, { offset: 0, limit: 5 });
      return { facts: claimed?.facts.open, open: open.length, total, pending: await db.summaries.pendingOf(nth(5)) };
    },
    { facts: 3, open: 1, total: 3, pending: [] },
  ],
  [
    'marking, being told of the first, and promoting',
    async (db) => {
      const asked = { flagKey: 'new', herokuApp: 'app', configVar: 'FLAG_NEW', targetValue: 'true' };
      const first = await db.transitions.mark(asked, kris.id, now);
      const second = await db.transitions.mark(asked, kris.id, now);
      const promotionId = first.kind === 'marked' ? first.promotion.id : '';
      const listed = await db.promotions.marked(null, 10);
      const ofFlag = await db.promotions.marked('new', 10);
      const request = { promotionId, transition: 'promote', operatorId: kris.id, shown: null, reread: null } as const;
      const done = await db.transitions.carryOut(request, now, accepted(2));
      return { second: second.kind, listed: listed.length, ofFlag: ofFlag.length, done: done.kind };
    },
    { second: 'active', listed: 1, ofFlag: 1, done: 'done' },
  ],
  [
    'telling how it goes',
    async (db) => {
      const [id = ''] = await db.progress.due(now, 200);
      const claimed = await db.progress.claim(id, LEASE, now);
      const shown = { upTo: 0, state: 'deploying' };
      await db.progress.recordPosted(id, LEASE, { channel: 'C0ALERTS', ts: 'progress' }, shown, now);
      const again = await db.progress.reread(id, LEASE);
      await db.progress.release(id, LEASE, null);
      return {
        flagKey: claimed?.promotion.flagKey,
        state: again?.progress.state,
        due: await db.progress.due(now, 200),
      };
    },
    { flagKey: 'new', state: 'posted', due: [] },
  ],
  [
    'the promoter’s work',
    async (db) => {
      const claimed = await db.promoting.claimNext(LEASE, now);
      const id = claimed?.promotion.id ?? '';
      await db.promoting.renew(id, LEASE);
      await db.promoting.writePendingCommit(id, LEASE, RELEASE, now);
      return db.promoting.commit(id, LEASE, { state: 'deployed' }, now, null);
    },
    true,
  ],
  [
    'looking for what was told long ago, where there is nothing',
    (db) => db.pruning.prunable(new Date(now.getTime() - 200 * 24 * HOUR), 100),
    { length: 0 },
  ],
  [
    'recording a tick, and reading it',
    async (db) => {
      await db.maintenance.record({ completedAt: now, deploying: 1, stuck: 1 });
      return db.maintenance.last();
    },
    { stuck: 1 },
  ],
];

describe('beside 200,000 promotions and as many events', () => {
  test.each(CALLS)('%s reads a few of them', async (_what, call, expected) => {
    let answer: unknown;
    const read = await readBy(async (db) => {
      answer = await call(db);
    });
    if (typeof expected === 'object' && expected !== null) expect(answer).toMatchObject(expected);
    else expect(answer).toBe(expected);
    expect(read.sequentialScans).toBe(0);
    expect(read.rowsRead).toBeLessThan(FEW);
  });

  // Up to 500 alerts are looked through, however many there are.
  test('the promotions without an RCA are found through the newest alerts', async () => {
    const read = await readBy((db) => db.promotions.withoutRca(100));
    expect(read.sequentialScans).toBe(0);
    expect(read.rowsRead).toBeLessThan(5 * 500);
  });

  test('so is how many RCAs are missing', async () => {
    let owed: unknown;
    const read = await readBy(async (db) => {
      owed = await db.rcaDebts.owed(10);
    });
    expect(owed).toMatchObject({ isAtLeast: true, rows: { length: 10 } });
    expect(read.sequentialScans).toBe(0);
    expect(read.rowsRead).toBeLessThan(5 * 500);
  });

  // Whether the list of debts shows it is asked by each of three looks.
  test('so is what is removed that was told long ago', async () => {
    const before = new Date(now.getTime() - 90 * 24 * HOUR);
    let removed: unknown;
    const read = await readBy(async (db) => {
      const found = await db.pruning.prunable(before, 100);
      removed = { found: found.length, pruned: await db.pruning.prune('8', before) };
    });
    // Three wait for their reminder to be settled, and one for it to be posted.
    expect(removed).toEqual({ found: 4, pruned: true });
    expect(read.sequentialScans).toBe(0);
    expect(read.rowsRead).toBeLessThan(3 * 500 + FEW);
  });

  // A connection plans them for any values once it has planned them for a few; see runPrepared.
  test('the statements of every promotion read a few, also as they are planned for any values', async () => {
    const [{ name } = { name: '' }] = await rows.query<{ name: string }>('select current_database() as name');
    await rows.query(`alter database ${name} set plan_cache_mode = force_generic_plan`);
    let done: unknown;
    const read = await readBy(async (db) => {
      const asked = { flagKey: 'generic', herokuApp: 'app', configVar: 'FLAG_GENERIC', targetValue: 'true' };
      const marked = await db.transitions.mark(asked, kris.id, now);
      const promotionId = marked.kind === 'marked' ? marked.promotion.id : '';
      const request = { promotionId, transition: 'promote', operatorId: kris.id, shown: null, reread: null } as const;
      await db.transitions.carryOut(request, now, accepted(3));
      const claimed = await db.promoting.claimNext(LEASE, now);
      const id = claimed?.promotion.id ?? '';
      await db.promoting.renew(id, LEASE);
      await db.promoting.recordPreviousValue(id, LEASE, { value: null, release: 1 });
      await db.promoting.writePendingCommit(id, LEASE, RELEASE, now);
      done = await db.promoting.commit(id, LEASE, { state: 'deployed' }, now, RELEASE);
    });
    await rows.query(`alter database ${name} reset plan_cache_mode`);
    expect(done).toBe(true);
    expect(read.sequentialScans).toBe(0);
    expect(read.rowsRead).toBeLessThan(FEW);
  });

  test('so is the promotion that is due first, however many are begun at once', async () => {
    await rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, checkpoint, promoted_at)
        select 'mass_' || n, 'app', 'FLAG_MASS_' || n, 'deploying', 'INTENT', now() from generate_series(1, 5000) n`,
    );
    await rows.query('vacuum analyze console_flag_promotions');
    let claimed: unknown;
    const read = await readBy(async (db) => {
      claimed = await db.promoting.claimNext({ owner: 'another', durationMs: 60_000 }, now);
    });
    expect(claimed).toMatchObject({ promotion: { state: 'deploying' } });
    expect(read.sequentialScans).toBe(0);
    expect(read.rowsRead).toBeLessThan(FEW);
  });

  test('a scan from end to end is noticed, of the table and of an index', async () => {
    const scan = async (sql: string) => {
      const other = new pg.Client({ connectionString: database.url, application_name: 'flag-promotions' });
      await other.connect();
      await other.query(sql);
      await other.end();
    };
    const table = await readBy(() => scan(`select count(*) from flag_promotions.audit_log where actor = 'x'`));
    expect(table.sequentialScans).toBeGreaterThan(0);
    const index = await readBy(() => scan(`set enable_seqscan = off; select count(*) from console_flag_promotions`));
    expect(index).toMatchObject({ sequentialScans: 0 });
    expect(index.rowsRead).toBeGreaterThan(ROWS);
  });
});
