import { generateSync } from 'otplib';
import type { Browser, Page } from 'playwright-core';
import { eventually } from '../support/eventually.js';
import { describeInBrowser, keepScreenshot, open } from './support/browser.js';
import { launch } from './support/chromium.js';
import { type RunningDemo, startDemo } from './support/demo.js';
import { mouse } from './support/hands.js';
import { Visitor } from './support/visitor.js';

jest.setTimeout(600_000);

const SCREENS = [
  ['phone, dark', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: 'dark' }],
  ['phone, light', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: 'light' }],
  ['desk, dark', { viewport: { width: 1280, height: 860 }, colorScheme: 'dark' }],
  ['desk, light', { viewport: { width: 1280, height: 860 }, colorScheme: 'light' }],
] as const;

describeInBrowser('parts of the workspace', () => {
  let browser: Browser;
  let demo: RunningDemo;
  beforeAll(async () => {
    const starting = startDemo('http');
    browser = await launch();
    // Last: if it doesn't start, the browser is still closed.
    demo = await starting;
  });
  afterAll(async () => {
    await browser.close();
    expect(await demo.stop()).toBe(0);
    expect(demo.complaints).toEqual([]);
  });

  const numberIn = (page: Page, expression: string) => page.evaluate<number>(expression);

  test.each(SCREENS)('%s: the alert’s menu and the chart of the figures are seen in full', async (name, how) => {
    const { page, errors } = await open(browser, demo.url, how);
    const visitor = new Visitor(page, mouse());
    const menu = page.getByRole('button', { name: 'More actions' }).first();
    await menu.click();
    const box = await page.locator('.menu-list').boundingBox();
    await keepScreenshot(page, `menu, ${name}`);
    expect(box?.x).toBeGreaterThanOrEqual(0);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(how.viewport.width);
    await page.keyboard.press('Escape');

    await visitor.command('stats');
    const chart = page.locator('.block-image img').last();
    await chart.waitFor();
    const undrawn = "[...document.querySelectorAll('.block-image img')].filter((one) => one.naturalWidth === 0).length";
    await eventually(async () => expect(await numberIn(page, undrawn)).toBe(0));
    await keepScreenshot(page, `chart, ${name}`);
    expect(await numberIn(page, 'document.documentElement.scrollWidth')).toBe(how.viewport.width);
    await page.getByRole('button', { name: 'Dismiss' }).last().click();
    await page.context().close();
    expect(errors).toEqual([]);
  });

  test('somebody is enrolled: the link comes as a direct message, and the authenticator takes its key', async () => {
    const { page, errors } = await open(browser, demo.url);
    const visitor = new Visitor(page, mouse());
    await visitor.command('operators reset');
    await visitor.dialog.locator('select').selectOption({ label: '@sam' });
    const used = await visitor.code();
    await visitor.dialog.locator('input[inputmode=numeric]').fill(used);
    await visitor.dialog.locator('button[type=submit]').click();
    await visitor.dialog.waitFor({ state: 'detached' });

    await visitor.become('sam');
    await page.locator('.unread').waitFor();
    await visitor.press(/^flag-promotions/u, page.getByRole('navigation'));
    const address = await page.locator('main a[href*="/enrol/"]').getAttribute('href');
    await keepScreenshot(page, 'messages');
    expect(await page.locator('.unread').count()).toBe(0);

    const enrolment = await page.context().newPage();
    await enrolment.goto(address ?? '');
    await enrolment.locator('summary').click();
    const secret = /\b[A-Z2-7]{4}(?: [A-Z2-7]{4})+\b/u.exec(await enrolment.locator('body').innerText())?.[0];
    await page.getByText('Enter a setup key').click();
    await page.getByLabel('Setup key').fill(secret ?? '');
    await visitor.press('Add');
    // Until it shows the new key's, it may show the one of the former key.
    const made = () => generateSync({ secret: (secret ?? '').replaceAll(' ', '') });
    await eventually(async () => expect(await visitor.code()).toBe(made()));
    await enrolment.locator('input[name=code]').fill(await visitor.code());
    await enrolment.locator('button[type=submit]').click();
    // Sam says the word by phone; Kris, who had the link sent, types it with a code of her own.
    const word = await enrolment.locator('.word').innerText();
    await visitor.become('kris');
    await visitor.press(/^flag-promotions/u, page.getByRole('navigation'));
    await visitor.press('Messages');
    const question = page.locator('main .message').filter({ hasText: 'typed a right code' }).last();
    await question.locator('.button.primary').click();
    await visitor.fill('The word you heard', word);
    // The code that reset Sam is used up; a phone shows the next one within half a minute.
    await eventually(async () => expect(await visitor.code()).not.toBe(used), 45_000);
    await visitor.dialog.locator('input[inputmode=numeric]').fill(await visitor.code());
    await visitor.dialog.locator('button[type=submit]').click();
    await visitor.dialog.waitFor({ state: 'detached' });
    await question.locator('.button').first().waitFor({ state: 'detached' });
    await keepScreenshot(page, 'enrolled');
    expect(errors).toEqual([]);
  });
});
