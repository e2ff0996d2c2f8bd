import { startTestBed } from '../support/app.js';
import type { Report, Scenario } from './scenario.js';

/** The same signed request again and again: Slack's own retries, and a capture that is played back, fresh and old. */
export const replayedRequests: Scenario = { name: 'replayed-requests', run };

const TIMES = 5;

async function run(): Promise<Report> {
  const bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z' });
  await bed.rows.insertDeploying();
  await bed.app.tick();
  const { superadmin } = bed.slack.people;
  const http = bed.slack.http;
  if (http === null) throw new Error('The app is reached over HTTP.');
  await superadmin.click(await bed.alert(), 'mark_completed');
  await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));
  await superadmin.submit({ code: bed.code(superadmin.id) });
  const submission = http.sent.at(-1);
  const fresh = await Promise.all(Array.from({ length: TIMES }, () => http.replay(submission)));
  // The code is old by then too, but what refuses it is the age of the signature.
  const payload = {
    kind: 'command',
    form: { command: '/flag-promotions', text: 'mark other raxx-console-prod' },
  } as const;
  const stale = [await http.forge(payload, { ageSeconds: 301 }), await http.forge(payload, { ageSeconds: 86_400 })];
  const forged = [
    await http.forge(payload, { secret: 'another secret' }),
    await http.forge(payload, { unsigned: true }),
    await http.forge(payload, { tampered: true }),
  ];
  const resolved = await bed.rows.query(`select 1 from console_audit_log where action like '%ops_complete'`);
  const marked = await bed.rows.query(`select 1 from console_flag_promotions where state = 'marked'`);
  await bed.close();
  return {
    did: `one submission sent ${TIMES + 1} times, ${stale.length} stale and ${forged.length} forged requests`,
    wrong: {
      'resolutions too few or too many': Math.abs(resolved.length - 1),
      'replays answered with a fault': fresh.filter((status) => status !== 200).length,
      'stale or forged requests let in':
        [...stale, ...forged].filter((status) => status !== 401).length + marked.length,
    },
  };
}
