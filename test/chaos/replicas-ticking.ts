import type { RunningApp } from '../../src/app.js';
import { startTestBed } from '../support/app.js';
import { createTestClock } from '../support/clock.js';
import type { Report, Scenario } from './scenario.js';

/** Three replicas tick together, with clocks half a minute apart, while rows warn and then turn critical. */
export const replicasTicking: Scenario = { name: 'replicas-ticking', run };

const PROMOTIONS = 10;
const TICKS = 12;
const LAST_TICKS = 4;

async function run(): Promise<Report> {
  const start = Date.parse('2026-05-09T16:20:00Z');
  const bed = await startTestBed({ startAt: new Date(start).toISOString() });
  const clocks = [-30_000, 30_000].map((offset) => createTestClock(new Date(start + offset).toISOString()));
  const replicas = [bed.app];
  for (const clock of clocks) replicas.push(await bed.replica({ clock }));
  const advance = async (minutes: number): Promise<void> => {
    for (const clock of clocks) clock.advance(minutes * 60_000);
    await bed.clock.advance(minutes * 60_000);
  };
  for (let index = 0; index < PROMOTIONS; index += 1) await bed.rows.insertDeploying({ flagKey: `flag_${index}` });
  // From before the warning at 16:28 to after the critical at 04:28, in steps of a little over an hour.
  for (let tick = 0; tick < TICKS; tick += 1) {
    await Promise.all(replicas.map((replica) => replica.tick()));
    await advance(70);
  }
  // Sharing a channel's limit, a replica has to wait now and then; what waits is due within the longest pause.
  for (let tick = 0; tick < LAST_TICKS; tick += 1) {
    await Promise.all(replicas.map((replica) => replica.tick()));
    await advance(15);
  }

  const roots = (await bed.slack.messages(bed.slack.channels.alerts)).filter(({ threadTs }) => threadTs === null);
  let lost = 0;
  let doubled = 0;
  for (const root of roots) {
    const thread = await bed.slack.thread(bed.slack.channels.alerts, root.ts);
    const criticals = thread.filter(({ ts, text }) => ts !== root.ts && text.includes('CRITICAL')).length;
    lost += Math.max(0, 1 - criticals);
    doubled += Math.max(0, criticals - 1);
  }
  const events = await bed.rows.query<{ n: number }>(
    `select count(*)::int as n from flag_promotions.audit_log where action like '%stuck%' group by promotion_id, action`,
  );
  const posts = bed.slack.calls.filter(({ method, status }) => method === 'chat.postMessage' && status === 200).length;
  const refused = bed.slack.calls.filter(({ status }) => status === 429).length;
  const posting = await Promise.all(replicas.map(postsOf));
  const mild = roots.filter(({ text }) => !text.includes('CRITICAL')).length;
  await bed.close();
  return {
    did: `${PROMOTIONS} promotions, 3 replicas 30 s apart, ${TICKS + LAST_TICKS} ticks each, ${refused} calls that Slack held back; posts by each: ${posting.join(', ')}`,
    wrong: {
      'alerts lost': Math.max(0, PROMOTIONS - roots.length),
      'alerts posted more than once': Math.max(0, roots.length - PROMOTIONS),
      'alerts not shown as critical in the end': mild,
      'criticals lost': lost,
      'criticals posted more than once': doubled,
      'audit events doubled': events.filter(({ n }) => n !== 1).length,
      'audit events lost': Math.max(0, 2 * PROMOTIONS - events.length),
    },
    happened: {
      'messages posted': { times: posts, atLeast: 2 * PROMOTIONS },
      'replicas that posted': { times: posting.filter((posted) => posted > 0).length, atLeast: 2 },
    },
  };
}

/** How many messages a replica itself has posted, by its own metrics. */
async function postsOf({ port }: RunningApp): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^flag_promotions_slack_deliveries_total\{outcome="posted"\} (\d+)$/mu.exec(metrics)?.[1] ?? 0);
}
