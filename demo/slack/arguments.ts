import type { IncomingMessage } from 'node:http';
import { z } from 'zod';

export type Arguments = Readonly<Record<string, unknown>>;

/** A form is all text: these of Slack's arguments are JSON, or true or false. */
const JSON_ARGUMENTS: ReadonlySet<string> = new Set(['attachments', 'blocks', 'files', 'metadata', 'unfurls', 'view']);
const BOOLEAN_ARGUMENTS: ReadonlySet<string> = new Set([
  'delete_original',
  'include_all_metadata',
  'include_locale',
  'include_num_members',
  'inclusive',
  'link_names',
  'mrkdwn',
  'replace_original',
  'reply_broadcast',
  'unfurl_links',
  'unfurl_media',
]);

export interface Received {
  readonly token: string;
  readonly args: Arguments;
}

/** A Web API call's arguments, wherever they are sent; null if its JSON is invalid. The token is kept apart. */
export function received(request: IncomingMessage, url: URL, body: string): Received | null {
  const given = {
    ...fromForm(url.searchParams),
    ...((request.headers['content-type'] ?? '').includes('json')
      ? (jsonObject(body) ?? { [MALFORMED]: true })
      : fromForm(new URLSearchParams(body))),
  };
  if (MALFORMED in given) return null;
  // Bolt's clients name the workspace in every call; Slack uses it only with an organization's token.
  const { token: inBody, team_id: _team, ...args } = given;
  const bearer = /^Bearer (\S+)$/u.exec(request.headers.authorization ?? '')?.[1];
  return { token: bearer ?? (typeof inBody === 'string' ? inBody : ''), args };
}

const MALFORMED = '\0malformed';

function fromForm(form: URLSearchParams): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const [name, value] of form) {
    if (JSON_ARGUMENTS.has(name)) args[name] = parseJson(value) ?? value;
    else if (BOOLEAN_ARGUMENTS.has(name) && /^(?:true|1|false|0)$/u.test(value))
      args[name] = /^(?:true|1)$/u.test(value);
    else args[name] = value;
  }
  return args;
}

/** An object parsed from JSON; null if it isn't one. */
export function jsonObject(text: string): Record<string, unknown> | null {
  return z.record(z.string(), z.unknown()).safeParse(parseJson(text)).data ?? null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
