import { setTimeout as sleep } from 'node:timers/promises';
import { startTestBed, type TestBed } from '../support/app.js';
import { type Child, startChild } from './child.js';
import { type Cut, startCut } from './cut.js';
import { countOwed, endWaits } from './owed.js';
import { addUp, type Extent, type Report, type Scenario } from './scenario.js';

/**
 * From the submission of a resolution on, a replica is killed with SIGKILL before each of its messages to PostgreSQL or
 * Slack, so between every pair of writes. The person, whose form got no answer, submits it once more to another.
 */
export const resolutionKills: Scenario = { name: 'resolution-kills', inShort: true, run };

/** More writes than a resolution has: the loop ends once one finishes by itself. */
const MOST = 100;
const QUIET_MS = 600;
/** With --short: every nth write, from a random one on. */
const SHORT_STEP = 4;

async function run(random: () => number, extent: Extent): Promise<Report> {
  let kills = 0;
  let unanswered = 0;
  const step = extent === 'short' ? SHORT_STEP : 1;
  let wrong: Readonly<Record<string, number>> = {};
  for (let at = 1 + Math.floor(random() * step); at <= MOST; at += step) {
    const outcome = await killAt(at);
    wrong = addUp(wrong, outcome.wrong);
    if (!outcome.killed) break;
    kills += 1;
    if (!outcome.answered) unanswered += 1;
  }
  return {
    did: `${kills} kills from a submission on, ${unanswered} of them before the form was answered`,
    wrong,
    happened: {
      kills: { times: kills, atLeast: Math.floor(10 / step) },
      'kills before the answer': { times: unanswered, atLeast: Math.ceil(3 / step) },
    },
  };
}

async function killAt(
  at: number,
): Promise<{ killed: boolean; answered: boolean; wrong: Readonly<Record<string, number>> }> {
  const bed = await startTestBed({ startAt: new Date().toISOString(), withoutHeroku: true, rateLimit: false });
  await bed.rows.insertDeploying({ promotedAt: new Date(Date.now() - 25 * 3_600_000).toISOString() });
  await bed.app.tick();
  const { superadmin } = bed.slack.people;
  const cut = await startCut(bed.environment['DATABASE_URL'] ?? '', bed.slack.apiUrl);
  const through = { DATABASE_URL: cut.databaseUrl, SLACK_API_URL: cut.slackApiUrl };
  const child = startChild(['start'], { ...bed.environment, ...through });
  bed.slack.connectHttp(`http://127.0.0.1:${await child.port()}/slack/events`);
  await superadmin.click(await bed.alert(), 'mark_completed');
  await superadmin.waitForModal((view) => view.raw['submit'] !== null);
  await sleep(QUIET_MS);

  cut.arm(at, () => void child.process.kill('SIGKILL'));
  const code = bed.code(superadmin.id);
  const first = await superadmin.submit({ code });
  await untilDeadOrQuiet(child, cut);
  const killed = cut.at() !== null;
  await child.kill();
  bed.hear(child.output());

  // Two time steps later, so that this try's code differs from the first one's.
  await bed.clock.advance(60_000);
  bed.slack.connectHttp(`${bed.baseUrl}/slack/events`);
  const second = first.kind === 'failed' ? await superadmin.submit({ code: bed.code(superadmin.id) }) : first;
  const told = second.kind === 'closed' || JSON.stringify(second).includes('already');
  for (let tick = 0; tick < 2; tick += 1) {
    await endWaits(bed.rows);
    await bed.app.tick();
  }
  const wrong = { ...(await judge(bed)), 'people not told that it is done': told ? 0 : 1 };
  await bed.close();
  await cut.close();
  return { killed, answered: first.kind !== 'failed', wrong };
}

/** Work goes on for a while after the answer: waits until nothing more is sent. */
async function untilDeadOrQuiet(child: Child, cut: Cut): Promise<void> {
  let before = -1;
  while (child.process.signalCode === null && cut.seen() !== before) {
    before = cut.seen();
    await sleep(QUIET_MS);
  }
}

async function judge(bed: TestBed): Promise<Readonly<Record<string, number>>> {
  const [row] = await bed.rows.query<{ state: string; by: string | null }>(
    'select state, resolved_by as by from console_flag_promotions',
  );
  const count = async (sql: string): Promise<number> =>
    (await bed.rows.query<{ n: number }>(`select count(*)::int as n from ${sql}`))[0]?.n ?? -1;
  const alert = await bed.alert();
  const replies = (await bed.slack.thread(bed.slack.channels.alerts, alert.ts)).length;
  const events = await count(`flag_promotions.audit_log where action like '%ops_complete'`);
  return {
    'resolutions lost or half done': row?.state === 'deployed' && row.by === bed.slack.people.superadmin.id ? 0 : 1,
    'audit events lost or doubled': Math.abs(events - 1),
    'alerts not closed': await count('flag_promotions.alerts where closed_at is null'),
    'messages left unsettled': await countOwed(bed.rows),
    'replies lost': Math.max(0, 1 - replies),
    'replies posted more than once': Math.max(0, replies - 1),
    'messages that still show buttons': JSON.stringify(alert.raw).includes('mark_completed') ? 1 : 0,
    'broken audit chains': (await bed.db.audit.verify()).intact ? 0 : 1,
  };
}
