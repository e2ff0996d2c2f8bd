import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { serveWorkspace } from '../../demo/workspace/server/server.js';
import { FLAG } from '../../demo/world/incident.js';
import { startWorld } from '../../demo/world/world.js';
import { launch } from '../../test/browser/support/chromium.js';
import { type Frame, filmOf } from './film.js';

/**
 * `npm run docs:pictures`: README's pictures, of the real app in the demo. Every run tells the same story; times and
 * code are the run's. Needs a Chromium (CHROMIUM_PATH), and looks best with the fonts Lato and Noto Color Emoji.
 */
const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const FILM = { width: 900, height: 560 };
const MOST_BYTES = 1_500_000;

const SEE = 'The alert says whether it is live, and which button is right.';
const ASK = 'A stolen Slack account can’t press it: it takes a code.';
const DONE = 'Resolved: who and when are on record. Heroku wasn’t touched.';

/** The page as people see it, without the demo's guide. */
async function open(browser: Browser, url: string, deviceScaleFactor: number, viewport = FILM): Promise<Page> {
  const context = await browser.newContext({ viewport, deviceScaleFactor, locale: 'en', timezoneId: 'UTC' });
  const page = await context.newPage();
  await page.goto(url);
  await page.getByRole('button', { name: 'Hide the guide' }).click();
  await alertOn(page).getByRole('button', { name: 'Mark completed' }).waitFor();
  return page;
}

const alertOn = (page: Page): Locator => page.locator('main article.message').filter({ hasText: FLAG }).first();
const codeField = (page: Page): Locator => page.getByRole('dialog').locator('input[inputmode=numeric]');

/** Waits for a code that stays for a while: the film needs it for some seconds. */
async function freshCode(page: Page): Promise<string> {
  const phone = page.getByRole('dialog').locator('.phone');
  await phone.getByText(/^Lasts (?:2[0-9]|30) s$/u).waitFor({ timeout: 40_000 });
  return ((await phone.locator('.digits').textContent()) ?? '').replaceAll(/\D/gu, '');
}

async function save(name: string, bytes: Uint8Array): Promise<void> {
  await writeFile(path.join(DOCS, name), bytes);
  process.stdout.write(`docs/${name}: ${Math.round(bytes.byteLength / 1_000)} kB\n`);
}

/** From the alert to its end; resolves the alert. */
async function film(browser: Browser, url: string): Promise<Uint8Array> {
  const page = await open(browser, url, 1);
  const frames: Frame[] = [];
  let pointer = { x: FILM.width - 120, y: FILM.height - 120 };
  const shoot = async (caption: string, ms: number) =>
    frames.push({ png: await page.screenshot({ animations: 'disabled' }), caption, pointer, ms });
  const moveTo = async (target: Locator, caption: string) => {
    const box = await target.boundingBox();
    if (box === null) throw new Error(`${String(target)} is not to be seen.`);
    const [from, to] = [pointer, { x: box.x + box.width / 2, y: box.y + box.height / 2 }];
    for (const part of [0.35, 0.7, 0.9, 1]) {
      pointer = { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
      await page.mouse.move(pointer.x, pointer.y);
      await shoot(caption, 90);
    }
  };

  const button = alertOn(page).getByRole('button', { name: 'Mark completed' });
  await shoot(SEE, 5_000);
  await moveTo(button, SEE);
  await shoot(SEE, 500);
  await button.click();
  await codeField(page).waitFor();
  const code = await freshCode(page);
  await codeField(page).scrollIntoViewIfNeeded();
  await shoot(ASK, 3_500);
  await codeField(page).focus();
  for (const digit of code) {
    await page.keyboard.type(digit);
    await shoot(ASK, 280);
  }
  const submit = page.getByRole('dialog').getByRole('button', { name: 'Mark completed' });
  await moveTo(submit, ASK);
  await shoot(ASK, 600);
  await submit.click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await button.waitFor({ state: 'detached' });
  await shoot(DONE, 6_000);
  await page.context().close();
  return filmOf(browser, frames);
}

/** The alert and the form by themselves, sharp enough for a large screen. */
async function stills(browser: Browser, url: string): Promise<void> {
  const page = await open(browser, url, 2, { width: 900, height: 900 });
  const alert = alertOn(page);
  await page.mouse.move(0, 0);
  await save('alert.png', await alert.screenshot({ animations: 'disabled' }));
  await alert.getByRole('button', { name: 'Mark completed' }).click();
  await codeField(page).waitFor();
  await freshCode(page);
  await save('form.png', await page.getByRole('dialog').screenshot({ animations: 'disabled' }));
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.context().close();
}

const world = await startWorld({ transport: 'http' });
try {
  const server = await serveWorkspace(world, {
    port: 0,
    onError: (error) => {
      throw error;
    },
  });
  const browser = await launch();
  try {
    await stills(browser, server.url);
    const gif = await film(browser, server.url);
    if (gif.byteLength > MOST_BYTES) throw new Error(`The animation takes ${gif.byteLength} bytes.`);
    await save('resolution.gif', gif);
  } finally {
    await browser.close();
    await server.close();
  }
} finally {
  await world.close();
}
