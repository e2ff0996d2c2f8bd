import { randomBytes } from 'node:crypto';
import { createAuditKeys } from '../../src/audit/keys.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { createSealer, type Sealer } from '../../src/jobs/sealer.js';
import { realTimers } from '../../src/jobs/timers.js';
import { createLogger } from '../../src/log.js';
import { createTestDatabase } from '../support/database.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { startChild } from './child.js';
import { CHAIN_ANEW } from '../support/chained-audit.js';
import { pick, type Report, type Scenario } from './scenario.js';

/**
 * The database's owner disables the triggers and rewrites the audit log in every way, while the app goes on sealing;
 * `flag-promotions audit verify`, in a process of its own, has to name the first broken event. The last seal was kept
 * elsewhere, as a witness would.
 */
export const auditTampering: Scenario = { name: 'audit-tampering', run };

const EVENTS = 40;
/** This many are sealed at a time; the last three aren't sealed yet. */
const SEALED_EACH = 4;
const UNSEALED = 3;
const SEALED = EVENTS - UNSEALED - 1;

/** An event's position: not at either end, so that it has neighbours on both sides. */
interface Chosen {
  readonly at: number;
  readonly later: number;
}

interface Tampering {
  readonly what: string;
  readonly sql: (chosen: Chosen) => string;
  /** Puts right what was changed, once the app has sealed over it. */
  readonly undo?: (chosen: Chosen) => string;
  /** The first broken event. */
  readonly broken: (chosen: Chosen) => number;
}

const here = ({ at }: Chosen): number => at;
const sealOf = ({ at }: Chosen): number => Math.ceil(at / SEALED_EACH);
const firstOf = (seal: number): number => (seal - 1) * SEALED_EACH + 1;
const COLUMNS = 'at, action, actor, promotion_id, detail, event, open, key, mac';

const TAMPERINGS: readonly Tampering[] = [
  ...[
    `detail = '{}'`,
    `actor = 'U0SOMEONE'`,
    `action = 'console.flag.promotion.deployed'`,
    `at = at - interval '1 hour'`,
    `promotion_id = promotion_id + 1`,
    `mac = repeat('0', 43)`,
    `open = 'at promotion'`,
  ].flatMap((change): Tampering[] => [
    {
      what: `changed: ${change}`,
      sql: ({ at }) => `update flag_promotions.audit_log set ${change} where id = ${at}`,
      broken: here,
    },
    {
      what: `not sealed yet, and changed: ${change}`,
      sql: () => `update flag_promotions.audit_log set ${change} where id = ${EVENTS}`,
      broken: () => EVENTS,
    },
  ]),
  { what: 'removed', sql: ({ at }) => `delete from flag_promotions.audit_log where id = ${at}`, broken: here },
  { what: 'the first removed', sql: () => 'delete from flag_promotions.audit_log where id = 1', broken: () => 1 },
  {
    what: 'the last ones cut off',
    sql: ({ at }) => `delete from flag_promotions.audit_log where id >= ${at}`,
    broken: here,
  },
  {
    what: 'the last ones cut off, with their seals',
    sql: (chosen) =>
      `delete from flag_promotions.audit_log where id >= ${firstOf(sealOf(chosen))};
       delete from flag_promotions.audit_seals where number >= ${sealOf(chosen)}`,
    broken: (chosen) => firstOf(sealOf(chosen)),
  },
  { what: 'all removed', sql: () => 'truncate flag_promotions.audit_log', broken: () => 1 },
  {
    what: 'everything removed',
    sql: () => 'truncate flag_promotions.audit_log; truncate flag_promotions.audit_seals',
    broken: () => 1,
  },
  {
    what: 'two exchanged',
    sql: ({ at, later }) =>
      `update flag_promotions.audit_log set id = -id where id in (${at}, ${later});
       update flag_promotions.audit_log set id = case id when -${at} then ${later} else ${at} end where id < 0`,
    broken: here,
  },
  {
    what: 'one inserted at the end',
    sql: () =>
      `insert into flag_promotions.audit_log (at, action, actor) values (now(), 'console.flag.promotion.deployed', 'promoter')`,
    broken: () => EVENTS + 1,
  },
  {
    what: 'one inserted at the end, like another of the app’s',
    sql: ({ at }) =>
      `insert into flag_promotions.audit_log (${COLUMNS}) select at, action, actor, promotion_id, detail, gen_random_uuid(), open, key, mac
         from flag_promotions.audit_log where id = ${at}`,
    broken: () => EVENTS + 1,
  },
  {
    what: 'one copied whole',
    sql: ({ at }) =>
      `drop index flag_promotions.audit_log_event;
       insert into flag_promotions.audit_log (${COLUMNS}) select ${COLUMNS} from flag_promotions.audit_log where id = ${at}`,
    broken: () => EVENTS + 1,
  },
  {
    what: 'one put before the first',
    sql: ({ at }) =>
      `insert into flag_promotions.audit_log (id, at, action, actor) select 0, at, action, actor from flag_promotions.audit_log where id = ${at}`,
    broken: () => 0,
  },
  {
    what: 'a seal removed',
    sql: (chosen) => `delete from flag_promotions.audit_seals where number = ${sealOf(chosen)}`,
    broken: (chosen) => firstOf(sealOf(chosen) + 1),
  },
  {
    what: 'an event taken out of its seal as well',
    sql: (chosen) =>
      `delete from flag_promotions.audit_log where id = ${firstOf(sealOf(chosen))};
       update flag_promotions.audit_seals set event_ids = event_ids[2:], event_hashes = substring(event_hashes from 33)
        where number = ${sealOf(chosen)}`,
    broken: (chosen) => firstOf(sealOf(chosen)) + 1,
  },
  {
    what: 'a seal’s hash made anew',
    sql: (chosen) =>
      `update flag_promotions.audit_seals set hash = encode(sha256('anything'), 'hex') where number = ${sealOf(chosen)}`,
    broken: (chosen) => firstOf(sealOf(chosen)),
  },
  {
    what: 'one inserted without a MAC, while the log looks like one just upgraded',
    sql: () =>
      `alter table flag_promotions.audit_seals add column kept timestamptz;
       update flag_promotions.audit_seals set kept = at, at = now() where number = 1;
       update flag_promotions.audit_head set last_id = 1;
       insert into flag_promotions.audit_log (at, action, actor) values (now(), 'console.flag.promotion.ops_complete', 'U0EVE')`,
    undo: () =>
      `update flag_promotions.audit_seals set at = kept where number = 1;
       alter table flag_promotions.audit_seals drop column kept;
       update flag_promotions.audit_head set last_id = 0`,
    broken: () => EVENTS + 1,
  },
  {
    what: 'all rewritten as a chain from before the seals',
    sql: () =>
      `delete from flag_promotions.audit_seals;
       update flag_promotions.audit_log set actor = 'U0EVE', event = null, open = null, key = null, mac = null;
       ${CHAIN_ANEW}`,
    broken: () => 1,
  },
  {
    what: 'one sealed again as another',
    sql: ({ at }) =>
      `create table flag_promotions.kept as select * from flag_promotions.audit_log where id = ${at};
       delete from flag_promotions.audit_log where id = ${at};
       insert into flag_promotions.audit_log (${COLUMNS}) select ${COLUMNS} from flag_promotions.kept`,
    undo: () =>
      `drop index flag_promotions.audit_log_event;
       insert into flag_promotions.audit_log select * from flag_promotions.kept`,
    broken: () => EVENTS + 1,
  },
];

