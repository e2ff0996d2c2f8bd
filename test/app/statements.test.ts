import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningApp } from '../../src/app.js';
import { APP, startTestBed, type TestBed } from '../support/app.js';
import { delivered } from '../support/delivered.js';
import { type StatementTap, tapStatements } from '../support/statements.js';

/** Rows that each action finds: a query for each of them, in a loop, would show in the counts. */
const STUCK = 8;
/** After this long without a statement, an action and its consequences are over. */
const QUIET_MS = 400;

/**
 * How many statements each act of people or the clock costs, including BEGIN and COMMIT. Anything above its bound has
 * to show why. For each of Slack's requests, one statement checks whether it came before.
 */
describe('the statements that are asked of the database', () => {
  let bed: TestBed;
  let tap: StatementTap;
  let app: RunningApp;

  beforeEach(async () => {
    // The observed app is a replica: its database's address is the tap's.
    bed = await startTestBed({ startAt: '2026-05-09T17:00:00Z', rateLimit: false, withoutHeroku: true });
    tap = await tapStatements(bed.environment['DATABASE_URL'] ?? '');
  });
  afterEach(async () => {
    await bed.close();
    await tap.close();
  });

  async function listenIn(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    app = await bed.replica({ environment: { ...environment, DATABASE_URL: tap.url } });
    bed.slack.connectHttp(`http://127.0.0.1:${app.port}/slack/events`);
    await countOf(async () => undefined);
  }
  const insertStuck = async (count: number, from = 0) => {
    for (let index = from; index < from + count; index += 1)
      await bed.rows.insertDeploying({ flagKey: `flag_${index}` });
  };
  /** The promoter's polls and the sealer's statements come by the clock: many actions share them. */
  const isPolling = (sql: string) => /for update skip locked|flag_promotions\.audit_seals/u.test(sql);
  const asked = () => tap.statements.filter(({ sql }) => !isPolling(sql)).length;
  /** The statements since `from`, up to the first that ends a transaction. */
  const untilCommit = (from: number) => {
    const since = tap.statements.filter(({ sql }) => !isPolling(sql)).slice(from);
    return since.findIndex(({ sql }) => /^commit/iu.test(sql)) + 1;
  };

  /** How many were sent from the beginning of the work until all its consequences were done. */
  async function countOf(work: () => Promise<unknown>): Promise<number> {
    const before = asked();
    await work();
    for (let last = -1; last !== asked(); ) {
      last = asked();
      await sleep(QUIET_MS);
    }
    return asked() - before;
  }
  const kris = () => bed.slack.people.superadmin;
  const command = (text: string) => () => kris().ask(text);

  test.each([
    ['help', 1],
    ['stuck', 6],
    ['list', 2],
    ['show flag_3', 5],
    ['stats', 6],
  ])('by `%s`, of many rows: %i at most', async (text, most) => {
    await insertStuck(STUCK);
    await listenIn();
    const count = await countOf(command(text));
    expect(count).toBeLessThanOrEqual(most);
    expect(count).toBeGreaterThan(0);
  });

  test('by a start, which reads the console’s table once and tries each write there: 130 at most', async () => {
    const count = await countOf(() => listenIn());
    expect(count).toBeLessThanOrEqual(130);
    expect(tap.statements.filter(({ sql }) => sql.includes(`obj_description(c.oid, 'pg_class')`))).toHaveLength(1);
    expect(tap.statements.filter(({ sql }) => sql === 'savepoint rehearsed').length).toBeGreaterThan(10);
  });

  test('by `stuck` if nothing is: 10 at most', async () => {
    await listenIn();
    expect(await countOf(command('stuck'))).toBeLessThanOrEqual(10);
  });

  test('by a tick in which nothing is due: as many for many stuck rows as for one, and 24 at most', async () => {
    await listenIn();
    await insertStuck(1);
    await app.tick();
    const ofOne = await countOf(() => app.tick());
    await insertStuck(STUCK, 1);
    await app.tick();
    const withMany = await countOf(() => app.tick());
    expect(withMany).toBe(ofOne);
    // Two of them look for pages.
    expect(withMany).toBeLessThanOrEqual(24);
    expect(withMany).toBeGreaterThan(5);
  });

  test('by a tick on which home tabs have nothing to follow: as many for three that are open as for one', async () => {
    await listenIn();
    const { superadmin, engineer, externalUser } = bed.slack.people;
    const opened = (person: typeof superadmin) => countOf(() => person.openHome());
    await countOf(() => app.tick());
    const none = await countOf(() => app.tick());
    // Tabs catch up first with updates requested earlier, so that these aren't counted.
    const settled = async () => {
      await bed.clock.advance(10_000);
      await countOf(() => app.tick());
    };
    expect(await opened(superadmin)).toBeGreaterThan(0);
    await settled();
    await settled();
    const one = await countOf(() => app.tick());
    expect(one).toBeGreaterThan(none);
    await opened(engineer);
    await opened(externalUser);
    await settled();
    await settled();
    expect(await countOf(() => app.tick())).toBe(one);
  });

  test('by a tick that opens and posts alerts: 23 at most for each', async () => {
    await listenIn();
    const nothing = await countOf(() => app.tick());
    await insertStuck(2);
    const two = await countOf(() => app.tick());
    await insertStuck(2, 2);
    const twoMore = await countOf(() => app.tick());
    expect(two - nothing).toBeGreaterThan(2);
    expect((two - nothing) / 2).toBeLessThanOrEqual(23);
    // A post that waits for its channel slot asks a few times more.
    expect((twoMore - nothing) / 2).toBeLessThanOrEqual(23);
  });

  test.each([
    ['mark_completed', {}],
    ['mark_failed', { note: 'The dyno died.', rca_url: 'https://wiki.example/rca/1' }],
  ] as const)(
    'by a click on %s: 4 at most; by the submission that resolves: 6; by all that it shows: 12',
    async (button, fields) => {
      await insertStuck(STUCK);
      await listenIn();
      await app.tick();
      const alert = await bed.alert();
      const click = await countOf(async () => {
        await kris().click(alert, button);
        await kris().waitForModal();
      });
      expect(click).toBeLessThanOrEqual(4);
      expect(click).toBeGreaterThan(0);
      const before = asked();
      const all = await countOf(async () => {
        expect((await kris().submit({ code: bed.code(kris().id), ...fields })).kind).toBe('closed');
        await delivered(bed.rows);
      });
      // It is answered after its commit, and what follows begins after its answer.
      const deciding = untilCommit(before);
      expect(deciding).toBeGreaterThan(3);
      expect(deciding).toBeLessThanOrEqual(6);
      expect(all - deciding).toBeGreaterThan(3);
      expect(all - deciding).toBeLessThanOrEqual(12);
    },
  );

  test('by marking: 5 at most; by the form that promotes: 4; by its submission, until the flag is live and told: 35', async () => {
    await listenIn({ HEROKU_API_KEY: bed.heroku.apiKey, HEROKU_API_URL: bed.heroku.apiUrl });
    const marked = await countOf(command(`mark new_flag ${APP}`));
    // The first request to Heroku after a while is counted at once.
    expect(marked).toBeLessThanOrEqual(5);
    expect(marked).toBeGreaterThan(0);
    const opened = await countOf(async () => {
      await kris().command('promote new_flag');
      await kris().waitForModal();
    });
    expect(opened).toBeLessThanOrEqual(4);
    const promote = () =>
      countOf(async () => {
        expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
      });
    const counts = [await promote()];
    // The longer it takes, the more statements that come by the clock fall into it: the cheapest of three counts.
    for (const flag of ['second_flag', 'third_flag']) {
      await countOf(command(`mark ${flag} ${APP}`));
      await bed.clock.advance(30_000);
      await kris().command(`promote ${flag}`);
      await kris().waitForModal();
      counts.push(await promote());
    }
    expect(await bed.rows.query('select distinct state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    const promoted = Math.min(...counts);
    expect(promoted).toBeLessThanOrEqual(35);
    expect(promoted).toBeGreaterThan(10);
  });

  test('to seal the audit log: two for a batch, however many events it has', async () => {
    await listenIn();
    const sealing = () => tap.statements.filter(({ sql }) => /flag_promotions\.audit_seals/u.test(sql)).length;
    const ofMany = async (events: number): Promise<number> => {
      for (let n = 0; n < events; n += 1) {
        await bed.db.audit.append({
          at: new Date(),
          action: 'console.flag.promotion.denied',
          actor: 'U0KRIS',
          promotionId: null,
          detail: { n },
        });
      }
      const before = sealing();
      await countOf(() => app.tick());
      return sealing() - before;
    };
    const ofNone = await ofMany(0);
    expect(await ofMany(100)).toBeLessThanOrEqual(ofNone + 3);
    // All of them, by whichever replica.
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true, unsealed: 0 });
  });
});
