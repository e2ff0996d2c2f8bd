import { type HerokuStandIn, startHerokuStandIn } from '../../demo/heroku/stand-in.js';
import { moveDatabaseClock } from '../../demo/world/database-clock.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { createHeroku, type Heroku } from '../../src/heroku/heroku.js';
import { createPromoter, type Promoter, type PromoterDependencies } from '../../src/jobs/promoter.js';
import { realTimers } from '../../src/jobs/timers.js';
import { createLogger } from '../../src/log.js';
import { SEND_AGAIN_AFTER_MS } from '../../src/promotions/promoting.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { DIRECTLY } from '../support/network.js';

const APP = 'raxx-console-prod';
const SLOW_APP = 'raxx-staging';
const VAR = 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING';

describe('a promoter whose timer rings once an hour', () => {
  let database: TestDatabase;
  let db: Database;
  let rows: RowStore;
  let standIn: HerokuStandIn;
  let heroku: Heroku;
  let promoter: Promoter;
  const changed: string[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    db = openDatabase(database.url);
    rows = createRowStore(database.url);
    standIn = await startHerokuStandIn({ apps: { [APP]: { vars: {} }, [SLOW_APP]: { vars: {} } } });
    heroku = createHeroku({ apiKey: standIn.apiKey, apiUrl: standIn.apiUrl, network: DIRECTLY });
    changed.length = 0;
    promoter = createPromoter(dependencies());
  });
  afterEach(async () => {
    await promoter.stop();
    heroku.close();
    await standIn.close();
    await rows.close();
    await db.close();
    await database.drop();
  });

  const dependencies = (): PromoterDependencies => ({
    db: db.promoting,
    heroku,
    now: () => new Date(),
    timers: realTimers(() => performance.now()),
    random: Math.random,
    newOwner: () => 'this promoter',
    whyNotSet: () => null,
    leaseMs: 20_000,
    verifies: true,
    pollMs: 3_600_000,
    untoldRestMs: 3_600_000,
    isTold: () => false,
    log: createLogger('silent', { write: () => undefined }),
    whyRefused: async () => null,
    onChanged: (id) => void changed.push(id),
  });
  /** A promoter, and how often it has looked for work. */
  function counting(): { readonly counted: Promoter; looks(): number } {
    let looks = 0;
    const claimNext: typeof db.promoting.claimNext = (lease) => {
      looks += 1;
      return db.promoting.claimNext(lease);
    };
    const counted = createPromoter({ ...dependencies(), db: { ...db.promoting, claimNext } });
    return { counted, looks: () => looks };
  }
  const insert = () => rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
  const states = async () =>
    (await rows.query<{ state: string }>('select state from console_flag_promotions')).map(({ state }) => state);

  test('looks at once when it is woken, and tells of each commit', async () => {
    promoter.start();
    const id = await insert();
    promoter.wake();
    await eventually(async () => expect(await states()).toEqual(['deployed']));
    expect(changed).toEqual([id]);
    // The look at its start may have found the first one; finding the second takes the wake-up.
    await rows.insertDeploying({ flagKey: 'another', checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    promoter.wake();
    await eventually(async () => expect(await states()).toEqual(['deployed', 'deployed']));
  });

  test('takes up what is announced while Heroku leaves it without an answer about another', async () => {
    standIn.faults.add({ path: new RegExp(`^/apps/${SLOW_APP}/`, 'u'), fault: { kind: 'hang' } });
    await rows.insertDeploying({ app: SLOW_APP, checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    promoter.start();
    await eventually(async () => expect(standIn.requests).toHaveLength(1));
    const id = await insert();
    promoter.wake();
    const state = async (of: string, app: string) =>
      (
        await rows.query<{ [column: string]: unknown }>(
          `select ${of} from console_flag_promotions where heroku_app = $1`,
          [app],
        )
      )[0]?.[of];
    await eventually(async () => expect(await state('state', APP)).toBe('deployed'));
    expect(changed).toContain(id);
    expect(await state('lease_owner', SLOW_APP)).toEqual(expect.any(String));
  });

  test('takes up what there was no hand for as soon as one is free', async () => {
    for (let index = 0; index < 12; index += 1) {
      const promotedAt = new Date().toISOString();
      await rows.insertDeploying({ flagKey: `flag_${index}`, checkpoint: 'INTENT', promotedAt });
    }
    promoter.start();
    await eventually(async () => expect(await states()).toEqual(Array.from({ length: 12 }, () => 'deployed')));
  });

  test('looks for nothing more when it is done, if nothing more was due', async () => {
    const { counted, looks } = counting();
    await insert();
    counted.start();
    await eventually(async () => expect(await states()).toEqual(['deployed']));
    await counted.stop();
    // One that finds it, and one that finds no other.
    expect(looks()).toBe(2);
  });

  test('renews a lease before half of it has passed, while Heroku leaves it without an answer', async () => {
    standIn.faults.add({ path: /^\/apps\//u, fault: { kind: 'hang' } });
    const leaseMs = 1_234_567;
    const everyMs: number[] = [];
    const renewed: string[] = [];
    const timers: PromoterDependencies['timers'] = {
      ...realTimers(() => performance.now()),
      every(ms, fn) {
        everyMs.push(ms);
        fn();
        return () => undefined;
      },
    };
    promoter = createPromoter({
      ...dependencies(),
      leaseMs,
      timers,
      db: {
        ...db.promoting,
        renew(id, lease) {
          renewed.push(id);
          return db.promoting.renew(id, lease);
        },
      },
    });
    const id = await insert();
    promoter.start();
    await eventually(async () => expect(renewed).toEqual([id]));
    expect(Math.max(...everyMs)).toBeLessThan(leaseMs / 2);
  });

  test('looks for no sixth while five wait for Heroku', async () => {
    standIn.faults.add({ path: /^\/apps\//u, fault: { kind: 'hang' } });
    const { counted, looks } = counting();
    promoter = counted;
    for (let index = 0; index < 7; index += 1) {
      await rows.insertDeploying({
        flagKey: `flag_${index}`,
        checkpoint: 'INTENT',
        promotedAt: new Date().toISOString(),
      });
    }
    promoter.start();
    await eventually(async () => expect(standIn.requests.length).toBeGreaterThanOrEqual(5));
    expect(looks()).toBe(5);
  });

  test('sends nothing ten seconds after it asked to announce it, however long its lease is', async () => {
    let pausedMs = 0;
    promoter = createPromoter({
      ...dependencies(),
      leaseMs: 600_000,
      timers: realTimers(() => performance.now() + pausedMs),
      db: {
        ...db.promoting,
        async announcePatch(id, lease, before) {
          const announced = await db.promoting.announcePatch(id, lease, before);
          pausedMs = 10_000;
          return announced;
        },
      },
    });
    await insert();
    promoter.start();
    await eventually(async () => {
      const events = await rows.query(
        `select 1 from flag_promotions.audit_log where action = 'console.flag.promotion.heroku_unchanged'`,
      );
      expect(events.length).toBeGreaterThan(0);
    });
    expect(standIn.patches(APP, VAR)).toBe(0);
    expect(await states()).toEqual(['deploying']);
  });

  /** A promoter whose clock the test moves, and that renews its lease when the test says so. */
  function paused(own: {
    readonly announcePatch?: (...given: Parameters<Database['promoting']['announcePatch']>) => Promise<unknown>;
    readonly whileConnecting?: (renew: () => void) => Promise<unknown>;
    /** How long the database takes to answer a renewal. */
    readonly renewalMs?: number;
  }) {
    const clock = { pausedMs: 0, renewals: 0 };
    let renewNow: () => void = () => undefined;
    const real = realTimers(() => performance.now() + clock.pausedMs);
    promoter = createPromoter({
      ...dependencies(),
      leaseMs: 8_000,
      timers: {
        ...real,
        every(_, renew) {
          renewNow = renew;
          return () => undefined;
        },
      },
      db: {
        ...db.promoting,
        async announcePatch(...given) {
          const announced = await db.promoting.announcePatch(...given);
          await own.announcePatch?.(...given);
          return announced;
        },
        async renew(...given) {
          const renewed = await db.promoting.renew(...given);
          clock.pausedMs += own.renewalMs ?? 0;
          clock.renewals += 1;
          return renewed;
        },
      },
      heroku: {
        ...heroku,
        async setConfigVar(...given) {
          await own.whileConnecting?.(() => renewNow());
          return heroku.setConfigVar(...given);
        },
      },
    });
    return clock;
  }
  /** Promotes, and holds that the PATCH is withheld. */
  async function expectWithheld(): Promise<void> {
    await insert();
    promoter.start();
    await eventually(async () => {
      const events = await rows.query(
        `select 1 from flag_promotions.audit_log where action = 'console.flag.promotion.heroku_unchanged'`,
      );
      expect(events.length).toBeGreaterThan(0);
    });
    await promoter.stop();
    expect(standIn.patches(APP, VAR)).toBe(0);
  }

  test('sends nothing if half of its lease passed while its announcement was being answered', async () => {
    const clock = paused({
      async announcePatch() {
        clock.pausedMs += 4_000;
      },
    });
    await expectWithheld();
  });

  test('counts a renewal from when it asked for it, not from the answer', async () => {
    const clock = paused({
      renewalMs: 4_000,
      async whileConnecting(renew) {
        clock.pausedMs += 3_000;
        const before = clock.renewals;
        renew();
        await eventually(async () => expect(clock.renewals).toBe(before + 1));
      },
    });
    await expectWithheld();
  });

  test('sends nothing once a renewal says that another has the row, however fresh its lease was', async () => {
    const clock = paused({
      async whileConnecting(renew) {
        await rows.query(`update console_flag_promotions set lease_owner = 'another'`);
        const before = clock.renewals;
        renew();
        await eventually(async () => expect(clock.renewals).toBe(before + 1));
        tried();
      },
    });
    let tried: () => void = () => undefined;
    const isTried = new Promise<void>((resolve) => {
      tried = resolve;
    });
    await insert();
    promoter.start();
    await isTried;
    await promoter.stop();
    expect(standIn.patches(APP, VAR)).toBe(0);
  });

  test('sends nothing that it could not announce, because another has the row by then', async () => {
    const asked: unknown[] = [];
    promoter = createPromoter({
      ...dependencies(),
      db: {
        ...db.promoting,
        async announcePatch(...given) {
          await rows.query(`update console_flag_promotions set lease_owner = 'another'`);
          const announced = await db.promoting.announcePatch(...given);
          asked.push(announced);
          return announced;
        },
      },
    });
    await insert();
    promoter.start();
    await eventually(async () => expect(asked).toEqual([{ kind: 'lost' }]));
    await promoter.stop();
    expect(standIn.patches(APP, VAR)).toBe(0);
    expect(await rows.query('select lease_owner from console_flag_promotions')).toEqual([{ lease_owner: 'another' }]);
  });

  test('looks again if it began to look while an earlier PATCH could still take effect', async () => {
    let claims = 0;
    const claimsAtAnnouncements: number[] = [];
    promoter = createPromoter({
      ...dependencies(),
      db: {
        ...db.promoting,
        async claimNext(lease) {
          const claimed = await db.promoting.claimNext(lease);
          if (claimed.promotion === null) return claimed;
          claims += 1;
          return claims === 1 ? { ...claimed, settlesInMs: 30_000 } : claimed;
        },
        announcePatch(...given) {
          claimsAtAnnouncements.push(claims);
          return db.promoting.announcePatch(...given);
        },
      },
    });
    await insert();
    promoter.start();
    await eventually(async () => {
      promoter.wake();
      expect(await states()).toEqual(['deployed']);
    });
    expect(claimsAtAnnouncements).toEqual([2]);
  });

  test('sends again 30 s of its own after a PATCH that was announced before the database’s clock was set back', async () => {
    const id = await insert();
    const killed = { owner: 'killed', durationMs: 20_000 };
    const { promotion } = await db.promoting.claimNext(killed);
    if (promotion === null) throw new Error('There was nothing to claim.');
    await db.promoting.announcePatch(promotion, killed, { value: null, release: 1 });
    await moveDatabaseClock((sql) => rows.query(sql), -6 * 3_600_000);
    await db.setBackClock.shortenWaits(0);
    const real = realTimers(() => performance.now());
    let skippedMs = 0;
    const held: unknown[] = [];
    const timers: PromoterDependencies['timers'] = {
      ...real,
      monotonicMs: () => performance.now() + skippedMs,
      async sleep(ms, signal) {
        if (ms > SEND_AGAIN_AFTER_MS + 1_000) return real.sleep(ms, signal);
        const [row] = await rows.query<{ lease_owner: string | null }>(
          'select lease_owner from console_flag_promotions',
        );
        held.push({ owner: row?.lease_owner, patches: standIn.patches(APP, VAR), isLong: ms > 25_000 });
        skippedMs += ms;
      },
    };
    promoter = createPromoter({ ...dependencies(), timers });
    promoter.start();
    await eventually(async () => expect(await states()).toEqual(['deployed']));
    expect(held).toEqual([{ owner: 'this promoter', patches: 0, isLong: true }]);
    expect(standIn.patches(APP, VAR)).toBe(1);
    expect(changed).toContain(id);
  });

  test('stops at once while it waits', async () => {
    promoter.start();
    await promoter.stop();
    await insert();
    promoter.wake();
    expect(await states()).toEqual(['deploying']);
  });

  describe('rests', () => {
    /** Promoters that report how long they sleep, and that nothing else wakes. */
    async function restOf(own: Partial<PromoterDependencies>): Promise<number> {
      const real = realTimers(() => performance.now());
      let rested: (ms: number) => void = () => undefined;
      const first = new Promise<number>((resolve) => {
        rested = resolve;
      });
      const timers = {
        ...real,
        sleep: (ms: number, signal?: AbortSignal) => {
          rested(ms);
          return real.sleep(ms, signal);
        },
      };
      const resting = createPromoter({ ...dependencies(), pollMs: 500, isTold: () => true, timers, ...own });
      resting.start();
      const ms = await first;
      await resting.stop();
      return ms;
    }
    const leasedFor = async (ms: number) => {
      await insert();
      await db.promoting.claimNext({ owner: 'another', durationMs: ms });
    };

    test('for long if it is told of what becomes due, and looks every poll if it is not', async () => {
      expect(await restOf({})).toBe(25_000);
      expect(await restOf({ isTold: () => false, untoldRestMs: 500 })).toBe(500);
    });

    test('until something is due if it is never told, and no longer than it is set to', async () => {
      const never = { isTold: () => false, untoldRestMs: 5_000 };
      expect(await restOf(never)).toBe(5_000);
      await leasedFor(3_000);
      const ms = await restOf(never);
      expect(ms).toBeGreaterThanOrEqual(500);
      expect(ms).toBeLessThanOrEqual(3_010);
    });

    test('no longer than until another’s lease ends, so that it takes over then', async () => {
      await leasedFor(9_000);
      const ms = await restOf({});
      expect(ms).toBeGreaterThan(500);
      expect(ms).toBeLessThanOrEqual(9_010);
    });

    test('no longer than it always may, however far a lease or a wait goes', async () => {
      await leasedFor(3_600_000);
      expect(await restOf({})).toBe(25_000);
    });

    test('briefly if the database did not answer', async () => {
      const claimNext = () => Promise.reject(new Error('no answer'));
      expect(await restOf({ db: { ...db.promoting, claimNext } })).toBe(500);
    });
  });
});
