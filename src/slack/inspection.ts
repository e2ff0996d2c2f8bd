import * as z from 'zod';
import { networkCode } from '../network/failures.js';
import type { Fetch, Network } from '../network/network.js';
import { type ClockReading, readClock } from '../promotions/clock.js';
import { installedIn } from './identity.js';

/** What Slack says of this app, as far as it said anything. */
export interface SlackInspection {
  /** `teamId`: see Identity. */
  readonly auth:
    | { readonly kind: 'ok'; readonly team: string; readonly teamId: string | null; readonly scopes: readonly string[] }
    | { readonly kind: 'refused'; readonly error: string }
    /** `code`: why no answer came; null if something other than Slack answered. */
    | { readonly kind: 'no_answer'; readonly code: string | null };
  /** Whether the app can read each channel; channels that Slack didn't answer about are missing. */
  readonly channels: readonly {
    readonly id: string;
    readonly verdict: { readonly kind: 'ok' } | { readonly kind: 'refused'; readonly error: string };
  }[];
  /** Whether Socket Mode can be opened; null if there is no app token, or no answer. */
  readonly socketMode:
    | { readonly kind: 'ok'; readonly address: string }
    | { readonly kind: 'refused'; readonly error: string }
    /** Slack would let it connect to `address`, but something on the way there doesn't. */
    | { readonly kind: 'unreachable'; readonly address: string; readonly code: string }
    | null;
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
  url: z.string().optional(),
  team_id: z.string().optional(),
  enterprise_id: z.string().nullish(),
  is_enterprise_install: z.boolean().nullish(),
});

/**
 * Asks Slack who this app is, what it may do, and whether it can read its channels. Changes nothing, and never rejects.
 */
export async function inspectSlack(options: {
  readonly apiUrl: string;
  readonly botToken: string;
  readonly channels: readonly string[];
  readonly appToken: string | null;
  readonly network: Pick<Network, 'fetch' | 'reach'>;
  readonly now: () => Date;
}): Promise<SlackInspection> {
  const { network } = options;
  const ask = (method: string, token: string, args: Readonly<Record<string, string>> = {}) =>
    call(network.fetch, `${options.apiUrl}${method}`, token, args, options.now);
  const [auth, socket] = await Promise.all([
    ask('auth.test', options.botToken),
    options.appToken === null ? null : ask('apps.connections.open', options.appToken),
  ]);
  const channels: { id: string; verdict: NonNullable<ReturnType<typeof verdict>> }[] = [];
  for (const id of isAnswered(auth) && auth.body.ok ? options.channels : []) {
    const said = verdict(await ask('conversations.history', options.botToken, { channel: id, limit: '1' }));
    if (said !== null) channels.push({ id, verdict: said });
  }
  return {
    auth: !isAnswered(auth)
      ? { kind: 'no_answer', code: auth.code }
      : auth.body.ok
        ? { kind: 'ok', team: auth.body.team ?? '', teamId: installedIn(auth.body), scopes: auth.scopes }
        : { kind: 'refused', error: auth.body.error ?? 'unknown' },
    channels,
    socketMode: socket === null ? null : await lookAtSocketMode(network, socket),
    clock: isAnswered(auth) ? auth.clock : null,
  };
}

/**
 * Socket Mode connects to another host, which a proxy may not allow. Opening it would draw clicks away from the running
 * app.
 */
async function lookAtSocketMode(
  network: Pick<Network, 'reach'>,
  opened: Answered | Unanswered,
): Promise<SlackInspection['socketMode']> {
  const said = verdict(opened);
  if (said === null || said.kind === 'refused' || !isAnswered(opened)) return said?.kind === 'refused' ? said : null;
  const address = opened.body.url ?? '';
  if (!URL.canParse(address)) return { kind: 'refused', error: 'no_address' };
  const code = await network.reach(address, WITHIN_MS);
  return code === null ? { kind: 'ok', address } : { kind: 'unreachable', address, code };
}

type Answered = {
  readonly body: z.output<typeof answerBody>;
  readonly scopes: readonly string[];
  clock: ClockReading | null;
};

/** `code`: why no answer came; null if something other than Slack answered. */
type Unanswered = { readonly code: string | null };

function isAnswered(answer: Answered | Unanswered): answer is Answered {
  return 'body' in answer;
}

function verdict(answered: Answered | Unanswered): { kind: 'ok' } | { kind: 'refused'; error: string } | null {
  if (!isAnswered(answered)) return null;
  return answered.body.ok ? { kind: 'ok' } : { kind: 'refused', error: answered.body.error ?? 'unknown' };
}

/** By hand: Slack's client keeps the answer's headers to itself. */
async function call(
  fetch: Fetch,
  url: string,
  token: string,
  args: Readonly<Record<string, string>>,
  now: () => Date,
): Promise<Answered | Unanswered> {
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
    return body.success ? { body: body.data, scopes: scopes.filter((scope) => scope !== ''), clock } : { code: null };
  } catch (error) {
    return { code: networkCode(error) };
  }
}
