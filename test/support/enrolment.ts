import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { generateSync } from 'otplib';
import type { Person, StoredMessage } from '../../demo/slack/workspace.js';
import type { TestBed } from './app.js';
import { eventually } from './eventually.js';

/** The app's public address in links; requests go to its port instead. */
export const PUBLIC_URL = 'https://flags.example.com';

export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A link's address, on the app's port in the test. */
function onThisMachine(bed: TestBed, link: string): string {
  return link.replace(PUBLIC_URL, bed.baseUrl);
}

export async function open(bed: TestBed, link: string, init: RequestInit = {}): Promise<Got> {
  const answer = await fetch(onThisMachine(bed, link), init);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

export function typeCode(bed: TestBed, link: string, code: string): Promise<Got> {
  return open(bed, link, { method: 'POST', body: new URLSearchParams({ code }) });
}

/** The secret that a page shows, in base32. @throws if there is none */
export function secretOn(page: Got): string {
  const shown = /class="secret"[^>]*>([A-Z2-7 ]+)</u.exec(page.text)?.[1];
  if (shown === undefined) throw new Error('The page shows no secret.');
  return shown.replaceAll(' ', '');
}

export function recoveryCodesOn(page: Got): readonly string[] {
  return [...page.text.matchAll(/<li>([0-9a-z]{5}-[0-9a-z]{5})<\/li>/gu)].map(([, code = '']) => code);
}

/** The word to be said aloud. @throws if the page shows none */
export function wordOn(page: Got): string {
  const shown = /class="word"[^>]*>([a-z]+)</u.exec(page.text)?.[1];
  if (shown === undefined) throw new Error('The page shows no word.');
  return shown;
}

const ROOT = path.resolve(__dirname, '../..');
const SAID_HERE = new Set(
  ['src/views', 'src/pages'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder)).flatMap(
      (name) => readFileSync(path.join(ROOT, folder, name), 'utf8').match(/[a-z]+/gu) ?? [],
    ),
  ),
);

/** Whether a payload or page tells the word. One that the app's own sentences use, such as `place`, tells nothing. */
export function tells(shown: unknown, word: string): boolean {
  const text = typeof shown === 'string' ? shown : JSON.stringify(shown);
  return !SAID_HERE.has(word) && new RegExp(String.raw`\b${word}\b`, 'iu').test(text);
}

/** The person who had the link sent opens the form and types what they heard, with their own code. */
export async function confirm(
  bed: TestBed,
  by: Person,
  word: string,
  steps = 0,
  code = bed.code(by.id, steps),
): ReturnType<Person['submit']> {
  await by.click(await waitForDirect(by, 'confirm_enrolment'), 'confirm_enrolment');
  await by.waitForModal();
  return by.submit({ word, code });
}

/** The code that an authenticator with this secret shows by the bed's clock, or `steps` later. */
export function codeFor(bed: TestBed, secret: string, steps = 0): string {
  return generateSync({ secret, epoch: Math.floor(bed.clock.now().getTime() / 1000) + steps * 30 });
}

/** Six digits that aren't a code of this secret around the current time. */
export function wrongCodeFor(bed: TestBed, secret: string): string {
  const near = [-2, -1, 0, 1, 2].map((steps) => codeFor(bed, secret, steps));
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find((guess) => !near.includes(guess)) ?? '';
}

/** The newest direct message with this button; @throws if none comes */
export async function waitForDirect(person: Person, actionId: string): Promise<StoredMessage> {
  let found: StoredMessage | undefined;
  await eventually(async () => {
    found = (await person.directMessages()).findLast((message) => JSON.stringify(message.blocks).includes(actionId));
    if (found === undefined) throw new Error(`${person.name} got no direct message with ${actionId}.`);
  });
  if (found === undefined) throw new Error('Unreachable.');
  return found;
}

export function linkIn(message: StoredMessage): string {
  const link = /"url":"([^"]+)"/u.exec(JSON.stringify(message.blocks))?.[1];
  if (link === undefined) throw new Error('The message holds no link.');
  return link;
}

/** Opens and fills in the form of `/flag-promotions operators …`; resolves with the answer to its submission. */
export async function administer(
  by: Person,
  words: string,
  fields: Readonly<Record<string, string>> & { readonly code: string },
) {
  await by.command(`operators ${words}`);
  await by.waitForModal();
  return by.submit(fields);
}

/** Invites somebody; resolves with their link. */
export async function invite(bed: TestBed, by: Person, person: Person, role: string, steps = 0): Promise<string> {
  const before = (await person.directMessages()).length;
  const outcome = await administer(by, 'add', { person: person.id, role, code: bed.code(by.id, steps) });
  if (outcome.kind !== 'closed') throw new Error(`The form stayed open: ${JSON.stringify(outcome)}`);
  await eventually(async () => {
    if ((await person.directMessages()).length === before) throw new Error('The link did not come.');
  });
  return linkIn(await waitForDirect(person, 'open_enrolment'));
}
