import pino from 'pino';
import { createHerokuBudget, type HerokuUse } from '../../src/heroku/budget.js';
import { createHerokuOver } from '../../src/heroku/heroku.js';
import { moveDatabaseClock } from '../../demo/world/database-clock.js';
import { NOW, type Stored, startStored } from '../support/rows.js';
import { eventually } from '../support/eventually.js';

const MINUTE = 60_000;
/** Sixty that ask at once share a few connections of a busy machine. */
const PATIENCE = 20;
const log = pino({ level: 'silent' });

describe('the requests an hour', () => {
  let stored: Stored;
  beforeEach(async () => {
    stored = await startStored();
  });
  afterEach(() => stored.close());

  const replica = (perHour: number) =>
    createHerokuBudget({
      requests: stored.replica().herokuRequests,
      perHour,
      elapsed: () => performance.now(),
      patience: PATIENCE,
      log,
    });
  const move = (ms: number) => moveDatabaseClock((sql) => stored.rows.query(sql), NOW.getTime() + ms - Date.now());
  const used = () => stored.db.herokuRequests.ofLastHour();
  async function admitted(budgets: readonly ReturnType<typeof replica>[], use: HerokuUse, times: number) {
    const asked = budgets.flatMap((budget) => Array.from({ length: times }, () => budget.admit(use)));
    return (await Promise.all(asked)).filter((yes) => yes).length;
  }

  test('are shared by all replicas, however many ask at once', async () => {
    expect(await admitted([replica(20), replica(20), replica(20)], 'watching', 20)).toBe(15);
    expect(await used()).toBe(15);
  });

  test('are kept for what is more important: the rest, open criticals, people', async () => {
    const budget = replica(20);
    expect(await admitted([budget], 'watching', 40)).toBe(15);
    expect(await admitted([budget], 'critical', 40)).toBe(3);
    expect(await admitted([budget], 'person', 40)).toBe(2);
    expect(await admitted([budget], 'person', 1)).toBe(0);
  });

  test('never hold the promoter back, and what it uses the others don’t have', async () => {
    const [promoting, watching] = [replica(20), replica(20)];
    expect(await admitted([promoting], 'promoting', 12)).toBe(12);
    // At once in this process, and soon in the others.
    expect(await admitted([promoting], 'watching', 10)).toBe(3);
    await promoting.close();
    expect(await used()).toBe(15);
    expect(await admitted([watching], 'watching', 1)).toBe(0);
    expect(await admitted([promoting], 'promoting', 50)).toBe(50);
    await promoting.close();
    expect(await used()).toBe(65);
    expect(await admitted([replica(20)], 'person', 1)).toBe(0);
  });

  test('that people use without waiting for the count are counted soon', async () => {
    const budget = replica(100);
    expect(await admitted([budget], 'person', 1)).toBe(1);
    expect(await admitted([budget], 'person', 5)).toBe(5);
    await eventually(async () => expect(await used()).toBe(6));
  });

  test('come back an hour after they were used, by the database’s clock', async () => {
    const budget = replica(4);
    expect(await admitted([budget], 'watching', 9)).toBe(3);
    await move(59 * MINUTE);
    expect(await admitted([budget], 'watching', 9)).toBe(0);
    await move(61 * MINUTE);
    expect(await admitted([budget], 'watching', 9)).toBe(3);
    const [row] = await stored.rows.query<{ minutes: object }>('select minutes from flag_promotions.heroku_requests');
    expect(Object.keys(row?.minutes ?? {})).toHaveLength(1);
  });

  test('counted by a clock that was ahead are gone once it is set back', async () => {
    const budget = replica(4);
    await move(24 * 60 * MINUTE);
    expect(await admitted([budget], 'watching', 9)).toBe(3);
    await move(0);
    expect(await admitted([budget], 'watching', 9)).toBe(3);
  });
});

describe('while nobody can count', () => {
  const budget = (count: () => Promise<number | null>) =>
    createHerokuBudget({ requests: { count }, perHour: 100, elapsed: () => 0, patience: 1, log });
  test.each([
    ['the database fails', () => Promise.reject(new Error('The server is away.'))],
    ['it doesn’t answer', () => new Promise<null>(() => undefined)],
  ])('because %s, people and the promoter are served, and what the app does by itself rests', async (_, count) => {
    const one = budget(count);
    const [promoting, person, critical, watching] = await Promise.all(
      (['promoting', 'person', 'critical', 'watching'] as const).map((use) => one.admit(use)),
    );
    expect({ promoting, person, critical, watching }).toEqual({
      promoting: true,
      person: true,
      critical: false,
      watching: false,
    });
  });
});

test('a request that isn’t admitted is not sent, and says why', async () => {
  const sent: string[] = [];
  const asked: HerokuUse[] = [];
  const heroku = createHerokuOver(
    {
      request: async ({ path }) => {
        sent.push(path);
        return { type: 'answered', status: 200, headers: {}, text: '{}' };
      },
      close: () => undefined,
    },
    {
      admit: async (use) => {
        asked.push(use);
        return use === 'promoting';
      },
    },
  );
  await expect(heroku.readConfigVar('app', 'FLAG_A')).rejects.toMatchObject({
    kind: 'over_budget',
    outcomeUnknown: false,
  });
  await expect(heroku.usedFor('watching').readConfigVars('app', ['FLAG_A'])).rejects.toThrow(
    "was not sent: this app's requests for this hour are used up (HEROKU_REQUESTS_PER_HOUR)",
  );
  expect(sent).toEqual([]);
  await heroku.usedFor('promoting').readConfigVar('app', 'FLAG_A');
  expect(sent).toEqual(['/apps/app/config-vars']);
  expect(asked).toEqual(['person', 'watching', 'promoting']);
});
