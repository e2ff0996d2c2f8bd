import pg from 'pg';
import { SealedValues } from '../../../src/db/sealed-values.js';
import { createSecretBox } from '../../../src/operators/secret-box.js';
import { openDatabase } from '../../../src/db/database.js';
import { MARKED, NAMES, REVERTING, USES, USUAL_LENGTHS, WRITES } from '../../../src/db/console/writes.js';
import { HEROKU_REASONS, type HerokuErrorKind } from '../../../src/heroku/error.js';
import { type Circumstances, explain, shown } from '../../../src/heroku/explain.js';
import { CONFIG_VARS_MAX_BYTES } from '../../../src/heroku/heroku.js';
import { pendingCommit } from '../../../src/promotions/promoting.js';
import { RCA_URL_MAX_LENGTH } from '../../../src/promotions/rca-url.js';
import { NOTE_MAX_LENGTH } from '../../../src/promotions/resolution.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { createRowStore, type RowStore } from '../../support/row-store.js';
import { enrol, insertPromotion, LIVE, NOW, submission, typed } from '../../support/rows.js';

/*
 * A console's table is judged by the app's writes: an account that may touch only the columns listed there can do
 * everything.
 */

const RELEASE = {
  id: '01234567-89ab-4cde-8f01-23456789abcd',
  version: 7,
  status: 'succeeded' as const,
  createdAt: NOW,
};

let database: TestDatabase;
let rows: RowStore;
const role = `writer_${process.pid}`;
let url: string;
beforeEach(async () => {
  database = await createTestDatabase();
  rows = createRowStore(database.url);
  const address = new URL(database.url);
  address.username = role;
  address.password = 'writer';
  url = address.href;
  const list = (names: Iterable<string>) => [...new Set(names)].join(', ');
  const keys = (sets: readonly object[]) => sets.flatMap((set) => Object.keys(set));
  const insert = list(['state', ...NAMES, ...keys([MARKED, REVERTING])]);
  const update = list(['state', ...keys(WRITES.map(({ set }) => set))]);
  await rows.query(`create role ${role} login password 'writer'`);
  await rows.query(`grant usage on schema public, flag_promotions to ${role}`);
  await rows.query(`grant select, insert, update, delete on all tables in schema flag_promotions to ${role}`);
  await rows.query(
    `grant select (id, state, ${list(USES.keys())}), insert (${insert}), update (${update}) on console_flag_promotions to ${role}`,
  );
});
afterEach(async () => {
  await rows.close();
  await database.drop();
  const server = new URL(database.url);
  server.pathname = '/postgres';
  const client = new pg.Client({ connectionString: server.href });
  await client.connect();
  await client.query(`drop role ${role}`);
  await client.end();
});

