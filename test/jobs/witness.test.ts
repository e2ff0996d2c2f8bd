import { randomBytes, randomUUID } from 'node:crypto';
import { createAuditKeys } from '../../src/audit/keys.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { createWitness } from '../../src/jobs/witness.js';
import { createLogger } from '../../src/log.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { DIRECTLY } from '../support/network.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { quietSealer } from '../support/sealer.js';

describe('a witness that can’t be asked', () => {
  let database: TestDatabase;
  let rows: RowStore;
  let db: Database;
  beforeEach(async () => {
    database = await createTestDatabase();
    rows = createRowStore(database.url);
    db = openDatabase(database.url, { auditKeys: createAuditKeys([randomBytes(32)]) });
  });
  afterEach(async () => {
    await db.close();
    await rows.close();
    await database.drop();
  });

  test('is logged and recorded with its reason, without the address: it may hold a token', async () => {
    const logged: string[] = [];
    const log = createLogger('debug', { write: (line) => void logged.push(line) });
    await db.denials.record({
      at: new Date(),
      actor: 'U0EVE',
      promotionId: null,
      attempted: 'mark',
      reason: 'not_operator',
    });
    await quietSealer({ seals: db.seals, log }).seal();
    const witness = createWitness({
      // fetch quotes such an address in full.
      url: 'http://canary:canary@127.0.0.1/canary',
      seals: db.seals,
      fetch: DIRECTLY.fetch,
      newOwner: randomUUID,
      elapsed: () => performance.now(),
      random: Math.random,
      log,
    });
    witness.wake();
    await eventually(async () => expect(logged.join('')).toContain('the witness did not take a seal'));
    await witness.stop();
    const told = logged.join('') + JSON.stringify(await rows.query('select * from flag_promotions.audit_witnesses'));
    expect(told).not.toContain('canary');
    expect(told).toMatch(/the witness was not reached \(no answer\).*the witness was not reached \(no answer\)/su);
  });
});
