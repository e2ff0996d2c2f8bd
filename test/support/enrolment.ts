import { generateSync } from 'otplib';
import type { Person, StoredMessage } from '../../demo/slack/workspace.js';
import type { TestBed } from './app.js';
import { eventually } from './eventually.js';

/** Where the tests' app is reached, as its links say; what they open is its port. */
export const PUBLIC_URL = 'https://flags.example.com';

/** A page as a browser gets it. */
export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The address that a link leads to, on the port that the app has in the test. */
export function onThisMachine(bed: TestBed, link: string): string {
  return link.replace(PUBLIC_URL, bed.baseUrl);
}

export async function open(bed: TestBed, link: string, init: RequestInit = {}): Promise<Got> {
  const answer = await fetch(onThisMachine(bed, link), init);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** Types a code into the page's form. */
export function typeCode(bed: TestBed, link: string, code: string): Promise<Got> {
  return open(bed, link, { method: 'POST', body: new URLSearchParams({ code }) });
}

/** The secret that a page shows, in base32. @throws where it shows none */
export function secretOn(page: Got): string {
  const shown = /class="secret"[^>]*>([A-Z2-7 ]+)</u.exec(page.text)?.[1];
  if (shown === undefined) throw new Error('The page shows no secret.');
  return shown.replaceAll(' ', '');
}

/** The recovery codes that a page shows. */
export function recoveryCodesOn(page: Got): readonly string[] {
  return [...page.text.matchAll(/<li>([0-9a-z]{5}-[0-9a-z]{5})<\/li>/gu)].map(([, code = '']) => code);
}

/** The code that an authenticator with this secret shows at the clock's present, or `steps` later. */
export function codeFor(bed: TestBed, secret: string, steps = 0): string {
  return generateSync({ secret, epoch: Math.floor(bed.clock.now().getTime() / 1000) + steps * 30 });
}

/** Six digits that are no code of this secret around the clock's present. */
export function wrongCodeFor(bed: TestBed, secret: string): string {
  const near = [-2, -1, 0, 1, 2].map((steps) => codeFor(bed, secret, steps));
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find((guess) => !near.includes(guess)) ?? '';
}

/** The newest direct message with such a button; @throws where none comes */
export async function waitForDirect(person: Person, actionId: string): Promise<StoredMessage> {
  let found: StoredMessage | undefined;
  await eventually(async () => {
    found = (await person.directMessages()).findLast((message) => JSON.stringify(message.blocks).includes(actionId));
    if (found === undefined) throw new Error(`${person.name} got no direct message with ${actionId}.`);
  });
  if (found === undefined) throw new Error('Unreachable.');
  return found;
}

/** The link in a direct message. */
export function linkIn(message: StoredMessage): string {
  const link = /"url":"([^"]+)"/u.exec(JSON.stringify(message.blocks))?.[1];
  if (link === undefined) throw new Error('The message holds no link.');
  return link;
}

/** What `/flag-promotions operators …` opens and what is filled in; resolves with how the submission was answered. */
export async function administer(
  by: Person,
  words: string,
  fields: Readonly<Record<string, string>> & { readonly code: string },
) {
  await by.command(`operators ${words}`);
  await by.waitForModal();
  return by.submit(fields);
}

/** Invites somebody, and answers the link that they got. */
export async function invite(bed: TestBed, by: Person, person: Person, role: string, steps = 0): Promise<string> {
  const before = (await person.directMessages()).length;
  const outcome = await administer(by, 'add', { person: person.id, role, code: bed.code(by.id, steps) });
  if (outcome.kind !== 'closed') throw new Error(`The form stayed open: ${JSON.stringify(outcome)}`);
  await eventually(async () => {
    if ((await person.directMessages()).length === before) throw new Error('The link did not come.');
  });
  return linkIn(await waitForDirect(person, 'open_enrolment'));
}
