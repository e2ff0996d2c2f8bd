import { startTestBed, type TestBed } from '../support/app.js';
import { startChild } from './child.js';
import { startCut } from './cut.js';
import { addUp, type Report, type Scenario } from './scenario.js';

/**
 * A process that delivers an alert is killed with SIGKILL before each message that it sends to PostgreSQL or Slack, so
 * between every pair of writes; another takes over. Once with a first warning, once with the critical that goes into the
 * warning's thread and repaints its root.
 */
export const deliveryKills: Scenario = { name: 'delivery-kills', run };

type Severity = 'warning' | 'critical';

const HOUR = 3_600_000;
/** More writes than a delivery has: the loop ends where a process came to its own end. */
const MOST = 100;
const FLAG = 'killed_while_told';

async function run(): Promise<Report> {
  const kills = { warning: 0, critical: 0 };
  let wrong: Readonly<Record<string, number>> = {};
  for (const severity of ['warning', 'critical'] as const) {
    for (let at = 1; at <= MOST; at += 1) {
      const outcome = await killAt(severity, at);
      wrong = addUp(wrong, outcome.wrong);
      if (!outcome.killed) break;
      kills[severity] += 1;
    }
  }
  return {
    did: `${kills.warning} kills while a warning, ${kills.critical} while a critical was delivered, each taken over`,
    wrong,
  };
}

async function killAt(
  severity: Severity,
  at: number,
): Promise<{ killed: boolean; wrong: Readonly<Record<string, number>> }> {
  // Heroku has no part in this. A limit on messages could hide what would be posted twice.
  const bed = await startTestBed({ startAt: new Date().toISOString(), withoutHeroku: true, rateLimit: false });
  await bed.rows.insertDeploying({ flagKey: FLAG, promotedAt: ago(13) });
  if (severity === 'critical') {
    await bed.app.tick();
    await bed.rows.query('update console_flag_promotions set promoted_at = $1', [ago(25)]);
  }
  const cut = await startCut(bed.environment['DATABASE_URL'] ?? '', bed.slack.apiUrl);
  const through = { DATABASE_URL: cut.databaseUrl, SLACK_API_URL: cut.slackApiUrl };
  const child = startChild(['maintenance'], { ...bed.environment, ...through });
  cut.arm(at, () => void child.process.kill('SIGKILL'));
  await child.ended;
  bed.hear(child.output());
  // The next two ticks of another replica, once the leases of the dead process have run out.
  for (let tick = 0; tick < 2; tick += 1) {
    await bed.rows.query('update flag_promotions.alerts set lease_until = now() where lease_owner is not null');
    await bed.app.tick();
  }
  const wrong = await judge(bed, severity);
  await bed.close();
  await cut.close();
  return { killed: cut.at() !== null, wrong };
}

const ago = (hours: number): string => new Date(Date.now() - hours * HOUR).toISOString();

async function judge(bed: TestBed, severity: Severity): Promise<Readonly<Record<string, number>>> {
  const messages = await bed.slack.messages(bed.slack.channels.alerts);
  const counts = [
    { posted: messages.filter(({ threadTs }) => threadTs === null).length, due: 1 },
    { posted: messages.filter(({ threadTs }) => threadTs !== null).length, due: severity === 'critical' ? 1 : 0 },
  ];
  const [unsettled] = await bed.rows.query<{ n: number }>(
    `select count(*)::int as n from flag_promotions.alerts where state <> 'posted' or repaint_wanted > repaint_done`,
  );
  const events = await bed.rows.query<{ action: string }>('select action from flag_promotions.audit_log order by id');
  const expected = ['stuck_warning', 'stuck_critical'].slice(0, severity === 'critical' ? 2 : 1);
  const root = messages.find(({ threadTs }) => threadTs === null)?.text.toLowerCase() ?? '';
  return {
    'alerts lost': counts.reduce((sum, { posted, due }) => sum + Math.max(0, due - posted), 0),
    'alerts posted more than once': counts.reduce((sum, { posted, due }) => sum + Math.max(0, posted - due), 0),
    'alerts left unsettled': unsettled?.n ?? 1,
    'roots that show another severity': root.includes(severity) ? 0 : 1,
    'audit events lost or doubled':
      events.map(({ action }) => action.split('.').at(-1)).join() === expected.join() ? 0 : 1,
  };
}
