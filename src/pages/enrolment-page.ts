import { referenceNote } from '../reference.js';
import {
  type Enrolment,
  type EnrolmentPurpose,
  FIRST_CODES_MOST,
  isOwnEnrolment,
  type LinkState,
} from '../operators/enrolment.js';
import { COMMAND } from '../views/ids.js';
import { escapeHtml, htmlPage } from './html.js';

export interface OpenLink {
  readonly enrolment: Enrolment;
  /** The person's name in Slack, or their id. */
  readonly name: string;
  /** Base32. */
  readonly secret: string;
  /** The `otpauth://` address, and the same as a QR code: an SVG. */
  readonly uri: string;
  readonly qrSvg: string;
  readonly now: Date;
  /** Why the typed code was refused; null before one was. */
  readonly problem: { readonly reason: 'malformed' | 'wrong'; readonly left: number } | null;
}

const HEADING: Record<EnrolmentPurpose, string> = {
  add: 'Set up your authenticator',
  reset: 'Set up your authenticator again',
  rotate: 'Set up your new secret',
};
const ROLE = { superadmin: 'a superadmin', engineer: 'an engineer' } as const;

export function openLinkPage({ enrolment, name, secret, uri, qrSvg, now, problem }: OpenLink): string {
  const heading = HEADING[enrolment.purpose];
  const minutes = Math.max(1, Math.ceil((enrolment.expiresAt.getTime() - now.getTime()) / 60_000));
  const invalid = problem === null ? '' : ' aria-invalid="true" autofocus';
  return htmlPage(
    problem === null ? heading : `Wrong code: ${heading}`,
    `<h1>${heading}</h1>
<p>This link is for <strong>${escapeHtml(name)}</strong>, as ${ROLE[enrolment.role]}. It works once, for ${minutes} more minute${minutes === 1 ? '' : 's'}.</p>
<p class="soft">Not you? Close this page. Nothing is active until ${escapeHtml(name)} has told the word on the next page, by voice or phone.</p>
<ol class="steps">
<li>
<h2>Scan this with an authenticator app</h2>
<img class="qr" alt="QR code for an authenticator app; the secret in letters is below" width="208" height="208" src="data:image/svg+xml;base64,${Buffer.from(qrSvg, 'utf8').toString('base64')}">
<p><a class="button quiet" href="${escapeHtml(uri)}">Open an app on this device</a></p>
<details>
<summary>Type the secret instead</summary>
<p class="soft">Account <code>${escapeHtml(enrolment.slackUserId)}</code>, time-based, 6 digits, 30 seconds, SHA-1. The secret:</p>
<span class="secret" translate="no">${escapeHtml(secret.replaceAll(/(.{4})(?=.)/gu, '$1 '))}</span>
</details>
</li>
<li>
<h2>Type the code it shows</h2>
${problem === null ? '' : `<p class="bad" id="problem" role="alert">${problemWords(problem)}</p>\n`}<form method="post" autocomplete="off">
<label for="code">Code</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]{6,9}" maxlength="9" required aria-describedby="hint${problem === null ? '' : ' problem'}"${invalid}>
<p class="hint" id="hint">6 digits. They change every 30 seconds.</p>
<button type="submit">Check the code</button>
</form>
</li>
</ol>
<footer>Only this page shows the secret, and only while the link works. Don’t forward it.</footer>`,
  );
}

function problemWords({ reason, left }: { readonly reason: 'malformed' | 'wrong'; readonly left: number }): string {
  if (reason === 'malformed') return 'A code has exactly 6 digits.';
  return `Wrong code. Try the next one; if that fails too, check your device’s clock. ${left} of ${FIRST_CODES_MOST} tries left before this link is dead.`;
}

/** Shown once: whoever opens the link later must not see the word of who used it. */
export interface Proofs {
  readonly recoveryCodes: readonly string[];
  /** To be said aloud. */
  readonly word: string;
  /** The name of the person who had the link sent. */
  readonly inviter: string;
}

/** The first code was right: shows the recovery codes and the word, this once, and what is left to do. */
export function provedPage(enrolment: Enrolment, { recoveryCodes, word, inviter }: Proofs): string {
  const shown = `<p class="word" translate="no">${escapeHtml(word)}</p>`;
  const name = escapeHtml(inviter);
  const last = isOwnEnrolment(enrolment)
    ? `<h2>Confirm in Slack that it was you</h2>
${shown}
<p>Open the direct message from flag-promotions and click <strong>Yes, that was me</strong>, or type <code>${COMMAND} operators confirm</code>, within 15 minutes. It asks for this word, and for a code of your <em>old</em> authenticator. Until then your old secret and codes work.</p>`
    : `<h2>Say this word to ${name}</h2>
${shown}
<p>By voice or phone, within 15 minutes. <strong>Don’t write it in Slack</strong>: somebody who reads your messages could pretend to be you. Until ${name} has typed it, your codes don’t work. ${name} types it in the direct message from flag-promotions, or with <code>${COMMAND} operators confirm</code>.</p>`;
  return htmlPage(
    'One step left',
    `<h1>One step left</h1>
<p class="good" role="status">The code is right.</p>
<ol class="steps">
<li>
<h2>Keep these recovery codes</h2>
<p>Each replaces a code, once, if you lose your device. <strong>They are shown only now.</strong> Print this page, or keep them with your passwords.</p>
<ul class="codes" translate="no">
${recoveryCodes.map((code) => `<li>${escapeHtml(code)}</li>`).join('\n')}
</ul>
</li>
<li>
${last}
</li>
</ol>
<footer>This link is now used up. Keep this page open until you are active.</footer>`,
  );
}

const CLOSED: Record<Exclude<LinkState, 'open'>, { readonly heading: string; readonly words: string }> = {
  unknown: {
    heading: 'Link not found',
    words: 'Did you copy all of it? Open it from the direct message in Slack.',
  },
  expired: {
    heading: 'This link has expired',
    words: 'A link works for 15 minutes. Ask a superadmin for a new one.',
  },
  used: {
    heading: 'This link is already used',
    words: `A link works once. Was it you? Then say the word that the page showed to whoever sent you the link. Not you? Click “No, that was not me” there and tell a superadmin.`,
  },
  replaced: { heading: 'There is a newer link', words: 'Open the one in the newest direct message in Slack.' },
  cancelled: {
    heading: 'This link was withdrawn',
    words: 'A superadmin changed something meanwhile. Ask for a new link.',
  },
  declined: {
    heading: 'This link was refused',
    words: 'Its owner said “No, that was not me”. Ask a superadmin for a new one.',
  },
  too_many_words: {
    heading: 'Too many wrong words',
    words: 'After three wrong words this link is dead. Ask a superadmin for a new one.',
  },
  too_many_codes: {
    heading: 'Too many wrong codes',
    words: 'After five wrong codes this link is dead. Ask a superadmin for a new one.',
  },
};

/** A link that doesn't work, and why. */
export function closedLinkPage(state: Exclude<LinkState, 'open'>): string {
  const { heading, words } = CLOSED[state];
  return messagePage(heading, `${words} Nothing was changed.`);
}

/** The app lacks the key that the link's secret was stored under. */
export function keyMissingPage(): string {
  return messagePage(
    'This link can’t be used now',
    `The app’s TOTP_ENCRYPTION_KEY doesn’t open it. Tell the app’s administrator, then ask for a new link. Nothing was changed.${referenceNote()}`,
  );
}

export function messagePage(heading: string, words: string): string {
  return htmlPage(heading, `<h1>${escapeHtml(heading)}</h1>\n<p>${escapeHtml(words)}</p>`);
}
