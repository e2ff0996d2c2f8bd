import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { StoredMessage } from '../../demo/slack/workspace.js';
import { openDatabase } from '../../src/db/database.js';
import { migrateToLatest, rollBackTo } from '../../src/db/migrate.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { createEmptyDatabase } from '../support/database.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { type Child, startChild } from './child.js';
import { checkOut, newestCommit, type OldVersion, oldVersions } from './old-versions.js';
import { countOwed } from './owed.js';
import { openForms, submitAsShown } from './people.js';
import { addUp, type Report, type Scenario } from './scenario.js';

/**
 * The app of an earlier schema, from the repository's history, keeps ticking and resolving while one of today's
 * replicas migrates the schema beside it, while another earlier one starts on the newer schema, and while the newer
 * migrations are reverted. Forms that one version opened are submitted to the other. Each version accepts the codes of
 * people whom the earlier one enrolled. After `migrate --to` the earlier one also accepts those that today's sealed.
 */
export const schemaChanges: Scenario = { name: 'schema-changes', run };

const VERSIONS = 3;
const PER_PHASE = 3;
/** After the upgrade, and with the late starter. */
const PHASES_ACROSS = 2;
const POSTED_WITHIN_MS = 60_000;
const EVERY_SECOND = { MAINTENANCE_CRON: '* * * * * *' };

async function run(): Promise<Report> {
  const earlier = (await oldVersions()).slice(0, VERSIONS);
  // Until the first migration is appended no schema changes; that two processes of one schema live together still
  // counts.
  const versions = earlier.length > 0 ? earlier : [await newestCommit()];
  let wrong: Readonly<Record<string, number>> = {};
  let resolvedAcross = 0;
  let sealedByToday = 0;
  for (const version of versions) {
    const replayed = await replay(version);
    wrong = addUp(wrong, replayed.wrong);
    resolvedAcross += replayed.resolvedAcross;
    sealedByToday += replayed.sealedByToday;
  }
  const known = versions.map(({ behind, newestMigration }) => `${behind} migrations behind (${newestMigration})`);
  return {
    did: `${earlier.length > 0 ? 'up and down' : 'no earlier schema in the history yet, so without a change of it'}, beside the app of ${known.join(', ')}; ${versions.length * 5 * PER_PHASE} promotions`,
    wrong,
    happened: {
      'promotions resolved by another version than opened their forms': {
        times: resolvedAcross,
        atLeast: versions.length * PHASES_ACROSS * PER_PHASE,
      },
      'people sealed by today’s version before the downgrade, who resolve after it': {
        times: sealedByToday,
        atLeast: versions.length * PER_PHASE,
      },
    },
  };
}

interface Replayed {
  readonly wrong: Readonly<Record<string, number>>;
  readonly resolvedAcross: number;
  readonly sealedByToday: number;
}

/** How a version stores the secret of somebody it enrols. */
type Seal = ReturnType<typeof createSecretBox>['seal'];

async function replay(version: OldVersion): Promise<Replayed> {
  // Its own app has another database: here it lends its workspace and its authenticators.
  const bed = await startTestBed({
    startAt: new Date().toISOString(),
    withoutHeroku: true,
    rateLimit: false,
    // Individual alerts, each with buttons to click.
    environment: { ALERT_MESSAGES_PER_HOUR: '50' },
  });
  const database = await createEmptyDatabase();
  const rows = createRowStore(database.url);
  await migrateToLatest(database.url);
  await rollBackTo(database.url, version.newestMigration);
  const sources = await checkOut(version);
  const environment = { ...bed.environment, DATABASE_URL: database.url };
  const started: Child[] = [];
  const start = async (root?: string): Promise<number> => {
    const child = startChild(['start'], { ...environment, ...EVERY_SECOND }, root === undefined ? {} : { root });
    started.push(child);
    return child.port();
  };
  const faults: string[] = [];
  let promotions = 0;
  let resolvedAcross = 0;
  /** The ports of today's replicas. */
  const ofToday = new Set<number>();
  const todays = createSecretBox(bed.config.totpEncryptionKey);
  const earliers = await sealOf(sources.root, bed.config.totpEncryptionKey);
  /** Enrols people as a version does: the first `before` as the earlier one, the others as today's. */
  const enrolled = async (before = PER_PHASE): Promise<readonly string[]> => {
    const people = Array.from({ length: PER_PHASE }, () => `U${randomBytes(5).toString('hex').toUpperCase()}`);
    for (const [index, id] of people.entries()) {
      await bed.enrol(id);
      await enrolAs(index < before ? earliers : todays.seal, bed, rows, id);
    }
    return people;
  };
  /** Promotions that get stuck, are alerted, and are resolved: opened at one port, submitted at another. */
  const phase = async (name: string, opens: number, submits: number, people: readonly string[]): Promise<void> => {
    const alerts = await alertsOf(bed, rows, `${name}_`);
    promotions += PER_PHASE;
    bed.slack.connectHttp(`http://127.0.0.1:${opens}/slack/events`);
    const forms = await openForms(bed, alerts, bed.slack.people.superadmin.id);
    for (const [index, form] of forms.entries()) {
      const answer = await submitAsShown(bed, { ...form, operator: people[index] ?? form.operator }, submits);
      if (answer !== 'saved') faults.push(`${name}: ${answer}`);
      else if (ofToday.has(opens) !== ofToday.has(submits)) resolvedAcross += 1;
    }
  };

  await enrolAs(earliers, bed, rows, bed.slack.people.superadmin.id);
  const old = await start(sources.root);
  await phase('before', old, old, await enrolled());
  const upgrading = start();
  await phase('during_the_upgrade', old, old, await enrolled());
  const today = await upgrading;
  ofToday.add(today);
  await phase('after_the_upgrade', old, today, await enrolled(1));
  const late = await start(sources.root);
  await phase('started_late', today, late, await enrolled());
  const newer = started[1];
  newer?.process.kill('SIGTERM');
  await newer?.ended;
  // The earlier version can't read what today's seals, until `migrate --to`, as docs/operating.md says. The first of them
  // was enrolled by the earlier version, and is resealed.
  const goingBack = await enrolled(1);
  const reseal = await startChild(['operators', 'reseal'], environment).ended;
  const sealedByToday = (await secretsOf(rows, goingBack)).filter(({ secret }) => todays.isCurrent(secret)).length;
  const down = startChild(['migrate', '--to', version.newestMigration], environment);
  const codes = [newer?.process.exitCode, reseal, await down.ended];
  await phase('after_the_downgrade', old, late, goingBack);

  // Today's verify reads today's columns.
  await migrateToLatest(database.url);
  const ended = started.filter((child) => child !== newer && child.process.exitCode !== null);
  const logged = started.map((child) => child.output()).join('');
  const wrong = {
    'replicas that ended': ended.length,
    'upgrades, reseals or downgrades that failed': codes.filter((code) => code !== 0).length,
    'submissions without a clear success': faults.length,
    'errors in a log': logged.split('\n').filter((line) => /"level":"(?:error|fatal)"/u.test(line)).length,
    ...(await judge(bed, rows, database.url, promotions)),
  };
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  for (const line of logged.split('\n'))
    if (/"level":"(?:error|fatal)"/u.test(line)) process.stderr.write(`${line.slice(0, 600)}\n`);
  for (const child of started) await child.kill();
  bed.hear(logged);
  await rows.close();
  await bed.close();
  await database.drop();
  await sources.remove();
  return { wrong, resolvedAcross, sealedByToday };
}

