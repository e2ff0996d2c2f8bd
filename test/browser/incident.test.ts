import type { Browser } from 'playwright-core';
import { violations } from './support/axe.js';
import { describeInBrowser, keepScreenshot, launch, open } from './support/browser.js';
import { type RunningDemo, startDemo } from './support/demo.js';
import { keyboard, mouse } from './support/hands.js';
import { Visitor } from './support/visitor.js';

jest.setTimeout(120_000);

const FLAG = 'console_heroku_log_drain_alerting';
const RCA = 'https://docs.raxx.example/rca/2026-05-11';

/** The whole incident, as the three people of the workspace live through it. */
async function liveThrough(visitor: Visitor, keep: (name: string) => Promise<void>): Promise<void> {
  const { page, dialog, thread } = visitor;

  // Sam, an engineer, and Dana, of another workspace, see the alert, and can do nothing about it.
  const alert = visitor.messages(FLAG).first();
  await alert.getByText('CRITICAL').waitFor();
  await visitor.become('sam');
  await visitor.press(/^Mark completed/u, alert);
  await visitor.whisper(/You need the superadmin role/u).waitFor();
  await visitor.become('dana');
  await visitor.press(/^Mark completed/u, alert);
  await visitor.whisper(/workspace/u).waitFor();
  await keep('1-stranger');

  // Kris, a superadmin, reads the evidence, and completes it with a code: first with a wrong one.
  await visitor.become('kris');
  await visitor.press(/^Mark completed/u, alert);
  await dialog.getByText('which is the target').waitFor();
  await visitor.step('evidence').waitFor({ state: 'attached' });
  await keep('2-form');
  const right = await visitor.code();
  await visitor.fill('TOTP code', right === '123456' ? '654321' : '123456');
  await visitor.press('Mark completed', dialog);
  await dialog.getByText('This code is not right').waitFor();
  await keep('3-wrong-code');
  await visitor.fill('Note (optional)', 'Live since the release; only the *write* was lost.');
  await visitor.fill('TOTP code', await visitor.code());
  await visitor.press('Mark completed', dialog);
  await dialog.waitFor({ state: 'detached' });
  await alert.getByText('was marked').waitFor();
  expect(await alert.getByRole('button', { name: /^Mark/u }).count()).toBe(0);
  // What stands in the note is shown as it was typed.
  expect(await alert.locator('pre').textContent()).toBe('Live since the release; only the *write* was lost.');
  await visitor.step('completed').waitFor();

  // The RCA, by a mention in the thread.
  await visitor.press('Write it for me');
  await thread.getByRole('button', { name: 'Send' }).waitFor();
  await visitor.press('Send', thread);
  await thread.getByText('RCA linked by').waitFor();
  await alert.getByRole('link', { name: RCA }).waitFor();
  await visitor.step('rca').waitFor({ state: 'attached' });
  await keep('4-thread');
  await visitor.press('Close the thread');

  // Twelve hours later, the next one is warned of.
  await visitor.press('12 h later');
  const warning = visitor.messages('console_invoice_pdf').first();
  await warning.getByText('Warning').waitFor();
  await warning.getByText('Not live').waitFor();

  // A promotion is killed half-way, and ends all the same.
  await visitor.press('Switch it on, and write the command');
  await visitor.press('Send');
  await dialog.getByText('Will be').waitFor();
  await visitor.fill('TOTP code', await visitor.code());
  await visitor.press('Promote', dialog);
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('was killed; it is started again').waitFor();
  await keep('5-killed');
  await visitor.row('console_bulk_export', 'deployed').waitFor();
  await visitor.messages('console_bulk_export').getByText('live', { exact: true }).waitFor();
  await visitor.step('kill').waitFor();
  await keep('6-recovered');

  // A day later the warned one is critical, in its thread and in the channel.
  await visitor.press('24 h later');
  await visitor
    .messages(/replied to a thread/u)
    .getByText('CRITICAL')
    .waitFor();
  await visitor.become('sam');
  await visitor.command('stuck');
  await visitor.whisper('1 promotion is stuck').waitFor();
  await keep('7-critical');
}

describeInBrowser('the workspace in a browser', () => {
  let browser: Browser;
  let demo: RunningDemo;
  beforeAll(async () => {
    browser = await launch();
  });
  afterEach(async () => {
    expect(await demo.stop()).toBe(0);
    expect(demo.complaints).toEqual([]);
  });
  afterAll(() => browser.close());

  test('the incident, with a mouse, over signed HTTP: nobody is kept out, on any screen', async () => {
    demo = await startDemo('http');
    const { page, errors } = await open(browser, demo.url);
    const found: string[] = [];
    await liveThrough(new Visitor(page, mouse()), async (name) => {
      await keepScreenshot(page, `http-${name}`);
      found.push(...(await violations(page)));
    });
    expect(found).toEqual([]);
    expect(errors).toEqual([]);

    const dark = await open(browser, demo.url, { colorScheme: 'dark' });
    await dark.page.getByText('console_bulk_export').first().waitFor();
    await keepScreenshot(dark.page, 'dark');
    expect(await violations(dark.page)).toEqual([]);
    expect(dark.errors).toEqual([]);
  });

  test('the incident, with the keyboard alone, over Socket Mode', async () => {
    demo = await startDemo('socket');
    const { page, errors } = await open(browser, demo.url);
    const keep = (name: string) => keepScreenshot(page, `socket-${name}`);
    await liveThrough(new Visitor(page, keyboard(page)), keep);
    expect(errors).toEqual([]);
  });
});
