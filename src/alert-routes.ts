import { covers, type QuietHours, type RouteRule } from './promotions/routing.js';
import { isTimeZone } from './zones.js';

export const CHANNEL_ID = /^[CG][A-Z0-9]{2,}$/u;
export const MENTION = /^<(?:!subteam\^[A-Z0-9]+|@[UW][A-Z0-9]+|!here|!channel)>$/u;

/** Instead of a mention: ping nobody. Instead of a routing key: page nobody. */
export const NO_MENTION = 'none';
/** PagerDuty's keys have 32 letters and digits; other services with its protocol may use others. */
export const ROUTING_KEY = /^[\w.~+/=-]{8,255}$/u;

type Parsed = { readonly rules: readonly RouteRule[]; readonly faults: readonly string[] };

/**
 * Reads `ALERT_ROUTES`: rules `app=channel[,mention=…][,page=…][,quiet=…]`, separated by lines or `;`, such as
 * `raxx-console-*=C0123ABC,mention=<!subteam^S012>,quiet=22:00-07:00@Europe/Berlin; *=C0999`. Faults name a rule by its
 * number and don't quote it: it may hold a misplaced secret.
 */
export function parseAlertRoutes(text: string): Parsed {
  const rules: RouteRule[] = [];
  const faults: string[] = [];
  const written = text
    .split(/[;\n]/u)
    .map((rule) => rule.trim())
    .filter((rule) => rule !== '');
  for (const [index, rule] of written.entries()) {
    const name = `rule ${index + 1}`;
    const parsed = parseRule(rule);
    faults.push(...parsed.faults.map((fault) => `${name} ${fault}`));
    if (parsed.rule === null) continue;
    const { app } = parsed.rule;
    if (rules.some((earlier) => covers(earlier.app, app))) {
      faults.push(`${name} is never reached: an earlier rule matches all its apps`);
    }
    rules.push(parsed.rule);
  }
  return { rules, faults };
}

function parseRule(text: string): { readonly rule: RouteRule | null; readonly faults: readonly string[] } {
  const [target = '', ...options] = text.split(',').map((part) => part.trim());
  const [app, channel] = keyAndValue(target) ?? ['', ''];
  const { given, faults: optionFaults } = readOptions(options);
  const mention = given.get('mention');
  const page = given.get('page');
  const hours = given.get('quiet');
  const quiet = hours === undefined ? null : parseQuietHours(hours);
  const quietFault = typeof quiet === 'string' ? quiet : null;
  const faults = [
    targetFault(app, channel),
    ...optionFaults,
    mentionFault(mention),
    pageFault(page),
    quietFault,
  ].filter((fault) => fault !== null);
  if (faults.length > 0 || typeof quiet === 'string') return { rule: null, faults };
  const rule = { app, channel, mention: unlessNone(mention), page: unlessNone(page), quiet };
  return { rule: Object.freeze(rule), faults };
}

const unlessNone = (value: string | undefined) => (value === NO_MENTION ? null : value);

function keyAndValue(text: string): readonly [string, string] | null {
  const [, key, value] = /^([^=]*)=(.*)$/u.exec(text)?.map((part) => part.trim()) ?? [];
  return key === undefined || value === undefined ? null : [key, value];
}

function targetFault(app: string, channel: string): string | null {
  if (!/^[a-z0-9*-]+$/iu.test(app)) {
    return 'must begin with a Heroku app and a channel: my-app-*=C0123456789 (* stands for any characters)';
  }
  return CHANNEL_ID.test(channel) ? null : 'must name a channel by its id, such as C0123456789';
}

const OPTIONS: ReadonlySet<string> = new Set(['mention', 'page', 'quiet']);

function readOptions(options: readonly string[]): { given: ReadonlyMap<string, string>; faults: readonly string[] } {
  const given = new Map<string, string>();
  const faults: string[] = [];
  for (const option of options) {
    const [key, value] = keyAndValue(option) ?? [option, ''];
    if (!OPTIONS.has(key)) faults.push('has something other than mention=…, page=… and quiet=…');
    else if (given.has(key)) faults.push(`has ${key} twice`);
    else given.set(key, value);
  }
  return { given, faults };
}

function mentionFault(mention: string | undefined): string | null {
  if (mention === undefined || mention === NO_MENTION || MENTION.test(mention)) return null;
  return 'must have a mention as Slack writes it, such as <!subteam^S0123456789> or <@U0123456789>, or none';
}

/** Doesn't quote the key: it is a secret. */
function pageFault(page: string | undefined): string | null {
  if (page === undefined || page === NO_MENTION || ROUTING_KEY.test(page)) return null;
  return 'must have a routing key of PagerDuty’s after page=, or none';
}

/** The hours, or what is wrong with them. */
function parseQuietHours(text: string): QuietHours | string {
  const [, from = '', to = '', timeZone = ''] = /^(\d{2}:\d{2})-(\d{2}:\d{2})@(.+)$/u.exec(text) ?? [];
  const [start, end] = [minutesOf(from), minutesOf(to)];
  if (start === null || end === null || start === end) {
    return 'must have quiet hours such as quiet=22:00-07:00@Europe/Berlin, with two different times';
  }
  if (!isTimeZone(timeZone)) return 'names an unknown time zone; a known one is Europe/Berlin';
  return Object.freeze({ from: start, to: end, timeZone });
}

function minutesOf(time: string): number | null {
  const [hours = 24, minutes = 60] = time === '' ? [] : time.split(':').map(Number);
  return hours < 24 && minutes < 60 ? hours * 60 + minutes : null;
}
