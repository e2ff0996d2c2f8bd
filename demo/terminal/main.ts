import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SlackStandIn, StoredMessage } from '../slack/workspace.js';
import { FLAG } from '../world/incident.js';
import { stopSignals } from '../world/stop-signals.js';
import { startWorld, type World } from '../world/world.js';
import { messageLines, modalLines } from './draw.js';

/**
 * `npm run demo:terminal`: the incident of 2026-05-07 to 05-11 as if it were now, on the real app, the real PostgreSQL
 * and stand-ins for Slack and Heroku. On a terminal it waits for Enter between steps; otherwise it plays through.
 */
const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
const bold = (text: string): string => (process.stdout.isTTY ? `\u001B[1m${text}\u001B[22m` : text);
const out = (text = ''): void => {
  process.stdout.write(`${text}\n`);
};

async function main(): Promise<void> {
  out(bold('flag-promotions: a feature-flag promotion gets stuck, and what becomes of it'));
  out();
  const stop = stopSignals();
  try {
    const world = await startWorld({ transport: 'http', signal: stop.signal });
    try {
      stop.impatience(world.app);
      await Promise.race([play(world), stop.asked]);
    } finally {
      await world.close();
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  // The aborted play may still wait for something.
  if (stop.signal.aborted) process.exit();
}

async function play({ slack, authenticators, clock }: World): Promise<void> {
  const { superadmin } = slack.people;
  const code = (): string => authenticators.code(superadmin.id, clock.now());
  out('  started   PostgreSQL, stand-ins for Slack, Heroku and PagerDuty, and the app');
  out(`  loaded    ${FLAG}: marked 4 days ago, promoted 57 h ago;`);
  out('            Heroku took the change, and the worker was killed before it wrote so');
  out();

  const alert = await theAlert(slack, () => true);
  out(bold('The watchdog finds it on its first look, and posts to #flag-alerts:'));
  draw(slack, alert);

  await pause('Press Enter to click Mark completed as @kris, who is a superadmin');
  await superadmin.click(alert, 'mark_completed');
  const form = await superadmin.waitForModal();
  out(bold('A form opens. Slack alone is not enough: it asks for a code.'));
  frame(modalLines(form, namesOf(slack), bold));

  await pause('Press Enter to type a wrong code first');
  const right = code();
  const refused = await superadmin.submit({ code: right === '123456' ? '654321' : '123456' });
  out(`  under the field:  ${refused.kind === 'errors' ? refused.errors['code'] : refused.kind}`);
  out();

  await pause('Press Enter to type the right one');
  const saved = await superadmin.submit({
    code: code(),
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
  out('  npm run demo                the same in a browser, for you to play');
  out('  npm test                    everything above, and what goes wrong around it, as tests');
  out('  README.md                   installing it for real: Slack, Heroku, Socket Mode');
  out('  node dist/src/cli.js help   the command line, after npm run build');
  out();
}

/** The alert's message, once it looks right. */
async function theAlert(slack: SlackStandIn, looksRight: (message: StoredMessage) => boolean): Promise<StoredMessage> {
  for (const deadline = performance.now() + 20_000; performance.now() < deadline; await sleep(50)) {
    const message = (await slack.messages(slack.channels.alerts)).find(({ text }) => text.includes(FLAG));
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
  // Without `terminal: false` it would handle Ctrl-C itself.
  const terminal = createInterface({ input: process.stdin, output: process.stdout, terminal: false });
  try {
    await terminal.question(`${text} ⏎ `);
  } finally {
    terminal.close();
  }
}

await main();