test('every write of the app is of a column that is listed', async () => {
  const db = openDatabase(url);
  try {
    const kris = await enrol(db, 'U0KRIS');
    let step = -1;
    const code = () => {
      step += 1;
      return typed(kris.code(step), new Date(NOW.getTime() + step * 30_000));
    };
    const names = (flagKey: string) => ({ flagKey, herokuApp: 'app', configVar: flagKey, targetValue: 'true' });
    const marked = async (flagKey: string): Promise<string> => {
      const outcome = await db.transitions.mark(names(flagKey), kris.id, NOW);
      if (outcome.kind !== 'marked') throw new Error(outcome.kind);
      return outcome.promotion.id;
    };
    const transition = async (promotionId: string, what: 'promote' | 'cancel') => {
      const asked = {
        promotionId,
        transition: what,
        operatorId: kris.id,
        shown: null,
        reread: null,
        isAsShown: () => true,
        takesSecondPerson: () => false,
      };
      expect(await db.transitions.carryOut(asked, NOW, code())).toMatchObject({ kind: 'done' });
    };
    await transition(await marked('cancelled'), 'cancel');

    const lease = { owner: 'promoter', durationMs: 60_000 };
    const id = await marked('deployed');
    await transition(id, 'promote');
    const claimed = await db.promoting.claimNext(lease);
    if (claimed.promotion?.id !== id) throw new Error('It was not due.');
    expect(await db.promoting.renew(id, lease)).toBe(true);
    expect(await db.promoting.announcePatch(claimed.promotion, lease, { value: 'false', release: 6 })).toEqual({
      kind: 'announced',
    });
    expect(await db.promoting.recordUnchanged(id, lease, 'unavailable', NOW)).toBe(true);
    expect(await db.promoting.writePendingCommit(id, lease, RELEASE, NOW)).toBe(true);
    expect(await db.promoting.reportDrift(id, lease, { waitMs: 0, lastError: 'another value' })).toBe(true);
    await db.promoting.claimNext(lease);
    await db.promoting.postpone(id, lease, { waitMs: 0, lastError: null });
    await db.promoting.claimNext(lease);
    expect(await db.promoting.commit(id, lease, { state: 'deployed' }, NOW, RELEASE)).toBe(true);
    const failing = await marked('failed');
    await transition(failing, 'promote');
    await db.promoting.claimNext(lease);
    expect(await db.promoting.commit(failing, lease, { state: 'failed', reason: 'x' }, NOW, null)).toBe(true);

    const rcaUrl = 'https://wiki.example/rca';
    const external = await insertPromotion(rows, { flag_key: 'a', previous_value: 'off', config_var: 'A' });
    const failed = submission(external, kris, {
      action: 'failed',
      setBack: true,
      rcaUrl,
      confirmedContradiction: true,
    });
    expect(await db.promotions.resolve(failed, NOW, code())).toMatchObject({
      kind: 'resolved',
      back: { state: 'deploying' },
    });
    const completed = submission(await insertPromotion(rows, { flag_key: 'b' }), kris, { note: null });
    expect(await db.promotions.resolve(completed, NOW, code())).toMatchObject({ kind: 'resolved' });
    const link = { promotionId: completed.promotionId, url: rcaUrl, operatorId: kris.id, at: NOW };
    expect(await db.promotions.linkRca(link)).toMatchObject({ kind: 'linked' });
    const proven = await insertPromotion(rows, { flag_key: 'c' });
    expect(await db.promotions.claimForProof(proven, 1_000)).toMatchObject({ id: proven });
    expect(await db.promotions.autoComplete(proven, LIVE, 'It is live.', NOW)).toBe(true);
  } finally {
    await db.close();
  }
});

test('no text gets longer than is listed', () => {
  const width = (name: string) => USES.get(name)?.width;
  expect(width('resolution_note')).toBe(NOTE_MAX_LENGTH);
  expect(width('failure_reason')).toBe(NOTE_MAX_LENGTH);
  expect(width('rca_url')).toBe(RCA_URL_MAX_LENGTH);
  // It may be a secret, and then is sealed to its row.
  const longest = new SealedValues(createSecretBox(new Uint8Array(32))).seal('x'.repeat(CONFIG_VARS_MAX_BYTES), '1');
  expect(width('previous_value')).toBe(longest?.length);
  expect(width('checkpoint')).toBe(pendingCommit(RELEASE.id).length);
  for (const name of ['marked_by', 'promoted_by', 'resolved_by']) expect(width(name)).toBe(21);
});

test('no sentence about an error from Heroku is longer than the usual length', () => {
  const errors: readonly (readonly [HerokuErrorKind, Circumstances?])[] = [
    ['unauthorized'],
    ['forbidden'],
    ['not_found'],
    ['invalid'],
    ['invalid', { outcomeUnknown: false, status: 422 }],
    ['rate_limited'],
    ['unavailable'],
    ['unreachable', { outcomeUnknown: false, code: 'PROXY_AUTHENTICATION' }],
    ['unreachable', { outcomeUnknown: false, reason: 'deadline', deadlineMs: 15_000 }],
    ['over_budget'],
    ['unknown_outcome', { outcomeUnknown: true, code: 'ECONNRESET' }],
    ['unknown_outcome', { outcomeUnknown: true, reason: 'deadline', deadlineMs: 15_000 }],
    ['unexpected', { outcomeUnknown: true, status: 502 }],
    ['unexpected', { outcomeUnknown: false, status: 502 }],
  ];
  const name = shown('X'.repeat(100));
  const task = { words: `remove ${name} on ${name}`, writes: true };
  const said = [null, ...HEROKU_REASONS].flatMap((refusal) =>
    errors.map(([kind, given = { outcomeUnknown: false }]) => explain(kind, task, { ...given, refusal })),
  );
  const longest = Math.max(...said.map(({ length }) => length));
  expect(longest).toBeGreaterThan(300);
  for (const column of ['last_error', 'failure_reason']) {
    expect(longest).toBeLessThanOrEqual(USUAL_LENGTHS[column] ?? 0);
  }
});
