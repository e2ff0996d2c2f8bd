import pg from 'pg';
import { z } from 'zod';
import { createAuditKeys } from '../../src/audit/keys.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { compared, counted } from '../harness/figures.js';
import { alternate, type Contender } from '../harness/rounds.js';
import type { Bench, Measured, Row } from '../harness/row.js';

const ROUNDS = 5;
const APPENDS = 800;
const WRITERS = 4;
const SCALES_AT_LEAST = 3;
/** Portions while a snapshot is held: does the last cost more than the first? */
const PORTIONS = 6;
const PORTION = 1_000;
const FLAT = 1.2;

/** What recording an event costs, beside other writers and during a backup. */
export const audit: Row = {
  name: 'audit',
  how: `Events appended by the app's own module (\`db.audit.append\`), each in its own transaction, with its MAC: ${APPENDS} by ${WRITERS} writers, then as many by one, taking turns. For comparison, bare pg inserts the same events into a plain table that has only its key: with ${WRITERS} connections and with one, to show what the disk's group commit allows. Then ${PORTIONS} portions of ${PORTION} by one writer, while another transaction holds a snapshot, as pg_dump does: the blocks that an append touches (\`pg_stat_database\`, a count) and the time it takes, the last portion against the first.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const databaseUrl = await server.fresh('bench_audit', 'migrated');
    say('appending beside other writers');
    const { measured, plain } = await besideWriters(databaseUrl);
    say('appending under a held snapshot');
    const portions = await underSnapshot(await server.fresh('bench_audit_snapshot', 'migrated'));
    const [first, last] = [portions[0], portions.at(-1)];
    if (first === undefined || last === undefined) throw new Error('Nothing was appended.');
    const values = (name: string) => (measured.get(name) ?? []).map(({ perSecond }) => perSecond);
    const rows = (name: string) => (plain.get(name) ?? []).map(({ perSecond }) => perSecond);
    const what = `audit appends, ${WRITERS} writers`;
    return {
      figures: [
        compared({
          what,
          unit: '/s',
          ours: values('many'),
          against: 'one writer',
          theirs: values('one'),
          goal: { ratio: { atLeast: SCALES_AT_LEAST } },
        }),
        compared({
          what,
          unit: '/s',
          ours: values('many'),
          against: 'the same rows in a plain table',
          theirs: rows('many'),
        }),
        compared({
          what: `(rows in a plain table, ${WRITERS} connections)`,
          unit: '/s',
          ours: rows('many'),
          against: 'one connection',
          theirs: rows('one'),
        }),
        counted({
          what: `blocks of an append under a held snapshot, after ${PORTION * (PORTIONS - 1)} others`,
          unit: 'blocks',
          ours: last.blocks,
          against: 'the first of them',
          theirs: first.blocks,
          goal: { ratio: { atMost: FLAT } },
        }),
        counted({
          what: 'time of the same',
          unit: 'ms',
          ours: last.ms,
          against: 'the first of them',
          theirs: first.ms,
        }),
      ],
    };
  },
};

interface BesideWriters {
  readonly measured: ReadonlyMap<string, readonly { perSecond: number }[]>;
  readonly plain: ReadonlyMap<string, readonly { perSecond: number }[]>;
}

async function besideWriters(databaseUrl: string): Promise<BesideWriters> {
  const db = openDatabase(databaseUrl, { maxConnections: WRITERS, auditKeys: KEYS });
  const clients = await Promise.all(Array.from({ length: WRITERS }, () => connected(databaseUrl)));
  await clients[0]?.query(
    `create table plain_log (id bigint generated always as identity primary key, at timestamptz not null, action text not null,
       actor text not null, promotion_id bigint, detail jsonb not null)`,
  );
  const insert = (client: pg.Client | undefined) =>
    client?.query('insert into plain_log (at, action, actor, promotion_id, detail) values ($1, $2, $3, $4, $5)', [
      EVENT.at,
      EVENT.action,
      EVENT.actor,
      EVENT.promotionId,
      EVENT.detail,
    ]);
  const contender = (name: string, writers: number, append: (writer: number) => Promise<unknown> | undefined) => ({
    name,
    measure: () => rate(writers, append),
  });
  const own = [
    contender('many', WRITERS, () => db.audit.append(EVENT)),
    contender('one', 1, () => db.audit.append(EVENT)),
  ] satisfies Contender<'perSecond'>[];
  const bare = [
    contender('many', WRITERS, (writer) => insert(clients[writer])),
    contender('one', 1, () => insert(clients[0])),
  ] satisfies Contender<'perSecond'>[];
  await alternate(1, [...own, ...bare]);
  const measured = await alternate(ROUNDS, own);
  const plain = await alternate(ROUNDS, bare);
  await Promise.all([db.close(), ...clients.map((client) => client.end())]);
  return { measured, plain };
}

const KEYS = createAuditKeys([new Uint8Array(32)]);
const EVENT = {
  at: new Date(),
  action: 'console.flag.promotion.deployed',
  actor: 'promoter',
  promotionId: '1',
  detail: { release: 'v3', previous: 'false' },
} satisfies Parameters<Database['audit']['append']>[0];

async function rate(
  writers: number,
  append: (writer: number) => Promise<unknown> | undefined,
): Promise<{ readonly perSecond: number }> {
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let count = 0; count < APPENDS / writers; count += 1) await append(writer);
    }),
  );
  return { perSecond: (APPENDS * 1000) / (performance.now() - startedAt) };
}

interface Portion {
  readonly blocks: number;
  readonly ms: number;
}

async function underSnapshot(databaseUrl: string): Promise<readonly Portion[]> {
  const holder = await connected(databaseUrl);
  await holder.query('begin isolation level repeatable read');
  await holder.query('select 1 from flag_promotions.audit_log');
  const admin = await connected(databaseUrl);
  const portions: Portion[] = [];
  for (let portion = 0; portion < PORTIONS; portion += 1) {
    const before = await blocksOf(admin);
    const db = openDatabase(databaseUrl, { maxConnections: 1, auditKeys: KEYS });
    const startedAt = performance.now();
    for (let count = 0; count < PORTION; count += 1) await db.audit.append(EVENT);
    const ms = (performance.now() - startedAt) / PORTION;
    // A session reports its counts when it ends.
    await db.close();
    await untilGone(admin);
    portions.push({ blocks: ((await blocksOf(admin)) - before) / PORTION, ms });
  }
  await holder.query('rollback');
  await Promise.all([holder.end(), admin.end()]);
  return portions;
}

const blocks = z.object({ blocks: z.coerce.number() });

async function blocksOf(client: pg.Client): Promise<number> {
  const asked = await client.query(
    'select blks_hit + blks_read as blocks from pg_stat_database where datname = current_database()',
  );
  return blocks.parse(asked.rows[0]).blocks;
}

async function untilGone(client: pg.Client): Promise<void> {
  for (;;) {
    const left = await client.query(
      `select from pg_stat_activity where datname = current_database() and application_name = 'flag-promotions'`,
    );
    if (left.rowCount === 0) return;
  }
}

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}
