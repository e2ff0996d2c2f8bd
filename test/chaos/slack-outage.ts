import type { FaultKind } from '../../demo/slack/faults.js';
import { startTestBed } from '../support/app.js';
import { countOwed } from './owed.js';
import { pick, type Report, type Scenario } from './scenario.js';

/** Ten minutes, by the app's clock, in which Slack fails in every way it knows, while alerts are due. */
export const slackOutage: Scenario = { name: 'slack-outage', run };

const ALERTS = 50;
const TICKS = 20;
const TICK_MS = 30_000;
const METHODS = ['chat.postMessage', 'chat.update', 'conversations.history', 'conversations.replies'] as const;
const FAULTS: readonly FaultKind[] = [
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'reset_before' },
  { kind: 'reset_after' },
  { kind: 'rate_limited', retryAfterSeconds: 2 },
  { kind: 'error', error: 'fatal_error' },
];

async function run(random: () => number): Promise<Report> {
  const bed = await startTestBed({
    startAt: '2026-05-10T05:00:00Z',
    environment: { ALERT_MESSAGES_PER_HOUR: String(ALERTS) },
  });
  for (let index = 0; index < ALERTS; index += 1) await bed.rows.insertDeploying({ flagKey: `flag_${index}` });
  // One that never answers costs a call's whole ten seconds, so there is only one of each kind.
  bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'hang', takesEffect: true });
  bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'hang' });
  await bed.app.tick();
  for (let tick = 0; tick < TICKS; tick += 1) {
    // More faults than most ticks have calls: what gets through does so between two failures.
    bed.slack.faults.clear();
    for (const method of METHODS) {
      for (let fault = 0; fault < 30; fault += 1) bed.slack.faults.add({ method, times: 1, ...pick(random, FAULTS) });
    }
    await bed.app.tick();
    await bed.clock.advance(TICK_MS);
  }
  bed.slack.faults.clear();
  // Slack is back: what is due is posted within the longest backoff.
  for (let tick = 0; tick < 4; tick += 1) {
    await bed.clock.advance(15 * 60_000);
    await bed.app.tick();
  }
  const counts = new Map<string, number>();
  for (const message of await bed.slack.messages(bed.slack.channels.alerts)) {
    const flag = /flag_\d+/u.exec(message.text)?.[0] ?? 'none';
    counts.set(flag, (counts.get(flag) ?? 0) + 1);
  }
  const flags = Array.from({ length: ALERTS }, (_, index) => `flag_${index}`);
  const owed = await countOwed(bed.rows);
  const shown = (await bed.slack.messages(bed.slack.channels.alerts)).map(({ raw }) => JSON.stringify(raw));
  const failed = bed.slack.calls.flatMap(({ status, answer }): string[] => {
    if (status === null) return ['reset or without an answer'];
    if (status !== 200) return [String(status)];
    return answer?.['ok'] === false ? [String(answer['error'])] : [];
  });
  const kinds = [...new Set(failed)].map((kind) => `${failed.filter((one) => one === kind).length} × ${kind}`);
  await bed.close();
  return {
    did: `${ALERTS} alerts due, ${TICKS} ticks in ${(TICKS * TICK_MS) / 60_000} min, failed calls: ${kinds.join(', ')}`,
    wrong: {
      'alerts lost': flags.filter((flag) => !counts.has(flag)).length,
      'alerts posted more than once': flags.filter((flag) => (counts.get(flag) ?? 0) > 1).length,
      'messages left unsettled': owed,
      // All have been stuck for longer than a day by now.
      'alerts not shown as critical and with their buttons': shown.filter(
        (text) => !(text.includes('CRITICAL') && text.includes('mark_completed')),
      ).length,
    },
    happened: {
      'failed calls': { times: failed.length, atLeast: ALERTS },
      'kinds of failures': { times: kinds.length, atLeast: 5 },
    },
  };
}
