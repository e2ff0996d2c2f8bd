import { setTimeout as sleep } from 'node:timers/promises';
import type { SentRequest } from '../../demo/slack/http-delivery.js';
import { startTestBed } from '../support/app.js';
import { misshownAsCompleted } from './owed.js';
import type { Report, Scenario } from './scenario.js';

/**
 * The same signed request again and again: Slack's own retries, and a captured one replayed, fresh and old. For every
 * kind with an effect: a click, a form, a command, a mention, and a message in an alert's thread.
 */
export const replayedRequests: Scenario = { name: 'replayed-requests', inShort: true, run };

const TIMES = 5;
const RCA = 'https://docs.example.com/rca';

async function run(): Promise<Report> {
  const bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z' });
  await bed.rows.insertDeploying();
  await bed.app.tick();
  const { superadmin } = bed.slack.people;
  const http = bed.slack.http;
  if (http === null) throw new Error('The app is reached over HTTP.');
  const alert = await bed.alert();
  const captured: SentRequest[] = [];
  /** What the app got: once from Slack, then five times from somebody who captured it. */
  const replaying = async (work: () => Promise<unknown>): Promise<readonly number[]> => {
    const before = http.sent.length;
    await work();
    await bed.slack.eventsSettled();
    const sent = http.sent.slice(before);
    captured.push(...sent);
    const answers = await Promise.all(
      sent.flatMap((request) => Array.from({ length: TIMES }, () => http.replay(request))),
    );
    await sleep(300);
    return answers;
  };
  const shown = (): number =>
    bed.slack.calls.filter(({ method, answer }) => method === 'views.open' && answer?.['ok'] === true).length;

  const answers = [
    ...(await replaying(async () => {
      await superadmin.click(alert, 'mark_completed');
      await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));
    })),
    ...(await replaying(async () => superadmin.submit({ code: bed.code(superadmin.id) }))),
    ...(await replaying(async () => superadmin.command('mark other_flag raxx-console-prod true'))),
    ...(await replaying(async () => superadmin.say(`<@${bed.slack.botUserId}> ${RCA}`, { threadTs: alert.ts }))),
    ...(await replaying(async () => superadmin.say(`see ${RCA}/2`, { threadTs: alert.ts }))),
    ...(await replaying(async () => {
      await superadmin.command('stats 30d');
      const shows = (part: string) => superadmin.waitForEphemeral((message) => JSON.stringify(message).includes(part));
      await superadmin.click(await shows('stats_chart'), 'stats_chart');
      await shows('Posted');
    })),
  ];

  // The code is old by then too, but the signature's age is what refuses it.
  const payload = {
    kind: 'command',
    form: { command: '/flag-promotions', text: 'mark stale_flag raxx-console-prod true' },
  } as const;
  const refused = [
    await http.forge(payload, { ageSeconds: 301 }),
    await http.forge(payload, { ageSeconds: 86_400 }),
    await http.forge(payload, { secret: 'another secret' }),
    await http.forge(payload, { unsigned: true }),
    await http.forge(payload, { tampered: true }),
  ];
  await sleep(300);
  const count = async (sql: string): Promise<number> =>
    (await bed.rows.query<{ n: number }>(`select count(*)::int as n from ${sql}`))[0]?.n ?? -1;
  const wrong = {
    'resolutions too few or too many': Math.abs(
      (await count(`flag_promotions.audit_log where action like '%ops_complete'`)) - 1,
    ),
    'marked too few or too many': Math.abs((await count(`console_flag_promotions where flag_key = 'other_flag'`)) - 1),
    'RCAs linked too few or too many': Math.abs(
      (await count(`flag_promotions.audit_log where action like '%rca_linked'`)) - 1,
    ),
    'charts posted too few or too many': Math.abs(
      bed.slack.calls.filter(
        ({ method, args }) => method === 'files.completeUploadExternal' && args['channel_id'] !== undefined,
      ).length - 1,
    ),
    'forms opened too few or too many': Math.abs(shown() - 1),
    'codes counted as wrong': await count(`flag_promotions.audit_log where action like '%totp_rejected'`),
    'replays answered with a fault': answers.filter((status) => status !== 200).length,
    'stale or forged requests let in':
      refused.filter((status) => status !== 401).length +
      (await count(`console_flag_promotions where flag_key = 'stale_flag'`)),
    'what Slack shows wrongly in the end': await misshownAsCompleted(bed),
  };
  await bed.close();
  return {
    did: `${captured.length} requests, each ${TIMES + 1} times, and ${refused.length} stale or forged ones`,
    wrong,
    happened: {
      'requests replayed': { times: captured.length, atLeast: 5 },
      replays: { times: answers.length, atLeast: 5 * TIMES },
    },
  };
}
