import { type Enrolment, type EnrolmentPurpose, FIRST_CODES_MOST, type LinkState } from '../operators/enrolment.js';
import { COMMAND } from '../views/ids.js';
import { escapeHtml, htmlPage } from './html.js';

/** What a page of an open link shows. */
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
  /** Why the code that was typed was not taken; null before one was. */
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
    problem === null ? heading : `Not right yet: ${heading}`,
    `<h1>${heading}</h1>
<p>This link is for <strong>${escapeHtml(name)}</strong>, as ${ROLE[enrolment.role]}. It works once, for ${minutes} more minute${minutes === 1 ? '' : 's'}.</p>
<p class="soft">Are you somebody else? Close this page: nothing happens without ${escapeHtml(name)} confirming it in Slack.</p>
<ol class="steps">
<li>
<h2>Scan this with an authenticator app</h2>
<img class="qr" alt="QR code for an authenticator app; the secret in letters is below" width="208" height="208" src="data:image/svg+xml;base64,${Buffer.from(qrSvg, 'utf8').toString('base64')}">
<p><a class="button quiet" href="${escapeHtml(uri)}">Open an app on this device</a></p>
<details>
<summary>Type it by hand instead</summary>
<p class="soft">Account <code>${escapeHtml(enrolment.slackUserId)}</code>, time-based, 6 digits, 30 seconds, SHA-1. The secret:</p>
<span class="secret" translate="no">${escapeHtml(secret.replaceAll(/(.{4})(?=.)/gu, '$1 '))}</span>
</details>
</li>
<li>
<h2>Type the code that it shows</h2>
${problem === null ? '' : `<p class="bad" id="problem" role="alert">${problemWords(problem)}</p>\n`}<form method="post" autocomplete="off">
<label for="code">Code</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]{6,9}" maxlength="9" required aria-describedby="hint${problem === null ? '' : ' problem'}"${invalid}>
<p class="hint" id="hint">6 digits. They change every 30 seconds.</p>
<button type="submit">Check the code</button>
</form>
</li>
</ol>
<footer>The secret is shown on this page alone, and only while the link lives. Don’t send it on.</footer>`,
  );
}

function problemWords({ reason, left }: { readonly reason: 'malformed' | 'wrong'; readonly left: number }): string {
  if (reason === 'malformed') return 'A code has exactly 6 digits. Nothing was changed.';
  return `This code is not right. Is the clock of your device right? ${left} of ${FIRST_CODES_MOST} tries left; then this link is dead.`;
}

/** The first code was right: the recovery codes, this once, and what is left to do. */
export function provedPage(enrolment: Enrolment, recoveryCodes: readonly string[]): string {
  const before =
    enrolment.purpose === 'rotate'
      ? 'Until then your old secret and codes work as before.'
      : 'Until then nothing of this works.';
  return htmlPage(
    'One step left',
    `<h1>One step left</h1>
<p class="good" role="status">The code is right.</p>
<ol class="steps">
<li>
<h2>Keep these recovery codes</h2>
<p>Each works once in place of a code, for the day when your device is gone. <strong>They are shown only now.</strong> Print this page, or put them where you keep passwords.</p>
<ul class="codes" translate="no">
${recoveryCodes.map((code) => `<li>${escapeHtml(code)}</li>`).join('\n')}
</ul>
</li>
<li>
<h2>Say in Slack that it was you</h2>
<p>Open the direct message from flag-promotions and click <strong>Yes, that was me</strong>, or type <code>${COMMAND} operators confirm</code>, within 15 minutes. ${before}</p>
</li>
</ol>
<footer>This link is used up now. You can close this page once the codes are safe.</footer>`,
  );
}

const CLOSED: Record<Exclude<LinkState, 'open'>, { readonly heading: string; readonly words: string }> = {
  unknown: {
    heading: 'This link leads nowhere',
    words: 'Was all of it copied? Open it from the direct message in Slack.',
  },
  expired: {
    heading: 'This link is too old',
    words: 'A link lives for 15 minutes. Ask a superadmin for another one.',
  },
  used: {
    heading: 'This link was used already',
    words: `A link works once. If it was you, one step is left unless you did it already: in Slack, click “Yes, that was me”, or type ${COMMAND} operators confirm. If it was not you, click “No, that was not me” there, and tell a superadmin.`,
  },
  replaced: { heading: 'There is a newer link', words: 'Open the one in your newest direct message in Slack.' },
  cancelled: {
    heading: 'This link was withdrawn',
    words: 'A superadmin changed something meanwhile. Ask one for another link.',
  },
  declined: {
    heading: 'This link was refused',
    words: 'Its person said that it was not them. Ask a superadmin for another one.',
  },
  too_many_codes: {
    heading: 'Too many wrong codes',
    words: 'Five were wrong, so this link is dead. Ask a superadmin for another one.',
  },
};

/** A link that is good for nothing (any more), in a clear sentence. */
export function closedLinkPage(state: Exclude<LinkState, 'open'>): string {
  const { heading, words } = CLOSED[state];
  return messagePage(heading, `${words} Nothing was changed.`);
}

/** A page that only says something. */
export function messagePage(heading: string, words: string): string {
  return htmlPage(heading, `<h1>${escapeHtml(heading)}</h1>\n<p>${escapeHtml(words)}</p>`);
}
