import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Database, openDatabase } from '../../src/db/database.js';
import { createOwnDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { accepted, enrol, LIVE, type Person, submission } from '../support/rows.js';

/** So many rows that a sequential scan would be the planner's choice, not a shortcut for a small table. */
const ROWS = 200_000;
const STUCK = 20;
/** Of these, this many alerted, and as many again in groups. */
const ALERTED = 20_000;
const GROUPS = 100;
/** Of these, this many without messages for a hundred days. */
const OLD = 8;
/** Of the 200,000 and more rows, one call of any kind may touch at most this many. */
const FEW = 200;
/** More than twice as long as PostgreSQL's collector waits before it writes counts. */
const COLLECTED_WITHIN_MS = 1_200;

const TABLES = [
  'console_flag_promotions',
  'flag_promotions.audit_log',
  'flag_promotions.audit_seals',
  'flag_promotions.alerts',
  'flag_promotions.messages',
  'flag_promotions.verifications',
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
  database = await createOwnDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  rows = createRowStore(database.url);
  // Each in its own transaction: building an index over many rows is faster than growing it.
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
  // The log's chain isn't tested here, and would take long for so many events.
  await client.query(`
    alter table flag_promotions.audit_log disable trigger user;
    insert into flag_promotions.audit_log (id, at, action, actor, promotion_id, prev_hash, hash)
      select n, now(), 'console.flag.promotion.deployed', 'promoter', n, repeat('0', 64), repeat('0', 64)
        from generate_series(1, ${ROWS}) n;
    update flag_promotions.audit_log set action = 'console.flag.promotion.ops_complete' where id in (2, 3);
    alter table flag_promotions.audit_head disable trigger user;
    update flag_promotions.audit_head set last_id = ${ROWS};
    alter table flag_promotions.audit_head enable trigger user;
    select setval(pg_get_serial_sequence('flag_promotions.audit_log', 'id'), ${ROWS});
    alter table flag_promotions.audit_log enable trigger user;
    insert into flag_promotions.messages (kind, subject, promotion_id, state, channel, message_ts, shown_as, wanted, shown, posted_at)
      select 'progress', n::text, n, 'posted', 'C0ALERTS', n || '.2', 'deployed', 4, 4, now() - n * interval '1 minute'
        from generate_series(1, ${ROWS}) n;
    insert into flag_promotions.messages (kind, subject, promotion_id, state, channel, message_ts, shown_as, wanted, shown, posted_at)
      select 'alert', n::text, n, 'posted', 'C0ALERTS', n || '.1', 'critical', 1, 1, now() - n * interval '10 minutes'
        from generate_series(1, ${ALERTED}) n;
    insert into flag_promotions.messages (kind, subject, promotion_id, root_id, state, channel, message_ts, posted_at)
      select 'resolved', m.subject, m.promotion_id, m.id, 'posted', 'C0ALERTS', m.subject || '.3', now()
        from flag_promotions.messages m where m.kind = 'alert';
    insert into flag_promotions.messages (kind, subject, ordinal, state, channel, message_ts, posted_at)
      select 'group', 'C0OLD', n, 'posted', 'C0OLD', n || '.4', now() - interval '2 days' from generate_series(1, ${GROUPS}) n;
    insert into flag_promotions.alerts (promotion_id, severity, opened_at, closed_at, is_rca_reminder_done)
      select n, 'critical', now() - n * interval '10 minutes', now(), n > 5 from generate_series(1, ${ALERTED}) n;
    insert into flag_promotions.alerts (promotion_id, severity, group_id, closed_at)
      select ${ALERTED} + n, 'warning', g.id, now() from generate_series(1, ${ALERTED}) n
        join flag_promotions.messages g on g.kind = 'group' and g.ordinal = 1 + n % ${GROUPS};
    insert into flag_promotions.messages (kind, subject, state) select 'home', 'U0' || n, 'posted' from generate_series(1, 50) n;
    insert into flag_promotions.verifications (promotion_id, heroku_app, state, due_at)
      select n, 'app-' || n % 50, 'running', null from generate_series(1, ${ROWS}) n;
    update flag_promotions.alerts set closed_at = now() - interval '100 days' where promotion_id <= ${OLD};
    update flag_promotions.messages set updated_at = now() - interval '100 days' where promotion_id <= ${OLD};`);
  await client.query('vacuum analyze');
  const db = openDatabase(database.url);
  kris = await enrol(db, 'U0KRIS');
  now = await db.now();
  await db.close();
});

afterAll(async () => {
  await rows.close();
  await client.end();
  await database.drop();
});

interface Reads {
  readonly sequentialScans: number;
  readonly rowsRead: number;
}

