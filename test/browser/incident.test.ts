import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { violations } from './support/axe.js';
import { describeInBrowser, keepScreenshot, type OpenedPage, open } from './support/browser.js';
import { launch } from './support/chromium.js';
import { type RunningDemo, startDemo } from './support/demo.js';
import { keyboard, mouse } from './support/hands.js';
import { Visitor } from './support/visitor.js';

jest.setTimeout(600_000);

const FLAG = 'console_heroku_log_drain_alerting';
const RCA = 'https://docs.raxx.example/rca/2026-05-11';

/** The whole incident, as the workspace's three people live through it. */
async function liveThrough(visitor: Visitor, keep: (name: string) => Promise<void>): Promise<void> {
  const { page, dialog, thread } = visitor;

  // Sam, an engineer, and Dana, of another workspace, see the alert, and can do nothing about it.
  const alert = visitor.messages(FLAG).first();
  await alert.getByText('CRITICAL').waitFor();
  const pager = page.getByTestId('pager');
  const rings = (status: string) => pager.locator(`.page.${status}`).first().waitFor({ state: 'attached' });
  await rings('triggered');
  await keep('0-alert');
  await visitor.become('sam');
  await visitor.press(/^Mark completed/u, alert);
  await visitor.refused(/Only a superadmin can resolve this/u);
  await visitor.become('dana');
  await visitor.press(/^Mark completed/u, alert);
  await visitor.refused(/workspace/u);
  await keep('1-external-user');

  // Kris, a superadmin, stops the pager, reads the evidence, and completes it with a code: first with a wrong one.
  await visitor.become('kris');
  await visitor.press(/^I’m on it/u, alert);
  await rings('acknowledged');
  await visitor.press(/^Mark completed/u, alert);
  await dialog.getByText('Live.').first().waitFor();
  await visitor.step('evidence').waitFor({ state: 'attached' });
  await keep('2-form');
  const right = await visitor.code();
  await visitor.fill('Authenticator code', right === '123456' ? '654321' : '123456');
  await visitor.press('Mark completed', dialog);
  await dialog.getByText('Wrong code').waitFor();
  await keep('3-wrong-code');
  await visitor.fill('Note (optional)', 'Live since the release; only the *write* was lost.');
  await visitor.fill('Authenticator code', await visitor.code());
  await visitor.press('Mark completed', dialog);
  await dialog.waitFor({ state: 'detached' });
  await alert.getByText('was resolved as').waitFor();
  expect(await alert.getByRole('button', { name: /^Mark/u }).count()).toBe(0);
  // The note is shown as it was typed.
  expect(await alert.locator('pre').textContent()).toBe('Live since the release; only the *write* was lost.');
  await visitor.step('completed').waitFor();
  await rings('resolved');
  await pager.getByText('alert.ended').first().waitFor({ state: 'attached' });

  // The RCA, by a mention in the thread.
  await visitor.press('Write it for me');
  await thread.getByRole('button', { name: 'Send' }).waitFor();
  await visitor.press('Send', thread);
  await thread.getByText('RCA linked by').waitFor();
  await alert.getByRole('link', { name: RCA }).waitFor();
  await visitor.step('rca').waitFor({ state: 'attached' });
  await keep('4-thread');
  await visitor.press('Close the thread');

  // Twelve hours later, the next one gets a warning.
  await visitor.press('12 h later');
  const warning = visitor.messages('console_invoice_pdf').first();
  await warning.getByText('Warning').waitFor();
  await warning.getByText('NOT live').first().waitFor();

  // A promotion is killed half-way, and ends all the same.
  await visitor.press('Switch it on, and write the command');
  await visitor.press('Send');
  await dialog.getByText('Promotes').waitFor();
  await visitor.fill('Authenticator code', await visitor.code());
  await visitor.press('Promote', dialog);
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('1 × killed').waitFor();
  await keep('5-killed');
  await visitor.row('console_bulk_export', 'deployed').waitFor();
  await visitor
    .messages('console_bulk_export')
    .getByText(/^live(?: ·|$)/u)
    .first()
    .waitFor();
  await visitor.step('kill').waitFor();
  await keep('6-recovered');

  // A day later the warning has turned critical, in its thread and in the channel.
  await visitor.press('24 h later');
  await rings('triggered');
  await visitor
    .messages(/replied to a thread/u)
    .getByText('CRITICAL', { exact: true })
    .waitFor();
  await visitor.become('sam');
  await visitor.command('stuck');
  await visitor.whisper('1 promotion is stuck').waitFor();
  await keep('7-critical');
}

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } as const;

