import { createLogger } from '../../src/log.js';
import { createOnce, namesWithin } from '../../src/slack/once.js';

/** A database that all replicas share, which can be away. */
function shared() {
  const names = new Set<string>();
  const asked: (readonly string[])[] = [];
  let state: 'up' | 'down' | 'silent' = 'up';
  return {
    names,
    asked,
    become: (next: typeof state) => {
      state = next;
    },
    async remember(given: readonly string[]): Promise<ReadonlySet<string>> {
      asked.push(given);
      if (state === 'down') throw new Error('connection refused');
      if (state === 'silent') return new Promise(() => undefined);
      const fresh = given.filter((name) => !names.has(name));
      for (const name of fresh) names.add(name);
      return new Set(fresh);
    },
  };
}

const lines: string[] = [];
let at = 0;
function replicaOf(database: ReturnType<typeof shared>) {
  const log = createLogger('debug', { write: (line) => void lines.push(line) });
  return createOnce({ remember: database.remember, waitMs: 20, log, elapsed: () => at });
}
beforeEach(() => {
  lines.length = 0;
  at = 0;
});

test('a request is taken once, in whichever replica, however many come at once', async () => {
  const database = shared();
  const replicas = [replicaOf(database), replicaOf(database), replicaOf(database)];
  const taken = await Promise.all(replicas.flatMap((take) => [take(['a']), take(['a'])]));
  expect(taken.filter((isFirst) => isFirst)).toHaveLength(1);
  expect(await Promise.all(replicas.map((take) => take(['a'])))).toEqual([false, false, false]);
  expect(await replicas[0]?.(['b'])).toBe(true);
});

test('a replica that has seen it asks the database no more', async () => {
  const database = shared();
  const take = replicaOf(database);
  await take(['a']);
  for (let times = 0; times < 100; times += 1) expect(await take(['a'])).toBe(false);
  expect(database.asked).toHaveLength(1);
});

test('one name that came before is enough: an event that is signed anew', async () => {
  const database = shared();
  expect(await replicaOf(database)(['signature 1', 'event Ev1'])).toBe(true);
  expect(await replicaOf(database)(['signature 2', 'event Ev1'])).toBe(false);
  expect(await replicaOf(database)(['signature 2', 'event Ev2'])).toBe(false);
});

test.each(['down', 'silent'] as const)(
  'with the database %s, what this process has not seen is taken, and remembered for all once it is back',
  async (how) => {
    const database = shared();
    const [here, there] = [replicaOf(database), replicaOf(database)];
    database.become(how);
    expect(await here(['a'])).toBe(true);
    expect(await here(['a'])).toBe(false);
    expect(lines.length).toBe(how === 'down' ? 1 : 0);
    database.become('up');
    expect(await here(['b'])).toBe(true);
    expect(await there(['a'])).toBe(false);
    expect(await there(['b'])).toBe(false);
  },
);

test('requests that are asked about at the same time take nothing from each other, in whatever order they are answered', async () => {
  const database = shared();
  const asking: { readonly names: readonly string[]; readonly answer: () => void }[] = [];
  const log = createLogger('silent');
  const take = createOnce({
    remember: (names) =>
      new Promise((resolve) => {
        asking.push({ names, answer: () => database.remember(names).then(resolve) });
      }),
    waitMs: 60_000,
    log,
  });
  const taken = ['a', 'b', 'c'].map((name) => take([name]));
  for (const { answer } of asking.toReversed()) answer();
  expect(await Promise.all(taken)).toEqual([true, true, true]);
});

test('a name older than any valid signature is forgotten, and many are no burden', async () => {
  const database = shared();
  const take = replicaOf(database);
  await take(['old']);
  at = 10 * 60_000;
  expect(await take(['old'])).toBe(false);
  at += 1;
  await take(['new']);
  database.names.clear();
  expect(await take(['old'])).toBe(true);
  for (let index = 0; index < 25_000; index += 1) await take([String(index)]);
  database.names.clear();
  expect(await take(['0'])).toBe(true);
  expect(await take(['24999'])).toBe(false);
});

test.each([
  [{ type: 'event_callback', event_id: 'Ev1', event: {} }, ['event Ev1']],
  [{ type: 'event_callback', event: {} }, []],
  [{ type: 'event_callback', event_id: { toString: 'x' }, event: {} }, []],
  [{ type: 'block_actions', event_id: 'Ev1' }, []],
  [{ command: '/flag-promotions', event_id: 'Ev1' }, []],
])('%j is known by %j', (body, names) => expect(namesWithin(body)).toEqual(names));
