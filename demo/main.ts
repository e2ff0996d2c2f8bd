import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { generateSync } from 'otplib';
import { startEmbeddedPostgres } from '../src/db/embedded-postgres.js';
import { migrateToLatest } from '../src/db/migrate.js';
import { startHerokuStandIn } from './heroku/stand-in.js';
import { CONFIG_VAR, enrolOperator, FLAG, HEROKU_APP, insertIncident, shiftOf } from './incident.js';
import { type SlackStandIn, type StoredMessage, startSlackStandIn } from './slack/workspace.js';
import { messageLines, modalLines } from './terminal.js';

/**
 * `npm run demo`: the incident of 2026-05-07 to 05-11 as if it were now, on the real app, the real PostgreSQL and
 * stand-ins for Slack and Heroku. On a terminal it waits for Enter between its steps; elsewhere it plays through.
 */
const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
const bold = (text: string): string => (process.stdout.isTTY ? `\u001B[1m${text}\u001B[22m` : text);
const out = (text = ''): void => {
  process.stdout.write(`${text}\n`);
};

const ROOT = fileURLToPath(new URL('..', import.meta.url));

async function main(): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'flag-promotions-demo-'));
  const closers: (() => Promise<void>)[] = [() => rm(dataDir, { recursive: true, force: true })];
  try {
    await play(dataDir, closers);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function play(dataDir: string, closers: (() => Promise<void>)[]): Promise<void> {
  const shift = shiftOf(new Date());
  out(bold('flag-promotions: a feature-flag promotion hangs, and what becomes of it'));
  out();

  const postgres = await startEmbeddedPostgres({ dataDir });
  closers.push(() => postgres.stop());
  await migrateToLatest(postgres.connectionString);
  const heroku = await startHerokuStandIn({ apps: { [HEROKU_APP]: { vars: {} } } });
  closers.push(() => heroku.close());
  heroku.seedRelease({
    app: HEROKU_APP,
    at: shift('2026-05-09T04:28:31Z'),
    user: 'kris@raxx.example',
    description: `Set ${CONFIG_VAR} config vars`,
    vars: { [CONFIG_VAR]: 'true' },
  });
  const slack = await startSlackStandIn();
  closers.push(() => slack.close());
  out('  started   PostgreSQL, a stand-in for Slack, a stand-in for Heroku');

  const { superadmin } = slack.people;
  const key = randomBytes(32);
  const secret = await enrolOperator(postgres.connectionString, key, superadmin.id);
  await insertIncident(postgres.connectionString, shift, superadmin.id);
  out(`  loaded    ${FLAG}: marked 4 days ago, promoted 57 h ago;`);
  out('            Heroku took the change, and the worker was killed before it wrote so');

  const app = await startTheApp({
    DATABASE_URL: postgres.connectionString,
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_SIGNING_SECRET: slack.signingSecret,
    SLACK_API_URL: slack.apiUrl,
    SLACK_ALERT_CHANNEL: slack.channels.alerts,
    HEROKU_API_KEY: heroku.apiKey,
    HEROKU_API_URL: heroku.apiUrl,
    TOTP_ENCRYPTION_KEY: key.toString('base64'),
  });
  closers.push(() => stopTheApp(app.process));
  slack.connectHttp(`${app.url}/slack/events`);
  out(`  started   the app, on ${app.url} (/healthz, /readyz, /metrics)`);
  out();

  const alert = await theAlert(slack, () => true);
  out(bold('The watchdog finds it on its first look, and posts to #flag-alerts:'));
  draw(slack, alert);

  await pause('Press Enter to click Mark completed as @kris, who is a superadmin');
  await superadmin.click(alert, 'mark_completed');
  const form = await superadmin.waitForModal();
  out(bold('A form opens. Slack alone is not enough: it asks for a TOTP code.'));
  frame(modalLines(form, namesOf(slack), bold));

  await pause('Press Enter to type a wrong code first');
  const right = generateSync({ secret });
  const refused = await superadmin.submit({ code: right === '123456' ? '654321' : '123456' });
  out(`  under the field:  ${refused.kind === 'errors' ? refused.errors['code'] : refused.kind}`);
  out();

  await pause('Press Enter to type the right one');
  const saved = await superadmin.submit({
    code: generateSync({ secret }),
    note: 'Live since the release; only the write was lost.',
  });
  if (saved.kind !== 'closed') throw new Error(`The form should have closed: ${JSON.stringify(saved)}`);
  out(bold('The form closes: state, operator, time step and audit event are committed in one transaction.'));
  const resolved = await theAlert(slack, (message) => !JSON.stringify(message).includes('mark_completed'));
  draw(slack, resolved);

  await pause('Press Enter to link the RCA, by mentioning the app in the thread');
  await superadmin.say(`<@${slack.botUserId}> <https://docs.raxx.example/rca/2026-05-11>`, { threadTs: resolved.ts });
  const linked = await theAlert(slack, (message) => JSON.stringify(message).includes('docs.raxx.example'));
  out(bold('The row has its rca_url, the message links it, and the thread tells the story:'));
  draw(slack, linked);
  for (const reply of await repliesOf(slack, linked, 3)) draw(slack, reply, '      ↳ ');

  await superadmin.command('stuck');
  const answer = await superadmin.waitForEphemeral((message) => message.text.includes('stuck'));
  out(bold('/flag-promotions stuck now answers:'));
  draw(slack, { ...answer, attachments: [] });

  out(bold('What next'));
  out('  npm test                    everything above, and what goes wrong around it, as tests');
  out('  README.md                   installing it for real: Slack, Heroku, Socket Mode');
  out('  node dist/src/cli.js help   the command line, after npm run build');
  out();
}

interface TheApp {
  readonly process: ChildProcess;
  readonly url: string;
}

const READY_WITHIN_MS = 30_000;

/** The app as it is run for real: a process of its own, configured by its environment alone. */
async function startTheApp(environment: Readonly<Record<string, string>>): Promise<TheApp> {
  const child = spawn(process.execPath, ['--import', 'tsx', path.join(ROOT, 'src/cli.ts'), 'start'], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...environment, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The app was not up in time.')), READY_WITHIN_MS);
    child.once('exit', (code) => reject(new Error(`The app ended with exit code ${code}.`)));
    child.stdout.setEncoding('utf8').on('data', (lines: string) => {
      const found = /"port":(\d+)/u.exec(lines)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(Number(found));
    });
  });
  return { process: child, url: `http://127.0.0.1:${port}` };
}

