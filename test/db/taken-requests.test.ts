import { moveDatabaseClock } from '../../demo/world/database-clock.js';
import { NOW, type Stored, startStored } from '../support/rows.js';

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

const rows = () => stored.rows.query('select key from flag_promotions.taken_requests');
const MINUTE = 60_000;

test('of many who take a name at once, one has it', async () => {
  const { take } = stored.db.takenRequests;
  const taken = await Promise.all(Array.from({ length: 30 }, () => take(['signature abc'])));
  expect(taken.filter((fresh) => fresh.has('signature abc'))).toHaveLength(1);
  expect(taken.filter((fresh) => fresh.size === 0)).toHaveLength(29);
});

test('those who take several in another order don’t wait for each other in a circle', async () => {
  const { take } = stored.db.takenRequests;
  const names = Array.from({ length: 50 }, (_, index) => `event ${index}`);
  const taken = await Promise.all([take(names), take(names.toReversed()), take(names), take(names.toReversed())]);
  expect(taken.reduce((sum, { size }) => sum + size, 0)).toBe(names.length);
});

test('new names are told from those that somebody took; nobody reads in the table what they were', async () => {
  const { take } = stored.db.takenRequests;
  expect([...(await take(['signature 1', 'event 1']))].toSorted()).toEqual(['event 1', 'signature 1']);
  expect([...(await take(['signature 2', 'event 1', 'signature 2']))]).toEqual(['signature 2']);
  expect([...(await take([]))]).toEqual([]);
  const [, ...others] = await rows();
  expect(others).toHaveLength(2);
  expect(JSON.stringify(await rows())).not.toMatch(/signature|event/u);
});

test('they are forgotten ten minutes later, by the database’s clock, and not before', async () => {
  const { take, forgetOld } = stored.db.takenRequests;
  const hasOld = async () => (await stored.db.pruning.leftovers(NOW)).requests;
  const move = (ms: number) => moveDatabaseClock((sql) => stored.rows.query(sql), NOW.getTime() + ms - Date.now());
  await take(['a']);
  await move(9 * MINUTE);
  await take(['b']);
  expect(await hasOld()).toBe(false);
  await forgetOld();
  expect(await rows()).toHaveLength(2);
  await move(11 * MINUTE);
  expect(await hasOld()).toBe(true);
  await forgetOld();
  expect(await rows()).toHaveLength(1);
  expect((await take(['a'])).size).toBe(1);
  expect((await take(['b'])).size).toBe(0);
});

test('a name waits for no disk, unlike any other commit', async () => {
  const [database] = await stored.rows.query<{ name: string }>('select quote_ident(current_database()) as name');
  await stored.rows.query(`alter database ${database?.name} set synchronous_commit = on`);
  const { takenRequests, maintenance } = stored.replica();
  /** How often the log wasn't on the disk right after a commit. */
  const waitedFor = async (commit: (index: number) => Promise<unknown>) => {
    let open = 0;
    for (let index = 0; index < 50; index += 1) {
      await commit(index);
      const behind = 'select 1 where pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()';
      open += (await stored.rows.query(behind)).length;
    }
    return open;
  };
  const others = await waitedFor((stuck) => maintenance.record({ deploying: 0, stuck }));
  // Other tests write to the same log: some of theirs is always open.
  expect(await waitedFor((index) => takenRequests.take([String(index)]))).toBeGreaterThan(others + 5);
});
