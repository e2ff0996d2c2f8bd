import { setTimeout as sleep } from 'node:timers/promises';
import { startTestBed } from '../support/app.js';
import { misshownAsCompleted } from './owed.js';
import type { Report, Scenario } from './scenario.js';
import { interaction, signed } from './signed.js';

/** A hundred superadmins submit the form of one promotion at the same moment, over three replicas. */
export const submissionsAtOnce: Scenario = { name: 'submissions-at-once', run };

const OPERATORS = 100;

async function run(): Promise<Report> {
  const bed = await startTestBed({ patience: 1, startAt: '2026-05-10T05:00:00Z', databaseClockStands: true });
  const replicas = [bed.app, await bed.replica(), await bed.replica()];
  const id = await bed.rows.insertDeploying();
  await bed.app.tick();
  const { superadmin } = bed.slack.people;
  await superadmin.click(await bed.alert(), 'mark_completed');
  const form = await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));

  const operators = Array.from({ length: OPERATORS }, (_, index) => `U0OPERATOR${String(index).padStart(3, '0')}`);
  for (const operator of operators) await bed.enrol(operator);
  const answers = await Promise.all(
    operators.map(async (operator, index) => {
      const body = interaction({
        type: 'view_submission',
        user: { id: operator, team_id: bed.slack.teamId },
        team: { id: bed.slack.teamId },
        trigger_id: `1.${index}`,
        view: {
          ...form.raw,
          state: { values: { code: { input: { type: 'plain_text_input', value: bed.code(operator) } } } },
        },
      });
      const port = replicas[index % replicas.length]?.port;
      const answer = await fetch(`http://127.0.0.1:${port}/slack/events`, signed(body, bed.slack.signingSecret));
      return { status: answer.status, text: await answer.text() };
    }),
  );
  const closedAtOnce = answers.filter(({ status, text }) => status === 200 && text === '').length;
  const told = answers.filter(({ text }) => text.includes('resolved it before you'));
  // Whoever had to wait sees an updated form; all of these forms are one view here, so the updates are counted.
  const waiting = answers.filter(({ text }) => text.includes('Working on it')).length;
  const updated = (words: string) =>
    bed.slack.calls.filter(({ method, args }) => method === 'views.update' && JSON.stringify(args).includes(words))
      .length;
  const updates = () => updated('resolved it before you') + updated('*Saved.*');
  for (let looks = 0; updates() < waiting && looks < 300; looks += 1) await sleep(100);
  const events = await bed.rows.query(`select 1 from flag_promotions.audit_log where action like '%ops_complete'`);
  const steps = await bed.rows.query(`select 1 from flag_promotions.operators where totp_last_step is not null`);
  const [row] = await bed.rows.query<{ state: string }>('select state from console_flag_promotions where id = $1', [
    id,
  ]);
  const misshown = await misshownAsCompleted(bed);
  await bed.close();
  return {
    did: `${OPERATORS} submissions on one row, over ${replicas.length} replicas: ${told.length} told at once, ${waiting} after a wait`,
    wrong: {
      'resolutions too few or too many': Math.abs(closedAtOnce + updated('*Saved.*') - 1),
      'audit events too few or too many': Math.abs(events.length - 1),
      'codes used up by who did not resolve': Math.abs(steps.length - 1),
      'answers that were unclear': OPERATORS - closedAtOnce - told.length - Math.min(waiting, updates()),
      'rows not deployed': row?.state === 'deployed' ? 0 : 1,
      'what Slack shows wrongly in the end': misshown,
    },
    happened: { 'submissions that came too late': { times: told.length + waiting, atLeast: OPERATORS / 2 } },
  };
}
