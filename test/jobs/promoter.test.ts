import { startHerokuStandIn, type HerokuStandIn } from '../../demo/heroku/stand-in.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { createHeroku, type Heroku } from '../../src/heroku/heroku.js';
import { createPromoter, type Promoter } from '../../src/jobs/promoter.js';
import { createLogger } from '../../src/log.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { createRowStore, type RowStore } from '../support/row-store.js';

const APP = 'raxx-console-prod';

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
    standIn = await startHerokuStandIn({ apps: { [APP]: { vars: {} } } });
    heroku = createHeroku({ apiKey: standIn.apiKey, apiUrl: standIn.apiUrl });
    changed.length = 0;
    promoter = createPromoter({
      db: db.promoting,
      heroku,
      now: () => new Date(),
      random: Math.random,
      newOwner: () => 'this promoter',
      leaseMs: 20_000,
      pollMs: 3_600_000,
      log: createLogger('silent', { write: () => undefined }),
      onChanged: (id) => void changed.push(id),
    });
  });
  afterEach(async () => {
    await promoter.stop();
    heroku.close();
    await standIn.close();
    await rows.close();
    await db.close();
    await database.drop();
  });

  const insert = () => rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
  const states = async () =>
    (await rows.query<{ state: string }>('select state from console_flag_promotions')).map(({ state }) => state);

  test('looks at once when it is woken, and tells of each commit', async () => {
    promoter.start();
    const id = await insert();
    promoter.wake();
    await eventually(async () => expect(await states()).toEqual(['deployed']));
    expect(changed).toEqual([id]);
    // The look of its start may have found the first one; the second one needs the waking.
    await rows.insertDeploying({ flagKey: 'another', checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    promoter.wake();
    await eventually(async () => expect(await states()).toEqual(['deployed', 'deployed']));
  });

  test('stops at once while it waits', async () => {
    promoter.start();
    await promoter.stop();
    await insert();
    promoter.wake();
    expect(await states()).toEqual(['deploying']);
  });
});
