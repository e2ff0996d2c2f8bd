import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Kind } from '../../src/outbox/kind.js';
import { KINDS } from '../../src/outbox/kinds/index.js';
import { messageKey } from '../../src/promotions/messages.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { startChild } from './child.js';
import { startCut } from './cut.js';
import { DELIVERIES, type KillableDelivery } from './deliveries.js';
import { countOwed, endWaits } from './owed.js';
import { addUp, type Report, type Scenario } from './scenario.js';

/**
 * Kills a process that delivers a message before each of its writes to PostgreSQL or Slack; another takes over. For
 * every kind of message; in the end Slack shows each message once.
 */
export const deliveryKills: Scenario = { name: 'delivery-kills', run };

/** More writes than a delivery has: the loop ends once a process finishes by itself. */
const MOST = 100;
/** Fewer writes than any delivery has: its claim, its effect in Slack, its record, and the end of the lease. */
const LEAST = 4;
/** Begins a delivery. */
const CLAIM = /^with claimed as \( update flag_promotions\.messages/u;

async function run(): Promise<Report> {
  let wrong: Readonly<Record<string, number>> = {};
  const happened: Record<string, { readonly times: number; readonly atLeast: number }> = {};
  let kills = 0;
  // test/app/outside-kill.test.ts kills what goes elsewhere than to Slack.
  const inSlack = Object.entries<Kind>(KINDS).filter(([, { lane = 'slack' }]) => lane === 'slack');
  for (const [kind] of inSlack.filter(([name]) => !(name in DELIVERIES))) {
    process.stdout.write(`  ${kind}: test/chaos/deliveries.ts doesn't say how to bring one about\n`);
    wrong = addUp(wrong, { 'kinds that were not tried': 1 });
  }
  for (const [kind, delivery] of Object.entries(DELIVERIES)) {
    const outcome = await killThrough(kind, delivery);
    const faults = Object.entries(outcome.wrong).filter(([, count]) => count !== 0);
    const found = faults.map(([what, count]) => `, ${count} ${what}`).join('');
    process.stdout.write(`  ${kind}: ${outcome.kills} kills${found}\n`);
    wrong = addUp(wrong, outcome.wrong);
    happened[`kills while ${kind} was delivered`] = { times: outcome.kills, atLeast: LEAST };
    kills += outcome.kills;
  }
  return {
    did: `${kills} kills while ${Object.keys(DELIVERIES).length} kinds of messages were delivered`,
    wrong,
    happened,
  };
}

/** One message for each write of its delivery, and one more without a kill. */
async function killThrough(kind: string, delivery: KillableDelivery) {
  // Heroku has no part in this. A limit on messages could hide duplicates.
  const bed = await startTestBed({
    startAt: new Date().toISOString(),
    withoutHeroku: true,
    rateLimit: false,
    environment: { ALERT_MESSAGES_PER_HOUR: '50', ...delivery.environment },
  });
  let rounds = 0;
  let isKilled = true;
  while (isKilled && rounds < MOST) {
    rounds += 1;
    await delivery.prepare(bed, rounds);
    isKilled = await killAt(bed, rounds, delivery.isCountedFromStart === true ? /^/u : CLAIM);
    // Another replica's next two ticks, once the dead process's lease has expired.
    for (let tick = 0; tick < 2; tick += 1) {
      await endWaits(bed.rows);
      await bed.app.tick();
    }
  }
  const wrong = await judge(bed, kind, delivery, rounds);
  await bed.close();
  return { kills: rounds - 1, wrong };
}

async function killAt(bed: TestBed, at: number, from: RegExp): Promise<boolean> {
  const cut = await startCut(bed.environment['DATABASE_URL'] ?? '', bed.slack.apiUrl);
  const through = { DATABASE_URL: cut.databaseUrl, SLACK_API_URL: cut.slackApiUrl };
  const child = startChild(['maintenance'], { ...bed.environment, ...through });
  cut.arm(at, () => void child.process.kill('SIGKILL'), from);
  await child.ended;
  bed.hear(child.output());
  await cut.close();
  return cut.at() !== null;
}

const keyed = z.object({ metadata: z.object({ event_payload: z.object({ key: z.string() }) }) });

/** A published home tab isn't published again for a while. */
async function countUnsettled(bed: TestBed): Promise<number> {
  for (let looks = 0; (await countOwed(bed.rows)) > 0 && looks < 100; looks += 1) await sleep(100);
  return countOwed(bed.rows);
}

/** Kinds whose messages carry no key. */
const UNKEYED: ReadonlySet<string> = new Set(
  Object.entries<KillableDelivery>(DELIVERIES).flatMap(([kind, { count }]) => (count === undefined ? [] : [kind])),
);

interface Row {
  readonly id: string;
  readonly kind: string;
  readonly state: 'pending' | 'posted' | 'closed';
  readonly created_at: Date;
  /** What an alert's message has to show; null for other kinds and for ended promotions. */
  readonly severity: string | null;
}

async function judge(
  bed: TestBed,
  kind: string,
  delivery: KillableDelivery,
  rounds: number,
): Promise<Readonly<Record<string, number>>> {
  const rows = await bed.rows.query<Row & Record<string, unknown>>(
    `select m.id, m.kind, m.state, m.created_at,
            (select min(a.severity) from flag_promotions.alerts a
              where m.kind = 'alert' and a.promotion_id = m.promotion_id and a.closed_at is null) as severity
       from flag_promotions.messages m`,
  );
  const texts = new Map<string, string[]>();
  for (const { raw, text } of await bed.slack.everything(bed.slack.channels.alerts)) {
    const key = keyed.safeParse(raw).data?.metadata.event_payload.key;
    if (key !== undefined) texts.set(key, [...(texts.get(key) ?? []), text]);
  }
  const findable = rows.filter((row) => !UNKEYED.has(row.kind));
  const shown = findable.map((row) => ({
    ...row,
    texts: texts.get(messageKey({ ...row, createdAt: row.created_at })) ?? [],
  }));
  const unkeyed = await delivery.count?.(bed);
  const { least = rounds, most = rounds } = unkeyed ?? {};
  const delivered = rows.filter((row) => row.kind === kind && row.state === 'posted').length;
  const [events] = await bed.rows.query<{ missing: number; doubled: number }>(
    `select count(*) filter (where n = 0)::int as missing, count(*) filter (where n > 1)::int as doubled
       from flag_promotions.alerts a, lateral (
         select count(*) as n from flag_promotions.audit_log e
          where e.promotion_id = a.promotion_id and e.action = 'console.flag.promotion.stuck_' || a.severity) e`,
  );
  return {
    'messages lost':
      shown.filter((row) => row.state !== 'closed' && row.texts.length === 0).length +
      Math.max(0, least - (unkeyed?.shown ?? delivered)),
    'messages posted more than once':
      shown.filter((row) => row.texts.length > 1).length + Math.max(0, (unkeyed?.shown ?? delivered) - most),
    'messages that were closed and are shown': shown.filter((row) => row.state === 'closed' && row.texts.length > 0)
      .length,
    'messages left unsettled': await countUnsettled(bed),
    'roots that show another severity': shown.filter(
      (row) => row.severity !== null && row.texts.some((text) => !text.toLowerCase().includes(String(row.severity))),
    ).length,
    'audit events lost or doubled': (events?.missing ?? 1) + (events?.doubled ?? 1),
  };
}