async function stopTheApp(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** The alert's message, once it looks as it should. */
async function theAlert(slack: SlackStandIn, looksRight: (message: StoredMessage) => boolean): Promise<StoredMessage> {
  for (const deadline = performance.now() + 20_000; performance.now() < deadline; await sleep(50)) {
    const [message] = await slack.messages(slack.channels.alerts);
    if (message !== undefined && looksRight(message)) return message;
  }
  throw new Error('The alert did not appear in time.');
}

async function repliesOf(
  slack: SlackStandIn,
  root: StoredMessage,
  expected: number,
): Promise<readonly StoredMessage[]> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await sleep(50)) {
    const replies = await slack.thread(root.channel, root.ts);
    if (replies.length >= expected) return replies;
  }
  throw new Error('The thread did not fill in time.');
}

function draw(
  slack: SlackStandIn,
  message: Pick<StoredMessage, 'text' | 'blocks' | 'attachments'>,
  indent?: string,
): void {
  frame(messageLines(message, namesOf(slack), bold), indent);
}

function frame(lines: readonly string[], indent = '  │ '): void {
  for (const line of lines) out(`${indent}${line}`.trimEnd());
  out();
}

function namesOf(slack: SlackStandIn): Record<string, string> {
  const people = Object.values(slack.people).map((person) => [person.id, person.name] as const);
  return Object.fromEntries([...people, [slack.botUserId, 'flag-promotions'] as const]);
}

async function pause(text: string): Promise<void> {
  if (!interactive) return;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    await terminal.question(`${text} ⏎ `);
  } finally {
    terminal.close();
  }
}

await main();
