import { openDatabase } from '../../src/db/database.js';
import { createTestDatabase } from '../support/database.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { startChild } from './child.js';
import { pick, type Report, type Scenario } from './scenario.js';

/**
 * A superuser of the database switches the triggers off and rewrites the audit log in every way; `flag-promotions audit
 * verify`, in a process of its own, has to name the first broken event.
 */
export const auditTampering: Scenario = { name: 'audit-tampering', run };

const EVENTS = 40;

/** Where an event stands: not at either end, so that there is one before and one after. */
interface Chosen {
  readonly at: number;
  readonly later: number;
}

interface Tampering {
  readonly what: string;
  readonly sql: (chosen: Chosen) => string;
  /** The first event that does not fit the chain. */
  readonly broken: (chosen: Chosen) => number;
}

const here = ({ at }: Chosen): number => at;
const after = ({ at }: Chosen): number => at + 1;
/** As whoever knows how hashes are made would. */
const rehash = (id: number): string =>
  `update flag_promotions.audit_log e set hash = encode(sha256(convert_to(flag_promotions.audit_canonical(e), 'UTF8')), 'hex') where id = ${id}`;
const makeRoom = ({ at }: Chosen): string =>
  `update flag_promotions.audit_log set id = -id where id >= ${at}; update flag_promotions.audit_log set id = 1 - id where id < 0`;

const TAMPERINGS: readonly Tampering[] = [
  ...[
    `detail = '{}'`,
    `actor = 'U0SOMEONE'`,
    `action = 'console.flag.promotion.deployed'`,
    `at = at - interval '1 hour'`,
    `promotion_id = promotion_id + 1`,
    `hash = repeat('0', 64)`,
    `prev_hash = repeat('f', 64)`,
  ].map(
    (change): Tampering => ({
      what: `changed: ${change}`,
      sql: ({ at }) => `update flag_promotions.audit_log set ${change} where id = ${at}`,
      broken: here,
    }),
  ),
  {
    what: 'changed, with its hash made anew',
    sql: ({ at }) => `update flag_promotions.audit_log set actor = 'U0SOMEONE' where id = ${at}; ${rehash(at)}`,
    broken: after,
  },
  {
    what: 'the last one changed, with its hash made anew',
    sql: () => `update flag_promotions.audit_log set actor = 'U0SOMEONE' where id = ${EVENTS}; ${rehash(EVENTS)}`,
    broken: () => EVENTS,
  },
  { what: 'removed', sql: ({ at }) => `delete from flag_promotions.audit_log where id = ${at}`, broken: here },
  { what: 'the first removed', sql: () => 'delete from flag_promotions.audit_log where id = 1', broken: () => 1 },
  {
    what: 'the last ones cut off',
    sql: ({ at }) => `delete from flag_promotions.audit_log where id >= ${at}`,
    broken: here,
  },
  {
    what: 'the last ones cut off, and the head counted back',
    sql: ({ at }) =>
      `delete from flag_promotions.audit_log where id >= ${at}; update flag_promotions.audit_head set last_id = ${at - 1}`,
    broken: ({ at }) => at - 1,
  },
  { what: 'all removed', sql: () => 'truncate flag_promotions.audit_log', broken: () => 1 },
  {
    what: 'the head’s hash changed',
    sql: () => `update flag_promotions.audit_head set last_hash = repeat('0', 64)`,
    broken: () => EVENTS,
  },
  {
    what: 'two exchanged',
    sql: ({ at, later }) =>
      `update flag_promotions.audit_log set id = -id where id in (${at}, ${later});
       update flag_promotions.audit_log set id = case id when -${at} then ${later} else ${at} end where id < 0`,
    broken: here,
  },
  {
    what: 'one inserted in the middle',
    sql: (chosen) =>
      `${makeRoom(chosen)}; insert into flag_promotions.audit_log select ${chosen.at}, at, 'console.flag.promotion.deployed', actor, promotion_id,
         detail, prev_hash, hash from flag_promotions.audit_log where id = ${chosen.at + 1}`,
    broken: here,
  },
  {
    what: 'one inserted in the middle, well chained to the one before',
    sql: (chosen) =>
      `${makeRoom(chosen)}; insert into flag_promotions.audit_log select ${chosen.at}, at, action, actor, promotion_id, detail, hash, ''
         from flag_promotions.audit_log where id = ${chosen.at - 1}; ${rehash(chosen.at)}`,
    broken: after,
  },
  {
    what: 'one put before the first',
    sql: ({ at }) =>
      `insert into flag_promotions.audit_log select 0, at, action, actor, promotion_id, detail, prev_hash, hash from flag_promotions.audit_log where id = ${at}`,
    broken: () => 0,
  },
  {
    what: 'one added at the end past the head',
    sql: () =>
      `insert into flag_promotions.audit_log select ${EVENTS + 1}, at, action, actor, promotion_id, detail, hash, ''
         from flag_promotions.audit_log where id = ${EVENTS}; ${rehash(EVENTS + 1)}`,
    broken: () => EVENTS + 1,
  },
];

async function run(random: () => number): Promise<Report> {
  const missed: string[] = [];
  const named: string[] = [];
  for (const { what, sql, broken } of TAMPERINGS) {
    const database = await createTestDatabase();
    const rows = createRowStore(database.url);
    await fill(database.url);
    const at = 2 + Math.floor(random() * (EVENTS - 12));
    const chosen = { at, later: pick(random, [at + 1, at + 2, at + 9]) };
    await asSuperuser(rows, sql(chosen));
    const child = startChild(['audit', 'verify', '--json'], { DATABASE_URL: database.url });
    const code = await child.ended;
    const answer = child.answer();
    if (code !== 1) missed.push(`${what}: exit code ${code}`);
    else if (!answer.includes(`"firstBrokenId":"${broken(chosen)}"`)) named.push(`${what}: ${answer.trim()}`);
    await rows.close();
    await database.drop();
  }
  for (const line of [...missed, ...named]) process.stderr.write(`${line}\n`);
  return {
    did: `${TAMPERINGS.length} ways to rewrite ${EVENTS} events past the triggers`,
    wrong: { 'tamperings unnoticed': missed.length, 'another event named than the first broken': named.length },
    happened: { 'tamperings noticed': { times: TAMPERINGS.length - missed.length, atLeast: TAMPERINGS.length } },
  };
}

/** Events as the app writes them. */
async function fill(url: string): Promise<void> {
  const db = openDatabase(url);
  for (let event = 0; event < EVENTS; event += 1) {
    await db.audit.append({
      at: new Date(Date.UTC(2026, 4, 9, 4, 28, event)),
      action: 'console.flag.promotion.denied',
      actor: 'U0SUPER001',
      promotionId: String(1 + (event % 5)),
      detail: { attempted: 'completed', number: event },
    });
  }
  await db.close();
}

async function asSuperuser(rows: RowStore, sql: string): Promise<void> {
  await rows.query(
    `alter table flag_promotions.audit_log disable trigger user; ${sql}; alter table flag_promotions.audit_log enable trigger user`,
  );
}
