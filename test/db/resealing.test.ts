import { randomBytes } from 'node:crypto';
import { openDatabase } from '../../src/db/database.js';
import { createRecoveryHash } from '../../src/operators/recovery-codes.js';
import { createResealer } from '../../src/operators/resealer.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createRowStore, type RowStore } from '../support/row-store.js';

describe('what Heroku held before, under a new key', () => {
  let database: TestDatabase;
  let rows: RowStore;
  beforeEach(async () => {
    database = await createTestDatabase();
    rows = createRowStore(database.url);
  });
  afterEach(async () => {
    await rows.close();
    await database.drop();
  });

  const [former, next, lost] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const boundTo = (id: string) => `previous_value of promotion ${id}`;
  const insert = async (flagKey: string, value: (id: string) => string): Promise<string> => {
    const id = await rows.insertDeploying({ flagKey });
    await rows.query('update console_flag_promotions set previous_value = $1 where id = $2', [value(id), id]);
    return id;
  };
  const reseal = async () => {
    const db = openDatabase(database.url);
    const resealer = createResealer(createSecretBox(next, former), createRecoveryHash(next, former));
    try {
      return await db.resealing.resealValues(resealer, { actor: 'command line', at: new Date() });
    } finally {
      await db.close();
    }
  };
  const sealedBy = (key: Uint8Array, secret: string) => (id: string) =>
    `sealed:${createSecretBox(key).seal(secret, boundTo(id))}`;

  test('opens with that key alone, once; plain values stay as they are, and what no key opens is counted', async () => {
    const id = await insert('before', sealedBy(former, 'sk_live_before'));
    await insert('lost', sealedBy(lost, 'sk_live_lost'));
    const plain = await insert('plain', () => 'false');
    expect(await reseal()).toEqual({ resealed: 1, shut: 1 });
    expect(await reseal()).toEqual({ resealed: 0, shut: 1 });
    const db = openDatabase(database.url, { valueBox: createSecretBox(next) });
    expect((await db.promotions.find(id))?.previousValue).toBe('sk_live_before');
    expect((await db.promotions.find(plain))?.previousValue).toBe('false');
    await db.close();
    const events = await rows.query(
      `select detail -> 'values' as n from flag_promotions.audit_log where action = 'console.flag.operator.resealed'`,
    );
    expect(events).toEqual([{ n: 1 }]);
  });

  test('a value from before secrets named their key is resealed; one moved from another row is not', async () => {
    const old = await insert('old', (id) =>
      sealedBy(former, 'sk_live_old')(id).replace(`${createSecretBox(former).sealsWith}.`, ''),
    );
    const moved = await insert('moved', () => sealedBy(former, 'sk_live_moved')(old));
    expect(await reseal()).toEqual({ resealed: 1, shut: 1 });
    const db = openDatabase(database.url, { valueBox: createSecretBox(next, former) });
    expect((await db.promotions.find(old))?.previousValue).toBe('sk_live_old');
    expect((await db.promotions.find(moved))?.previousValue).toMatch(/^sealed:/u);
    await db.close();
  });
});