/** Stuck promotions, once a replica has alerted each. */
async function alertsOf(bed: TestBed, rows: RowStore, prefix: string): Promise<readonly StoredMessage[]> {
  const promotedAt = new Date(Date.now() - 25 * 3_600_000).toISOString();
  for (let index = 0; index < PER_PHASE; index += 1)
    await rows.insertDeploying({ flagKey: `${prefix}${index}`, promotedAt });
  const deadline = performance.now() + POSTED_WITHIN_MS;
  while (performance.now() < deadline) {
    const told = (await bed.slack.messages(bed.slack.channels.alerts)).filter(({ text }) =>
      text.includes(`\`${prefix}`),
    );
    if (told.length >= PER_PHASE) return told;
    await sleep(200);
  }
  return [];
}

const earlierSecretBox = z.object({
  createSecretBox: z.custom<(key: Uint8Array) => { readonly seal: Seal }>((found) => typeof found === 'function'),
});

/** The earlier version's own, from its sources. */
async function sealOf(root: string, key: Uint8Array): Promise<Seal> {
  const loaded: unknown = await import(pathToFileURL(path.join(root, 'src/operators/secret-box.ts')).href);
  return earlierSecretBox.parse(loaded).createSecretBox(key).seal;
}

/** Copies an operator whom the bed enrolled, with the secret stored as that version stores it. */
async function enrolAs(seal: Seal, bed: TestBed, rows: RowStore, id: string): Promise<void> {
  const [enrolled] = await secretsOf(bed.rows, [id]);
  if (enrolled === undefined) throw new Error(`${id} is not enrolled.`);
  const secret = createSecretBox(bed.config.totpEncryptionKey).open(enrolled.secret, id);
  await rows.query(
    `insert into flag_promotions.operators (slack_user_id, role, totp_secret_encrypted) values ($1, 'superadmin', $2)`,
    [id, seal(secret, id)],
  );
}

/** As they are stored. */
async function secretsOf(rows: RowStore, ids: readonly string[]): Promise<readonly { readonly secret: string }[]> {
  return rows.query<{ secret: string }>(
    'select totp_secret_encrypted as secret from flag_promotions.operators where slack_user_id = any($1)',
    [ids],
  );
}

async function judge(
  bed: TestBed,
  rows: RowStore,
  url: string,
  promotions: number,
): Promise<Readonly<Record<string, number>>> {
  const deadline = performance.now() + POSTED_WITHIN_MS;
  while ((await countOwed(rows)) > 0 && performance.now() < deadline) await sleep(300);
  const [resolved] = await rows.query<{ n: number }>(
    `select count(*)::int as n from console_flag_promotions p where p.state = 'deployed' and 1 = (
       select count(*) from flag_promotions.audit_log e where e.promotion_id = p.id and e.action like '%ops_complete')`,
  );
  const messages = await bed.slack.messages(bed.slack.channels.alerts);
  const db = openDatabase(url);
  const audit = await db.audit.verify();
  await db.close();
  return {
    'promotions not resolved once': promotions - (resolved?.n ?? 0),
    'alerts lost or doubled': Math.abs(messages.length - promotions),
    'messages that still show buttons': messages.filter(({ raw }) => JSON.stringify(raw).includes('mark_completed'))
      .length,
    'left unsaid': await countOwed(rows),
    'broken audit chains': audit.intact ? 0 : 1,
  };
}