/** The next question sees the counts of ended sessions. */
async function flushCounts(): Promise<void> {
  const { rows: found } = await client.query<{ flushes: boolean }>(
    `select current_setting('server_version_num')::int >= 150000 as flushes`,
  );
  if (found[0]?.flushes === true) await client.query('select pg_stat_force_next_flush()');
  // Before PostgreSQL 15 a separate process writes them, up to twice a second.
  else await sleep(COLLECTED_WITHIN_MS);
}

async function reads(): Promise<readonly Reads[]> {
  // A session's counts are complete once it has ended, a moment after it was told to.
  await eventually(async () => {
    const { rows: sessions } = await client.query(
      `select 1 from pg_stat_activity where datname = current_database() and application_name = 'flag-promotions'`,
    );
    expect(sessions).toEqual([]);
  });
  await flushCounts();
  const found = await client.query<{ scans: string; rows: string }>(
    `select seq_scan as scans,
            seq_tup_read + (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes i where i.relid = t.relid) as rows
       from pg_stat_user_tables t where relid = any($1::text[]::regclass[]) order by relname`,
    [TABLES],
  );
  return found.rows.map(({ scans, rows: read }) => ({ sequentialScans: Number(scans), rowsRead: Number(read) }));
}

/** Blocks of the large tables and their indexes read so far, by ended sessions. */
async function blocks(): Promise<number> {
  await flushCounts();
  const found = await client.query<{ blocks: string }>(
    `select sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0)) as blocks
       from pg_statio_user_tables where relid = any($1::text[]::regclass[])`,
    [TABLES],
  );
  return Number(found.rows[0]?.blocks);
}

/** Sequential scans of the large tables during `work`, and rows read. */
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