/** The kept screens that axe-core checks: each has something that no other has. */
const LOOKED_AT: ReadonlySet<string> = new Set([
  '1-external-user',
  '3-wrong-code',
  '4-thread',
  '7-critical',
  'channel',
  'form',
  'backstage',
]);

/** The critical is marked failed on a phone, where nothing may overflow sideways. */
async function failOnPhone(visitor: Visitor, keep: (name: string) => Promise<void>): Promise<void> {
  const { page, dialog } = visitor;
  const width = () => page.evaluate<number>('document.documentElement.scrollWidth');
  const warning = visitor.messages('console_invoice_pdf').first();
  await warning.waitFor();
  await keep('channel');
  expect(await width()).toBe(PHONE.viewport.width);
  await visitor.press('Backstage');
  await page.getByRole('heading', { name: 'Rows' }).waitFor();
  await keep('backstage');
  expect(await width()).toBe(PHONE.viewport.width);
  await visitor.press('flag-alerts');
  await visitor.press(/^Mark failed/u, warning);
  await visitor.fill('Why did it fail?', 'Never set.');
  await keep('form');
  expect(await width()).toBe(PHONE.viewport.width);
  // On a phone the authenticator lies on the form.
  await visitor.fill(
    'Authenticator code',
    ((await dialog.locator('.digits').textContent()) ?? '').replaceAll(/\D/gu, ''),
  );
  await visitor.press('Mark failed', dialog);
  await dialog.waitFor({ state: 'detached' });
  await warning.getByText('was resolved as').waitFor();
  await warning.getByRole('button', { name: /repl/u }).click();
  await visitor.thread.getByText('was resolved as').first().waitFor();
  await keep('thread');
  expect(await width()).toBe(PHONE.viewport.width);
}

describeInBrowser('the workspace in a browser', () => {
  let browser: Browser | undefined;
  let demos: Partial<Record<'http' | 'socket', Promise<RunningDemo>>> = {};
  beforeAll(async () => {
    browser = await launch();
    // The second one starts while the first is in use.
    demos = { http: startDemo('http'), socket: startDemo('socket') };
    // Its test handles a failure; until then nothing awaits it.
    demos.socket?.catch(() => undefined);
  });
  afterAll(async () => {
    await browser?.close();
    const started = Object.values(demos);
    const ended = await Promise.allSettled(started.map(async (demo) => (await demo).stop()));
    expect(ended).toEqual(started.map(() => ({ status: 'fulfilled', value: 0 })));
    expect((await Promise.all(started)).flatMap((demo) => demo.complaints)).toEqual([]);
  });

  async function openIn(transport: 'http' | 'socket', how: BrowserContextOptions = {}): Promise<OpenedPage> {
    const demo = await demos[transport];
    if (browser === undefined || demo === undefined) throw new Error('Nothing was started.');
    return open(browser, demo.url, how);
  }

  test('the incident, with a mouse, over signed HTTP; then a phone; axe-core finds nobody kept out', async () => {
    const { page, errors } = await openIn('http');
    const found: string[] = [];
    const keepFrom = (where: Page, prefix: string) => async (name: string) => {
      await keepScreenshot(where, `${prefix}-${name}`);
      if (LOOKED_AT.has(name)) found.push(...(await violations(where)));
    };
    await liveThrough(new Visitor(page, mouse()), keepFrom(page, 'http'));
    const phone = await openIn('http', { ...PHONE, colorScheme: 'dark' });
    await failOnPhone(new Visitor(phone.page, mouse()), keepFrom(phone.page, 'phone'));
    expect(found).toEqual([]);
    expect([...errors, ...phone.errors]).toEqual([]);
  });

  test('the incident, with the keyboard alone, over Socket Mode', async () => {
    const { page, errors } = await openIn('socket');
    const keep = (name: string) => keepScreenshot(page, `socket-${name}`);
    await liveThrough(new Visitor(page, keyboard(page)), keep);
    expect(errors).toEqual([]);
  });
});
