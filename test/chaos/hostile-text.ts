import { setTimeout as sleep } from 'node:timers/promises';
import { storable } from '../../src/db/rows.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { BLANK, HOSTILE } from '../views/hostile.js';
import { CHANNEL, USERS } from '../views/payloads.js';
import { codeIsBalanced, strangeMarkup, textsOf, trickery } from '../views/reading.js';
import type { Report, Scenario } from './scenario.js';
import { interaction, newTrigger, signed } from './signed.js';

/**
 * Hostile text wherever the outside can write. Reads what the app sends to Slack as a suspicious reader would, and
 * Slack has to accept all of it. `test/views/hostile.test.ts` does the same to each message builder alone.
 */
export const hostileText: Scenario = { name: 'hostile-text', run };

/** Slack itself refuses longer ones, so they never get to the app. */
const COMMAND_LENGTH = 8_000;
const MESSAGE_LENGTH = 4_000;
const HUGE: readonly (readonly [name: string, text: string])[] = [
  ['100 kB that pile up', 'Z͑͊̈́'.repeat(15_000)],
  ['100 kB that reorder', '\u202Eab\u202C'.repeat(12_500)],
  ['100 kB of mentions', '<!channel> '.repeat(9_100)],
  ['100 kB of formatting', '*_~`>'.repeat(20_000)],
];

async function run(): Promise<Report> {
  const bed = await startTestBed({
    startAt: '2026-05-10T05:00:00Z',
    rateLimit: false,
    // Each text needs an individual alert.
    environment: { ALERT_MESSAGES_PER_HOUR: '50' },
  });
  const texts = [...HOSTILE, ...BLANK, ...HUGE];
  let rows = 0;
  for (const [, text] of texts) {
    if (await insert(bed, storable(text))) rows += 1;
  }
  while ((await pending(bed)) > 0) await bed.app.tick();
  const { superadmin } = bed.slack.people;
  const alerts = await bed.slack.messages(bed.slack.channels.alerts);
  for (const [index, alert] of alerts.entries()) {
    const text = texts[index % texts.length]?.[1] ?? '';
    await superadmin.command(`show ${index + 1}`);
    await superadmin.command(text.slice(0, COMMAND_LENGTH));
    await superadmin.command(`show ${text}`.slice(0, COMMAND_LENGTH));
    await superadmin.command(`mark ${text} ${text}`.slice(0, COMMAND_LENGTH));
    await superadmin.command(
      `rca ${index + 1} https://docs.example.com/${encodeURI(text.toWellFormed())}`.slice(0, COMMAND_LENGTH),
    );
    await superadmin.say(`${text.slice(0, MESSAGE_LENGTH)} .`, { threadTs: alert.ts });
    await superadmin.click(alert, 'mark_failed');
    const form = await superadmin.waitForModal(
      (view) => view.raw['submit'] !== null && view.callbackId === 'resolution',
    );
    await submit(bed, form.raw, index % 2 === 0 ? text.slice(0, 1_000) : text);
    await superadmin.command(`rca draft ${index + 1}`);
    await superadmin.closeModal({ all: true });
    await bed.clock.advance(60_000);
  }
  for (const command of ['stuck', 'list', 'stats', 'rca']) await superadmin.command(command);
  await sleep(3_000);
  await bed.app.tick();

  // Mentioned people need not exist; then their ids name them.
  const refused = bed.slack.calls.filter(
    ({ status, answer }) =>
      status !== null && (status >= 400 || (answer?.['ok'] === false && answer['error'] !== 'user_not_found')),
  );
  const read = bed.slack.calls.map(({ args }) => textsOf(ours(bed, args)));
  const alive = read.flat().filter(({ kind, text }) => kind !== 'label' && strangeMarkup(text).length > 0);
  const open = read.flat().filter(({ kind, text }) => kind === 'mrkdwn' && !codeIsBalanced(text));
  const tricky = read.flat().filter(({ text }) => trickery(text).length > 0);
  const failures = bed.logged.filter((line) => /"level":"error"/u.test(line));
  for (const { text } of [...alive, ...open, ...tricky].slice(0, 5)) process.stderr.write(`${text.slice(0, 300)}\n`);
  for (const line of failures.slice(0, 5)) process.stderr.write(`${line.slice(0, 600)}\n`);
  for (const { method, answer, args } of refused.slice(0, 5))
    process.stderr.write(`${method} ${JSON.stringify(answer)} ${JSON.stringify(args).slice(0, 300)}\n`);
  const told = alerts.length;
  await bed.close();
  return {
    did: `${texts.length} texts in ${rows} rows, commands, forms and messages; ${read.flat().length} texts sent in ${read.length} calls`,
    wrong: {
      'rows without an alert': rows - told,
      'calls that Slack refused': refused.length,
      'texts with markup that is not the app’s': alive.length,
      'texts that leave their span of code': open.length,
      'texts that reorder, hide or pile up': tricky.length,
      'errors in the log': failures.length,
    },
    happened: {
      'rows with hostile text': { times: rows, atLeast: HOSTILE.length },
      'texts read': { times: read.flat().length, atLeast: 10 * texts.length },
    },
  };
}

/** Every column that another system writes. False if PostgreSQL can't index so long a text: then no row has it. */
async function insert(bed: TestBed, text: string): Promise<boolean> {
  try {
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, target_value, previous_value, state, checkpoint,
         marked_by, marked_at, promoted_by, promoted_at, failure_reason, resolution_note, rca_url, last_error)
       values ($1, $1, $1, $1, $1, 'deploying', $1, $1, '2026-05-07', $1, '2026-05-09', $1, $1, $1, $1)`,
      [text],
    );
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '54000') return false;
    throw error;
  }
}

async function pending(bed: TestBed): Promise<number> {
  const [row] = await bed.rows.query<{ n: number }>(
    `select (select count(*) from console_flag_promotions)::int - (select count(*) from flag_promotions.messages where kind = 'alert' and state = 'posted')::int as n`,
  );
  return row?.n ?? 0;
}

/** Past Slack's client, which wouldn't send so long a note. */
async function submit(bed: TestBed, form: Readonly<Record<string, unknown>>, note: string): Promise<void> {
  const { superadmin } = bed.slack.people;
  const input = (value: string) => ({ input: { type: 'plain_text_input', value } });
  const body = interaction({
    type: 'view_submission',
    user: { id: superadmin.id, team_id: bed.slack.teamId },
    team: { id: bed.slack.teamId },
    trigger_id: newTrigger(),
    view: { ...form, state: { values: { code: input(bed.code(superadmin.id)), note: input(note) } } },
  });
  await (await fetch(`${bed.baseUrl}/slack/events`, signed(body, bed.slack.signingSecret))).arrayBuffer();
}

/** Arguments as sent, with this workspace's people and channel under the names that the reader knows. */
function ours(bed: TestBed, args: unknown): unknown {
  const ids = Object.values(bed.slack.people).map(({ id }) => id);
  let text = JSON.stringify(args, (_name, value: unknown) =>
    typeof value === 'string' && /^[[{]/u.test(value) ? parsed(value) : value,
  );
  for (const id of [...ids, bed.slack.botUserId]) text = text.replaceAll(`<@${id}>`, `<@${USERS[0]}>`);
  return JSON.parse(text.replaceAll(`<#${bed.slack.channels.alerts}>`, `<#${CHANNEL}>`));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
