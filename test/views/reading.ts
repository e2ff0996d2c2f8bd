import { CHANNEL, MENTION, type Payload, USERS } from './payloads.js';

/** Reads a payload like a suspicious reader: every text that a person sees, and what in it is live. */

export interface Text {
  /** How Slack reads it: with its markup; as plain text, in which entities count; or as it is, for screen readers. */
  readonly kind: 'mrkdwn' | 'plain_text' | 'label';
  readonly text: string;
}

/** Not shown as text: what comes back to the app, and addresses. */
const SILENT = new Set(['value', 'url', 'private_metadata', 'initial_value', 'action_id', 'block_id', 'callback_id']);

export function textsOf(payload: unknown): Text[] {
  const found: Text[] = [];
  const look = (value: unknown, kind: Text['kind']): void => {
    if (typeof value === 'string') found.push({ kind, text: value });
    else if (Array.isArray(value)) for (const inner of value) look(inner, kind);
    else if (typeof value === 'object' && value !== null) lookInside(value);
  };
  const lookInside = (value: object): void => {
    const inside = 'type' in value && value.type === 'plain_text' ? 'plain_text' : 'mrkdwn';
    for (const [name, inner] of Object.entries(value)) {
      if (!SILENT.has(name)) look(inner, name === 'accessibility_label' ? 'label' : inside);
    }
  };
  look(payload, 'mrkdwn');
  return found;
}

/** Everything under a name, however deep. */
export function valuesOf(payload: Payload, name: string): unknown[] {
  const found: unknown[] = [];
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === name) found.push(inner);
      look(inner);
    }
  };
  look(payload);
  return found;
}

const DATE = /^<!date\^-?\d+\^[^<>|]*\|[^<>|]*>$/u;
const LINK = /^<https:\/\/[^<>|\s`]+\|[^<>|`]*>$/u;

function isOurs(token: string): boolean {
  return (
    DATE.test(token) ||
    LINK.test(token) ||
    token === MENTION ||
    token === `<#${CHANNEL}>` ||
    USERS.some((id) => token === `<@${id}>`)
  );
}

/** What Slack would act on in a text and the app never means: mentions, dates and links that aren't its own. */
export function strangeMarkup(text: string): string[] {
  const strange = (text.match(/<[^<>]*>/gu) ?? []).filter((token) => !isOurs(token));
  const left = text.replaceAll(/<[^<>]*>/gu, '');
  return /[<>]/u.test(left) ? [...strange, left] : strange;
}

const CODE = /```[^`]+```|`[^`\n]+`/gu;
const TOKEN = /<[^<>]*>/gu;

/** Whether each backtick belongs to a closed code span. */
export function codeIsBalanced(text: string): boolean {
  return !text.replaceAll(CODE, '').includes('`');
}

/** The app's own words in a text: everything but code, links, dates and mentions. */
export function skeleton(text: string): string {
  return text.replaceAll(CODE, '§').replaceAll(TOKEN, '§');
}

/** Characters that reorder, hide or pile up text, or that no encoding knows. */
export function trickery(text: string): string[] {
  const found = text.match(/(?![\n\t])\p{Cc}|\p{Bidi_Control}|[\u200B\u2060\uFEFF]|\p{M}{3,}/gu) ?? [];
  return text.isWellFormed() ? found : [...found, 'a lone surrogate'];
}
