import type { Enrolment } from '../src/operators/enrolment.js';
import { closedLinkPage, messagePage, openLinkPage, provedPage } from '../src/pages/enrolment-page.js';
import { STYLE } from '../src/pages/style.js';
import { HOSTILE } from './views/hostile.js';

const NOW = new Date('2026-05-10T06:00:00Z');
const ENROLMENT: Enrolment = {
  id: '1',
  slackUserId: 'U0NEW',
  role: 'engineer',
  purpose: 'add',
  invitedBy: 'U0KRIS',
  state: 'sent',
  endReason: null,
  failedAttempts: 0,
  wrongWords: 0,
  expiresAt: new Date(NOW.getTime() + 60_000),
};
const page = (name: string) =>
  openLinkPage({
    enrolment: { ...ENROLMENT, slackUserId: name },
    name,
    secret: 'ABCDEFGH',
    uri: `otpauth://totp/x?secret=ABCDEFGH&issuer=${name}`,
    qrSvg: '<svg xmlns="http://www.w3.org/2000/svg"/>',
    now: NOW,
    problem: null,
  });
/** A page's tags in order, as a browser parses them. */
const tags = (html: string) => [...html.matchAll(/<\/?([a-z0-9]+)/gu)].map(([tag]) => tag);

test.each([
  ...HOSTILE,
  ['a script', '<script>alert(1)</script>'] as const,
  ['an attribute', '" onload="alert(1)'] as const,
  ['an entity', '&lt;b&gt;'] as const,
])('a name of %s is text, and changes no tag', (_, name) => {
  expect(tags(page(name))).toEqual(tags(page('Kris')));
  expect(page(name)).not.toMatch(/<script|\son\w+="alert/u);
});

test('every field has its label and its hint, every picture its words, and no page a script or a style', () => {
  const proofs = { recoveryCodes: ['aaaaa-bbbbb'], word: 'marble', inviter: 'Kris' };
  const all = [
    page('Kris'),
    provedPage(ENROLMENT, proofs),
    provedPage({ ...ENROLMENT, purpose: 'rotate', invitedBy: 'U0NEW' }, proofs),
    closedLinkPage('used'),
    messagePage('a', 'b'),
  ];
  for (const html of all) {
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/u);
    expect(html.match(/<h1>/gu)).toHaveLength(1);
    expect(html).not.toMatch(/<script|<style|style="|javascript:/u);
  }
  expect(all[0]).toContain('<label for="code">');
  expect(all[0]).toContain('<input id="code" name="code"');
  expect(all[0]).toMatch(/<img [^>]*alt="[^"]{10,}"/u);
});

/** Relative luminance and contrast of WCAG 2.2. */
function contrast(one: string, other: string): number {
  const luminance = (hex: string) =>
    [1, 3, 5]
      .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((value) => (value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
      .reduce((sum, value, index) => sum + value * ([0.2126, 0.7152, 0.0722][index] ?? 0), 0);
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

test.each([
  ['light', 0],
  ['dark', 1],
])('text has enough contrast in the %s scheme, and so have the edges of fields', (_, scheme) => {
  const [, block = ''] = [...STYLE.matchAll(/:root \{([^}]*)\}/gu)][scheme] ?? [];
  const colour = (name: string) => new RegExp(`--${name}: (#[0-9a-f]{6})`, 'u').exec(block)?.[1] ?? '';
  for (const [text, ground] of [
    ['ink', 'card'],
    ['ink', 'well'],
    ['soft', 'card'],
    ['accent', 'card'],
    ['accent', 'well'],
    ['on-accent', 'accent'],
    ['bad', 'bad-bg'],
    ['good', 'good-bg'],
  ] as const) {
    expect([text, ground, contrast(colour(text), colour(ground)) >= 4.5]).toEqual([text, ground, true]);
  }
  expect(contrast(colour('line'), colour('card'))).toBeGreaterThanOrEqual(3);
  expect(contrast(colour('bad'), colour('card'))).toBeGreaterThanOrEqual(3);
});
