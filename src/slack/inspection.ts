import * as z from 'zod';
import { type ClockReading, readClock } from '../promotions/clock.js';

/** What Slack says of this app, as far as it said anything. */
export interface SlackInspection {
  readonly auth:
    | { readonly kind: 'ok'; readonly team: string; readonly scopes: readonly string[] }
    | { readonly kind: 'refused'; readonly error: string }
    | { readonly kind: 'no_answer' };
  /** Each channel that was asked about, and whether the app can read it; without those of which Slack said nothing. */
  readonly channels: readonly {
    readonly id: string;
    readonly verdict: { readonly kind: 'ok' } | { readonly kind: 'refused'; readonly error: string };
  }[];
  /** Whether Socket Mode can be opened; null where there is no app token, or no answer. */
  readonly socketMode: { readonly kind: 'ok' } | { readonly kind: 'refused'; readonly error: string } | null;
  readonly clock: ClockReading | null;
}

/** The bot scopes that the app uses; manifest.yml asks for the same. */
export const BOT_SCOPES = [
  'app_mentions:read',
  'channels:history',
  'chat:write',
  'commands',
  'files:read',
  'files:write',
  'groups:history',
  'links:read',
  'links:write',
  'users:read',
] as const;

const WITHIN_MS = 10_000;
const answerBody = z.object({
  ok: z.boolean(),
  error: z.string().optional(),
  team: z.string().optional(),
});

/** Asks Slack who this app is, what it may, and whether it can read its channels. Changes nothing, and never rejects. */
export async function inspectSlack(options: {
  readonly apiUrl: string;
  readonly botToken: string;
  readonly channels: readonly string[];
  readonly appToken: string | null;
  readonly now: () => Date;
}): Promise<SlackInspection> {
  const ask = (method: string, token: string, args: Readonly<Record<string, string>> = {}) =>
    call(`${options.apiUrl}${method}`, token, args, options.now);
  const auth = await ask('auth.test', options.botToken);
  const socket = options.appToken === null ? null : await ask('apps.connections.open', options.appToken);
  const channels: { id: string; verdict: NonNullable<ReturnType<typeof verdict>> }[] = [];
  for (const id of auth?.body.ok === true ? options.channels : []) {
    const said = verdict(await ask('conversations.history', options.botToken, { channel: id, limit: '1' }));
    if (said !== null) channels.push({ id, verdict: said });
  }
  return {
    auth:
      auth === null
        ? { kind: 'no_answer' }
        : auth.body.ok
          ? { kind: 'ok', team: auth.body.team ?? '', scopes: auth.scopes }
          : { kind: 'refused', error: auth.body.error ?? 'unknown' },
    channels,
    socketMode: verdict(socket),
    clock: auth?.clock ?? null,
  };
}

type Answered = {
  readonly body: z.output<typeof answerBody>;
  readonly scopes: readonly string[];
  clock: ClockReading | null;
};

function verdict(answered: Answered | null): { kind: 'ok' } | { kind: 'refused'; error: string } | null {
  if (answered === null) return null;
  return answered.body.ok ? { kind: 'ok' } : { kind: 'refused', error: answered.body.error ?? 'unknown' };
}

/** Null where there was no answer of Slack's. By hand: Slack's client keeps the answer's headers to itself. */
async function call(
  url: string,
  token: string,
  args: Readonly<Record<string, string>>,
  now: () => Date,
): Promise<Answered | null> {
  try {
    const sentAt = now();
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: new URLSearchParams(args),
      signal: AbortSignal.timeout(WITHIN_MS),
      redirect: 'error',
    });
    const clock = readClock(answer.headers.get('date'), sentAt, now());
    const scopes = (answer.headers.get('x-oauth-scopes') ?? '').split(',').map((scope) => scope.trim());
    const body = answerBody.safeParse(await answer.json());
    return body.success ? { body: body.data, scopes: scopes.filter((scope) => scope !== ''), clock } : null;
  } catch {
    return null;
  }
}
