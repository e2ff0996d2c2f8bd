export type RcaUrlFault = 'not_a_url' | 'not_https' | 'has_credentials' | 'too_long' | 'host_not_allowed';

export type RcaUrlCheck =
  | { readonly ok: true; readonly url: string }
  | { readonly ok: false; readonly fault: RcaUrlFault };

export const RCA_URL_MAX_LENGTH = 2048;
const HTTPS_PORT = '443';

/**
 * Accepts an https URL of at most 2,048 characters, without credentials, on one of `allowedHosts` or a subdomain. Each
 * is `host` (port 443) or `host:port`; an empty list allows any. Returns the WHATWG URL standard's normal form.
 */
export function checkRcaUrl(text: string, allowedHosts: readonly string[]): RcaUrlCheck {
  const trimmed = text.trim();
  if (trimmed.length > RCA_URL_MAX_LENGTH) return { ok: false, fault: 'too_long' };
  // Angle brackets and bars are left over from Slack's markup, not part of an address.
  const url = /[\s<>|]/u.test(trimmed) ? null : parseUrl(trimmed);
  if (url === null) return { ok: false, fault: 'not_a_url' };
  if (url.protocol !== 'https:') return { ok: false, fault: 'not_https' };
  if (url.username !== '' || url.password !== '') return { ok: false, fault: 'has_credentials' };
  // Punycode and percent-encoding can make the normal form longer than the typed text.
  if (url.href.length > RCA_URL_MAX_LENGTH) return { ok: false, fault: 'too_long' };
  const host = url.hostname.replace(/\.$/u, '');
  const port = url.port === '' ? HTTPS_PORT : url.port;
  const allowed = allowedHosts.some((one) => {
    const [name, at = HTTPS_PORT] = one.split(':');
    return port === at && (host === name || host.endsWith(`.${name}`));
  });
  return allowed || allowedHosts.length === 0 ? { ok: true, url: url.href } : { ok: false, fault: 'host_not_allowed' };
}

/** Node 20's `URL.canParse` starts to refuse hosts with letters such as ü after some thousand calls. */
function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** An RCA address that another system recorded: itself if it can be linked, else null. */
export function linkableRcaUrl(recorded: string | null): string | null {
  const checked = recorded === null ? null : checkRcaUrl(recorded, []);
  return checked?.ok === true ? checked.url : null;
}

/**
 * The first web address in a Slack message, or null. Slack sends links as `<https://…>` or `<https://…|label>`, with
 * `&` as `&amp;` (https://docs.slack.dev/messaging/formatting-message-text).
 */
export function firstUrlIn(slackText: string): string | null {
  const linked = /<(https?:\/\/[^<>|\s]+)(?:\|[^<>]*)?>/iu.exec(slackText)?.[1];
  const found = linked ?? unlinkedUrl(slackText);
  if (found === undefined) return null;
  return found.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

// As strings: the build can write these in ASCII, but not a regular expression literal.
const SINGLE_QUOTES = "'‘’‚‛";
const SINGLE_CLOSING_QUOTES = "'‘’‛";
const OTHER_QUOTES = '"`´“”„‟«»‹›';
const UNLINKED = new RegExp(`(^|\\s|&lt;|[${OTHER_QUOTES}${SINGLE_QUOTES}])(https?://[^\\s<>|]+)`, 'iu');
const SINGLE_CLOSING = new RegExp(`[${SINGLE_CLOSING_QUOTES}]`, 'u');
const OTHER_CLOSING = new RegExp(`&gt;|[${OTHER_QUOTES}]`, 'u');

/** An address that Slack didn't link. Quotes or brackets around it end it. */
function unlinkedUrl(text: string): string | undefined {
  const [, before = '', url] = UNLINKED.exec(text) ?? [];
  if (url === undefined || /^\s?$/u.test(before)) return url;
  return url.split(SINGLE_QUOTES.includes(before) ? SINGLE_CLOSING : OTHER_CLOSING)[0];
}
