import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startHerokuStandIn } from '../../demo/heroku/stand-in.js';
import { type SlackStandIn, startSlackStandIn } from '../../demo/slack/workspace.js';
import { openDatabase } from '../../src/db/database.js';
import { createTestDatabase } from '../support/database.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { type Child, startChild } from './child.js';
import { countOwed, endWaits } from './owed.js';
import type { Extent, Report, Scenario } from './scenario.js';

/** By extent: how many, and how many of them Slack shows, at a message a second and channel. */
const PROMOTIONS = { whole: 200, short: 30 } as const;
const TOLD = { whole: 20, short: 5 } as const;
const KILLS = { whole: 5, short: 2 } as const;
const REPLICAS = 3;
const LEASE_MS = 3_000;
const DEFAULT_LEASE_MS = 20_000;
/**
 * What recovery may take beyond the lease: starting a process, and finishing a promotion. CI's machines may be busy.
 */
const MARGIN_MS = { whole: 5_000, short: 60_000 } as const;
const GIVE_UP_AFTER_MS = 300_000;
const APP = 'raxx-console-prod';

/**
 * Replicas promote flags on one database, and are killed with SIGKILL at random moments, each followed by a successor.
 * Then a single one is killed while its PATCH is under way, and restarted at once.
 */
export const promoterKills: Scenario = { name: 'promoter-kills', inShort: true, run };

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`;
const flagOf = (index: number): string => `chaos_${index}`;

async function run(random: () => number, extent: Extent): Promise<Report> {
  const count = PROMOTIONS[extent];
  const recoveredWithin = DEFAULT_LEASE_MS + MARGIN_MS[extent];
  const database = await createTestDatabase();
  const rows = createRowStore(database.url);
  const heroku = await startHerokuStandIn({
    apps: { [APP]: { vars: { SECRET: 'canary-other-var' } } },
    requestsPerHour: 1_000_000,
  });
  // Slow enough that most kills hit the middle of a promotion.
  heroku.faults.add({ fault: { kind: 'delay', ms: 150 } });
  const slack = await startSlackStandIn({ rateLimit: false });
  const environment = {
    DATABASE_URL: database.url,
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_SIGNING_SECRET: slack.signingSecret,
    SLACK_API_URL: slack.apiUrl,
    SLACK_ALERT_CHANNEL: slack.channels.alerts,
    HEROKU_API_KEY: heroku.apiKey,
    HEROKU_API_URL: heroku.apiUrl,
    TOTP_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    MAINTENANCE_CRON: '0 0 1 1 *',
    PORT: '0',
  };
  let logged = '';
  const startReplica = (lease = LEASE_MS): Child =>
    startChild(['start'], { ...environment, PROMOTER_LEASE: `${lease}ms` });

  for (let index = 0; index < count; index += 1) {
    const promotedAt = new Date().toISOString();
    const id = await rows.insertDeploying({ flagKey: flagOf(index), checkpoint: 'INTENT', promotedAt });
    if (index >= TOLD[extent]) continue;
    await rows.query(
      `insert into flag_promotions.messages (kind, subject, promotion_id) values ('progress', $1::bigint::text, $1::bigint)`,
      [id],
    );
  }
  const replicas = Array.from({ length: REPLICAS }, () => startReplica());
  async function retire(victim: number): Promise<void> {
    await replicas[victim]?.kill();
    logged += replicas[victim]?.output() ?? '';
  }
  const startedAt = performance.now();
  let kills = 0;
  async function left(): Promise<number> {
    const [row] = await rows.query<{ n: number }>(
      `select count(*)::int as n from console_flag_promotions where state = 'deploying'`,
    );
    return row?.n ?? 0;
  }
  /** Milliseconds since the kill until its successor was up, and until the promotion was deployed. */
  async function recoverAlone(): Promise<{ readonly up: number; readonly deployed: number }> {
    heroku.faults.clear();
    heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'hang', takesEffect: true } });
    const sent = heroku.requests.length;
    const only = startReplica(DEFAULT_LEASE_MS);
    await rows.insertDeploying({
      flagKey: flagOf(count),
      checkpoint: 'INTENT',
      promotedAt: new Date().toISOString(),
    });
    while (!heroku.requests.slice(sent).some(({ method }) => method === 'PATCH')) await sleep(10);
    const killedAt = performance.now();
    await only.kill();
    const successor = startReplica(DEFAULT_LEASE_MS);
    let up = Number.POSITIVE_INFINITY;
    const comingUp = successor.port().then(() => {
      up = performance.now() - killedAt;
    });
    while ((await left()) > 0 && performance.now() - killedAt < GIVE_UP_AFTER_MS) await sleep(10);
    const deployed = performance.now() - killedAt;
    await comingUp;
    for (const child of [only, successor]) {
      await child.kill();
      logged += child.output();
    }
    return { up, deployed };
  }
  while ((await left()) > 0 && performance.now() - startedAt < GIVE_UP_AFTER_MS) {
    // One that is up, so that it was at work however slow the machine is.
    await sleep(100 + random() * 400);
    const victim = Math.floor(random() * REPLICAS);
    await replicas[victim]?.port();
    await retire(victim);
    replicas[victim] = startReplica();
    kills += 1;
  }
  for (const victim of replicas.keys()) await retire(victim);
  const recovered = await recoverAlone();

  const stuck = await left();
  const [outcome] = await rows.query<{
    deployed: number;
    patched: number;
    ended: number;
    doubled: number;
    announced: number;
  }>(
    `select (select count(*)::int from console_flag_promotions where state = 'deployed') as deployed,
          (select count(*)::int from flag_promotions.audit_log where action like '%heroku_patched') as patched,
          (select count(*)::int from flag_promotions.audit_log where action like '%deployed') as ended,
          (select count(*)::int from (
             select 1 from flag_promotions.audit_log where action not like '%heroku_patching'
              group by promotion_id, action having count(*) > 1) d) as doubled,
          (select count(*)::int from flag_promotions.audit_log where action like '%heroku_patching') as announced`,
  );
  const promotions = count + 1;
  const flags = Array.from({ length: promotions }, (_, index) => `FLAG_${flagOf(index).toUpperCase()}`);
  const changes = flags.map((name) => heroku.patchesThatChanged(APP, name));
  const sent = heroku.requests.filter(({ method }) => method === 'PATCH').length;
  const shown = await whatSlackShows(slack, rows, environment);
  const db = openDatabase(database.url);
  const audit = await db.audit.verify();
  await db.close();
  const told = [await rows.query('select * from flag_promotions.audit_log'), slack.calls.map((call) => call.args)];
  const everything = logged + JSON.stringify(told);
  const secrets = [
    heroku.apiKey,
    'canary-other-var',
    slack.botToken,
    slack.signingSecret,
    environment.TOTP_ENCRYPTION_KEY,
    database.url,
  ];
  const leaks = secrets.filter((secret) => everything.includes(secret)).length;

  const wrong = {
    stuck,
    'not deployed': promotions - (outcome?.deployed ?? 0),
    'without exactly one change at Heroku': changes.filter((count) => count !== 1).length,
    'lost audit events': 2 * promotions - (outcome?.patched ?? 0) - (outcome?.ended ?? 0),
    'doubled audit events': outcome?.doubled ?? 0,
    'PATCHes that changed nothing': flags.reduce(
      (sum, name) => sum + heroku.patches(APP, name) - heroku.patchesThatChanged(APP, name),
      0,
    ),
    'promotions that Slack does not show once, and as live': Array.from({ length: TOLD[extent] }, (_, index) =>
      shown.filter((text) => text.includes(`\`${flagOf(index)}\``)),
    ).filter((texts) => texts.length !== 1 || !texts.every((text) => /\*live(?:\*| · )/u.test(text))).length,
    'messages left unsettled': await countOwed(rows),
    'PATCHes without their audit event': Math.max(0, sent - (outcome?.announced ?? 0)),
    'broken audit chain': audit.intact ? 0 : 1,
    'secrets in logs, audit events or Slack': leaks,
    [`recovered later than the lease and ${seconds(MARGIN_MS[extent])}`]: recovered.deployed > recoveredWithin ? 1 : 0,
  };
  await rows.close();
  await slack.close();
  await heroku.close();
  await database.drop();
  return {
    did: `${count} promotions, ${REPLICAS} replicas, ${kills} kills; the only one killed and started again: up after ${seconds(recovered.up)}, deployed after ${seconds(recovered.deployed)} of ${seconds(recoveredWithin)}`,
    wrong,
    happened: {
      kills: { times: kills, atLeast: KILLS[extent] },
      'PATCHes sent': { times: sent, atLeast: promotions },
    },
  };
}

/** What the channel shows once a last process has delivered what is due. */
async function whatSlackShows(
  slack: SlackStandIn,
  rows: RowStore,
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  for (let tick = 0; tick < 3 && (await countOwed(rows)) > 0; tick += 1) {
    await endWaits(rows);
    await startChild(['maintenance'], environment).ended;
  }
  return (await slack.messages(slack.channels.alerts)).map(({ raw }) => JSON.stringify(raw));
}
