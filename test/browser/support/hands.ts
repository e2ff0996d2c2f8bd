import type { Locator, Page } from 'playwright-core';

/** How somebody uses the page. */
export interface Hands {
  /** Presses a button, or follows a link. */
  press(what: Locator): Promise<void>;
  enter(field: Locator, text: string): Promise<void>;
  choose(radio: Locator): Promise<void>;
  /** Sends what was entered, from within the field. */
  send(field: Locator): Promise<void>;
}

export function mouse(): Hands {
  return {
    press: (what) => what.click(),
    enter: (field, text) => field.fill(text),
    choose: (radio) => radio.check(),
    send: (field) => field.press('Enter'),
  };
}

/** More stops than the page has. */
const MOST_STOPS = 200;

/** The keyboard alone: everything is reached by Tab and the arrows. */
export function keyboard(page: Page): Hands {
  const { keyboard: keys } = page;
  const hasFocus = async (what: Locator) => (await what.and(page.locator(':focus')).count()) > 0;

  async function reach(what: Locator): Promise<void> {
    await what.waitFor();
    for (let stop = 0; stop < MOST_STOPS; stop += 1) {
      if (await hasFocus(what)) return;
      await keys.press('Tab');
    }
    throw new Error(`The keyboard does not reach ${String(what)}.`);
  }

  return {
    async press(what) {
      await reach(what);
      await keys.press('Enter');
    },
    async enter(field, text) {
      await reach(field);
      await keys.press('ControlOrMeta+a');
      await keys.press('Delete');
      await keys.type(text);
    },
    async choose(radio) {
      await reach(page.locator(`input[name="${await radio.getAttribute('name')}"]:checked`));
      for (let step = 0; step < MOST_STOPS && !(await radio.isChecked()); step += 1) await keys.press('ArrowRight');
    },
    async send(field) {
      await reach(field);
      await keys.press('Enter');
    },
  };
}
