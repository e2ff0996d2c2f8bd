import type { Locator, Page } from 'playwright-core';
import type { Hands } from './hands.js';

export type Name = 'kris' | 'sam' | 'dana';

/** Somebody using the page: what they see, by its accessible names, and what they do. */
export class Visitor {
  constructor(
    readonly page: Page,
    private readonly hands: Hands,
  ) {}

  /** The channel's messages that say this, oldest first. */
  messages(saying: string | RegExp): Locator {
    return this.page.locator('main article.message:not(.whisper)').filter({ hasText: saying });
  }

  whisper(saying: string | RegExp): Locator {
    return this.page.locator('main article.whisper').filter({ hasText: saying });
  }

  /** A refusal, wherever it is told: a late one comes in the form, which opened meanwhile and is closed again. */
  async refused(saying: RegExp): Promise<void> {
    const late = this.dialog.filter({ hasText: saying });
    await this.whisper(saying).or(late).first().waitFor();
    if (!(await late.isVisible())) return;
    await this.press(/^Close$/u, late);
    await late.waitFor({ state: 'detached' });
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  get thread(): Locator {
    return this.page.getByRole('complementary', { name: 'Thread' });
  }

  step(name: string): Locator {
    return this.page.locator(`[data-step=${name}].done`);
  }

  row(flagKey: string, state: string): Locator {
    return this.page.locator('.rows li').filter({ hasText: flagKey }).filter({ hasText: state });
  }

  async become(name: Name): Promise<void> {
    await this.hands.choose(this.page.getByRole('radio', { name: new RegExp(`^${name}`, 'u') }));
  }

  /** @param name of the button; with `within`, of the one there */
  async press(name: string | RegExp, within: Page | Locator = this.page): Promise<void> {
    await this.hands.press(within.getByRole('button', { name }).first());
  }

  async switch(name: RegExp): Promise<void> {
    const control = this.page.getByRole('switch', { name });
    await control.focus();
    await control.press('Space');
  }

  async command(text: string): Promise<void> {
    const box = this.page.getByRole('combobox', { name: 'Message #flag-alerts' });
    await this.hands.enter(box, `/flag-promotions ${text}`);
    await this.hands.send(box);
  }

  /** What the phone shows now. */
  async code(): Promise<string> {
    return ((await this.page.getByTestId('code').textContent()) ?? '').replaceAll(' ', '');
  }

  /** Enters something into a field of the form. */
  async fill(label: string, text: string): Promise<void> {
    await this.hands.enter(this.dialog.getByLabel(label), text);
  }
}
