import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Where a Chromium usually is; CHROMIUM_PATH says otherwise. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

function chromiumPath(): string | null {
  const told = process.env['CHROMIUM_PATH'];
  if (told !== undefined && told !== '') return told;
  return PLACES.find((place) => existsSync(place)) ?? null;
}

/**
 * `describe` where there is a browser. Where there is none, the suite says that it was skipped; in CI (CI=true) its
 * tests run, and fail for want of one.
 */
export const describeInBrowser: jest.Describe =
  chromiumPath() !== null || process.env['CI'] === 'true' ? describe : saidToBeSkipped();

function saidToBeSkipped(): jest.Describe {
  process.stderr.write('No Chromium was found (CHROMIUM_PATH): the browser suite is skipped.\n');
  return describe.skip;
}

export async function launch(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === null) throw new Error('There is no Chromium; CHROMIUM_PATH says where one is.');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface OpenedPage {
  readonly page: Page;
  /** What the page wrote to its console as errors, and what it threw. */
  readonly errors: readonly string[];
}

export async function open(browser: Browser, url: string, how: BrowserContextOptions = {}): Promise<OpenedPage> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en', ...how });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => void errors.push(String(error)));
  await page.goto(url);
  return { page, errors };
}

const ARTIFACTS = path.resolve(__dirname, '../../../artifacts/browser');

/** Keeps what the page looks like, outside of git. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: path.join(ARTIFACTS, `${name}.png`) });
}
