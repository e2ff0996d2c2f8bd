import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromiumPath } from './chromium.js';

/**
 * Runs the suite if there is a browser. Without one, it says that the suite was skipped; in CI (CI=true) its tests run
 * and fail.
 */
export function describeInBrowser(name: string, suite: () => void): void {
  const isFound = chromiumPath() !== null || process.env['CI'] === 'true';
  if (!isFound) process.stderr.write('No Chromium was found (CHROMIUM_PATH): the browser suite is skipped.\n');
  (isFound ? describe : describe.skip)(name, suite);
}

export interface OpenedPage {
  readonly page: Page;
  /** Errors that the page logged to its console, or threw. */
  readonly errors: readonly string[];
}

export async function open(browser: Browser, url: string, how: BrowserContextOptions = {}): Promise<OpenedPage> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en', ...how });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => void errors.push(String(error)));
  await page.goto(url);
  return { page, errors };
}

const ARTIFACTS = path.resolve(__dirname, '../../../artifacts/browser');

/** Keeps a screenshot, outside of git. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: path.join(ARTIFACTS, `${name}.png`) });
}