/** The app's questions to the database, each with an answer that proves it was a real one. */
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
  ['what is within its time', (db) => db.promotions.withinTime(cutoff(), 5), { length: 0 }],
  [
    'the apps that are to be looked at',
    (db) => {
      const promotedAfter = new Date(now.getTime() - 10 * 24 * HOUR);
      return db.looks.due({ promotedBy: cutoff(), promotedAfter, noticeAfterMs: HOUR / 4 }, 200);
    },
    { length: 1 },
  ],
  ['a flag on each app', (db) => db.promotions.ofEachApp('flag_77', 15), { total: 1, rows: { length: 1 } }],
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
  ['opening an alert', (db) => db.alerts.open({ promotionId: nth(0), severity: 'critical' }, now, null), true],
  ['the messages that are due', (db) => db.messages.due(200), { length: 1 }],
  ['what is owed about a promotion', (db) => db.messages.owedAbout(nth(0)), { length: 1 }],
  ['what was said of a promotion', (db) => db.messages.aboutPromotion('77'), { length: 3 }],
  [
    'delivering an alert',
    async (db) => {
      const [id = ''] = await db.messages.owedAbout(nth(0));
      const claimed = await db.messages.claim(id, LEASE);
      await db.messages.recordDestination(id, LEASE, { channel: 'C0ALERTS', refused: null });
      const shown = { version: claimed?.wanted ?? 0, as: 'critical', refreshAfterMs: 60_000, restMs: null };
      await db.messages.recordPosted(id, LEASE, { channel: 'C0ALERTS', ts: 'mine' }, shown);
      const again = await db.messages.find(id);
      await db.messages.release(id, LEASE, null);
      return {
        claimed: claimed?.promotionId === nth(0),
        again: again?.state,
        newest: await db.messages.newest('alert', nth(0)),
      };
    },
    { claimed: true, again: 'posted', newest: { shownAs: 'critical' } },
  ],
  [
    'a deployed promotion among others of its config var',
    (db) => db.followUps.standing('77'),
    { newest: { id: '195077' } },
  ],
  [
    'which apps have something deployed, and which of them is to be asked first',
    async (db) => {
      const must = await db.drifts.mustFindApps();
      await db.drifts.findApps(HOUR);
      const due = await db.drifts.due(100);
      return { must, due: due.length, untold: await db.drifts.untold(10), again: await db.drifts.mustFindApps() };
    },
    { must: true, due: 50, untold: [], again: false },
  ],
  ['the apps on which a flag is deployed', (db) => db.followUps.deployedOf('flag_77', 11), { length: 1 }],
  ['a thread’s promotion', (db) => db.messages.promotionOfThread({ channel: 'C0ALERTS', ts: '77.1' }), '77'],
  [
    'repeating a critical, and posting its alert again',
    async (db) => {
      await db.alerts.repeat(nth(0), 1);
      const [id = ''] = await db.messages.due(200);
      const claimed = await db.messages.claim(id, LEASE);
      await db.messages.close(id, LEASE, 0);
      await rows.query(`update flag_promotions.messages set wanted = wanted + 1 where id = $1`, [claimed?.root?.id]);
      await db.messages.claim(claimed?.root?.id ?? '', LEASE);
      const gone = await db.messages.recordGone(claimed?.root?.id ?? '', LEASE, null);
      await db.messages.release(claimed?.root?.id ?? '', LEASE, null);
      return { of: claimed?.promotionId === nth(0), kind: claimed?.kind, gone };
    },
    { of: true, kind: 'repeat', gone: true },
  ],
  [
    'acknowledging, asking, and giving up an owner',
    async (db) => {
      const asked = { promotionId: nth(0), operatorId: kris.id, at: now };
      const taken = await db.attention.take({ ...asked, over: null });
      await db.attention.askOwner(nth(0), kris.id, now);
      const { size } = await db.attention.all();
      await db.attention.loseOwner(nth(0), kris.id, 'silent', now);
      const snoozed = await db.attention.snooze({ ...asked, until: new Date(now.getTime() + HOUR) });
      await db.attention.endSnooze(nth(0), new Date(now.getTime() + HOUR));
      return { taken: taken.kind, size, snoozed: snoozed.kind };
    },
    { taken: 'taken_now', size: 1, snoozed: 'snoozed' },
  ],
  [
    'home tabs',
    async (db) => {
      await db.homes.open(kris.id);
      return db.homes.requestUpdates();
    },
    { length: 1 },
  ],
  [
    'queueing a digest',
    async (db) => {
      await db.messages.queue(
        { kind: 'digest', subject: 'now' },
        { kind: 'digest_chart', subject: 'now', under: 'digest' },
      );
      return db.messages.newest('digest_chart', 'now');
    },
    { root: { state: 'pending' } },
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
      await db.alerts.open({ promotionId: nth(2), severity: 'warning' }, now, null);
      await rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [nth(2)]);
      const { endedPromotionIds } = await db.alerts.gather(cutoff());
      for (const id of endedPromotionIds) await db.alerts.close(id);
      return endedPromotionIds;
    },
    { length: 1 },
  ],
  [
    'telling of several in a group, naming its criticals, and what follows',
    async (db) => {
      const alerts = [5, 6, 7].map((index) => ({ promotionId: nth(index), severity: 'critical' as const }));
      await db.groups.open({ channel: 'C0ALERTS', notBefore: null, alerts }, now);
      const id = (await db.messages.newest('group', 'C0ALERTS'))?.id ?? '';
      const unnamed = await db.groups.withCriticals();
      const promotionIds = alerts.map(({ promotionId }) => promotionId);
      await db.groups.nameCriticals({ kind: 'name_criticals', groupId: id, ordinal: 1, promotionIds });
      const named = await db.groups.namedIn((await db.messages.newest('group_criticals', id))?.id ?? '');
      await db.messages.claim(id, LEASE);
      const shown = { version: 1, as: null, restMs: null };
      await db.messages.recordPosted(id, LEASE, { channel: 'C0ALERTS', ts: 'group' }, shown);
      await db.messages.release(id, LEASE, null);
      const facts = await db.groups.facts(id);
      const { total } = await db.groups.members(id, { offset: 0, limit: 5 });
      await rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [nth(5)]);
      await db.alerts.closeOf(nth(5));
      return {
        unnamed: unnamed.length,
        named: named.length,
        open: facts.open.length,
        total,
        owed: await db.messages.owedAbout(nth(5)),
      };
    },
    { unnamed: 1, named: 3, open: 3, total: 3, owed: { length: 1 } },
  ],
  [
    'joining a group of a channel that had many',
    async (db) => {
      const alerts = [{ promotionId: nth(8), severity: 'warning' as const }];
      await db.groups.open({ channel: 'C0OLD', notBefore: null, alerts }, now);
      return db.messages.newest('group', 'C0OLD');
    },
    { ordinal: String(GROUPS + 1), state: 'pending' },
  ],
  [
    'what Heroku is to be asked about, as Slack shows it',
    (db) => db.promotions.dueForProof([...stuckIds, '77', '78'], 10),
    { length: 0 },
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
      const request = {
        promotionId,
        transition: 'promote',
        operatorId: kris.id,
        shown: null,
        reread: null,
        isAsShown: () => true,
        takesSecondPerson: () => false,
      } as const;
      const done = await db.transitions.carryOut(request, now, accepted(2));
      return { second: second.kind, listed: listed.length, ofFlag: ofFlag.length, done: done.kind };
    },
    { second: 'active', listed: 1, ofFlag: 1, done: 'done' },
  ],
  [
    'telling how it goes',
    async (db) => {
      const progress = async () => db.messages.newest('progress', (await db.promotions.newestOf('new'))?.id ?? '');
      const id = (await progress())?.id ?? '';
      await db.messages.claim(id, LEASE);
      const shown = { version: 0, as: 'deploying', restMs: null };
      await db.messages.recordPosted(id, LEASE, { channel: 'C0ALERTS', ts: 'progress' }, shown);
      await db.messages.release(id, LEASE, null);
      return progress();
    },
    { state: 'posted', shownAs: 'deploying' },
  ],
  [
    'the promoter’s work',
    async (db) => {
      const claimed = await db.promoting.claimNext(LEASE);
      const id = claimed.promotion?.id ?? '';
      await db.promoting.renew(id, LEASE);
      await db.promoting.writePendingCommit(id, LEASE, RELEASE, now);
      const ended = await db.promoting.commit(id, LEASE, { state: 'deployed' }, now, null);
      return { ended, accepted: await db.acceptedRelease(id) };
    },
    { ended: true, accepted: { version: RELEASE.version } },
  ],
  [
    'a drift',
    async (db) => {
      const claimed = await db.promoting.claimNext(LEASE);
      const postponement = { waitMs: HOUR, lastError: 'another value' };
      return db.promoting.reportDrift(claimed.promotion?.id ?? '', LEASE, postponement);
    },
    true,
  ],
  [
    'looking for what was told long ago, if there is nothing',
    async (db) => {
      const before = new Date(now.getTime() - 200 * 24 * HOUR);
      return [...(await db.pruning.prunable(before, 100)), ...(await db.pruning.prunableMessages(before, 100))];
    },
    { length: 0 },
  ],
  [
    'whether anything is there for what seldom has work',
    (db) => db.chores.due(now, new Date(now.getTime() - 200 * 24 * HOUR), 40_000),
    { verify: false, drills: false, prune: false, shortenWaits: false },
  ],
  [
    'recording a tick, and reading it',
    async (db) => {
      await db.maintenance.record({ deploying: 1, stuck: 1 });
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

  // Looks through up to 500 alerts, however many there are.
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
    // For each the alert, the promotion, and its group; and whether there is one more.
    expect(read.rowsRead).toBeLessThan(6 * 500);
  });

  // Each of three looks asks whether the list of missing RCAs shows it.
  test('so is what is removed that was told long ago', async () => {
    const before = new Date(now.getTime() - 90 * 24 * HOUR);
    let removed: unknown;
    const read = await readBy(async (db) => {
      const found = await db.pruning.prunable(before, 100);
      removed = { found: found.length, pruned: await db.pruning.prune('8', before) };
    });
    // Three wait for their reminder to be answered, and one for it to be posted.
    expect(removed).toEqual({ found: 4, pruned: true });
    expect(read.sequentialScans).toBe(0);
    expect(read.rowsRead).toBeLessThan(3 * 500 + 2 * FEW);
  });

  // After a few runs a connection plans them generically, for any values; see runPrepared.
  test('the statements of every promotion read a few, also as they are planned for any values', async () => {
    const [{ name } = { name: '' }] = await rows.query<{ name: string }>('select current_database() as name');
    await rows.query(`alter database ${name} set plan_cache_mode = force_generic_plan`);
    let done: unknown;
    const read = await readBy(async (db) => {
      const asked = { flagKey: 'generic', herokuApp: 'app', configVar: 'FLAG_GENERIC', targetValue: 'true' };
      const marked = await db.transitions.mark(asked, kris.id, now);
      const promotionId = marked.kind === 'marked' ? marked.promotion.id : '';
      const request = {
        promotionId,
        transition: 'promote',
        operatorId: kris.id,
        shown: null,
        reread: null,
        isAsShown: () => true,
        takesSecondPerson: () => false,
      } as const;
      await db.transitions.carryOut(request, now, accepted(3));
      const claimed = await db.promoting.claimNext(LEASE);
      if (claimed.promotion === null) throw new Error('Nothing was due.');
      const { id } = claimed.promotion;
      await db.promoting.renew(id, LEASE);
      await db.promoting.announcePatch(claimed.promotion, LEASE, { value: null, release: 1 });
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
      claimed = await db.promoting.claimNext({ owner: 'another', durationMs: 60_000 });
    });
    expect(claimed).toMatchObject({ promotion: { state: 'deploying' } });
    expect(read.sequentialScans).toBe(0);
    expect(read.rowsRead).toBeLessThan(FEW);
  });

  // Reads each promotion of the period, but doesn't search for each one's alert: that would be 100,000 blocks and more.
  test('figures of a period read a few blocks beside those of its promotions', async () => {
    const PROMOTED = 10_000;
    let found: unknown;
    const before = await blocks();
    await readBy(async (db) => {
      const since = new Date(now.getTime() - PROMOTED * 60_000);
      found = await db.stats.of({ since, until: now, stuckAfterMs: 12 * HOUR });
    });
    // Those that were deployed, and those of the stuck that began within the period.
    expect(found).toMatchObject({ all: { promotions: expect.any(Number), deploying: expect.any(Number) } });
    const read = (await blocks()) - before;
    expect(read).toBeGreaterThan(PROMOTED / 100);
    expect(read).toBeLessThan(PROMOTED / 2);
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