async function run(random: () => number): Promise<Report> {
  const missed: string[] = [];
  const named: string[] = [];
  for (const { what, sql, undo, broken } of TAMPERINGS) {
    const database = await createTestDatabase();
    const rows = createRowStore(database.url);
    const key = randomBytes(32);
    const db = openDatabase(database.url, { auditKeys: createAuditKeys([key]) });
    const sealer = sealerOf(db);
    const kept = await fill(db, sealer);
    const at = SEALED_EACH + 1 + Math.floor(random() * (SEALED - 3 * SEALED_EACH));
    const chosen = { at, later: pick(random, [at + 1, at + 2, at + 5]) };
    await asOwner(rows, sql(chosen));
    // It refuses if it notices.
    await sealer.seal().catch(() => undefined);
    if (undo !== undefined) await asOwner(rows, undo(chosen));
    const child = startChild(['audit', 'verify', '--json', '--expect', kept], {
      DATABASE_URL: database.url,
      TOTP_ENCRYPTION_KEY: key.toString('base64'),
    });
    const code = await child.ended;
    const answer = child.answer();
    if (code !== 1) missed.push(`${what}: exit code ${code}`);
    else if (!answer.includes(`"firstBrokenId":"${broken(chosen)}"`)) named.push(`${what}: ${answer.trim()}`);
    await rows.close();
    await db.close();
    await database.drop();
  }
  for (const line of [...missed, ...named]) process.stderr.write(`${line}\n`);
  return {
    did: `${TAMPERINGS.length} ways to rewrite ${EVENTS} events past the triggers`,
    wrong: { 'tamperings unnoticed': missed.length, 'another event named than the first broken': named.length },
    happened: { 'tamperings noticed': { times: TAMPERINGS.length - missed.length, atLeast: TAMPERINGS.length } },
  };
}

function sealerOf(db: Database): Sealer {
  const ignored = () => undefined;
  return createSealer({
    seals: db.seals,
    timers: realTimers(() => performance.now()),
    log: createLogger('silent'),
    takesAnyKey: false,
    onShown: ignored,
    onSealed: ignored,
    onRefused: ignored,
  });
}

/** Events as the app writes and seals them; resolves with the last seal. */
async function fill(db: Database, sealer: Sealer): Promise<string> {
  for (let event = 1; event <= EVENTS; event += 1) {
    await db.audit.append({
      at: new Date(Date.UTC(2026, 4, 9, 4, 28, event)),
      action: 'console.flag.promotion.denied',
      actor: 'U0SUPER001',
      promotionId: String(1 + (event % 5)),
      detail: { attempted: 'completed', number: event },
    });
    if (event % SEALED_EACH === 0 && event <= SEALED) await sealer.seal();
  }
  const verdict = await db.audit.verify();
  if (!verdict.intact || verdict.seal === null) throw new Error('The log was not intact before anybody touched it.');
  return `${verdict.seal.number}:${verdict.seal.hash}`;
}

async function asOwner(rows: RowStore, sql: string): Promise<void> {
  const tables = ['audit_log', 'audit_seals', 'audit_head'].map((table) => `alter table flag_promotions.${table}`);
  await rows.query(
    [
      ...tables.map((table) => `${table} disable trigger user`),
      sql,
      ...tables.map((table) => `${table} enable trigger user`),
    ].join('; '),
  );
}
